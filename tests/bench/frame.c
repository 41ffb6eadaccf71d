// SPDX-License-Identifier: Apache-2.0
#include "frame.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAYLOAD 6
#define FRAME_MIN 60

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = v >> 8;
	p[1] = v;
}

static uint32_t put_link(struct frame *f)
{
	static const uint8_t macs[12] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1 };
	uint32_t off = 12;

	memcpy(f->data, macs, sizeof(macs));
	if (f->vlan) {
		put16(f->data + off, 0x8100);
		put16(f->data + off + 2, f->vlan);
		off += 4;
	}
	put16(f->data + off, f->family == 4 ? 0x0800 : 0x86dd);
	return off + 2;
}

static void put_checksum(uint8_t *ip)
{
	uint32_t sum = 0;

	for (int i = 0; i < 20; i += 2)
		sum += ip[i] << 8 | ip[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	put16(ip + 10, ~(sum + (sum >> 16)));
}

/* 10.0.0.0 to 10.128.0.1, fd00::... to fd00::1. The checksum is of flow 0; no program looks. */
static uint32_t put_ip(struct frame *f, uint32_t off, uint16_t l4_len)
{
	uint8_t *ip = f->data + off;

	if (f->family == 4) {
		static const uint8_t addrs[8] = { 10, 0, 0, 0, 10, 128, 0, 1 };

		ip[0] = 0x45;
		put16(ip + 2, 20 + l4_len);
		ip[6] = 0x40;
		ip[8] = 64;
		ip[9] = f->proto;
		memcpy(ip + 12, addrs, sizeof(addrs));
		put_checksum(ip);
		f->addr = off + 12;
		return off + 20;
	}
	ip[0] = 0x60;
	put16(ip + 4, l4_len);
	ip[6] = f->proto;
	ip[7] = 64;
	ip[8] = ip[24] = 0xfd;
	ip[39] = 1;
	f->addr = off + 20;
	return off + 40;
}

static uint16_t l4_len_of(const struct frame *f)
{
	return f->proto != IPPROTO_TCP ? 8 : f->times ? 32 : 20;
}

static uint16_t put_l4(struct frame *f, uint32_t off)
{
	uint8_t *p = f->data + off;

	switch (f->proto) {
	case IPPROTO_TCP:
		put16(p + 2, 443);
		p[12] = f->times ? 0x80 : 0x50;
		p[13] = 0x10;
		put16(p + 14, 65535);
		if (f->times)
			memcpy(p + 20, "\x01\x01\x08\x0a", 4);
		return l4_len_of(f);
	case IPPROTO_UDP:
		put16(p + 2, 53);
		put16(p + 4, 8 + PAYLOAD);
		return l4_len_of(f);
	default:
		p[0] = f->family == 4 ? 8 : 128;
		return l4_len_of(f);
	}
}

void frame_build(struct frame *f)
{
	uint32_t off;

	memset(f->data, 0, sizeof(f->data));
	off = put_ip(f, put_link(f), l4_len_of(f) + PAYLOAD);
	f->port = f->proto == IPPROTO_TCP || f->proto == IPPROTO_UDP ? off : 0;
	off += put_l4(f, off) + PAYLOAD;
	f->len = off < FRAME_MIN ? FRAME_MIN : off;
}

static uint64_t random_state;

static uint64_t random_next(void)
{
	random_state += 0x9e3779b97f4a7c15;
	uint64_t z = random_state;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static uint32_t random_below(uint32_t n)
{
	return (random_next() >> 32) * n >> 32;
}

static void *allocate(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (!p) {
		perror("bench");
		exit(1);
	}
	return p;
}

/* Frequent flows are not neighbours in the numbering. */
static uint32_t *shuffled(uint32_t n)
{
	uint32_t *v = allocate(n, sizeof(*v));

	for (uint32_t i = 0; i < n; i++) {
		uint32_t j = random_below(i + 1);

		v[i] = v[j];
		v[j] = i;
	}
	return v;
}

static uint32_t zipf_rank(const double *sums, uint32_t n)
{
	double at = (random_next() >> 11) * 0x1p-53 * sums[n - 1];
	uint32_t low = 0, high = n - 1;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (sums[mid] < at)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void fill_zipf(uint32_t *numbers, uint32_t flows)
{
	double *sums = allocate(flows, sizeof(*sums));
	uint32_t *flow = shuffled(flows);
	double sum = 0;

	for (uint32_t i = 0; i < flows; i++)
		sums[i] = sum += 1.0 / (i + 1);
	for (uint32_t i = 0; i < STEPS; i++)
		numbers[i] = flow[zipf_rank(sums, flows)];
	free(sums);
	free(flow);
}

void order_fill(struct step *steps, const struct frame *f, uint32_t flows, enum order order)
{
	uint32_t *numbers = allocate(STEPS, sizeof(*numbers));
	uint32_t base;

	random_state = 1;
	memcpy(&base, f->data + f->addr, sizeof(base));
	if (order == ORDER_ZIPF)
		fill_zipf(numbers, flows);
	for (uint32_t i = 0; i < STEPS; i++) {
		uint32_t n = order == ORDER_SEQUENTIAL ? i % flows :
			     order == ORDER_UNIFORM ? random_below(flows) : numbers[i];
		uint32_t addr = f->port ? n >> PORTS_LOG2 : n;

		steps[i].addr = htonl(ntohl(base) + addr);
		steps[i].port = htons(PORT_FIRST + (n & ((1 << PORTS_LOG2) - 1)));
	}
	free(numbers);
}
