/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An IPFIX file (RFC 5655) that messages are appended to: valid at every moment another may
 * read it, templates ahead of what needs them, and never a cut message but by a kill, which
 * the next to open it repairs.
 */
#ifndef FLOWCTL_IPFIX_STREAM_DISK_H
#define FLOWCTL_IPFIX_STREAM_DISK_H

#include <sys/types.h>

#include "base/strbuf.h"
#include "ipfix/stream_voice.h"

struct stream_disk {
	char *path;
	int fd;
	dev_t dev;
	ino_t ino;
	bool regular;			/* else a device: neither read nor repaired */
	uint64_t size;			/* where the last whole message ends */
	struct stream_voice voice;
	struct strbuf out;
};

/*
 * Open @path, made if need be, and read what it holds, so that what is appended goes on with
 * its sequences and withdraws what it had otherwise. fail() when that cannot be, also for a
 * file that holds something else or that another writes. deinit() in any case.
 * @options_every_ns: for the clocks of options data.
 */
int stream_disk_init(struct stream_disk *d, const char *path, uint64_t options_every_ns);
void stream_disk_deinit(struct stream_disk *d);
/* The file of this name now, after a rotation. On failure the old one stays in use. */
int stream_disk_reopen(struct stream_disk *d);
/*
 * Append @m, with what must go before it (@o: options templates, or NULL), unless the file
 * would be larger than @max bytes: -EFBIG. 0 or a negative errno without a sentence, and the
 * file is as it was. @scratch is overwritten. *ret_written: bytes of it all.
 */
int stream_disk_append(struct stream_disk *d, struct stream_message *m, struct options *o,
		       struct message *scratch, uint64_t max, uint64_t *ret_written);
/*
 * Read the whole message that begins at @at into @buf of IPFIX_MESSAGE_MAX bytes. *ret_len: 0
 * at the end. 0 or a negative errno without a sentence.
 */
int stream_disk_read(const struct stream_disk *d, uint64_t at, uint8_t *buf, size_t *ret_len);
/* Empty it. 0 or -errno. */
int stream_disk_empty(struct stream_disk *d);

#endif
