/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A batch of messages on its way, in memory that outlives the process: sendmmsg() itself
 * writes down what it took (msg_len). Whoever finds this after a kill knows, to the message,
 * what had left and what had not, for a system call is not killed half way.
 */
#ifndef FLOWCTL_BASE_SENDING_H
#define FLOWCTL_BASE_SENDING_H

#include <stdint.h>
#include <sys/socket.h>

/* The most that fits into an IPv4 datagram, and that the kernel cuts into several. */
#define UDP_PAYLOAD_MAX 65507

/* As many as UDP_MAX_SEGMENTS, and as sending_sent() has bits. */
#define SENDING_MESSAGES_MAX 64

struct sending {
	uint64_t session;		/* whose sequence goes on with these, 0 = not kept */
	uint32_t domain;
	uint32_t sequence;		/* of the first of them */
	uint32_t n;			/* datagrams; 0 = none can have left. Written last */
	uint8_t datagram[SENDING_MESSAGES_MAX];	/* that a message is in, which may be several's */
	struct mmsghdr units[SENDING_MESSAGES_MAX];	/* of msg_iovlen datagrams, in order */
};

/* The datagrams that left, a bit each. */
static inline uint64_t sending_sent(const struct sending *s)
{
	uint64_t sent = 0;

	for (uint32_t unit = 0, d = 0; unit < s->n && d < s->n; unit++) {
		for (size_t k = 0; k < s->units[unit].msg_hdr.msg_iovlen && d < s->n; k++, d++) {
			if (s->units[unit].msg_len)
				sent |= UINT64_C(1) << d;
		}
	}
	return sent;
}

#endif
