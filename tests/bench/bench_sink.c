// SPDX-License-Identifier: Apache-2.0
/*
 * A collector that only counts: data records by the lengths of their templates, and what the
 * sequence numbers say is missing (RFC 7011, 3.1: of a message, how many records went before
 * it). Whenever nothing has come for a moment and the count has changed, it is told, one JSON
 * object on a line. It ends when its standard input does.
 *
 *	bench_sink		the first line tells the port of 127.0.0.1
 */
#include <arpa/inet.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH 64
#define QUIET_MS 100
#define MESSAGE_HEADER 16
#define SET_TEMPLATE 2
#define SET_DATA_FIRST 256
#define VARIABLE_LEN 65535

static struct counts {
	uint64_t records, datagrams, bytes, missing;
} count, told;

static uint16_t record_len[65536];	/* by template; one domain */
static bool started;
static uint32_t next_sequence;

static uint16_t get16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

/* All lengths are fixed, or records could not be counted without reading them. */
static void learn_templates(const uint8_t *p, const uint8_t *end)
{
	while (end - p >= 4) {
		uint16_t id = get16(p), fields = get16(p + 2);
		uint32_t len = 0;

		for (p += 4; fields && end - p >= 4; fields--) {
			if (get16(p + 2) == VARIABLE_LEN) {
				fprintf(stderr, "bench_sink: template %u has an element of variable length\n", id);
				exit(1);
			}
			len += get16(p + 2);
			p += get16(p) & 0x8000 ? 8 : 4;
		}
		record_len[id] = len;
	}
}

/* Data records of the message at @p. */
static uint32_t message_records(const uint8_t *p, size_t len)
{
	const uint8_t *end = p + len;
	uint32_t n = 0;

	for (p += MESSAGE_HEADER; end - p >= 4;) {
		uint16_t id = get16(p), set_len = get16(p + 2);

		if (set_len < 4 || set_len > end - p)
			break;
		if (id == SET_TEMPLATE)
			learn_templates(p + 4, p + set_len);
		else if (id >= SET_DATA_FIRST && record_len[id])
			n += (set_len - 4) / record_len[id];
		p += set_len;
	}
	return n;
}

static void take(const uint8_t *p, size_t len)
{
	uint32_t n, sequence;

	if (len < MESSAGE_HEADER || get16(p) != 10)
		return;
	n = message_records(p, len);
	sequence = get32(p + 8);
	if (started)
		count.missing += sequence - next_sequence;
	started = true;
	next_sequence = sequence + n;
	count.records += n;
	count.datagrams++;
	count.bytes += len;
}

static void receive(int fd)
{
	static uint8_t buf[BATCH][65536];
	struct mmsghdr v[BATCH];
	struct iovec iov[BATCH];
	int n;

	for (int i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec) { buf[i], sizeof(buf[i]) };
		v[i] = (struct mmsghdr) { .msg_hdr = { .msg_iov = &iov[i], .msg_iovlen = 1 } };
	}
	n = recvmmsg(fd, v, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++)
		take(buf[i], v[i].msg_len);
}

static void tell(void)
{
	if (memcmp(&told, &count, sizeof(told)) == 0)
		return;
	told = count;
	printf("{\"records\":%llu,\"datagrams\":%llu,\"bytes\":%llu,\"missing\":%llu}\n",
	       (unsigned long long)count.records, (unsigned long long)count.datagrams,
	       (unsigned long long)count.bytes, (unsigned long long)count.missing);
	fflush(stdout);
}

int main(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct pollfd fds[2] = { { .fd = STDIN_FILENO, .events = POLLIN }, { .events = POLLIN } };
	socklen_t len = sizeof(at);
	int room = 256 << 20;

	fds[1].fd = socket(AF_INET, SOCK_DGRAM, 0);
	setsockopt(fds[1].fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	if (bind(fds[1].fd, (struct sockaddr *)&at, len) < 0 ||
	    getsockname(fds[1].fd, (struct sockaddr *)&at, &len) < 0) {
		perror("bench_sink");
		return 1;
	}
	printf("%u\n", ntohs(at.sin_port));
	fflush(stdout);
	while (!fds[0].revents) {
		int n = poll(fds, 2, QUIET_MS);

		if (n == 0)
			tell();
		else if (fds[1].revents)
			receive(fds[1].fd);
	}
	tell();
	return 0;
}
