/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an element that was received is called and how its value reads: by the IANA registry,
 * by RFC 5103 for the other direction, or by what the exporter told of its own (RFC 5610).
 */
#ifndef FLOWCTL_COLLECT_ELEMENT_H
#define FLOWCTL_COLLECT_ELEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ELEMENT_REVERSE_PEN 29305 /* RFC 5103 6.1 */
#define ELEMENT_NAME_MAX    96	  /* with the final 0 */
#define ELEMENTS_MAX	    1024  /* that one session may tell of */

struct element {
	uint32_t pen;
	uint16_t id;
	uint8_t type; /* enum ie_data */
	char name[ELEMENT_NAME_MAX];
};

/* Those that a session told of, by pen and id. Zeroed is empty. */
struct element_table {
	struct element *v;
	size_t n, cap;
};

void element_table_deinit(struct element_table *t);
/*
 * Note what an exporter said. @name: @len octets, not terminated. 1: something changed, 0: known
 * already; -EINVAL: no name, not one of letters, digits, '_', '.' and '-', a registered
 * element's name or number, or no type; -EEXIST: another element has that name; -ENOSPC, -ENOMEM.
 */
int element_learn(struct element_table *t, uint32_t pen, uint16_t id, unsigned type,
		  const uint8_t *name, size_t len);

struct element_info {
	uint8_t type; /* DATA_OCTETS where unknown */
	bool known;
	char name[ELEMENT_NAME_MAX]; /* "octetDeltaCount", "reverseOctetDeltaCount", "ie40000",
					"pen6871.14" */
};
/* Always gives a name. @t may be NULL. */
void element_info(const struct element_table *t, uint32_t pen, uint16_t id,
		  struct element_info *ret);

#endif
