/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names of interfaces that an exporter tells as options data (interfaceName, 82, or
 * interfaceDescription, 83, of an ingressInterface), by domain.
 */
#ifndef FLOWCTL_COLLECT_INTERFACES_H
#define FLOWCTL_COLLECT_INTERFACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collect/schema.h"

#define INTERFACES_MAX	   4096 /* of a domain */
#define INTERFACE_NAME_MAX 59	/* octets; what is longer is cut */

struct interface {
	uint32_t number;
	uint8_t len; /* of the name */
	uint8_t name[INTERFACE_NAME_MAX];
};

/* By number. Zeroed is empty. */
struct interfaces {
	struct interface *v;
	size_t n, cap;
};

void interfaces_deinit(struct interfaces *t);
/* The bytes that one name more may take. */
size_t interfaces_growth(const struct interfaces *t);
/* Note it, in the place of what it was called before, if there is room. The bytes it took. */
size_t interfaces_learn(struct interfaces *t, uint32_t number, const uint8_t *name, size_t len);
/* NULL: nobody told. */
const struct interface *interfaces_find(const struct interfaces *t, uint32_t number);

/* Do records of it tell names? */
bool interfaces_tells(const struct schema *s);
/* Is the value of it the number of an interface? Of the first of its kind in a record. */
bool interfaces_is_number(const struct schema_field *f);
/* What a record of such a schema tells. False: nothing. */
bool interfaces_read(const struct schema *s, const uint8_t *data, size_t len, uint32_t *ret_number,
		     struct schema_value *ret_name);

#endif
