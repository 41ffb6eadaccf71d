/* SPDX-License-Identifier: Apache-2.0 */
/* FNV-1a, 64 bits: the same number on every machine and in every release, so it may be kept. */
#ifndef FLOWCTL_BASE_HASH_H
#define FLOWCTL_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define FNV1A_BEGIN UINT64_C(0xcbf29ce484222325)

/* @h, FNV1A_BEGIN at first, with @n bytes more. */
static inline uint64_t fnv1a(uint64_t h, const void *data, size_t n)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * UINT64_C(0x100000001b3);
	return h;
}

#endif
