// SPDX-License-Identifier: Apache-2.0
/* See targets.h. What meter, top and latency have in common: words of the command line become
 * names by namespace. */
#include "targets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

void targets_deinit(struct targets *t)
{
	for (size_t i = 0; i < t->n_copies; i++)
		free(t->copies[i]);
}

static struct target *target_of(struct targets *t, const char *netns)
{
	for (size_t i = 0; i < t->n; i++) {
		const char *has = t->v[i].netns;

		if (has == netns || (has && netns && strcmp(has, netns) == 0))
			return &t->v[i];
	}
	t->v[t->n] = (struct target) { .netns = netns };
	return &t->v[t->n++];
}

/* "NS:IFACE"; the namespace may be pid:PID, the interface has no colon (Linux forbids it). */
static int add_interface(struct targets *t, const char *word, const char *netns)
{
	char *copy = strdup(word), *colon = strrchr(word, ':');
	struct target *target;

	if (!copy)
		return fail(-ENOMEM, "cannot read the command line");
	t->copies[t->n_copies++] = copy;
	if (!colon) {
		target = target_of(t, netns);
		target->names[target->n++] = copy;
		return 0;
	}
	if (netns)
		return fail_usage("-i %s and --netns exclude each other", word);
	if (!colon[1])
		return fail_usage("-i %s names no interface: give NS:IFACE", word);
	copy[colon - word] = '\0';
	target = target_of(t, copy);
	target->names[target->n++] = copy + (colon - word) + 1;
	return 0;
}

int targets_add(struct targets *t, const char *netns, const struct opt_strs *names,
		const struct opt_strs *interfaces)
{
	int r = 0;

	if (names->n) {
		struct target *target = target_of(t, netns);

		memcpy(target->names, names->v, names->n * sizeof(char *));
		target->n = names->n;
	}
	for (size_t i = 0; r == 0 && i < interfaces->n; i++)
		r = add_interface(t, interfaces->v[i], netns);
	return r;
}

int targets_open(struct targets *t, struct netns *ns)
{
	for (size_t i = 0; i < t->n; i++)
		ns[i] = (struct netns)NETNS_NULL;
	for (size_t i = 0; i < t->n; i++) {
		int r = netns_open(t->v[i].netns, &ns[i]);

		if (r < 0)
			return r;
		for (size_t k = 0; k < i; k++) {
			struct target *to = &t->v[k], *from = &t->v[i];

			if (ns[k].cookie != ns[i].cookie)
				continue;
			memcpy(&to->names[to->n], from->names, from->n * sizeof(char *));
			to->n += from->n;
			from->n = 0;
		}
	}
	return 0;
}

void targets_add_all(struct targets *t, const char *netns)
{
	target_of(t, netns);
}
