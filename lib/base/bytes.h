/* SPDX-License-Identifier: Apache-2.0 */
/* Host-order numbers to network order at any address, as encoders need them. */
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

#endif
