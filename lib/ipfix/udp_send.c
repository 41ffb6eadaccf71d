// SPDX-License-Identifier: Apache-2.0
/*
 * The socket is connected, because then the kernel tells of ICMP errors: they wait at the
 * socket (SO_ERROR) and belong to an earlier datagram, so they are taken off before each send.
 *
 * A batch is a list of units, a unit one or more datagrams: several of one length, the last
 * may be shorter, are handed over as one block that the kernel segments (UDP_SEGMENT). All
 * units go by one sendmmsg(). Where a path cannot have segments (EIO, EINVAL, EMSGSIZE: no
 * checksum offload, IPsec, a small MTU) units of one datagram each do the same.
 *
 * sendmmsg() that sent some swallows the error of the next. Asked again, for one, it tells,
 * but for a refusal, which is gone by then: so what ends a call early and then does not come
 * again, with room for more, was one.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>

#include "base/clock.h"
#include "ipfix/transport_udp.h"

/* An ICMP answer of a near host is here by then. */
#define REFUSAL_NS (20 * NSEC_PER_MSEC)
/* For a device to send what is queued, per batch. */
#define PATIENCE_MS 20

static void note(struct udp *u, const char *what, int err)
{
	u->errors++;
	snprintf(u->trouble, sizeof(u->trouble), "%s: %s", what, strerror(err));
}

static void note_refusal(struct udp *u, int err)
{
	u->refused = true;
	u->refusals++;
	note(u, "the collector refuses", err);
}

/* Take off the error of an earlier datagram. */
static bool take_refusal(struct udp *u)
{
	socklen_t len = sizeof(int);
	int err = 0;

	if (getsockopt(u->fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0 || !err)
		return false;
	note_refusal(u, err);
	return true;
}

/* Errors that a fresh socket, with a fresh source address, may not have. */
static bool is_of_the_socket(int err)
{
	return err == ENETUNREACH || err == EHOSTUNREACH || err == EADDRNOTAVAIL || err == EINVAL ||
	       err == ENETDOWN;
}

/* After a send: @err is 0 or what it failed by. */
static void note_outcome(struct udp *u, int err)
{
	u->sent_ns = clock_boot_ns();
	u->failed = is_of_the_socket(err);
	u->full = err == EAGAIN;
	if (err)
		note(u, "cannot send", err);
	else if (!u->refused)
		u->trouble[0] = '\0';
}

int udp_send(struct udp *u, const void *data, size_t len)
{
	ssize_t n;
	int err;

	take_refusal(u);
	n = send(u->fd, data, len, MSG_NOSIGNAL);
	if (n < 0 && errno == ECONNREFUSED) {	/* came in between */
		note_refusal(u, ECONNREFUSED);
		n = send(u->fd, data, len, MSG_NOSIGNAL);
	}
	err = n < 0 ? errno : 0;
	note_outcome(u, err);
	return -err;
}

static bool wait_writable(int fd, int timeout_ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };

	return poll(&pfd, 1, timeout_ms) == 1 && (pfd.revents & POLLOUT);
}

bool udp_is_writable(struct udp *u)
{
	if (u->full && wait_writable(u->fd, 0))
		u->full = false;
	return !u->full;
}

/* How many datagrams from the first on may be one unit. */
static unsigned segments_of(const struct iovec *v, unsigned n)
{
	size_t bytes = v[0].iov_len;
	unsigned k = 1;

	for (; k < n && v[k].iov_len <= v[0].iov_len; k++) {
		bytes += v[k].iov_len;
		if (bytes > UDP_PAYLOAD_MAX || v[k - 1].iov_len < v[0].iov_len)
			break;
	}
	return k;
}

static void ask_for_segments(struct msghdr *h, union udp_segment *place, uint16_t len)
{
	struct cmsghdr *c = &place->align;

	h->msg_control = place;
	h->msg_controllen = sizeof(*place);
	c->cmsg_level = IPPROTO_UDP;
	c->cmsg_type = UDP_SEGMENT;
	c->cmsg_len = CMSG_LEN(sizeof(len));
	memcpy(CMSG_DATA(c), &len, sizeof(len));
}

/* Make units of all datagrams that are not done with. */
static void lay_out(struct udp_batch *b, bool segments)
{
	unsigned i = b->at;

	for (unsigned d = b->n_done, k; d < b->n; d += k, i++) {
		struct mmsghdr *unit = &b->units[i];

		k = segments ? segments_of(&b->v[d], b->n - d) : 1;
		*unit = (struct mmsghdr) { .msg_hdr = { .msg_iov = &b->v[d], .msg_iovlen = k } };
		if (k > 1)
			ask_for_segments(&unit->msg_hdr, &b->segments[i], b->v[d].iov_len);
	}
	b->n_units = i;
}

void udp_batch_init(const struct udp *u, struct udp_batch *b, struct iovec *v, unsigned n,
		    struct mmsghdr *units)
{
	b->v = v;
	b->n = n;
	b->units = units;
	b->at = b->n_done = 0;
	b->patience_ms = PATIENCE_MS;
	for (unsigned i = 0; i < n; i++)
		units[i].msg_len = 0;
	lay_out(b, u->segments);
}

unsigned udp_batch_skip(struct udp_batch *b)
{
	unsigned n = b->units[b->at++].msg_hdr.msg_iovlen;

	b->n_done += n;
	return n;
}

/* May this unit do better without segments? */
static bool does_without(struct udp *u, struct udp_batch *b, int err)
{
	if (b->units[b->at].msg_hdr.msg_iovlen == 1 ||
	    (err != EIO && err != EINVAL && err != EMSGSIZE && err != EOPNOTSUPP))
		return false;
	u->segments = false;
	lay_out(b, false);
	return true;
}

/* A step around what stopped the sending. False: there is none. */
static bool gets_around(struct udp *u, struct udp_batch *b, int err, bool *refused)
{
	if (err == ECONNREFUSED && !*refused) {
		note_refusal(u, err);
		*refused = true;
		return true;
	}
	if (err == EAGAIN && b->patience_ms) {
		uint64_t begin = clock_boot_ns();
		bool writable = wait_writable(u->fd, b->patience_ms);

		b->patience_ms -= (clock_boot_ns() - begin) / NSEC_PER_MSEC + 1;
		if (b->patience_ms < 0)
			b->patience_ms = 0;
		return writable;
	}
	return does_without(u, b, err);
}

static int send_units(struct udp *u, struct mmsghdr *units, unsigned n)
{
	ssize_t len;
	int r;

	if (!u->one_by_one) {
		r = sendmmsg(u->fd, units, n, MSG_NOSIGNAL);
		if (r >= 0 || errno != ENOSYS)
			return r;
		u->one_by_one = true;	/* a sandbox that knows no such call */
	}
	len = sendmsg(u->fd, &units->msg_hdr, MSG_NOSIGNAL);
	if (len < 0)
		return -1;
	units->msg_len = len;
	return 1;
}

int udp_batch_send(struct udp *u, struct udp_batch *b, unsigned *ret_sent)
{
	bool refused = false, cut_short = false;
	unsigned sent = 0;
	int err = 0;

	take_refusal(u);
	while (b->at < b->n_units && !(refused && sent)) {
		unsigned wanted = cut_short ? 1 : b->n_units - b->at;
		int n = send_units(u, &b->units[b->at], wanted);

		err = n < 0 ? errno : 0;
		if (err && !gets_around(u, b, err, &refused))
			break;
		if (n > 0 && cut_short) {
			note_refusal(u, ECONNREFUSED);
			refused = true;
		}
		for (int i = 0; i < n; i++)
			sent += udp_batch_skip(b);
		cut_short = n > 0 && (unsigned)n < wanted && !u->one_by_one &&
			    wait_writable(u->fd, 0);
		err = 0;
	}
	note_outcome(u, err);
	*ret_sent = sent;
	return -err;
}

uint64_t udp_refusals(struct udp *u, uint64_t now)
{
	if (!take_refusal(u) && u->refused && now >= u->sent_ns + REFUSAL_NS) {
		u->refused = false;
		u->trouble[0] = '\0';
	}
	return u->refusals;
}
