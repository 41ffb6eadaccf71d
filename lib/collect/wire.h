/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cursor over bytes that somebody sent. Every read is bounds-checked here and nowhere else:
 * what does not fit is refused and leaves the cursor where it was.
 */
#ifndef FLOWCTL_COLLECT_WIRE_H
#define FLOWCTL_COLLECT_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wire {
	const uint8_t *p, *end;	/* p <= end */
};

/* Big-endian numbers of @len octets (1 to 8) at any address. */
static inline uint64_t wire_be(const uint8_t *p, size_t len)
{
	uint64_t v = 0;

	for (size_t i = 0; i < len; i++)
		v = v << 8 | p[i];
	return v;
}

static inline uint16_t wire_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t wire_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t wire_be64(const uint8_t *p)
{
	return (uint64_t)wire_be32(p) << 32 | wire_be32(p + 4);
}

static inline struct wire wire_of(const uint8_t *data, size_t len)
{
	return (struct wire) { data, data + len };
}

static inline size_t wire_left(const struct wire *w)
{
	return (size_t)(w->end - w->p);
}

/* The next @len octets; false: there are not so many. */
static inline bool wire_take(struct wire *w, size_t len, const uint8_t **ret)
{
	if (wire_left(w) < len)
		return false;
	*ret = w->p;
	w->p += len;
	return true;
}

static inline bool wire_u8(struct wire *w, uint8_t *ret)
{
	const uint8_t *p;

	if (!wire_take(w, 1, &p))
		return false;
	*ret = *p;
	return true;
}

static inline bool wire_u16(struct wire *w, uint16_t *ret)
{
	const uint8_t *p;

	if (!wire_take(w, 2, &p))
		return false;
	*ret = wire_be16(p);
	return true;
}

static inline bool wire_u32(struct wire *w, uint32_t *ret)
{
	const uint8_t *p;

	if (!wire_take(w, 4, &p))
		return false;
	*ret = wire_be32(p);
	return true;
}

/* The length in front of a variable-length value: one octet, or 255 and two more (RFC 7011 7). */
static inline bool wire_varlen(struct wire *w, size_t *ret)
{
	struct wire at = *w;
	uint16_t longer;
	uint8_t shorter;

	if (!wire_u8(&at, &shorter))
		return false;
	*ret = shorter;
	if (shorter == 255) {
		if (!wire_u16(&at, &longer))
			return false;
		*ret = longer;
	}
	*w = at;
	return true;
}

#endif
