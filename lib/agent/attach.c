// SPDX-License-Identifier: Apache-2.0
/*
 * The meters that the configuration names. Links and namespaces may appear later than the
 * agent, so they are looked for once a second; attaching is tried when a link came, and not
 * again and again. A namespace is named as on the command line, or by a glob of names.
 */
#include "agent/internal.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "kernel/meter.h"
#include "kernel/rtnl.h"

/* Every namespace there is, and by meter the cookie of the one it means, 0 = go by its name. */
struct places {
	bool narrowed;		/* to one, by the command line */
	uint64_t only;		/* 0 = it is not there */
	struct netns *list;
	size_t n;
	uint64_t *meant;
};

static void told_change(const struct meter_change *change, void *arg)
{
	if (change->changed)
		log_info("metering %s:%s:%s", change->netns, change->iface,
			 flow_direction_name(change->direction));
}

static bool is_path(const char *spec)
{
	return strchr(spec, '/') || strncmp(spec, "pid:", strlen("pid:")) == 0;
}

/* One that is not there yet is no error. */
static uint64_t cookie_of(const char *spec)
{
	_cleanup_(netns_close) struct netns ns = NETNS_NULL;

	if (netns_open(spec, &ns) < 0) {
		error_clear();
		return 0;
	}
	return ns.cookie;
}

static void places_deinit(struct places *p)
{
	netns_list_free(p->list, p->n);
	free(p->meant);
	*p = (struct places) { 0 };
}

static int places_init(struct places *p, const struct conf *conf, const char *only)
{
	int r;

	*p = (struct places) { .narrowed = only };
	if (only)
		p->only = cookie_of(only);
	r = netns_list(&p->list, &p->n);
	if (r < 0)
		return r;
	p->meant = calloc(conf->n_meters, sizeof(*p->meant));
	if (!p->meant) {
		places_deinit(p);
		return fail(-ENOMEM, "cannot find the namespaces to meter");
	}
	for (size_t i = 0; i < conf->n_meters; i++) {
		const char *spec = conf->meters[i].netns;

		if (!spec || is_path(spec))
			p->meant[i] = cookie_of(spec);
	}
	return 0;
}

static bool netns_matches(const struct places *p, const struct conf *conf, size_t meter,
			  const struct netns *ns)
{
	const char *spec = conf->meters[meter].netns;

	if (p->narrowed && ns->cookie != p->only)
		return false;
	if (!spec || is_path(spec))
		return p->meant[meter] == ns->cookie;
	return fnmatch(spec, ns->name, 0) == 0;
}

static bool link_matches(const struct conf_meter *m, const struct link *l)
{
	if (l->loopback && strcmp(m->name, l->name) != 0)
		return false;
	return fnmatch(m->name, l->name, 0) == 0;
}

static void attach_one(const struct conf *conf, const struct conf_meter *m, const struct netns *ns)
{
	const char *names[] = { m->name };
	struct meter_options options = {
		.ingress = m->direction != CONF_EGRESS,
		.egress = m->direction != CONF_INGRESS,
		.hook = m->hook ? hook_kind_by_name(m->hook) : -1,
		.xdp_mode = hook_xdp_mode_by_name(m->xdp_mode),
		.pref = 100,
		.handle = 1,
		.max_flows = m->max_flows,
		.spread = m->spread,
		.sample = m->sample,
		.forward = conf->metrics.forward ? conf->metrics.forward : METER_FORWARD_OFF,
		.tcp_metrics = m->tcp_metrics,
		.max_connections = m->max_connections,
		.decap = m->decap_given ? &m->decap : NULL,
	};
	_cleanup_(freep) char *warning = NULL;

	if (meter_attach(ns, names, 1, &options, told_change, NULL, NULL, &warning) < 0)
		log_warning("cannot meter %s:%s: %s", ns->name, m->name, error_message());
	else if (warning)
		log_warning("%s", warning);
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	return (h ^ v) * UINT64_C(0x100000001B3);
}

/* A number that changes when a link of interest appears; links are attached to when it does. */
static uint64_t fingerprint(const struct places *p, const struct conf *conf)
{
	uint64_t h = 1;

	for (size_t i = 0; i < p->n; i++) {
		_cleanup_(freep) struct link *links = NULL;
		size_t n_links = 0;

		if (rtnl_links(p->list[i].fd, &links, &n_links) < 0)
			continue;
		for (size_t l = 0; l < n_links; l++) {
			for (size_t m = 0; m < conf->n_meters; m++) {
				if (netns_matches(p, conf, m, &p->list[i]) &&
				    link_matches(&conf->meters[m], &links[l]))
					h = mix(mix(mix(h, p->list[i].cookie), links[l].ifindex), m);
			}
		}
	}
	return h;
}

static bool has_link(const struct conf_meter *m, const struct netns *ns)
{
	_cleanup_(freep) struct link *links = NULL;
	size_t n = 0;

	if (rtnl_links(ns->fd, &links, &n) < 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (link_matches(m, &links[i]))
			return true;
	}
	return false;
}

void attach_configured(struct agent *a)
{
	_cleanup_(places_deinit) struct places p = { 0 };
	uint64_t seen;

	if (!a->conf->n_meters)
		return;
	if (places_init(&p, a->conf, a->netns) < 0) {
		log_warning("%s", error_message());
		return;
	}
	seen = fingerprint(&p, a->conf);
	for (size_t m = 0; seen != a->meters_seen && m < a->conf->n_meters; m++) {
		for (size_t i = 0; i < p.n; i++) {
			if (netns_matches(&p, a->conf, m, &p.list[i]) &&
			    has_link(&a->conf->meters[m], &p.list[i]))
				attach_one(a->conf, &a->conf->meters[m], &p.list[i]);
		}
	}
	a->meters_seen = seen;
}
