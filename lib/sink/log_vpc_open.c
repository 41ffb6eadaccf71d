// SPDX-License-Identifier: Apache-2.0
/*
 * How a log of format vpc is opened, and what a killed process left of it is taken over: its
 * spool is read as if all that had just come.
 */
#include "sink/log_vpc_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/hash.h"

static void on_full(void *arg)
{
	sink_vpc_write(arg);
}

static int copy_interfaces(struct sink_vpc *v, const struct vpc_config *c)
{
	v->interfaces = calloc(c->n_interfaces + 1, sizeof(*v->interfaces));
	for (size_t i = 0; v->interfaces && i < c->n_interfaces; i++) {
		struct vpc_interface_id *copy = &v->interfaces[v->n_interfaces++];

		copy->iface = strdup(c->interfaces[i].iface);
		copy->id = strdup(c->interfaces[i].id);
		if (!copy->iface || !copy->id)
			return -ENOMEM;
	}
	return v->interfaces ? 0 : -ENOMEM;
}

static int copy_config(struct sink_vpc *v, const struct vpc_config *c)
{
	v->interval_ns = c->interval_ns;
	v->folder = c->directory;
	v->period_s = c->period_s;
	v->spool = (struct vpc_spool) VPC_SPOOL_NULL;
	vpc_book_init(&v->book, &c->format, c->max_lines);
	v->book.full = on_full;
	v->book.arg = v;
	v->account = c->account ? strdup(c->account) : NULL;
	v->region = c->region ? strdup(c->region) : NULL;
	if (copy_interfaces(v, c) < 0 || !v->account != !c->account || !v->region != !c->region)
		return fail(-ENOMEM, "cannot open the flow log");
	return 0;
}

/* As AWS's look: fl- and 17 digits, the same whenever this is started. */
static const char *make_flow_log_id(const struct vpc_config *c, char *buf, size_t size)
{
	char host[256] = "";
	uint64_t hash;

	gethostname(host, sizeof(host) - 1);
	hash = fnv1a(fnv1a(FNV1A_BEGIN, host, strlen(host)), c->directory, strlen(c->directory));
	snprintf(buf, size, "fl-0%016llx", (unsigned long long)hash);
	return buf;
}

static int open_dest(struct sink_vpc *v, const struct vpc_config *c, const char *id, const char *head)
{
	const struct vpc_dest_config dest = {
		.file = c->file,
		.directory = c->directory,
		.head = c->header ? head : NULL,
		.flow_log_id = id,
		.gzip = c->gzip,
		.per_hour = c->per_hour,
		.hive = c->hive,
		.period_s = c->period_s,
		.alone = c->keep,
	};

	return vpc_dest_new(&dest, &v->dest);
}

/* What a killed writer had not written yet. */
static int take_over(struct sink_vpc *v)
{
	struct vpc_spool_header old, now = v->header;
	int64_t size = 0;
	int r;

	vpc_dest_where(v->dest, &now.dev, &now.ino, &size);
	if (vpc_spool_header(&v->spool, &old) == 0) {
		v->book.ended = old.ended;
		if (!v->folder && old.words == now.words && old.dev == now.dev &&
		    old.ino == now.ino && size > old.base)
			v->skip = size - old.base;
	}
	r = vpc_spool_read(&v->spool, sink_vpc_enter, v);
	if (r < 0 && r != -ENOENT)
		return r;
	sink_vpc_write(v);
	if (v->book.tried) {
		sink_vpc_set_base(v);
		return 0;
	}
	v->skip = 0;
	if (!v->folder || !vpc_dest_is_open(v->dest))
		r = sink_vpc_begin_anew(v);
	else
		v->spool_err = r = vpc_spool_set(&v->spool, &v->header);
	/* Of a disk that is full this is no end: its spool begins when there is room. */
	if (r == -ENOSPC || r == -EDQUOT || r == -EFBIG)
		return 0;
	return r < 0 ? fail(r, "cannot write '%s'", v->spool.path) : 0;
}

static int open_spool(struct sink_vpc *v, const struct vpc_config *c, const char *id)
{
	_cleanup_(strbuf_deinit) struct strbuf path = STRBUF_NULL;

	if (!c->keep || (c->file && strcmp(c->file, "stdout") == 0))
		return 0;
	if (c->directory)
		strbuf_printf(&path, "%s/.flowctl-%s.spool", c->directory, id);
	else
		strbuf_printf(&path, "%s.spool", c->file);
	return path.failed ? fail(-ENOMEM, "cannot open the flow log") :
			     vpc_spool_open(&v->spool, path.data);
}

/* The spool first: its lock says that nobody else writes here. */
static int open_parts(struct sink_vpc *v, const struct vpc_config *c, const char *head)
{
	const char *id = c->flow_log_id;
	char made[32];
	int r = 0;

	if (c->directory && !id)
		id = make_flow_log_id(c, made, sizeof(made));
	if (c->directory && mkdir(c->directory, 0755) < 0 && errno != EEXIST)
		return fail(-errno, "cannot make the folder '%s'", c->directory);
	v->header.words = fnv1a(FNV1A_BEGIN, head, strlen(head));
	r = open_spool(v, c, id);
	if (r == 0)
		r = open_dest(v, c, id, head);
	return r < 0 || v->spool.fd < 0 ? r : take_over(v);
}

int sink_vpc_new(const struct vpc_config *config, struct sink **ret)
{
	_cleanup_(strbuf_deinit) struct strbuf head = STRBUF_NULL;
	struct sink_vpc *v = calloc(1, sizeof(*v));
	int r;

	if (!v)
		return fail(-ENOMEM, "cannot open the flow log");
	v->sink.ops = &sink_vpc_ops;
	snprintf(v->sink.label, sizeof(v->sink.label), "log:%s",
		 config->file ? config->file : config->directory);
	vpc_format_header(&head, &config->format);
	r = head.failed ? fail(-ENOMEM, "cannot open the flow log") : copy_config(v, config);
	if (r == 0)
		r = open_parts(v, config, head.data);
	if (r < 0) {
		sink_vpc_free(v);
		return r;
	}
	*ret = &v->sink;
	return 0;
}

void sink_vpc_free(struct sink_vpc *v)
{
	vpc_spool_close(&v->spool);
	vpc_dest_free(v->dest);
	vpc_book_deinit(&v->book);
	strbuf_deinit(&v->entries);
	strbuf_deinit(&v->open_text);
	strbuf_deinit(&v->strings);
	for (size_t i = 0; i < v->n_interfaces; i++) {
		free((char *)v->interfaces[i].iface);
		free((char *)v->interfaces[i].id);
	}
	free(v->interfaces);
	free(v->account);
	free(v->region);
	free(v);
}
