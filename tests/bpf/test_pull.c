// SPDX-License-Identifier: Apache-2.0
/*
 * Packets of which only the Ethernet header is linear, as AF_PACKET's transmit ring makes
 * them: the program has to pull, and then finds what a test run of the same frame finds.
 * On lo of a network namespace that ends with the process.
 */
#include <bpf/libbpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "frames.h"
#include "harness.h"
#include "test.h"
#include "tunnels.h"

#define RING_FRAME 4096

/* Once; what a test attached, the next one's takes the place of. */
static bool own_lo(void)
{
	static bool done;

	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd;

	if (done)
		return true;
	if (unshare(CLONE_NEWNET) < 0)
		return false;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	done = ioctl(fd, SIOCSIFFLAGS, &ifr) == 0;
	close(fd);
	return done;
}

static bool attach(int prog_fd)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = 1, .attach_point = BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = prog_fd);
	static bool hooked;

	opts.handle = opts.priority = 1;
	opts.flags = BPF_TC_F_REPLACE;
	if (!hooked && bpf_tc_hook_create(&hook) < 0)
		return false;
	hooked = true;
	return bpf_tc_attach(&hook, &opts) == 0;
}

/* Packets that are sent here go through the program of @h. */
struct wire {
	struct harness h;
	struct tpacket2_hdr *ring;
	int fd;
};

/* @vnet: before each frame it is said how much of it is to be linear. */
static bool ring_open(bool vnet, struct wire *w)
{
	struct sockaddr_ll ll = { .sll_family = AF_PACKET, .sll_ifindex = 1 };
	struct tpacket_req req = { RING_FRAME, 1, RING_FRAME, 1 };
	int version = TPACKET_V2, yes = vnet;
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &yes, sizeof(yes)) < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_TX_RING, &req, sizeof(req)) < 0 ||
	    bind(fd, (struct sockaddr *)&ll, sizeof(ll)) < 0)
		return false;
	w->fd = fd;
	w->ring = mmap(NULL, RING_FRAME, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return w->ring != MAP_FAILED;
}

/* NULL, or why there is none. What goes wrong with the socket is told by w->ring. */
static const char *wire_open(uint8_t decap, bool vnet, struct wire *w)
{
	const char *why;

	*w = (struct wire) { .h = { .direction = FLOW_EGRESS, .decap = decap } };
	why = harness_open(&w->h);
	if (why)
		return why;
	if (!own_lo() || !attach(w->h.prog_fd))
		return "needs a network namespace of its own, with clsact";
	if (!ring_open(vnet, w))
		w->ring = NULL;
	return NULL;
}

static bool transmit(const struct wire *w, const uint8_t *data, size_t len)
{
	memcpy((uint8_t *)w->ring + TPACKET2_HDRLEN - sizeof(struct sockaddr_ll), data, len);
	w->ring->tp_len = len;
	__atomic_store_n(&w->ring->tp_status, TP_STATUS_SEND_REQUEST, __ATOMIC_RELEASE);
	return send(w->fd, NULL, 0, 0) == (ssize_t)len;
}

static bool transmit_linear(const struct wire *w, const uint8_t *data, size_t len, uint16_t linear)
{
	struct virtio_net_hdr head = { .hdr_len = linear };
	uint8_t *at = (uint8_t *)w->ring + TPACKET2_HDRLEN - sizeof(struct sockaddr_ll);

	memcpy(at, &head, sizeof(head));
	memcpy(at + sizeof(head), data, len);
	w->ring->tp_len = sizeof(head) + len;
	__atomic_store_n(&w->ring->tp_status, TP_STATUS_SEND_REQUEST, __ATOMIC_RELEASE);
	return send(w->fd, NULL, 0, 0) > 0;
}

static bool same_flow(const struct flow_slot *a, const struct flow_slot *b)
{
	return memcmp(&a->key, &b->key, sizeof(a->key)) == 0 && a->c.packets == b->c.packets &&
	       a->c.bytes == b->c.bytes && a->c.w.tcp_flags == b->c.w.tcp_flags &&
	       a->c.w.tos == b->c.w.tos && a->c.w.min_ttl == b->c.w.min_ttl &&
	       memcmp(a->c.src_mac, b->c.src_mac, 12) == 0;
}

static bool row_right(struct wire *wire, const struct frame *w)
{
	struct harness *h = &wire->h;
	uint8_t buf[FRAME_MAX];
	struct harness_packet p = { .data = buf, .len = frame_bytes(w, buf) };
	struct flow_slot expected;
	bool ok;

	harness_clear(h);
	harness_run(h, &p);
	expected = *harness_nth(h, 0);
	harness_clear(h);
	if (!transmit(wire, buf, p.len)) {
		printf("# %s: not sent\n", w->name);
		return false;
	}
	ok = harness_ledger(h, LEDGER_SEEN).packets == 1 && harness_balances(h);
	if (w->reason == LEDGER_SEEN)
		ok = ok && same_flow(harness_nth(h, 0), &expected) &&
		     harness_nth(h, 0)->c.bytes == w->bytes;
	else
		ok = ok && harness_ledger(h, w->reason).bytes == w->bytes;
	if (!ok)
		printf("# %s\n", w->name);
	return ok;
}

TEST(headers_behind_the_linear_part_are_pulled)
{
	struct wire wire;
	const char *why = wire_open(0, false, &wire);
	unsigned sent = 0;
	bool ok = true;

	if (why)
		SKIP(why);
	CHECK(wire.ring);
	for (size_t i = 0; i < n_frames; i++) {
		const struct frame *w = &frames[i];

		/* What the socket does not let through: tags taken off, no header, super-packets.
		 */
		if (w->tag || w->l3 || w->gso_segs || w->gso_size || w->reason == LEDGER_NON_IP ||
		    strlen(w->hex) < 36)
			continue;
		ok &= row_right(&wire, w);
		sent++;
	}
	printf("# %u frames\n", sent);
	CHECK(sent > 50);
	CHECK(ok);
}

static bool tunnel_right(struct wire *wire, const struct tunnel_row *t, const struct frame *w)
{
	struct harness *h = &wire->h;
	uint8_t inner[FRAME_MAX], buf[TUNNEL_FRAME_MAX];
	size_t n = tunnel_inside(t, w, inner), at;
	struct harness_packet p = { .data = buf };
	struct flow_slot expected;

	if (!n || w->gso_segs || w->gso_size)
		return true;
	p.len = tunnel_frame(t, inner, n, buf, &at);
	harness_clear(h);
	harness_run(h, &p);
	expected = *harness_nth(h, 0);
	harness_clear(h);
	if (transmit(wire, buf, p.len) && harness_ledger(h, LEDGER_SEEN).packets == 1 &&
	    harness_balances(h) && same_flow(harness_nth(h, 0), &expected) &&
	    (w->reason != LEDGER_SEEN || harness_decap(h, DECAP_DONE) == 1))
		return true;
	printf("# %s in %s\n", w->name, t->name);
	return false;
}

TEST(and_so_are_those_inside_a_tunnel)
{
	struct wire wire;
	const char *why = wire_open(DECAP_ALL, false, &wire);
	bool ok = true;

	if (why)
		SKIP(why);
	CHECK(wire.ring);
	for (size_t i = 0; i < n_tunnel_rows; i++) {
		for (size_t k = 0; k < n_frames; k++)
			ok &= tunnel_right(&wire, &tunnel_rows[i], &frames[k]);
	}
	CHECK(ok);
}

static unsigned linear_wrong(struct wire *wire, const struct tunnel_row *t)
{
	struct harness *h = &wire->h;
	uint8_t inner[FRAME_MAX], buf[TUNNEL_FRAME_MAX];
	struct harness_packet p = { .data = buf };
	struct flow_slot expected;
	unsigned wrong = 0;
	size_t n, at, k = 0;

	while (!(n = tunnel_inside(t, &frames[k], inner)))
		k++;
	p.len = tunnel_frame(t, inner, n, buf, &at);
	harness_clear(h);
	harness_run(h, &p);
	expected = *harness_nth(h, 0);
	for (size_t linear = 14; linear < p.len; linear++) {
		harness_clear(h);
		if (!transmit_linear(wire, buf, p.len, linear) || !same_flow(harness_nth(h, 0), &expected) ||
		    harness_decap(h, DECAP_DONE) != 1 || !harness_balances(h))
			wrong++;
	}
	if (wrong)
		printf("# %s: %u wrong\n", t->name, wrong);
	return wrong;
}

TEST(and_wherever_the_linear_part_ends)
{
	struct wire wire;
	const char *why = wire_open(DECAP_ALL, true, &wire);
	unsigned wrong = 0;

	if (why)
		SKIP(why);
	CHECK(wire.ring);
	for (size_t i = 0; i < n_tunnel_rows; i++)
		wrong += linear_wrong(&wire, &tunnel_rows[i]);
	CHECK(wrong == 0);
}
