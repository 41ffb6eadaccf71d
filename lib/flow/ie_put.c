// SPDX-License-Identifier: Apache-2.0
/*
 * The value of an element in a record, as it goes on the wire (RFC 7011 6). Whatever is a
 * number is first made one number; only then is its length looked at. What the compiled
 * templates of lib/ipfix/encode.c do at once for a whole record is measured against this.
 */
#include <string.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "flow/ie.h"

/*
 * NTP time: 32 bits of seconds since 1900 (era 0; they wrap in 2036, as the RFC says) and
 * 32 of a binary fraction. The fraction is rounded up to @step, a power of two: a reader
 * who cuts to decimal digits then gets back the very @unit the value was made of.
 */
#define NTP_UNIX_S UINT64_C(2208988800)

static uint64_t ntp(uint64_t ns, uint64_t unit_ns, uint64_t step)
{
	uint64_t units = ns % NSEC_PER_SEC / unit_ns, per_s = NSEC_PER_SEC / unit_ns;
	uint64_t fraction = ((units << 32) + per_s - 1) / per_s;

	fraction = (fraction + step - 1) & ~(step - 1);
	return (ns / NSEC_PER_SEC + NTP_UNIX_S) << 32 | (uint32_t)fraction;
}

static uint64_t number(const struct ie *e, const struct record *r)
{
	const uint8_t *at = (const uint8_t *)r + e->offset;
	uint16_t u16;
	uint32_t u32;
	uint64_t u64;

	if (e->get)
		return e->get(r);
	switch (e->type) {
	case IE_U8:
		return at[0] >> e->shift;
	case IE_BE16:
		return at[0] << 8 | at[1];
	case IE_U16:
		memcpy(&u16, at, sizeof(u16));
		return u16 & ~e->without;
	case IE_U32:
		memcpy(&u32, at, sizeof(u32));
		return u32 & ~(uint32_t)e->without;
	default:
		memcpy(&u64, at, sizeof(u64));
	}
	switch (e->type) {
	case IE_SEC:
		return (uint32_t)(u64 / NSEC_PER_SEC);
	case IE_MSEC:
		return u64 / NSEC_PER_MSEC;
	case IE_NTP_US:		/* the 11 low bits are 0 */
		return ntp(u64, NSEC_PER_USEC, 1 << 11);
	case IE_NTP_NS:
		return ntp(u64, 1, 1);
	default:
		return u64;
	}
}

static void put_number(const struct ie_field *f, uint64_t v, uint8_t *out)
{
	if (f->len_bytes < sizeof(v) && f->ie->semantics != IE_FLAGS && v >> 8 * f->len_bytes)
		v = UINT64_MAX;
	for (size_t i = f->len_bytes; i--; v >>= 8)
		out[i] = v;
}

/* Linux takes any bytes for a name, IPFIX UTF-8 only (RFC 7011 6.1.6). */
static size_t put_text(const struct ie_field *f, const char *s, uint8_t *out)
{
	bool is_long = f->ie->max_bytes > IE_STRING_MAX;
	size_t n;

	if (f->len_bytes != IE_VARLEN) {
		n = utf8_copy(out, f->len_bytes, s);
		memset(out + n, 0, f->len_bytes - n);
		return f->len_bytes;
	}
	n = utf8_copy(out + 1, f->ie->max_bytes - (is_long ? 3 : 1), s);
	if (n < 255) {
		out[0] = n;
		return n + 1;
	}
	memmove(out + 3, out + 1, n);
	out[0] = 255;
	put_be16(out + 1, n);
	return n + 3;
}

static const char *text(const struct ie *e, const struct record *r)
{
	const char *s;

	if (e->get_text)
		return e->get_text(r);
	memcpy(&s, (const char *)r + e->offset, sizeof(s));
	return s;
}

size_t ie_put(const struct ie_field *f, const struct record *r, uint8_t *out)
{
	const struct ie *e = f->ie;
	bool open = !(e->applies & IE_GATES & ~ie_record_applies(r));
	const char *s = NULL;

	if (open && e->reverse)
		r = r->reverse;
	if (e->type == IE_STRING) {
		if (open)
			s = text(e, r);
		return put_text(f, s ? s : "", out);
	}
	if (!open)
		memset(out, 0, f->len_bytes);
	else if (e->type == IE_IPV4 || e->type == IE_IPV6 || e->type == IE_MAC)
		memcpy(out, (const uint8_t *)r + e->offset, f->len_bytes);
	else
		put_number(f, number(e, r), out);
	return f->len_bytes;
}
