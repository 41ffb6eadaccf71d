// SPDX-License-Identifier: Apache-2.0
/*
 * A value by its type (RFC 7011 6.1). What has a length that its type cannot have is shown as
 * it came, in hexadecimal: a wrong value would be worse.
 */
#include <math.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "flow/ie_registry.h"
#include "collect/list.h"
#include "collect/show.h"
#include "collect/show_text.h"

enum { DEPTH = 4, SECONDS_A_DAY = 86400 };
/* From NTP's epoch, 1900, to 1970; its era 1 begins in 2036 (RFC 5905 6). */
#define NTP_TO_UNIX UINT64_C(2208988800)
#define NTP_ERA	    (UINT64_C(1) << 32)

/* Days since 1970 to a date, by counting in years that begin in March. */
static void put_date(char *out, uint32_t days)
{
	uint32_t z = days + 719468, era = z / 146097, doe = z % 146097;
	uint32_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	uint32_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
	uint32_t month = mp < 10 ? mp + 3 : mp - 9;

	out = show_digits(out, yoe + era * 400 + (month <= 2), 4);
	*out++ = '-';
	out = show_digits(out, month, 2);
	*out++ = '-';
	show_digits(out, doy - (153 * mp + 2) / 5 + 1, 2);
}

char *show_time(struct show *s, char *out, uint64_t seconds, uint32_t fraction, unsigned digits)
{
	uint32_t day = (uint32_t)(seconds / SECONDS_A_DAY),
		 rest = (uint32_t)(seconds % SECONDS_A_DAY);

	if (s->day != day + 1) {
		put_date(s->day_text, day);
		s->day = day + 1;
	}
	out = show_put(out, s->day_text, sizeof(s->day_text));
	*out++ = 'T';
	out = show_digits(out, rest / 3600, 2);
	*out++ = ':';
	out = show_digits(out, rest / 60 % 60, 2);
	*out++ = ':';
	out = show_digits(out, rest % 60, 2);
	if (digits) {
		*out++ = '.';
		out = show_digits(out, fraction, digits);
	}
	*out++ = 'Z';
	return out;
}

static char *quoted_hex(char *out, const struct schema_value *v, bool json)
{
	if (json)
		*out++ = '"';
	out = show_hex(out, v->data, v->len);
	if (json)
		*out++ = '"';
	return out;
}

static char *put_ntp(struct show *s, char *out, const uint8_t *p, unsigned digits)
{
	uint64_t seconds = wire_be32(p), scale = digits == 6 ? 1000000 : 1000000000, parts;

	/* To the nearest: an exporter cuts off when it makes the fraction. */
	parts = (wire_be32(p + 4) * scale + (UINT64_C(1) << 31)) >> 32;
	seconds += (seconds < NTP_TO_UNIX ? NTP_ERA : 0) + parts / scale;
	return show_time(s, out, seconds - NTP_TO_UNIX, (uint32_t)(parts % scale), digits);
}

/* Years of four digits: what lies beyond is shown as the number it is. */
static bool has_date(uint64_t seconds)
{
	return seconds < UINT64_C(253402300800);
}

static char *put_timestamp(struct show *s, char *out, const struct schema_value *v)
{
	uint64_t ms;

	switch (v->field->type) {
	case DATA_SEC:
		return show_time(s, out, wire_be32(v->data), 0, 0);
	case DATA_MSEC:
		ms = wire_be64(v->data);
		if (!has_date(ms / 1000))
			return show_u64(out, ms);
		return show_time(s, out, ms / 1000, (uint32_t)(ms % 1000), 3);
	case DATA_USEC:
		return put_ntp(s, out, v->data, 6);
	default:
		return put_ntp(s, out, v->data, 9);
	}
}

static char *put_quoted(struct show *s, char *out, const struct schema_value *v, bool json)
{
	size_t len = v->len;

	if (json || v->field->type == DATA_STRING)
		*out++ = '"';
	switch (v->field->type) {
	case DATA_STRING:
		while (v->field->len_bytes != SCHEMA_VARIABLE && len && !v->data[len - 1])
			len--; /* what fills a fixed length up */
		out = show_string(out, v->data, len);
		break;
	case DATA_MAC:
		out = show_mac(out, v->data);
		break;
	case DATA_IPV4:
		out = show_ipv4(out, v->data);
		break;
	case DATA_IPV6:
		out = show_ipv6(out, v->data);
		break;
	default:
		out = put_timestamp(s, out, v);
		break;
	}
	if (json || v->field->type == DATA_STRING)
		*out++ = '"';
	return out;
}

static char *put_signed(char *out, const struct schema_value *v)
{
	uint64_t raw = wire_be(v->data, v->len);
	unsigned unused = 64 - 8 * (unsigned)v->len;

	return show_s64(out, (int64_t)(raw << unused) >> unused);
}

static char *put_float(char *out, const struct schema_value *v, bool json)
{
	uint64_t raw64 = wire_be(v->data, v->len);
	uint32_t raw32 = (uint32_t)raw64;
	double d;
	float f;

	memcpy(&d, &raw64, sizeof(d));
	memcpy(&f, &raw32, sizeof(f));
	if (v->len == 4)
		d = (double)f;
	if (!isfinite(d) && json)
		return SHOW_PUT(out, "null");
	return out + snprintf(out, 32, v->len == 4 ? "%.9g" : "%.17g", d);
}

static char *put_bool(char *out, const struct schema_value *v)
{
	if (v->data[0] == 1)
		return SHOW_PUT(out, "true");
	if (v->data[0] == 2)
		return SHOW_PUT(out, "false");
	return show_u64(out, v->data[0]);
}

/* How a type is shown, and the lengths it may have (RFC 7011 6.2: numbers may be shorter). */
enum how { HEX, UNSIGNED, SIGNED, FLOAT, BOOLEAN, QUOTED, STRING, LIST };
static const struct {
	uint8_t how, min_len, max_len;
} shapes[DATA_N_TYPES] = {
	[DATA_OCTETS] = { HEX, 0, 0 },	 [DATA_U8] = { UNSIGNED, 1, 8 },
	[DATA_U16] = { UNSIGNED, 1, 8 }, [DATA_U32] = { UNSIGNED, 1, 8 },
	[DATA_U64] = { UNSIGNED, 1, 8 }, [DATA_S8] = { SIGNED, 1, 8 },
	[DATA_S16] = { SIGNED, 1, 8 },	 [DATA_S32] = { SIGNED, 1, 8 },
	[DATA_S64] = { SIGNED, 1, 8 },	 [DATA_F32] = { FLOAT, 4, 8 },
	[DATA_F64] = { FLOAT, 4, 8 },	 [DATA_BOOL] = { BOOLEAN, 1, 1 },
	[DATA_MAC] = { QUOTED, 6, 6 },	 [DATA_STRING] = { STRING, 0, 0 },
	[DATA_SEC] = { QUOTED, 4, 4 },	 [DATA_MSEC] = { QUOTED, 8, 8 },
	[DATA_USEC] = { QUOTED, 8, 8 },	 [DATA_NSEC] = { QUOTED, 8, 8 },
	[DATA_IPV4] = { QUOTED, 4, 4 },	 [DATA_IPV6] = { QUOTED, 16, 16 },
	[DATA_LIST] = { LIST, 0, 0 },	 [DATA_STL] = { HEX, 0, 0 },
	[DATA_STML] = { HEX, 0, 0 },	 [DATA_U256] = { UNSIGNED, 1, 8 },
};

/* RFC 5905 6: all zero is no time at all. */
static bool is_no_time(const struct schema_value *v)
{
	return (v->field->type == DATA_USEC || v->field->type == DATA_NSEC) && v->len == 8 &&
	       wire_be64(v->data) == 0;
}

static enum how how_to_show(const struct schema_value *v)
{
	size_t i = v->field->type < DATA_N_TYPES ? v->field->type : DATA_OCTETS;

	if (shapes[i].max_len && (v->len < shapes[i].min_len || v->len > shapes[i].max_len))
		return HEX;
	if (shapes[i].how == FLOAT && v->len != 4 && v->len != 8)
		return HEX;
	return shapes[i].how;
}

/*
 * A basicList: in JSON an object, in text its values in brackets. Each octet of it makes at
 * most SHOW_ROOM_AN_OCTET, whatever the elements are.
 */
static char *show_list(struct show *s, char *out, const struct schema_value *v, bool json)
{
	struct schema_value value;
	struct list list;

	if (s->depth >= DEPTH || !list_open(&list, v->data, v->len, s->elements))
		return quoted_hex(out, v, json);
	s->depth++;
	if (json) {
		out = show_u64(SHOW_PUT(out, "{\"semantic\":"), list.semantic);
		out = SHOW_PUT(out, ",\"element\":\"");
		out = show_put(out, list.element.name, strlen(list.element.name));
		out = SHOW_PUT(out, "\",\"values\":");
	}
	*out++ = '[';
	for (bool more = false; list_next(&list, &value); more = true) {
		if (more)
			*out++ = ',';
		out = show_value(s, out, &value, json);
	}
	*out++ = ']';
	if (json)
		*out++ = '}';
	s->depth--;
	return out;
}

char *show_value(struct show *s, char *out, const struct schema_value *v, bool json)
{
	if (is_no_time(v))
		return json ? SHOW_PUT(out, "null") : SHOW_PUT(out, "0");
	switch (how_to_show(v)) {
	case UNSIGNED:
		return show_u64(out, wire_be(v->data, v->len));
	case SIGNED:
		return put_signed(out, v);
	case FLOAT:
		return put_float(out, v, json);
	case BOOLEAN:
		return put_bool(out, v);
	case QUOTED:
	case STRING:
		return put_quoted(s, out, v, json);
	case LIST:
		return show_list(s, out, v, json);
	case HEX:
		break;
	}
	return quoted_hex(out, v, json);
}
