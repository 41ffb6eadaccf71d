// SPDX-License-Identifier: Apache-2.0
/*
 * Which interface of the cloud a record crossed is told by the MAC of the interface it was metered
 * at. It is looked up when names are, about once a second, and whenever the cloud said something
 * new: a record takes a pointer and no more.
 */
#include <string.h>

#include "agent/internal.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/strbuf.h"

#define START_NS (500 * NSEC_PER_MSEC)

static const enum cloud_enabled enabled[] = {
	[CONF_AWS_AUTO] = CLOUD_AUTO, [CONF_AWS_ON] = CLOUD_ON, [CONF_AWS_OFF] = CLOUD_OFF,
};

int cloud_configure(struct cloud **c, const struct conf *conf)
{
	const struct cloud_options options = {
		.enabled = enabled[conf->aws.enabled],
		.refresh_ns = conf->aws.refresh_ns,
		.endpoint = conf->aws.endpoint,
	};

	return cloud_change(c, &options);
}

/* An answer that comes at once is there for the first records. */
int cloud_begin(struct cloud **c, const struct conf *conf)
{
	int r = cloud_configure(c, conf);

	if (r == 0)
		cloud_wait(*c, START_NS);
	return r;
}

void cloud_fill(struct cloud *c, struct record_names *names)
{
	for (size_t i = 0; i < names->n_links; i++)
		names->links[i].cloud = cloud_find(c, names->links[i].mac);
}

static void tell_all(struct cloud *c)
{
	_cleanup_(strbuf_deinit) struct strbuf all = STRBUF_NULL;
	char *line, *rest;

	if (log_level() < LOG_LEVEL_DEBUG)
		return;
	cloud_describe(c, &all);
	for (line = all.data; line && *line; line = rest) {
		rest = line + strcspn(line, "\n");
		if (*rest)
			*rest++ = '\0';
		log_debug("%s", line);
	}
}

void cloud_tick(struct agent *a)
{
	_cleanup_(strbuf_deinit) struct strbuf text = STRBUF_NULL;
	enum cloud_news news = cloud_news(a->cloud, &text);

	if (news == CLOUD_TROUBLE)
		log_warning("%s", strbuf_str(&text));
	else if (news == CLOUD_QUIET)
		log_debug("%s", strbuf_str(&text));
	if (news != CLOUD_KNOWN && news != CLOUD_CHANGED)
		return;
	log_info("%s", strbuf_str(&text));
	tell_all(a->cloud);
	for (size_t i = 0; i < a->n_tables; i++)
		cloud_fill(a->cloud, &a->tables[i].names);
}
