/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers between host order and network order at any address, as messages need them. */
#ifndef FLOWCTL_BASE_BYTES_H
#define FLOWCTL_BASE_BYTES_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline void put_be16(uint8_t *out, uint16_t v)
{
	v = htobe16(v);
	memcpy(out, &v, sizeof(v));
}

static inline void put_be32(uint8_t *out, uint32_t v)
{
	v = htobe32(v);
	memcpy(out, &v, sizeof(v));
}

static inline void put_be64(uint8_t *out, uint64_t v)
{
	v = htobe64(v);
	memcpy(out, &v, sizeof(v));
}

static inline uint16_t get_be16(const uint8_t *in)
{
	uint16_t v;

	memcpy(&v, in, sizeof(v));
	return be16toh(v);
}

static inline uint32_t get_be32(const uint8_t *in)
{
	uint32_t v;

	memcpy(&v, in, sizeof(v));
	return be32toh(v);
}

static inline uint64_t get_be64(const uint8_t *in)
{
	uint64_t v;

	memcpy(&v, in, sizeof(v));
	return be64toh(v);
}

#endif
