/* SPDX-License-Identifier: Apache-2.0 */
/* The addresses whose names are known or asked for: of fixed size, by least recent use. */
#ifndef FLOWCTL_ENRICH_HOSTNAME_CACHE_H
#define FLOWCTL_ENRICH_HOSTNAME_CACHE_H

#include <stdbool.h>
#include <stdint.h>

struct hostname_key {
	uint8_t family;		/* 4 or 6 */
	uint8_t addr[16];	/* of IPv4 the first 4, the rest 0 */
};

struct hostname_entry {
	struct hostname_key key;
	char *name;		/* or NULL: none, as far as it is known */
	uint64_t until_ns;	/* CLOCK_BOOTTIME: to be asked for again; 0 = never was */
	bool asked;		/* a question is under way */
	uint32_t next, newer, older;	/* in its bucket, and by use; HOSTNAME_NONE at the end */
};

#define HOSTNAME_NONE 0xffffffff
struct hostname_cache {
	struct hostname_entry *v;
	uint32_t *buckets;
	uint32_t n, max, mask;
	uint32_t newest, oldest;
};

/* 0 or -ENOMEM without a sentence. */
int hostname_cache_init(struct hostname_cache *c, uint32_t max);
void hostname_cache_deinit(struct hostname_cache *c);
/* The entry of @key, now the most recently used; NULL when there is none. */
struct hostname_entry *hostname_cache_find(struct hostname_cache *c, const struct hostname_key *key);
/* A new one, for which the least recently used may have to go. @key is not there yet. */
struct hostname_entry *hostname_cache_add(struct hostname_cache *c, const struct hostname_key *key);

#endif
