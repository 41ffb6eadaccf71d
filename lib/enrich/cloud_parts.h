/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of cloud.h share. */
#ifndef FLOWCTL_ENRICH_CLOUD_PARTS_H
#define FLOWCTL_ENRICH_CLOUD_PARTS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "enrich/cloud.h"

/* ---- cloud_settings.c: options, environment and machine */

#define CLOUD_ENDPOINTS_MAX 2

struct cloud_settings {
	bool on;
	bool quiet;		/* CLOUD_AUTO */
	uint64_t refresh_ns;
	char *endpoints[CLOUD_ENDPOINTS_MAX];	/* URLs without a '/' at the end, to be tried */
	size_t n;
};
/* fail_usage(): an endpoint or a mode that cannot be. */
int cloud_settings_init(struct cloud_settings *s, const struct cloud_options *options);
void cloud_settings_deinit(struct cloud_settings *s);
bool cloud_settings_equal(const struct cloud_settings *a, const struct cloud_settings *b);
/* Can this be a machine of EC2? What its firmware says below @sys ("/sys"); asks nobody. */
bool cloud_place_is_ec2(const char *sys);

/* ---- cloud_curl.c, or cloud_none.c: HTTP */

/* Of one answer; what is longer is refused. */
#define CLOUD_BODY_MAX (16 * 1024)

struct cloud_http;

struct cloud_request {
	bool put;		/* else GET */
	const char *url;
	const char *header;	/* "Name: value" */
	uint64_t timeout_ns;	/* of all of it */
};
/* Is there a library? 0, or fail_system(). Not for two threads at a time. */
int cloud_http_load(void);
int cloud_http_open(struct cloud_http **ret);
void cloud_http_close(struct cloud_http *h);
/* Let what goes on and all that comes end with -ECANCELED. Any thread may. */
void cloud_http_stop(struct cloud_http *h);
/*
 * Ask, and wait. @body is emptied first; CLOUD_BODY_MAX at most. -EHOSTUNREACH: nobody is there;
 * -ETIMEDOUT; -EPROTO: what came is no answer; the sentences do not name the URL.
 */
int cloud_http_ask(struct cloud_http *h, const struct cloud_request *q, struct strbuf *body,
		   long *ret_status);

/* ---- cloud_imds.c: the metadata service, version 2 */

#define IMDS_INTERFACES_MAX 256
#define IMDS_TOKEN_MAX 1024

/* Every string may be NULL: not known. */
struct imds_interface {
	uint8_t mac[6];
	char *owner, *interface, *subnet, *vpc;
	char *device;			/* number of its place on the machine */
	char *ipv4s, *ipv6s;		/* addresses, blanks between */
};

struct imds_facts {
	char *account, *instance, *region, *az, *az_id;
	struct imds_interface *v;	/* as the service lists them */
	size_t n;
};
void imds_facts_deinit(struct imds_facts *f);

struct imds {
	struct cloud_http *http;
	const struct cloud_settings *settings;
	size_t at;			/* endpoint that answered last */
	char token[IMDS_TOKEN_MAX + 1];	/* "" = none */
	uint64_t token_until_ns;	/* CLOCK_BOOTTIME */
	uint64_t deadline_ns;		/* CLOCK_BOOTTIME, of the asking at hand */
	size_t budget;			/* bytes it may still bring */
	bool renewed;			/* its token was refused once */
};
/*
 * Ask for everything once, in bounded time. 0, or fail(), and nothing is given: of one who
 * answers nonsense nothing is taken. -ECANCELED: it was stopped.
 */
int imds_ask(struct imds *s, struct imds_facts *ret);

/* ---- cloud_value.c: is that what it says it is? */

struct value_rule {
	const char *name;	/* last part of the path */
	const char *prefix;	/* "" = none */
	const char *chars;	/* that may follow */
	size_t min, max;	/* how many of them */
};
extern const struct value_rule value_token, value_account, value_instance, value_region, value_zone,
	value_zone_id, value_interface, value_subnet, value_vpc, value_device;
/* Without a newline at the end, which is cut off @s. */
bool value_is_good(const struct value_rule *rule, char *s);
/* Lines of addresses of @family, made into one line. */
bool value_join_addresses(int family, char *s);
/* "0e:49:61:0f:c3:11/"; the slash may be missing. */
bool value_parse_mac(const char *s, uint8_t ret[6]);

/* ---- cloud_pool.c: what was given away is kept */

/* Of all that was ever said: who lies anew each time shall not fill the memory. */
#define CLOUD_POOL_MAX (1024 * 1024)

struct cloud_pool {
	struct pool_string *strings;
	struct pool_record *records;
	size_t bytes;
	bool failed;		/* no room: what was returned since is NULL */
};
void cloud_pool_deinit(struct cloud_pool *p);
/* The same string, kept until deinit. NULL of NULL. */
const char *cloud_pool_string(struct cloud_pool *p, const char *s);
/* The same record, whose strings are of this pool. */
const struct record_cloud *cloud_pool_record(struct cloud_pool *p, const struct record_cloud *r);

/* ---- cloud_snapshot.c: what is known at one time; never changed */

struct cloud_interface {
	uint8_t mac[6];
	const struct record_cloud *cloud;	/* of the pool */
};
struct cloud_snapshot {
	const struct record_cloud *machine;	/* of the pool */
	struct cloud_interface *v;
	size_t n;
	char *text;				/* cloud_describe() */
};
/* fail(): no memory, or no more room in the pool. */
int cloud_snapshot_new(const struct imds_facts *facts, struct cloud_pool *pool,
		       struct cloud_snapshot **ret);
void cloud_snapshot_free(struct cloud_snapshot *s);
const struct record_cloud *cloud_snapshot_find(const struct cloud_snapshot *s,
					       const uint8_t mac[6]);

/* ---- cloud.c: what all of them share, held by who opened it and by each thread that asks */

struct cloud {
	pthread_mutex_t writing;	/* taken before lock: the pool, and who may publish */
	struct cloud_pool pool;
	pthread_mutex_t lock;		/* what follows */
	pthread_cond_t changed;		/* of CLOCK_MONOTONIC */
	int holders;
	struct cloud_asker *asker;	/* NULL: nobody asks */
	struct cloud_snapshot *now;	/* NULL: nothing is known */
	bool answered;			/* once, or there was trouble */
	enum cloud_news news;
	char trouble[256];		/* the one at hand, "" = none */
};
/* No more of it for this holder; the last one frees it. */
void cloud_let_go(struct cloud *c);

/* ---- cloud_asker.c: the thread that asks */

struct cloud_asker {
	struct cloud *cloud;
	struct cloud_settings settings;
	struct imds imds;
	uint64_t retry_ns;
	/* Under the cloud's lock: */
	bool stop, done, left_behind;
};
/* *@settings is moved from. 0 or fail(). */
int cloud_asker_start(struct cloud *c, struct cloud_settings *settings, struct cloud_asker **ret);
/* End it, and free it unless it is left behind. NULL is fine. */
void cloud_asker_stop(struct cloud_asker *a);

#endif
