/* SPDX-License-Identifier: Apache-2.0 */
/* Small packets of many flows: which flow is in the addresses, how long it is, in the length. */
#ifndef FLOWCTL_TEST_BPF_FLOWS_H
#define FLOWCTL_TEST_BPF_FLOWS_H

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

#define PACKET_LEN 256
#define TCP_FIN	   0x01
#define TCP_SYN	   0x02
#define TCP_RST	   0x04
#define TCP_ACK	   0x10

struct flow_packet {
	uint8_t bytes[PACKET_LEN];
};

/* TCP from 10.x.x.x:80 (x is @flow) with @flags, IP length @len, of which the frame has all. */
static inline void flow_packet(struct flow_packet *p, uint32_t flow, uint8_t flags, uint16_t len)
{
	static const uint8_t start[] = {
		2, 0, 0, 0,  0,	   2,	 2,  0, 0, 0, 0,  1, 8, 0, 0x45, 0,
		0, 0, 0, 0,  0,	   0,	 64, 6, 0, 0, 10, 0, 0, 0, 10,	 255,
		0, 1, 0, 80, 0x1f, 0x90, 0,  0, 0, 0, 0,  0, 0, 0, 0x50,
	};
	uint32_t src = htonl(0x0a000000 | flow);
	uint16_t len_be = htons(len);

	memset(p, 0, sizeof(*p));
	memcpy(p->bytes, start, sizeof(start));
	memcpy(&p->bytes[16], &len_be, 2);
	memcpy(&p->bytes[26], &src, 4);
	p->bytes[47] = flags;
}

#endif
