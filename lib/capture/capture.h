/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames of a capture file (pcap, pcapng, either one gzipped), each as an Ethernet frame: of
 * other link types the header is made up (link.h). A build without libpcap opens none.
 */
#ifndef FLOWCTL_CAPTURE_CAPTURE_H
#define FLOWCTL_CAPTURE_CAPTURE_H

#include <stdint.h>

struct capture;

struct capture_frame {
	const uint8_t *data;	/* borrowed until the next call */
	uint32_t captured;	/* octets there; of long frames only the first CAPTURE_FRAME_MAX */
	uint32_t wire;		/* octets on the wire, >= captured */
	uint64_t time_ns;	/* since 1970 */
};

#define CAPTURE_FRAME_MAX 4096

/* @path "-": standard input. fail() for what cannot be opened or is no capture, fail_system()
 * where this build cannot read it. @path is copied. */
int capture_open(const char *path, struct capture **ret);
/* NULL is fine. */
void capture_close(struct capture *c);
/*
 * The next frame of a link type that can be read. 1; 0 at the end of the file; fail() where
 * the file is damaged: what was read before is right.
 */
int capture_next(struct capture *c, struct capture_frame *ret);
/* Frames passed over because nobody here reads their link type; *ret_type: its name, borrowed. */
uint64_t capture_passed_over(const struct capture *c, const char **ret_type);
/* How much of the file was read, in octets of it; *ret_size 0: not known (a pipe). */
uint64_t capture_progress(const struct capture *c, uint64_t *ret_size);

#endif
