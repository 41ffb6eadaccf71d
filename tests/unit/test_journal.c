// SPDX-License-Identifier: Apache-2.0
/*
 * A writer of the journal is killed between any two instructions: a child works on a table
 * in shared memory, stepped by ptrace, and whenever that memory has changed, what somebody
 * would find who came after its death is tried on a copy. He must come to the same end:
 * every packet in the ledger as exported once; journal, store and ring past it all. What is
 * exported is really sent, by sendmmsg() into a socket, which is one step for ptrace as it is
 * for a kill: nothing is sent twice or not at all.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <malloc.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/journal.h"
#include "kernel/reader.h"
#include "kernel/store.h"
#include "test.h"

/* The test runner has malloc() fill what it gives (MALLOC_PERTURB_), and here every instruction
 * of that would be stepped through. */
__attribute__((constructor)) static void leave_memory_alone(void)
{
	mallopt(M_PERTURB, 0);
}

#define SLOTS 8
#define STORE 9
#define RING_BYTES 4096
#define RECORD_BYTES (8 + sizeof(struct flow_slot))
#define IFINDEX 7
#define CWR 5

struct shared {
	struct table_ctl ctl;
	struct flow_slot slots[SLOTS];
	struct journal_entry journal[SLOTS];
	struct store_entry store[STORE];
	struct tcp_conn conns[TCP_WAYS];
	uint64_t consumer, producer;
	uint8_t ring[2 * RING_BYTES];
	union hook_entry hook[2];
	uint64_t packets, bytes; /* all that ever came */
};

static struct shared *m, *shared, copy, last;
static uint64_t to_send;	/* packets: those that were not exported when the table was filled */

static struct flow_key key_of(uint8_t flow)
{
	return (struct flow_key) { .src = { 10, 0, 0, flow }, .family = 4, .proto = 17,
				   .ingress_ifindex = IFINDEX };
}

static struct flow_slot slot_of(uint32_t idx, uint8_t flow, uint32_t gen, uint64_t packets)
{
	return (struct flow_slot) {
		.key = key_of(flow), .gen = gen, .idx = idx,
		.c = { .packets = packets, .bytes = 100 * packets, .first_ns = 5, .epoch = 1 },
	};
}

static void add(uint64_t packets)
{
	m->packets += packets;
	m->bytes += 100 * packets;
}

static void put_slot(uint32_t idx, uint8_t flow, uint32_t gen, uint64_t packets)
{
	m->slots[idx] = slot_of(idx, flow, gen, packets);
	add(packets);
}

static void put_record(uint32_t idx, uint8_t flow, uint32_t gen, uint64_t packets)
{
	uint8_t *at = m->ring + m->producer;
	struct flow_slot s = slot_of(idx, flow, gen, packets);
	uint32_t len = sizeof(s);

	memcpy(at, &len, sizeof(len));
	memcpy(at + 8, &s, sizeof(s));
	m->producer += RECORD_BYTES;
	add(packets);
}

/* Of that slot so much was exported before. */
static void put_exported(uint32_t idx, uint32_t gen, uint64_t packets)
{
	struct ledger_count *own = &m->hook[1].info.ledger.by[LEDGER_EXPORTED];

	m->journal[idx] = (struct journal_entry) {
		.gen = gen, .packets = packets, .bytes = 100 * packets,
		.store_idx = idx == 4 ? 4 : 0,	/* a hint that is wrong: another flow is there */
	};
	own->packets += packets;
	own->bytes += 100 * packets;
}

static void fill(void)
{
	if (!shared)
		shared = mmap(NULL, sizeof(*m), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	m = shared;
	memset(m, 0, sizeof(*m));
	m->ctl = (struct table_ctl) {
		.abi = FLOWCTL_ABI, .parts = 1, .buckets = SLOTS / FLOW_WAYS, .epoch = 2,
		.ring_bytes = RING_BYTES, .store_entries = STORE, .lease_ns = UINT64_MAX,
	};
	put_record(0, 1, 2, 5);	/* a new one; and its flow once more, twice evicted */
	put_record(1, 2, 2, 7);	/* partly exported */
	put_exported(1, 2, 3);
	put_record(1, 1, 4, 11);
	put_record(2, 3, 2, 13);	/* all of it exported */
	put_exported(2, 2, 13);
	put_slot(0, 4, 4, 17);
	put_slot(1, 5, 6, 19);
	put_slot(2, 3, 4, 23);
	put_slot(3, 6, 2, 29);
	put_slot(4, 7, 2, 31);
	put_exported(4, 2, 30);
	m->store[3] = (struct store_entry) {
		.key = key_of(5),
		/* 100 more have left before. */
		.part = { .packets = 37, .bytes = 3700, .first_ns = 4, .last_ns = 6, .used = 1,
			  .total_packets_low = 137, .total_bytes_low = 13700 },
	};
	add(37);
	/* Flow 8 has ended, and the next connection of its ends has begun. */
	m->store[7] = (struct store_entry) {
		.key = key_of(8),
		.part = { .packets = 41, .bytes = 4100, .first_ns = 3, .last_ns = 4, .used = 1,
			  .tcp_flags = 0x13 },
	};
	add(41);
	put_slot(5, 8, 2, 43);
	m->slots[5].c.w.tcp_flags = 0x02;
	/* Of the connection of flow 4 something is to be told, with its record. */
	m->ctl.tcp_buckets = 1;
	m->conns[1].gen = 3;
	m->conns[1].side[0].counts.cwr = CWR;
	to_send = m->packets - m->hook[1].info.ledger.by[LEDGER_EXPORTED].packets;
}

/* A process's own view. Its hook is there already, so that nothing is looked for in a bpffs. */
static void view_open(struct table *t, struct table_ring *ring)
{
	struct table_hook *hook = calloc(1, sizeof(*hook));

	*ring = (struct table_ring) { &m->consumer, &m->producer, m->ring, RING_BYTES - 1 };
	*hook = (struct table_hook) { .ifindex = IFINDEX, .fd = -1, .entries = m->hook,
				      .info = &m->hook[1].info };
	*t = (struct table) {
		.dir = { .fd = -1, .locked = true }, .writable = true, .ctl = &m->ctl,
		.slots = (struct flow_bucket *)m->slots, .journal = m->journal,
		.store = m->store, .conns = m->conns, .rings = ring, .n_slots = SLOTS, .hooks = hook, .n_hooks = 1,
	};
}

static void view_close(struct table *t)
{
	free(t->hooks);
	store_close(t);
}

/* A datagram is one message or more, and a message this. */
struct message {
	uint64_t packets, bytes, cwr;
};

static struct wire {
	int fd[2];
	struct message sum;	/* of what was taken off it */
} child_wire, own_wire, *wire = &own_wire;

static void wire_open(struct wire *w)
{
	if (!w->fd[1] && socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, w->fd) < 0)
		exit(1);
	w->sum = (struct message) { 0 };
}

static void wire_read(struct wire *w)
{
	struct message v[STORE];
	ssize_t len;

	while ((len = recv(w->fd[1], v, sizeof(v), 0)) > 0) {
		for (size_t i = 0; i < len / sizeof(*v); i++) {
			w->sum.packets += v[i].packets;
			w->sum.bytes += v[i].bytes;
			w->sum.cwr += v[i].cwr;
		}
	}
}

#define TOGETHER 3
#define SESSION 4711

/* What is told of flow 4's connection, if it is among @v. */
static size_t note_health(const struct table *t, const struct journal_taken *v, size_t n,
			  struct ctl_health *ret)
{
	const struct tcp_conn *c = &t->conns[1];

	*ret = (struct ctl_health) { .idx = 1, .gen = c->gen, .told = 1, .counts = c->side[0].counts };
	for (; ret->of < n; ret->of++) {
		if (journal_flow(t, v[ret->of].entry)->key.src[3] == 4)
			return c->side[0].taken_gen != c->gen;
	}
	return 0;
}

/* Of three messages two are one unit, and their order is not that of the records. */
static void send_and_take(struct table *t, const struct journal_taken *v, size_t n)
{
	struct message messages[TOGETHER];
	struct iovec iov[TOGETHER];
	struct ctl_health health;
	const struct journal_leaving leaving = { v, n, &health, note_health(t, v, n, &health) };
	struct sending *note = journal_send(t, &leaving);

	note->session = SESSION;
	note->domain = 1;
	note->sequence = 100;
	memset(note->units, 0, sizeof(note->units[0]) * TOGETHER);
	for (size_t i = 0; i < n; i++) {
		const struct flow_part *part = &journal_flow(t, v[i].entry)->part;
		size_t d = n - 1 - i;

		messages[d] = (struct message) {
			part->packets, part->bytes, leaving.n_health && health.of == i ? CWR : 0,
		};
		iov[d] = (struct iovec) { &messages[d], sizeof(messages[d]) };
		note->datagram[v[i].message] = d;
	}
	note->units[0].msg_hdr = (struct msghdr) { .msg_iov = iov, .msg_iovlen = n < 2 ? n : 2 };
	note->units[1].msg_hdr = (struct msghdr) { .msg_iov = &iov[2], .msg_iovlen = 1 };
	__atomic_store_n(&note->n, n, __ATOMIC_RELEASE);
	if (sendmmsg(wire->fd[0], note->units, n > 2 ? 2 : 1, 0) != (n > 2 ? 2 : 1))
		_exit(2);
	journal_take(t, &leaving);
	if (wire == &own_wire)
		wire_read(wire);
}

static void take_some(struct table *t, struct journal_taken *v, size_t *n)
{
	if (*n)
		send_and_take(t, v, *n);
	*n = 0;
}

/* Everything leaves: in two goes, because the first leaves some flows and keeps some entries. */
static bool work(void)
{
	struct table_ring ring;
	struct table t;
	struct journal_taken v[TOGETHER];
	size_t n, n_taken = 0;
	int r;

	view_open(&t, &ring);
	journal_recover(&t);
	r = journal_drain(&t, &n);
	if (r == 0)
		r = journal_scan(&t, &n);
	for (int go = 0; r == 0 && go < 2; go++) {
		for (uint32_t i = 0; i < journal_top(&t); i++) {
			const struct store_entry *e = journal_flow(&t, i);

			if (!e || !e->part.packets || (!go && i % 2))
				continue;
			v[n_taken] = (struct journal_taken) { i, LEDGER_EXPORTED, i % 3 == 0, n_taken };
			if (++n_taken == TOGETHER)
				take_some(&t, v, &n_taken);
		}
		take_some(&t, v, &n_taken);
	}
	view_close(&t);
	return r == 0;
}

static bool is_done(void)
{
	const struct ledger_count *own = &m->hook[1].info.ledger.by[LEDGER_EXPORTED];
	struct table_ring ring;
	struct snapshot s = { 0 };
	struct table t;
	bool done;

	view_open(&t, &ring);
	done = snapshot_count(&t, &s) == 0 && s.n == 0 && m->consumer == m->producer &&
	       own->packets == m->packets && own->bytes == m->bytes;
	if (!done)
		printf("# exported %llu/%llu of %llu/%llu, %zu flows held\n", own->packets, own->bytes,
		       (unsigned long long)m->packets, (unsigned long long)m->bytes, s.n);
	snapshot_deinit(&s);
	view_close(&t);
	return done;
}

/* Of the three entries that are kept: what came since they are, whether or not it has left. */
static bool totals_right(void)
{
	static const uint64_t wanted[] = { [1] = 5 + 11, [5] = 137 + 19, [7] = 1 };
	unsigned kept = 0;

	for (uint32_t i = 0; i < STORE; i++) {
		const struct flow_part *part = &m->store[i].part;
		struct ledger_count total = part_total(part);
		uint8_t flow = m->store[i].key.src[3];

		if (!part->used)
			continue;
		kept++;
		if (flow > 7 || total.packets != wanted[flow] || total.bytes != 100 * total.packets) {
			printf("# flow %u: %llu packets, %llu bytes in all\n", flow, total.packets, total.bytes);
			return false;
		}
	}
	return kept == 3;
}

static pid_t start_child(void)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(1);
		wire = &child_wire;
		raise(SIGSTOP);
		_exit(work() ? 0 : 1);
	}
	if (child < 0 || waitpid(child, &status, 0) < 0 || !WIFSTOPPED(status))
		return -1;
	return child;
}

/* One instruction more. False: it has ended, or cannot be stepped; *ret_status says. */
static bool step(pid_t child, int *ret_status)
{
	*ret_status = -1;
	return ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) == 0 &&
	       waitpid(child, ret_status, 0) == child && WIFSTOPPED(*ret_status);
}

/* @packets, 100 bytes each, were sent by the one or the other. */
static bool is_sent(uint64_t packets)
{
	uint64_t by_both[] = { child_wire.sum.packets + own_wire.sum.packets,
			       child_wire.sum.bytes + own_wire.sum.bytes };

	uint64_t cwr = child_wire.sum.cwr + own_wire.sum.cwr;

	if (by_both[0] == packets && by_both[1] == 100 * packets && cwr == CWR)
		return true;
	printf("# cwr %llu\n", (unsigned long long)cwr);
	printf("# sent %llu packets, %llu bytes of %llu packets\n", (unsigned long long)by_both[0],
	       (unsigned long long)by_both[1], (unsigned long long)packets);
	return false;
}

/* Go on behind one who died now. */
static bool go_on(void)
{
	bool done;

	last = copy = *shared;
	wire_read(&child_wire);
	wire_open(&own_wire);
	m = &copy;
	done = work() && is_done() && is_sent(to_send) && totals_right();
	m = shared;
	return done;
}

TEST(undisturbed_everything_leaves_once)
{
	fill();
	wire_open(&child_wire);
	wire_open(&own_wire);
	CHECK(work());
	CHECK(is_done() && is_sent(to_send) && totals_right());
}

/* Flow 5 kept its entry: what looks at it counts on; flow 6 has lost its own and begins again. */
TEST(totals_go_on_while_the_flow_has_its_entry)
{
	static const uint64_t wanted[] = { [5] = 137 + 19 + 4, [6] = 3 };
	struct table_ring ring;
	struct snapshot s = { 0 };
	struct table t;

	fill();
	wire_open(&own_wire);
	CHECK(work());
	m->slots[1].c.packets += 4;
	m->slots[1].c.bytes += 400;
	m->slots[3].c.packets += 3;
	m->slots[3].c.bytes += 300;
	view_open(&t, &ring);
	CHECK(snapshot_count(&t, &s) == 0 && s.n == 2);
	for (size_t i = 0; i < s.n; i++) {
		uint8_t flow = s.flows[i].key.src[3];
		struct ledger_count total = part_total(&s.flows[i].part);

		CHECK(s.flows[i].part.packets == (flow == 5 ? 4 : 3));
		CHECK(total.packets == wanted[flow] && total.bytes == 100 * wanted[flow]);
	}
	snapshot_deinit(&s);
	view_close(&t);
	/* And credited to an entry that holds nothing. */
	CHECK(work());
	CHECK(m->store[3].key.src[3] == 5 && part_total(&m->store[3].part).packets == wanted[5]);
}

/* Both are held, the old one with what it had; dump shows two flows. */
TEST(a_new_connection_of_the_same_ends_has_an_entry_of_its_own)
{
	const struct store_entry *old, *new;
	struct table_ring ring;
	struct snapshot s = { 0 };
	struct table t;
	size_t n, of_8 = 0;

	fill();
	view_open(&t, &ring);
	for (int credited = 0; credited < 2; credited++, of_8 = 0) {
		CHECK(snapshot_count(&t, &s) == 0);
		for (size_t i = 0; i < s.n; i++) {
			const struct flow_part *p = &s.flows[i].part;

			if (s.flows[i].key.src[3] != 8)
				continue;
			of_8++;
			CHECK(p->packets == (p->closed ? 41 : 43) && p->first_ns == (p->closed ? 3 : 5));
		}
		CHECK(of_8 == 2);
		CHECK(journal_drain(&t, &n) == 0 && journal_scan(&t, &n) == 0);
	}
	old = journal_flow(&t, 7);
	new = journal_flow(&t, 8);
	CHECK(old->part.closed && old->part.packets == 41 && old->part.tcp_flags == 0x13);
	CHECK(new && key_is(&new->key, &old->key) && !new->part.closed && new->part.packets == 43);
	CHECK(part_total(&new->part).packets == 43 && journal_closed(&t) == 1);
	{
		const struct flow_key key = key_of(8);

		CHECK(journal_find(&t, &key) == 8 && journal_find_closed(&t, &key, 9) == 7);
	}
	/* What comes is the new one's; of another CPU's slot the old one's last packet. */
	m->slots[5].c.packets += 2;
	put_slot(6, 8, 2, 1);
	m->slots[6].c.first_ns = 4;
	m->slots[6].c.w.tcp_flags = 0x10;
	CHECK(journal_scan(&t, &n) == 0 && n == 2);
	CHECK(old->part.packets == 42 && new->part.packets == 45);
	snapshot_deinit(&s);
	view_close(&t);
}

static const struct store_entry *entry_of(const struct table *t, uint8_t flow)
{
	const struct flow_key key = key_of(flow);

	return journal_flow(t, journal_find(t, &key));
}

/* Of what follows the cut nothing is mixed with what is before it, wherever it is found. */
TEST(a_cut_of_all_flows_parts_what_is_before_it_from_what_is_behind)
{
	struct table_ring ring;
	struct table t;
	uint64_t at;
	size_t n;

	fill();
	view_open(&t, &ring);
	CHECK(journal_drain(&t, &n) == 0 && journal_scan(&t, &n) == 0);
	{
		const struct flow_key key = key_of(1);
		const struct journal_taken one = { journal_find(&t, &key), LEDGER_EXPORTED, false,
						   JOURNAL_NO_MESSAGE };

		/* Room for flow 9. */
		journal_take(&t, &(struct journal_leaving) { .v = &one, .n = 1 });
	}
	journal_cut_all(&t);
	CHECK(!journal_is_cut(&t, entry_of(&t, 4)));
	journal_bump_epoch(&t);
	CHECK(journal_is_cut(&t, entry_of(&t, 4)) && journal_is_cut(&t, entry_of(&t, 5)));
	/* Of before it, but read only now: more of flow 4, the first of flow 9. */
	m->slots[0].c.packets += 2;
	m->slots[0].c.bytes += 200;
	put_slot(6, 9, 2, 5);
	/* Of behind it: flow 5's slot has rotated, and flow 6's was evicted. */
	put_record(1, 5, 6, 19);
	put_slot(1, 5, 8, 6);
	m->slots[1].c.epoch = m->ctl.epoch;
	put_record(3, 6, 2, 29);
	at = m->producer;
	put_record(3, 6, 4, 8);
	((struct flow_slot *)(m->ring + at + 8))->c.epoch = m->ctl.epoch;
	CHECK(journal_drain(&t, &n) == 0 && journal_scan(&t, &n) == 0);
	CHECK(entry_of(&t, 4)->part.packets == 17 + 2 && journal_is_cut(&t, entry_of(&t, 4)));
	CHECK(entry_of(&t, 9)->part.packets == 5 && journal_is_cut(&t, entry_of(&t, 9)));
	CHECK(entry_of(&t, 5)->part.packets == 37 + 19);
	CHECK(entry_of(&t, 6)->part.packets == 29 && m->consumer == at);
	/* The ring waits no longer: better mixed than lost. */
	t.cut_waits = false;
	CHECK(journal_drain(&t, &n) == 0 && n == 1 && m->consumer == m->producer);
	CHECK(entry_of(&t, 6)->part.packets == 29 + 8);
	view_close(&t);
}

/* The top bits lie apart from the others. */
TEST(totals_are_longer_than_a_field)
{
	struct flow_part sum = { .first_ns = 1 }, more = { .first_ns = 1 };
	const struct flow_key key = key_of(1);

	more.total_packets_low = (1ull << 48) - 1;
	more.total_bytes_low = (1ull << 56) - 1;
	for (int i = 0; i < 15; i++)
		part_add(&sum, &more, &key);
	CHECK(part_total(&sum).packets == 15 * ((1ull << 48) - 1));
	CHECK(part_total(&sum).bytes == 15 * ((1ull << 56) - 1));
	part_empty(&sum);
	CHECK(part_total(&sum).packets == 15 * ((1ull << 48) - 1) && !sum.first_ns);
}

TEST(whoever_comes_after_a_killed_writer_finishes_what_it_began)
{
	unsigned steps = 0, states = 0;
	int status;
	pid_t child;

	fill();
	wire_open(&child_wire);
	child = start_child();
	if (child < 0 || !step(child, &status))
		SKIP("no ptrace here");
	while (step(child, &status)) {
		steps++;
		if (memcmp(shared, &last, sizeof(last)) == 0)
			continue;
		states++;
		if (!go_on()) {
			printf("# killed behind %u instructions\n", steps);
			kill(child, SIGKILL);
			CHECK(0);
		}
	}
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0 && is_done());
	printf("# %u instructions, %u states\n", steps, states);
	CHECK(states > 100);
}
