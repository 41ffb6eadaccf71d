// SPDX-License-Identifier: Apache-2.0
/*
 * libpcap knows the formats and turns times into nanoseconds. A frame that is not Ethernet's
 * is copied behind a made-up header; its lengths become what they would be there.
 */
#include "capture/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <net/ethernet.h>
#include <pcap/pcap.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "capture/link.h"
#include "capture/stream.h"

/* In 2262. */
#define SECONDS_MAX (INT64_MAX / NSEC_PER_SEC - 1)

struct capture {
	char *path;
	pcap_t *pcap;
	int fd;			/* the file's position and size: another one of the stream's */
	const struct link_type *type;	/* NULL: nobody reads it */
	uint64_t passed_over;
	uint8_t frame[CAPTURE_FRAME_MAX];
};

DEFINE_CLEANUP(struct capture, capture_close)

static const char *path_name(const char *path)
{
	return strcmp(path, "-") == 0 ? "standard input" : path;
}

static int open_file(const char *path, int *ret)
{
	int fd = strcmp(path, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
					: open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return fail(-errno, "cannot open '%s'", path);
	/* libpcap would call it an input/output error. */
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		close(fd);
		return fail(-EISDIR, "cannot read '%s'", path);
	}
	*ret = fd;
	return 0;
}

static int open_pcap(struct capture *c)
{
	_cleanup_(fclosep) FILE *f = NULL;
	char why[PCAP_ERRBUF_SIZE];
	int fd, r;

	fd = fcntl(c->fd, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return fail(-errno, "cannot read '%s'", c->path);
	r = stream_open(fd, c->path, &f);
	if (r < 0)
		return r;
	c->pcap = pcap_fopen_offline_with_tstamp_precision(f, PCAP_TSTAMP_PRECISION_NANO, why);
	if (!c->pcap)
		return fail_plain(-EINVAL, "cannot read '%s' as a capture: %s", c->path, why);
	f = NULL;
	c->type = link_type_find(pcap_datalink(c->pcap));
	return 0;
}

int capture_open(const char *path, struct capture **ret)
{
	_cleanup_(capture_closep) struct capture *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return fail(-ENOMEM, "cannot open a capture");
	c->fd = -1;
	c->path = strdup(path_name(path));
	if (!c->path)
		return fail(-ENOMEM, "cannot open a capture");
	r = open_file(path, &c->fd);
	if (r == 0)
		r = open_pcap(c);
	if (r < 0)
		return r;
	*ret = take_ptr(c);
	return 0;
}

void capture_close(struct capture *c)
{
	if (!c)
		return;
	if (c->pcap)
		pcap_close(c->pcap);
	closep(&c->fd);
	free(c->path);
	free(c);
}

/*
 * Classic files have 32 bits of seconds, which libpcap takes for signed: until 2106. What is no
 * fraction of a second, or lies beyond what a time has room for, is the nearest that is one.
 */
static uint64_t time_of(const struct pcap_pkthdr *h)
{
	uint64_t s = h->ts.tv_sec < 0 ? (uint32_t)h->ts.tv_sec : h->ts.tv_sec;
	int64_t ns = h->ts.tv_usec;

	if (ns < 0 || ns >= (int64_t)NSEC_PER_SEC)
		ns = NSEC_PER_SEC - 1;
	return (s < SECONDS_MAX ? s : SECONDS_MAX) * NSEC_PER_SEC + ns;
}

static uint32_t min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* As Ethernet has it: a length stands where a type would, of what LLC begins. */
static uint16_t type_or_len(const struct link_header *header, uint32_t payload)
{
	return header->ethertype == LINK_LLC ? min_u32(payload, ETHERMTU) : header->ethertype;
}

static void make_ethernet(struct capture *c, const uint8_t *data, struct capture_frame *f)
{
	struct link_header header = c->type->read(data, f->captured);
	uint32_t there = f->captured - header.len, payload = f->wire - header.len;
	uint16_t type = type_or_len(&header, payload);

	there = min_u32(there, sizeof(c->frame) - ETHER_HDR_LEN);
	memset(c->frame, 0, 12);
	c->frame[12] = type >> 8;
	c->frame[13] = type;
	memcpy(c->frame + ETHER_HDR_LEN, data + header.len, there);
	f->data = c->frame;
	f->captured = ETHER_HDR_LEN + there;
	f->wire = ETHER_HDR_LEN + payload;
}

static int damaged(const struct capture *c)
{
	return fail_plain(-EBADMSG, "cannot read '%s' to its end: %s", c->path, pcap_geterr(c->pcap));
}

int capture_next(struct capture *c, struct capture_frame *ret)
{
	struct pcap_pkthdr *h;
	const uint8_t *data;
	int r;

	for (;;) {
		r = pcap_next_ex(c->pcap, &h, &data);
		if (r != 1)
			return r == PCAP_ERROR_BREAK ? 0 : damaged(c);
		if (c->type)
			break;
		c->passed_over++;
	}
	*ret = (struct capture_frame) {
		.data = data,
		.captured = min_u32(h->caplen, h->len),
		.wire = h->len,
		.time_ns = time_of(h),
	};
	if (c->type->read)
		make_ethernet(c, data, ret);
	else
		ret->captured = min_u32(ret->captured, CAPTURE_FRAME_MAX);
	return 1;
}

uint64_t capture_passed_over(const struct capture *c, const char **ret_type)
{
	const char *name = pcap_datalink_val_to_name(pcap_datalink(c->pcap));

	*ret_type = name ? name : "unknown";
	return c->passed_over;
}

uint64_t capture_progress(const struct capture *c, uint64_t *ret_size)
{
	off_t at = lseek(c->fd, 0, SEEK_CUR);
	struct stat st;

	*ret_size = at >= 0 && fstat(c->fd, &st) == 0 && S_ISREG(st.st_mode) ? st.st_size : 0;
	return at < 0 ? 0 : at;
}
