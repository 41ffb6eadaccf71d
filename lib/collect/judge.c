// SPDX-License-Identifier: Apache-2.0
/* See judge.h. Messages, templates and single values; times are in judge_time.c. */
#include "collect/judge.h"

#include <stdio.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "flow/ie_registry.h"
#include "collect/judge_time.h"
#include "collect/list.h"
#include "collect/show_text.h"

enum { EXPORT_TIME_FAR_S = 3600, OBSERVATION_DOMAIN_ID = 149 };

/* Values that an element cannot have, at its number at IANA. max 0: any. A 0 may always be
 * what an exporter says of what does not apply. */
static const struct range {
	uint32_t max;
} ranges[] = {
	[9] = { 32 },	    /* sourceIPv4PrefixLength */
	[13] = { 32 },	    /* destinationIPv4PrefixLength */
	[29] = { 128 },	    /* sourceIPv6PrefixLength */
	[30] = { 128 },	    /* destinationIPv6PrefixLength */
	[31] = { 0xfffff }, /* flowLabelIPv6 */
	[58] = { 4095 },    /* vlanId */
	[59] = { 4095 },    /* postVlanId */
	[60] = { 15 },	    /* ipVersion */
	[61] = { 1 },	    /* flowDirection */
	[88] = { 8191 },    /* fragmentOffset */
	[98] = { 63 },	    /* postIpDiffServCodePoint */
	[136] = { 5 },	    /* flowEndReason */
	[195] = { 63 },	    /* ipDiffServCodePoint */
	[196] = { 7 },	    /* ipPrecedence */
	[239] = { 3 },	    /* biflowDirection */
	[243] = { 4095 },   /* dot1qVlanId */
	[244] = { 7 },	    /* dot1qPriority */
	[245] = { 4095 },   /* dot1qCustomerVlanId */
	[246] = { 7 },	    /* dot1qCustomerPriority */
	[254] = { 4095 },   /* postDot1qVlanId */
	[255] = { 4095 },   /* postDot1qCustomerVlanId */
	[344] = { 14 },	    /* informationElementSemantics */
};

/* The first is never more than the second. */
static const struct pair {
	uint16_t low, high;
} pairs[] = {
	{ 25, 26 }, /* minimum-, maximumIpTotalLength */
	{ 52, 53 }, /* minimum-, maximumTTL */
};

void judge_message(const struct decode_message *m)
{
	uint64_t clock_s = m->received_ns / NSEC_PER_SEC;
	uint64_t apart = clock_s > m->export_s ? clock_s - m->export_s : m->export_s - clock_s;

	if (m->domain->had_message && !m->domain->sequence.aside &&
	    m->export_s < m->domain->last_export_s)
		decode_find(m, RULE_EXPORT_TIME_BACK, m->data + 4, "export time %u after %u",
			    m->export_s, m->domain->last_export_s);
	if (m->session->transport != DECODE_FILE && apart > EXPORT_TIME_FAR_S)
		decode_find(m, RULE_EXPORT_TIME_FAR, m->data + 4,
			    "export time is %llu s away from the clock", (unsigned long long)apart);
}

/* RFC 7011 6.2: whole numbers may be shorter, a float64 may be a float32, all else may not. */
static bool may_have_len(unsigned type, size_t len)
{
	const struct ie_data_type *t = ie_data_type(type);
	bool number = (type >= DATA_U16 && type <= DATA_U64) ||
		      (type >= DATA_S16 && type <= DATA_S64) || type == DATA_U256;

	if (!t || !t->len_bytes)
		return true;
	if (type == DATA_F64 && len == 4)
		return true;
	return number ? len >= 1 && len <= t->len_bytes : len == t->len_bytes;
}

static void judge_field(const struct decode_message *m, const struct schema *s,
			const struct schema_field *f, const uint8_t *at)
{
	const struct ie_data_type *t = ie_data_type(f->type);
	int len = f->name_len;

	/* RFC 7011 4.2 and 4.3 themselves have two times in an options template. */
	if (f->times > 1 && s->kind == SCHEMA_DATA)
		decode_find(m, RULE_FIELD_TWICE, at, "template %u has %.*s", s->id, len, f->name);
	if (!f->known) {
		if (f->pen == 0)
			decode_find(m, RULE_FIELD_UNKNOWN, at, "template %u has element %u", s->id,
				    f->id);
	} else if (f->len_bytes == SCHEMA_VARIABLE) {
		if (t && t->len_bytes)
			decode_find(m, RULE_FIELD_VARIABLE, at, "template %u: %.*s is %s", s->id,
				    len, f->name, t->name);
	} else if (m->version == 10 && !may_have_len(f->type, f->len_bytes)) {
		decode_find(m, RULE_FIELD_LENGTH, at, "template %u: %.*s is %s and has length %u",
			    s->id, len, f->name, t->name, f->len_bytes);
	}
}

void judge_schema(const struct decode_message *m, const struct schema *s, const uint8_t *at)
{
	for (size_t i = 0; i < s->n_fields; i++)
		judge_field(m, s, &s->fields[i], at);
}

static bool is_utf8(const uint8_t *p, size_t len)
{
	for (size_t i = 0, n; i < len; i += n) {
		n = show_utf8(p + i, len - i);
		if (!n)
			return false;
	}
	return true;
}

static void tell_value(const struct decode_record *r, enum rule rule, const struct schema_value *v,
		       const char *says)
{
	decode_find(r->message, rule, v->data, "%.*s %s", v->field->name_len, v->field->name, says);
}

static void judge_number(const struct decode_record *r, const struct schema_value *v)
{
	uint16_t id = v->field->id;
	uint64_t n = wire_be(v->data, v->len);
	char says[64];

	if (id == OBSERVATION_DOMAIN_ID && r->message->domain_id && n != r->message->domain_id) {
		snprintf(says, sizeof(says), "%llu in domain %u", (unsigned long long)n,
			 r->message->domain_id);
		tell_value(r, RULE_DOMAIN, v, says);
	}
	if (id < ARRAY_SIZE(ranges) && ranges[id].max && n > ranges[id].max) {
		snprintf(says, sizeof(says), "is %llu", (unsigned long long)n);
		tell_value(r, RULE_VALUE_RANGE, v, says);
	}
}

static void judge_value(const struct decode_record *r, const struct schema_value *v)
{
	switch (v->field->type) {
	case DATA_BOOL:
		if (v->len == 1 && v->data[0] != 1 && v->data[0] != 2)
			tell_value(r, RULE_BOOLEAN, v, "is neither 1 nor 2");
		break;
	case DATA_STRING:
		if (!is_utf8(v->data, v->len))
			tell_value(r, RULE_STRING, v, "is no UTF-8");
		break;
	case DATA_LIST:
	case DATA_STL:
	case DATA_STML:
		if (!list_is_sound(v->field->type, v->data, v->len))
			tell_value(r, RULE_LIST, v, "is not well formed");
		break;
	case DATA_U8:
	case DATA_U16:
	case DATA_U32:
		if (v->len <= 8 && (v->field->pen == 0 || v->field->pen == ELEMENT_REVERSE_PEN))
			judge_number(r, v);
		break;
	}
}

struct lows {
	bool has[ARRAY_SIZE(pairs)], has_high[ARRAY_SIZE(pairs)];
	uint64_t low[ARRAY_SIZE(pairs)], high[ARRAY_SIZE(pairs)];
};

static void note_pairs(struct lows *lows, const struct schema_value *v)
{
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		if (v->field->pen || v->len > 8)
			continue;
		if (v->field->id == pairs[i].low) {
			lows->has[i] = true;
			lows->low[i] = wire_be(v->data, v->len);
		} else if (v->field->id == pairs[i].high) {
			lows->has_high[i] = true;
			lows->high[i] = wire_be(v->data, v->len);
		}
	}
}

static void judge_pairs(const struct decode_record *r, const struct lows *lows)
{
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		if (lows->has[i] && lows->has_high[i] && lows->low[i] > lows->high[i])
			decode_find(r->message, RULE_VALUE_RANGE, r->data,
				    "%s %llu is more than %s %llu",
				    ie_registered_by_id(pairs[i].low)->name,
				    (unsigned long long)lows->low[i],
				    ie_registered_by_id(pairs[i].high)->name,
				    (unsigned long long)lows->high[i]);
	}
}

void judge_record(const struct decode_record *r)
{
	struct wire w = wire_of(r->data, r->len);
	struct judge_times times = { 0 };
	struct lows lows = { 0 };
	struct schema_value v;

	for (size_t i = 0; i < r->schema->n_fields && schema_take(r->schema, i, &w, &v); i++) {
		judge_value(r, &v);
		note_pairs(&lows, &v);
		judge_time_note(&times, r, &v);
	}
	judge_pairs(r, &lows);
	judge_time(&times, r);
}
