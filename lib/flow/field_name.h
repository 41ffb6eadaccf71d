/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of a flow that are there only when somebody asks for them: names of its two ends. */
#ifndef FLOWCTL_FLOW_FIELD_NAME_H
#define FLOWCTL_FLOW_FIELD_NAME_H

#include <stdbool.h>
#include <stdint.h>

#include "flow/field.h"

/*
 * Who knows the names of addresses. @addr: 4 or 16 bytes by @family (4, 6). False: not known, or
 * not yet. It answers at once, with at most @size - 1 printable characters.
 */
typedef bool (*field_resolve_fn)(void *arg, uint8_t family, const uint8_t *addr, char *buf,
				 size_t size);
/* For all that is printed from now on; NULL: nobody, and the keys are null. */
void field_set_resolver(field_resolve_fn fn, void *arg);

/* What @addr is called, as above. */
bool field_addr_name(uint8_t family, const uint8_t *addr, char *buf, size_t size);
/* The name of an end of @r, as above. */
bool field_src_name(const struct record *r, char *buf, size_t size);
bool field_dst_name(const struct record *r, char *buf, size_t size);

/* Getters of lib/flow/field.c. */
void field_name_src(const struct record *r, struct field_value *v);
void field_name_dst(const struct record *r, struct field_value *v);

#endif
