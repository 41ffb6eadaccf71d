// SPDX-License-Identifier: Apache-2.0
/*
 * A wire between two namespaces, for tests of TCP: a TUN device in each, and what goes out by
 * one comes in by the other, later, or not at all. It does to packets what it is told, the
 * same with the same seed, and writes down what it did and when: so what is true of a
 * connection is known without asking anybody who might be wrong.
 *
 * When a packet passed a device is the kernel's own stamp, taken by a packet socket on the
 * device; when this process woke up does not matter. Other devices may be tapped too.
 *
 * A line of the log: time (CLOCK_BOOTTIME, ns), NETNS/DEV, what, and of TCP: source and its port,
 * destination and its port, sequence number, acknowledgement, flags, octets of payload, window,
 * ECN bits, and octets in each segment of a super-packet (0: it is none). "egress" and "ingress" are as the device's namespace sees it; "drop", "late",
 * "twice", "mark" is what was done to one that came by this device.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/opt.h"

#define PACKET_MAX 65536
#define TAPS_MAX 8
#define ENDS 2

struct args {
	struct opt_strs taps;
	uint64_t delay_ns, loss, seed, late, late_ns, twice, mark, stall, stall_ns;
};

static const struct opt opts[] = {
	OPT(DURATION, args, delay_ns, .name = "delay", .arg = "TIME", .help = "one way (20ms)"),
	OPT(U64, args, loss, .name = "loss", .arg = "N", .help = "lose N of 1,000", .max = 1000),
	OPT(U64, args, seed, .name = "seed", .arg = "N", .help = "of what is lost (1)"),
	OPT(U64, args, late, .name = "late", .arg = "N", .help = "hold every Nth segment of data back"),
	OPT(DURATION, args, late_ns, .name = "late-by", .arg = "TIME", .help = "by so much (1ms)"),
	OPT(U64, args, twice, .name = "twice", .arg = "N", .help = "send every Nth such twice"),
	OPT(U64, args, mark, .name = "mark", .arg = "N", .help = "mark every Nth such of ECT: CE"),
	OPT(U64, args, stall, .name = "stall", .arg = "N", .help = "at the Nth such hold all back"),
	OPT(DURATION, args, stall_ns, .name = "stall-for", .arg = "TIME", .help = "for so long (1s)"),
	OPT(STRS, args, taps, .name = "tap", .arg = "NETNS/DEV", .help = "log what passes there too"),
	OPT_END,
};

/* A packet on its way. */
struct parcel {
	struct parcel *next;
	uint64_t due_ns;
	size_t len;
	uint8_t data[];
};

struct end {
	const char *name;	/* NETNS/DEV */
	int fd;
	struct parcel *queue;	/* for the other end, in order of when it is due */
	uint64_t data;		/* segments with payload that came by it */
	uint64_t held_until_ns;
};

struct tap {
	const char *name;
	int fd;
	bool ethernet;
};

/* What the log tells. */
struct tcp {
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];
	uint16_t sport, dport, window;
	uint32_t seq, ack, len;
	uint16_t segment;
	uint8_t flags, ecn;
};

static struct end ends[ENDS];
static struct tap taps[TAPS_MAX];
static size_t n_taps;
static int64_t boot_less_real_ns;
static FILE *log_file;
static volatile sig_atomic_t ended;

static void die(const char *what)
{
	fprintf(stderr, "forwarder: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint16_t get16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

/* False: it is no TCP. The tests send neither fragments nor extension headers. */
static bool tcp_read(const uint8_t *ip, size_t len, struct tcp *ret)
{
	bool v6 = len && ip[0] >> 4 == 6;
	size_t head = v6 ? 40 : len ? (ip[0] & 15) * 4 : 0, total;
	const uint8_t *tcp = ip + head;

	if (len < head + 20 || head < 20 || ip[v6 ? 6 : 9] != IPPROTO_TCP)
		return false;
	total = v6 ? 40 + get16(ip + 4) : get16(ip + 2);
	inet_ntop(v6 ? AF_INET6 : AF_INET, ip + (v6 ? 8 : 12), ret->src, sizeof(ret->src));
	inet_ntop(v6 ? AF_INET6 : AF_INET, ip + (v6 ? 24 : 16), ret->dst, sizeof(ret->dst));
	ret->sport = get16(tcp);
	ret->dport = get16(tcp + 2);
	ret->seq = get32(tcp + 4);
	ret->ack = get32(tcp + 8);
	ret->len = total - head - (tcp[12] >> 4) * 4;
	ret->flags = tcp[13];
	ret->window = get16(tcp + 14);
	ret->segment = 0;
	ret->ecn = (v6 ? ip[1] >> 4 : ip[1]) & 3;
	return true;
}

static void note(uint64_t time_ns, const char *device, const char *what, const struct tcp *t)
{
	fprintf(log_file, "%llu %s %s %s %u %s %u %u %u %u %u %u %u %u\n", (unsigned long long)time_ns,
		device, what, t->src, t->sport, t->dst, t->dport, t->seq, t->ack, t->flags, t->len,
		t->window, t->ecn, t->segment);
}

static void enter(const char *netns)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", netns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		die(path);
	close(fd);
}

/* "NETNS/DEV": go there. The device's name. */
static const char *go_to(const char *place)
{
	const char *slash = strchr(place, '/');

	if (!slash) {
		errno = EINVAL;
		die(place);
	}
	enter(strndup(place, slash - place));
	return slash + 1;
}

/* In the namespace where this process is. */
static void tap_open(const char *place, const char *device, bool ethernet)
{
	struct tap *t = &taps[n_taps++];
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	int on = 1, room = 64 << 20;

	t->name = place;
	t->ethernet = ethernet;
	t->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	at.sll_ifindex = if_nametoindex(device);
	if (t->fd < 0 || !at.sll_ifindex ||
	    setsockopt(t->fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) < 0 ||
	    setsockopt(t->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) < 0 ||
	    setsockopt(t->fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) < 0 ||
	    bind(t->fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		die(device);
}

static void end_open(struct end *e, const char *place)
{
	struct ifreq r = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	const char *device = go_to(place);

	e->name = place;
	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", device);
	e->fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (e->fd < 0 || ioctl(e->fd, TUNSETIFF, &r) < 0)
		die("/dev/net/tun");
	tap_open(place, device, false);
}

static uint64_t stamp_of(struct msghdr *m)
{
	struct timespec t = { 0 };

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS)
			memcpy(&t, CMSG_DATA(c), sizeof(t));
	}
	return t.tv_sec * NSEC_PER_SEC + t.tv_nsec + boot_less_real_ns;
}

static void tap_read(const struct tap *tap)
{
	uint8_t data[256], control[256], *ip = data + (tap->ethernet ? 14 : 0);
	struct virtio_net_hdr super;
	struct sockaddr_ll from;
	struct tcp t;
	ssize_t n;

	for (;;) {
		struct iovec v[] = { { &super, sizeof(super) }, { data, sizeof(data) } };
		struct msghdr m = {
			.msg_name = &from, .msg_namelen = sizeof(from),
			.msg_iov = v, .msg_iovlen = 2,
			.msg_control = control, .msg_controllen = sizeof(control),
		};

		n = recvmsg(tap->fd, &m, 0);
		if (n < 0)
			return;
		n -= sizeof(super) + (ip - data);
		if (n <= 0 || !tcp_read(ip, n, &t))
			continue;
		t.segment = super.gso_size;
		note(stamp_of(&m), tap->name,
		     from.sll_pkttype == PACKET_OUTGOING ? "egress" : "ingress", &t);
	}
}

/* splitmix64: the same row of numbers everywhere. */
static uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* In order of when they are due; what is due at the same time stays in order. */
static void post(struct end *e, const uint8_t *data, size_t len, uint64_t due_ns)
{
	struct parcel *p = malloc(sizeof(*p) + len), **at = &e->queue;

	if (!p)
		die("no memory");
	p->due_ns = due_ns;
	p->len = len;
	memcpy(p->data, data, len);
	while (*at && (*at)->due_ns <= due_ns)
		at = &(*at)->next;
	p->next = *at;
	*at = p;
}

/* RFC 1624. IPv6 has no checksum to mend. */
static void mark_ce(uint8_t *ip)
{
	uint32_t old = get16(ip), sum;

	if (ip[0] >> 4 == 6) {
		ip[1] |= 3 << 4;
		return;
	}
	ip[1] |= 3;
	sum = (uint16_t)~get16(ip + 10) + (uint16_t)~old + get16(ip);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~(sum + (sum >> 16));
	ip[10] = sum >> 8;
	ip[11] = sum;
}

static bool nth(const struct end *e, uint64_t n)
{
	return n && e->data % n == 0;
}

/* What is to become of a segment of data from the first end. When it is due. */
static uint64_t spoil(const struct args *a, struct end *e, uint8_t *ip, size_t len,
		      const struct tcp *t, uint64_t now)
{
	uint64_t due = now + a->delay_ns;

	e->data++;
	if (e->data == a->stall)
		e->held_until_ns = now + a->stall_ns;
	if (nth(e, a->late)) {
		note(now, e->name, "late", t);
		due += a->late_ns;
	}
	if (nth(e, a->mark) && t->ecn) {
		note(now, e->name, "mark", t);
		mark_ce(ip);
	}
	if (nth(e, a->twice)) {
		note(now, e->name, "twice", t);
		post(e, ip, len, due);
	}
	return due;
}

/* What came by end @e. */
static void end_read(const struct args *a, struct end *e, uint64_t *random)
{
	static uint8_t data[PACKET_MAX];
	struct tcp t;
	ssize_t n;

	while ((n = read(e->fd, data, sizeof(data))) > 0) {
		uint64_t now = clock_boot_ns(), due = now + a->delay_ns;

		if (tcp_read(data, n, &t)) {
			if (a->loss && random_next(random) % 1000 < a->loss) {
				note(now, e->name, "drop", &t);
				continue;
			}
			if (e == ends && t.len)
				due = spoil(a, e, data, n, &t, now);
		}
		post(e, data, n, due > e->held_until_ns ? due : e->held_until_ns);
	}
}

/* Hand over what is due. When the next is, or UINT64_MAX. */
static uint64_t end_write(struct end *from, const struct end *to)
{
	while (from->queue && from->queue->due_ns <= clock_boot_ns()) {
		struct parcel *p = from->queue;

		if (write(to->fd, p->data, p->len) < 0 && errno != EIO)
			die("cannot hand a packet over");
		from->queue = p->next;
		free(p);
	}
	return from->queue ? from->queue->due_ns : UINT64_MAX;
}

static void on_signal(int number)
{
	ended = 1;
}

static void forward(const struct args *a)
{
	struct pollfd p[ENDS + TAPS_MAX];
	uint64_t random[ENDS] = { a->seed, ~a->seed };

	for (size_t i = 0; i < ENDS + n_taps; i++)
		p[i] = (struct pollfd) { i < ENDS ? ends[i].fd : taps[i - ENDS].fd, POLLIN, 0 };
	while (!ended) {
		uint64_t next = end_write(&ends[0], &ends[1]), other = end_write(&ends[1], &ends[0]);
		uint64_t now = clock_boot_ns(), wait;
		struct timespec t;

		next = other < next ? other : next;
		wait = next > now + NSEC_PER_SEC / 10 ? NSEC_PER_SEC / 10 : next > now ? next - now : 0;
		t = (struct timespec) { 0, wait };
		ppoll(p, ENDS + n_taps, &t, NULL);
		for (size_t i = 0; i < ENDS; i++)
			end_read(a, &ends[i], &random[i]);
		for (size_t i = 0; i < n_taps; i++)
			tap_read(&taps[i]);
	}
}

/* So that packets are handed over when they are due, whatever else runs. Not needed to be right. */
static void hurry(void)
{
	struct sched_param p = { .sched_priority = 1 };

	sched_setscheduler(0, SCHED_FIFO, &p);
}

int main(int argc, char **argv)
{
	struct args a = {
		.delay_ns = 20 * NSEC_PER_MSEC, .seed = 1, .late_ns = NSEC_PER_MSEC,
		.stall_ns = NSEC_PER_SEC,
	};
	int rest;

	if (opt_parse(opts, argc, argv, &a, &rest) < 0 || argc - rest != ENDS + 1 ||
	    a.taps.n > TAPS_MAX - ENDS) {
		fprintf(stderr, "usage: forwarder [OPTIONS] NETNS/DEV NETNS/DEV LOG: %s\n", error_message());
		return 2;
	}
	log_file = fopen(argv[rest + ENDS], "we");
	if (!log_file)
		die(argv[rest + ENDS]);
	boot_less_real_ns = -clock_real_offset_ns();
	for (int i = 0; i < ENDS; i++)
		end_open(&ends[i], argv[rest + i]);
	for (size_t i = 0; i < a.taps.n; i++)
		tap_open(a.taps.v[i], go_to(a.taps.v[i]), true);
	signal(SIGTERM, on_signal);
	hurry();
	puts("ready");
	fflush(stdout);
	forward(&a);
	return fclose(log_file) == 0 ? 0 : 1;
}
