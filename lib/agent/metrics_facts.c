// SPDX-License-Identifier: Apache-2.0
/*
 * What the metrics page says, gathered when it is asked for. Two series of the same labels make
 * Prometheus refuse the page: of interfaces, or namespaces, that bear the same name (one is gone
 * and its meter not yet cleared) the younger one is told; outputs of the same name are numbered.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "agent/internal.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "kernel/forward.h"

static const char *iface_name(const struct agent_table *t, uint32_t ifindex)
{
	const struct link *link = record_names_link(&t->names, ifindex);

	return link ? link->name : NULL;
}

/* Numbers of interfaces, and cookies of namespaces, only grow. */
static bool has_younger(const struct agent_table *t, const struct hook_id *hook, const char *name)
{
	for (size_t i = 0; i < t->names.n_hooks; i++) {
		const struct hook_id *other = &t->names.hooks[i];
		const char *its = iface_name(t, other->ifindex);

		if (other->direction == hook->direction && other->ifindex > hook->ifindex && its &&
		    strcmp(its, name) == 0)
			return true;
	}
	return false;
}

static bool is_told(const struct agent *a, const struct agent_table *t)
{
	for (size_t i = 0; i < a->n_tables; i++) {
		const struct agent_table *other = &a->tables[i];

		if (!other->gone && other->table->dir.cookie > t->table->dir.cookie &&
		    strcmp(other->names.netns, t->names.netns) == 0)
			return false;
	}
	return !t->gone;
}

static void add_hook(struct metrics_facts *f, struct agent_table *t, const struct hook_id *id)
{
	struct metrics_hook *h = &f->hooks[f->n_hooks];
	const char *name = iface_name(t, id->ifindex);

	if (!name || has_younger(t, id, name))
		return;
	*h = (struct metrics_hook) {
		.netns = t->names.netns,
		.iface = name,
		.direction = id->direction,
		.aged = table_aged(t->table, id->ifindex, id->direction),
	};
	for (int reason = 0; reason < LEDGER_REASONS; reason++)
		h->by[reason] = table_hook_count(t->table, id->ifindex, id->direction, reason);
	h->decap = table_hook_decaps(t->table, id->ifindex, id->direction, h->decap_by);
	f->n_hooks++;
}

static uint64_t count_flows(const struct table *t)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < journal_top(t); i++) {
		const struct store_entry *e = journal_flow(t, i);

		n += e && e->part.packets;
	}
	return n;
}

static void add_netns(struct metrics_facts *f, const struct agent_table *t)
{
	struct metrics_netns *n = &f->netns[f->n_netns++];
	struct table_geometry g;

	table_geometry_of(t->table->ctl, &g);
	*n = (struct metrics_netns) {
		.netns = t->names.netns,
		.flows = count_flows(t->table),
		.flows_max = t->table->ctl->max_flows,
		.store_used = t->table->ctl->store_entries - journal_room(t->table),
		.store_max = t->table->ctl->store_entries,
		.memory_bytes = g.memory_bytes,
		.has_tcp = t->table->tcp,
		.tcp = t->tcp,
	};
	if (!n->has_tcp)
		return;
	table_tcp_stats(t->table, &n->stats);
	n->stats.segments = table_tcp_segments(t->table);
}

static int add_pair(struct metrics_facts *f, const struct agent_table *t,
		    const struct forward_way *way)
{
	const char *ingress = iface_name(t, way->pair.ingress);
	const char *egress = iface_name(t, way->pair.egress);
	struct metrics_pair *grown, *p;

	if (!ingress || !egress)
		return 0;
	for (size_t i = 0; i < f->n_pairs; i++) {
		if (strcmp(f->pairs[i].netns, t->names.netns) == 0 &&
		    strcmp(f->pairs[i].ingress, ingress) == 0 && strcmp(f->pairs[i].egress, egress) == 0)
			return 0;
	}
	grown = reallocarray(f->pairs, f->n_pairs + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	f->pairs = grown;
	p = &f->pairs[f->n_pairs++];
	*p = (struct metrics_pair) { t->names.netns, ingress, egress, { { 0 }, way->latency.sum_ns } };
	for (size_t i = 0; i < FORWARD_BUCKETS; i++)
		p->latency.count[i] = way->latency.count[i];
	return 0;
}

/* The youngest interfaces first, as the younger one of two of the same name is told. */
static int by_age(const void *a_, const void *b_)
{
	const struct forward_pair *a = &((const struct forward_way *)a_)->pair;
	const struct forward_pair *b = &((const struct forward_way *)b_)->pair;
	uint64_t x = (uint64_t)a->ingress + a->egress, y = (uint64_t)b->ingress + b->egress;

	return x < y ? 1 : x > y ? -1 : 0;
}

static int add_forward(struct metrics_facts *f, const struct agent_table *t,
		       struct metrics_forward *ret)
{
	_cleanup_(freep) struct forward_way *ways = NULL;
	struct forward_stats stats;
	size_t n;
	int r;

	r = forward_read(t->table, &ways, &n, &stats);
	if (r < 0) {
		error_clear();
		return r == -ENOMEM ? r : 0;
	}
	ret->on = true;
	memcpy(ret->by, stats.by, sizeof(ret->by));
	qsort(ways, n, sizeof(*ways), by_age);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = add_pair(f, t, &ways[i]);
	return r;
}

static int add_tables(struct agent *a, struct metrics_facts *f)
{
	size_t n_hooks = 0;
	int r = 0;

	for (size_t i = 0; i < a->n_tables; i++)
		n_hooks += a->tables[i].names.n_hooks;
	f->hooks = calloc(n_hooks + 1, sizeof(*f->hooks));
	f->netns = calloc(a->n_tables + 1, sizeof(*f->netns));
	if (!f->hooks || !f->netns)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < a->n_tables; i++) {
		struct agent_table *t = &a->tables[i];

		if (!is_told(a, t))
			continue;
		for (size_t k = 0; k < t->names.n_hooks; k++)
			add_hook(f, t, &t->names.hooks[k]);
		add_netns(f, t);
		r = add_forward(f, t, &f->netns[f->n_netns - 1].forward);
	}
	return r;
}

/* "udp://192.0.2.1:4739", and the second of that name "udp://192.0.2.1:4739#2". */
static void name_output(struct metrics_facts *f, const char *label)
{
	struct metrics_output *o = &f->outputs[f->n_outputs];
	size_t same = 1;

	for (size_t i = 0; i < f->n_outputs; i++)
		same += strncmp(f->outputs[i].output, label, strlen(label)) == 0 &&
			strchr("#", f->outputs[i].output[strlen(label)]);
	if (same == 1)
		snprintf(o->output, sizeof(o->output), "%s", label);
	else
		snprintf(o->output, sizeof(o->output), "%s#%zu", label, same);
}

static int add_outputs(const struct agent *a, struct metrics_facts *f)
{
	f->outputs = calloc(a->outputs.n + 1, sizeof(*f->outputs));
	if (!f->outputs)
		return -ENOMEM;
	for (size_t i = 0; i < a->outputs.n; i++) {
		const struct agent_output *o = &a->outputs.v[i];

		name_output(f, o->sink->label);
		f->outputs[f->n_outputs].stats = o->sink->stats;
		f->outputs[f->n_outputs].queue = outputs_waiting(o);
		f->outputs[f->n_outputs].up = outputs_works(o);
		f->n_outputs++;
	}
	return 0;
}

static uint64_t time_ns(const struct timeval *t)
{
	return t->tv_sec * NSEC_PER_SEC + t->tv_usec * NSEC_PER_USEC;
}

static uint64_t resident_bytes(void)
{
	_cleanup_(fclosep) FILE *f = fopen("/proc/self/statm", "re");
	unsigned long long all, resident;

	if (!f || fscanf(f, "%llu %llu", &all, &resident) != 2)
		return 0;
	return resident * sysconf(_SC_PAGESIZE);
}

static uint64_t open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	const struct dirent *entry;
	uint64_t n = 0;

	while (dir && (entry = readdir(dir)))
		n += entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return n ? n - 1 : 0;	/* but the one that looks */
}

static void add_agent(const struct agent *a, struct metrics_agent *m)
{
	struct rusage usage = { 0 };

	getrusage(RUSAGE_SELF, &usage);
	*m = a->metrics.counts;
	m->cpu_ns = time_ns(&usage.ru_utime) + time_ns(&usage.ru_stime);
	m->resident_bytes = resident_bytes();
	m->fds = open_fds();
	m->requests = serve_requests(a->metrics.serve);
}

int metrics_facts(struct agent *a, struct metrics_facts *ret)
{
	int r;

	*ret = (struct metrics_facts) { 0 };
	r = add_tables(a, ret);
	if (r == 0)
		r = add_outputs(a, ret);
	add_agent(a, &ret->agent);
	return r;
}

void metrics_facts_deinit(struct metrics_facts *f)
{
	free(f->hooks);
	free(f->netns);
	free(f->pairs);
	free(f->outputs);
	*f = (struct metrics_facts) { 0 };
}
