/* SPDX-License-Identifier: Apache-2.0 */
/* The values of a basicList (RFC 6313 4.5.1), and whether structured data is well formed. */
#ifndef FLOWCTL_COLLECT_LIST_H
#define FLOWCTL_COLLECT_LIST_H

#include "collect/schema.h"

struct list {
	uint8_t semantic; /* RFC 6313 4.4; 255 undefined, 3 allOf, 4 ordered ... */
	struct element_info element;
	struct schema_field field;
	struct wire w;
};

/*
 * The head of the list in @data; @learnt may be NULL. False: it is not well formed, or its
 * elements have no length. @l must stay where it is while values of it are used.
 */
bool list_open(struct list *l, const uint8_t *data, size_t len, const struct element_table *learnt);
/* The next value; false at the end. */
bool list_next(struct list *l, struct schema_value *ret);

/* Do the lengths within a list of @type (DATA_LIST, DATA_STL or DATA_STML) fit? */
bool list_is_sound(unsigned type, const uint8_t *data, size_t len);

#endif
