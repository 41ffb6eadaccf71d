// SPDX-License-Identifier: Apache-2.0
/*
 * See meter_resize.h. The new maps are pinned in a folder inside the namespace's until all
 * programs use them. An agent that has the old ones mapped is told by their control block,
 * under the lock, and opens the new ones.
 */
#include "kernel/meter_resize.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "flow/record.h"
#include "kernel/journal.h"
#include "kernel/reader.h"
#include "kernel/store.h"
#include "kernel/table_outer.h"

static void beside(const struct pin_dir *dir, struct pin_dir *ret)
{
	*ret = (struct pin_dir) { .cookie = dir->cookie, .fd = -1 };
	snprintf(ret->path, sizeof(ret->path), "%.*s/new", (int)sizeof(ret->path) - 5, dir->path);
}

/* Call @fn for every pin of @dir; a missing folder has none. */
static int each_pin(const struct pin_dir *dir,
		    int (*fn)(const char *path, const char *name, void *arg), void *arg)
{
	DIR *d = opendir(dir->path);
	struct dirent *e;
	int r = 0;

	while (d && r == 0 && (e = readdir(d))) {
		char path[512];

		if (e->d_name[0] != '.')
			r = fn(pin_path(dir, e->d_name, path), e->d_name, arg);
	}
	if (d)
		closedir(d);
	return r;
}

static int drop_pin(const char *path, const char *name, void *arg)
{
	unlink(path);
	return 0;
}

static void remove_folder(const struct pin_dir *dir)
{
	each_pin(dir, drop_pin, NULL);
	rmdir(dir->path);
}

/* Over the old one of that name: whoever opens it finds one or the other. */
static int move_pin(const char *path, const char *name, void *arg)
{
	const struct pin_dir *to = arg;
	char target[512];

	if (rename(path, pin_path(to, name, target)) < 0)
		return fail(-errno, "cannot rename '%s'", path);
	return 0;
}

static int check_room(struct table *old, uint32_t entries)
{
	_cleanup_(snapshot_deinit) struct snapshot s = { 0 };
	int r;

	r = snapshot_count(old, &s);
	if (r < 0 || s.n <= entries)
		return r;
	error_hint("flowctl flush --idle 15s, or start the agent, and try again");
	return fail_plain(-ENOSPC, "the table holds %zu flows, more than the %u asked for", s.n,
			  entries);
}

DEFINE_CLEANUP(struct table, table_close)

static int create_beside(const struct table *old, const struct table_geometry *g,
			 const struct pin_dir *dir, struct table **ret)
{
	_cleanup_(table_closep) struct table *t = NULL;
	int r;

	remove_folder(dir);	/* of one who was killed */
	if (mkdir(dir->path, 0700) < 0)
		return fail(-errno, "cannot make '%s'", dir->path);
	r = table_create(dir, g, old->ctl->netns_inode, old->ctl->netns_name);
	if (r == 0)
		r = table_open_in(dir, true, &t);
	if (r == 0 && old->outers_fd >= 0)
		r = table_outers(t);
	if (r == 0)
		*ret = take_ptr(t);
	else
		remove_folder(dir);
	return r;
}

int resize_begin(struct table *old, const struct table_geometry *g, struct table **ret)
{
	struct pin_dir dir;
	struct table *t = NULL;
	int r;

	r = check_room(old, g->store_entries);
	beside(&old->dir, &dir);
	if (r == 0)
		r = create_beside(old, g, &dir, &t);
	if (r < 0)
		return r;
	/* What is counted until all programs have changed over is of the old one's connections. */
	table_tcp_copy(old, t);
	t->dir = old->dir;
	old->dir.fd = -1;
	*ret = t;
	return 0;
}

static void move_settings(const struct table_ctl *from, struct table_ctl *to)
{
	to->idle_ticks = from->idle_ticks;
	to->finished_ticks = from->finished_ticks;
	to->reclaim_ticks = from->reclaim_ticks;
	memcpy(to->stream, from->stream, sizeof(to->stream));
}

static void move_aged(const struct table *from, const struct table *to)
{
	struct aged_key key, *previous = NULL;
	struct ledger_count count;

	while (bpf_map_get_next_key(from->aged_fd, previous, &key) == 0) {
		if (bpf_map_lookup_elem(from->aged_fd, &key, &count) == 0)
			bpf_map_update_elem(to->aged_fd, &key, &count, 0);
		previous = &key;
	}
}

/* What does not fit, because more came since it was counted, is said in the ledger. */
static int move_flow(struct table *t, const struct flow *f)
{
	const struct flow_key *key = &f->key;
	struct ledger_count *flushed;
	uint32_t idx = store_free(t);

	if (idx == STORE_NONE) {
		flushed = table_hook_own(t, key_ifindex(key), key->direction, LEDGER_FLUSHED);
		if (flushed) {
			flushed->packets += f->part.packets;
			flushed->bytes += f->part.bytes;
		}
		return 0;
	}
	t->store[idx] = (struct store_entry) { .key = *key, .part = f->part };
	t->store[idx].part.used = 1;
	store_added(t, idx, key_index_hash(key));
	return 0;
}

int resize_finish(struct table *old, struct table *t)
{
	_cleanup_(snapshot_deinit) struct snapshot s = { 0 };
	struct pin_dir dir;
	int r;

	r = journal_wait_for_programs(old);
	if (r == 0)
		r = snapshot_count(old, &s);
	if (r == 0)
		r = store_open(t);
	for (size_t i = 0; r == 0 && i < s.n; i++)
		r = move_flow(t, &s.flows[i]);
	if (r < 0)
		return r;
	move_settings(old->ctl, t->ctl);
	move_aged(old, t);
	table_outers_copy(old, t);
	beside(&t->dir, &dir);
	/* Reading a folder while it changes may pass over entries: until it is empty. */
	do
		r = each_pin(&dir, move_pin, &t->dir);
	while (r == 0 && rmdir(dir.path) < 0 && errno == ENOTEMPTY);
	if (r < 0)
		return r;
	__atomic_store_n(&old->ctl->closing, TABLE_MOVED, __ATOMIC_RELEASE);
	return 0;
}

void resize_undo(struct table *old, struct table *t)
{
	struct pin_dir dir;

	beside(&t->dir, &dir);
	remove_folder(&dir);
	old->dir = t->dir;
	t->dir.fd = -1;
}
