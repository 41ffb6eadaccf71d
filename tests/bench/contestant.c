// SPDX-License-Identifier: Apache-2.0
#include "contestant.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "kernel/ring.h"
#include "mutate.skel.h"
#include "ref.skel.h"

#define READER_NS NSEC_PER_MSEC	/* it looks so often */
#define ENTRIES_MIN 16384

static int steps_fd = -1;
static struct step *steps;

static void die(const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int say_nothing(enum libbpf_print_level level, const char *format, va_list ap)
{
	return 0;
}

struct step *contestant_steps(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);

	if (steps)
		return steps;
	libbpf_set_print(say_nothing);
	steps_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "steps", 4, sizeof(struct step), STEPS, &opts);
	if (steps_fd < 0)
		die("cannot make a map");
	steps = mmap(NULL, STEPS * sizeof(*steps), PROT_READ | PROT_WRITE, MAP_SHARED, steps_fd, 0);
	if (steps == MAP_FAILED)
		die("cannot map the steps");
	return steps;
}

void contestant_pin(bool measured)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(measured ? sysconf(_SC_NPROCESSORS_ONLN) - 1 : 0, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static bool parse_attribute(struct contestant *c, char *key)
{
	char *value = strchr(key, '=');
	struct sizing *s = &c->sizings[c->n_sizings];

	if (!value) {
		c->xdp = strcmp(key, "xdp") == 0;
		return c->xdp;
	}
	*value++ = '\0';
	if (strcmp(key, "name") == 0)
		return snprintf(c->name, sizeof(c->name), "%s", value) < (int)sizeof(c->name);
	if (strncmp(key, "max.", 4) || c->n_sizings == SIZINGS_MAX || strlen(key + 4) >= sizeof(s->map))
		return false;
	strcpy(s->map, key + 4);
	s->entries = strcmp(value, "auto") ? atoi(value) : 0;
	c->n_sizings++;
	return true;
}

bool contestant_parse(struct contestant *c, char *spec)
{
	char *file = strsep(&spec, ","), *prog = strrchr(file, ':'), *slash = strrchr(file, '/');

	memset(c, 0, sizeof(*c));
	if (!*file) {
		c->xdp = spec && strcmp(spec, "xdp") == 0;
		c->full = spec && strcmp(spec, "full") == 0;
		c->tcp = spec && strcmp(spec, "tcp") == 0;
		snprintf(c->name, sizeof(c->name), "flowctl%s%s", spec ? "-" : "", spec ?: "");
		return true;
	}
	if (!prog)
		return false;
	*prog++ = '\0';
	if (*file)
		c->file = file;
	snprintf(c->prog, sizeof(c->prog), "%s", prog);
	snprintf(c->name, sizeof(c->name), "%s", c->file ? slash ? slash + 1 : file : prog);
	for (char *a; (a = strsep(&spec, ","));) {
		if (!parse_attribute(c, a))
			return false;
	}
	return true;
}

static struct bpf_program *choose_program(struct contestant *c)
{
	struct bpf_program *p, *found = NULL;

	bpf_object__for_each_program(p, c->object) {
		bool is = !found && (strcmp(bpf_program__name(p), c->prog) == 0 ||
				     strcmp(bpf_program__section_name(p), c->prog) == 0);

		bpf_program__set_autoload(p, is);
		if (is)
			found = p;
	}
	if (!found)
		return NULL;
	c->xdp |= bpf_program__type(found) == BPF_PROG_TYPE_XDP;
	bpf_program__set_type(found, c->xdp ? BPF_PROG_TYPE_XDP : BPF_PROG_TYPE_SCHED_CLS);
	bpf_program__set_expected_attach_type(found, c->xdp ? BPF_XDP : 0);
	return found;
}

#define REF_PREFIX "ref_"

/* Every table, ours too, has room for twice the flows that come: none is measured at its limit. */
static uint32_t room_for(uint32_t flows)
{
	return flows < ENTRIES_MIN / 2 ? ENTRIES_MIN : 2 * flows;
}

/* As ours has on the CPU that is measured: a power of two. */
static void size_slots(const struct contestant *c, struct bpf_map *m, uint32_t flows)
{
	struct bpf_map *rodata = bpf_object__find_map_by_name(c->object, ".rodata");
	uint32_t slots = ENTRIES_MIN;

	while (slots < room_for(flows))
		slots *= 2;
	bpf_map__set_max_entries(m, slots);
	if (bpf_map__set_initial_value(rodata, &slots, sizeof(slots)) < 0)
		die("cannot set the number of slots");
}

/* Nothing is pinned; a reference's map has the name of its program. */
static int size_maps(const struct contestant *c, uint32_t flows)
{
	struct bpf_map *m;

	bpf_object__for_each_map(m, c->object) {
		bpf_map__set_pin_path(m, NULL);
		if (bpf_map__type(m) == BPF_MAP_TYPE_PERF_EVENT_ARRAY) {
			bpf_map__set_key_size(m, 4);
			bpf_map__set_value_size(m, 4);
		}
		if (!c->file && strcmp(bpf_map__name(m), c->prog + strlen(REF_PREFIX)) == 0)
			bpf_map__set_max_entries(m, room_for(flows));
		if (!c->file && strcmp(bpf_map__name(m), "slot") == 0)
			size_slots(c, m, flows);
	}
	for (unsigned i = 0; i < c->n_sizings; i++) {
		m = bpf_object__find_map_by_name(c->object, c->sizings[i].map);
		if (!m)
			return -ENOENT;
		bpf_map__set_max_entries(m, c->sizings[i].entries ?: room_for(flows));
	}
	return 0;
}

static int load_object(struct contestant *c, uint32_t flows)
{
	struct bpf_program *p;
	size_t size;
	int r;

	if (c->file) {
		c->object = bpf_object__open_file(c->file, NULL);
	} else {
		const void *bytes = ref_bpf__elf_bytes(&size);

		c->object = bpf_object__open_mem(bytes, size, NULL);
	}
	if (!c->object)
		return -errno;
	p = choose_program(c);
	if (!p)
		return -ENOENT;
	r = size_maps(c, flows);
	if (r == 0)
		r = bpf_object__load(c->object);
	return r < 0 ? r : bpf_program__fd(p);
}

/* An agent that empties the rings and does nothing else. */
static void *read_rings(void *arg)
{
	struct contestant *c = arg;
	struct table *t = c->table.table;
	const size_t record = 8 + sizeof(struct flow_slot);

	contestant_pin(false);
	while (!c->end) {
		for (uint32_t i = 0; i < t->ctl->parts; i++) {
			uint64_t end = ring_producer(&t->rings[i]);

			c->evicted += (end - ring_consumer(&t->rings[i])) / record;
			ring_consume(&t->rings[i], end);
		}
		clock_sleep_ns(READER_NS);
	}
	return NULL;
}

static int load_ours(struct contestant *c, uint32_t flows)
{
	flows = c->full && flows > ENTRIES_MIN ? flows : room_for(flows);
	if (c->xdp)
		bench_table_open_xdp(&c->table, flows);
	else if (c->tcp)
		bench_table_open_tcp(&c->table, flows);
	else
		bench_table_open(&c->table, flows);
	c->end = false;
	c->evicted = 0;
	if (pthread_create(&c->reader, NULL, read_rings, c) != 0)
		die("no thread");
	return c->table.prog_fd;
}

int contestant_open(struct contestant *c, uint32_t flows)
{
	contestant_steps();
	c->packets = 0;
	return *c->prog ? load_object(c, flows) : load_ours(c, flows);
}

struct mutate_bpf *contestant_mutator(const struct frame *f, enum mutator kind)
{
	struct mutate_bpf *m = mutate_bpf__open();
	struct bpf_program *p;

	if (!m)
		return NULL;
	m->rodata->knob_addr = f->addr;
	m->rodata->knob_port = f->port;
	m->rodata->knob_len = f->len;
	m->rodata->knob_talk = f->talk ? f->addr - 12 : 0;
	bpf_object__for_each_program(p, m->obj)
		bpf_program__set_autoload(p, false);
	p = kind == MUTATOR_TC ? m->progs.mutate_tc :
	    kind == MUTATOR_XDP ? m->progs.mutate_xdp : m->progs.generate;
	bpf_program__set_autoload(p, true);
	if (bpf_map__reuse_fd(m->maps.steps, steps_fd) == 0)
		return m;
	mutate_bpf__destroy(m);
	return NULL;
}

static int try_mutator(struct contestant *c, const struct frame *f, int tested, bool frags)
{
	uint32_t zero = 0;
	int r;

	c->mutator = contestant_mutator(f, c->xdp ? MUTATOR_XDP : MUTATOR_TC);
	if (!c->mutator)
		return -errno;
	if (frags)
		bpf_program__set_flags(c->mutator->progs.mutate_xdp, BPF_F_XDP_HAS_FRAGS);
	r = mutate_bpf__load(c->mutator);
	if (r < 0)
		return r;
	if (bpf_map_update_elem(bpf_map__fd(c->mutator->maps.tested), &zero, &tested, BPF_ANY) < 0)
		return -errno;
	c->run_fd = bpf_program__fd(c->xdp ? c->mutator->progs.mutate_xdp : c->mutator->progs.mutate_tc);
	return 0;
}

/* Of XDP programs, one that takes frames in pieces is only called by another such. */
static int load_mutator(struct contestant *c, const struct frame *f, int tested)
{
	int r = try_mutator(c, f, tested, false);

	if (r != -EINVAL || !c->xdp)
		return r;
	mutate_bpf__destroy(c->mutator);
	return try_mutator(c, f, tested, true);
}

int contestant_load(struct contestant *c, const struct frame *f, uint32_t flows)
{
	int r = contestant_open(c, f->talk ? 2 * flows : flows);

	if (r >= 0)
		r = load_mutator(c, f, r);
	if (r < 0)
		contestant_unload(c);
	return r;
}

void contestant_unload(struct contestant *c)
{
	if (c->table.table) {
		c->end = true;
		pthread_join(c->reader, NULL);
		bench_table_close(&c->table);
		c->table.table = NULL;
	}
	mutate_bpf__destroy(c->mutator);
	bpf_object__close(c->object);
	c->mutator = NULL;
	c->object = NULL;
}

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * NSEC_PER_SEC + t.tv_nsec;
}

double contestant_run(struct contestant *c, const struct frame *f, uint32_t packets)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f->data, .data_size_in = f->len,
		    .repeat = packets);
	uint64_t begin = cpu_ns(), end;

	if (bpf_prog_test_run_opts(c->run_fd, &opts) < 0)
		die(c->name);
	end = cpu_ns();
	if (opts.retval == MUTATE_FAILED) {
		fprintf(stderr, "bench: %s was not reached\n", c->name);
		exit(1);
	}
	c->packets += packets;
	return (double)(end - begin) / packets;
}

uint64_t contestant_lost(const struct contestant *c)
{
	return c->table.table ? table_hook_sum(c->table.table, &c->table.hook, LEDGER_FULL).packets : 0;
}

/* Else it was not measured what most packets of connections take. */
void contestant_check_talk(const struct contestant *c)
{
	uint64_t samples = 0, again = 0;
	const struct table *t = c->table.table;

	for (uint32_t i = 0; i < table_tcp_buckets(t->ctl) * TCP_WAYS * 2; i++) {
		const struct tcp_conn *way = &t->conns[i / 2];

		samples += way->side[i % 2].counts.rtt_samples;
		again += way->side[i % 2].counts.retransmissions + way->side[i % 2].counts.out_of_order;
	}
	if (samples && !again)
		return;
	fprintf(stderr, "bench: connections with %llu samples of RTT, %llu segments sent again\n",
		(unsigned long long)samples, (unsigned long long)again);
	exit(1);
}

static uint64_t slots_used(const struct table *t)
{
	const struct flow_slot *s = (const struct flow_slot *)t->slots;
	uint64_t n = 0;

	for (uint32_t i = 0; i < t->n_slots; i++)
		n += s[i].gen != 0;
	return n;
}

/* Entries of the fullest hash map. */
static uint64_t entries_held(const struct bpf_object *o)
{
	static const unsigned hashes = 1 << BPF_MAP_TYPE_HASH | 1 << BPF_MAP_TYPE_PERCPU_HASH |
				       1 << BPF_MAP_TYPE_LRU_HASH | 1 << BPF_MAP_TYPE_LRU_PERCPU_HASH;
	uint64_t n, most = 0;
	struct bpf_map *m;
	uint8_t key[512];

	bpf_object__for_each_map(m, o) {
		if (bpf_map__type(m) > 31 || !(hashes & 1u << bpf_map__type(m)) ||
		    bpf_map__key_size(m) > sizeof(key))
			continue;
		for (n = 0; bpf_map_get_next_key(bpf_map__fd(m), n ? key : NULL, key) == 0;)
			n++;
		most = n > most ? n : most;
	}
	return most;
}

uint64_t contestant_flows(const struct contestant *c)
{
	struct {
		uint64_t inserted, kept;
	} seen;
	uint32_t zero = 0;
	int fd;

	if (c->table.table)
		return slots_used(c->table.table);
	if (c->file)
		return entries_held(c->object);
	if (!strstr(c->prog, "hash"))
		return UINT64_MAX;
	fd = bpf_object__find_map_fd_by_name(c->object, ".bss");
	return bpf_map_lookup_elem(fd, &zero, &seen) < 0 ? UINT64_MAX : seen.inserted;
}
