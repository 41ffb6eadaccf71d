// SPDX-License-Identifier: Apache-2.0
/*
 * A row an options template: its scope, its elements, and of what there is a record each.
 * The first three are those of RFC 7011 4.1 to 4.3, with the scopes asked for there; the
 * two equal times of a loss are its beginning and end, in whichever order (4.2). What
 * is not sent is told by domain, so the domain is scope too.
 *
 * The meter keeps each packet with a probability of 1/N, independent of all others: random
 * sampling for element 35, uniform probabilistic (RFC 5475 5.2.2.1) with samplingProbability
 * for those who read RFC 5477. "One of N packets" is the nearest that the other shapes can say.
 */
#include "ipfix/options_parts.h"

#include <string.h>

#include "base/cleanup.h"
#include "flow/ie.h"
#include "flow/ie_registry.h"

#define SAMPLING_RANDOM 2		/* samplingAlgorithm */
#define SELECTOR_PROBABILISTIC 4	/* selectorAlgorithm: uniform probabilistic sampling */

static size_t count_one(const struct options_facts *f)
{
	return 1;
}

static bool pick_one(const struct options_facts *f, size_t i, struct options_values *v)
{
	return true;
}

static size_t count_names(const struct options_facts *f)
{
	return f->domain_name != NULL;
}

static bool pick_name(const struct options_facts *f, size_t i, struct options_values *v)
{
	v->domain_name = f->domain_name;
	return true;
}

static size_t count_interfaces(const struct options_facts *f)
{
	return f->n_interfaces;
}

static bool pick_interface(const struct options_facts *f, size_t i, struct options_values *v)
{
	const struct options_interface *in = &f->interfaces[i];
	double probability = in->sample ? 1.0 / in->sample : 0;

	v->ifindex = in->ifindex;
	v->name = in->name;
	v->description = in->description;
	v->interval = in->sample;
	v->one = 1;
	v->space = in->sample - 1;
	v->algorithm = SAMPLING_RANDOM;
	v->selector_algorithm = SELECTOR_PROBABILISTIC;
	memcpy(&v->probability, &probability, sizeof(v->probability));
	return true;
}

static bool pick_metered(const struct options_facts *f, size_t i, struct options_values *v)
{
	return f->interfaces[i].sample >= v->least && pick_interface(f, i, v);
}

/* A selector is named by its interval: the first interface that has it. */
static bool pick_selector(const struct options_facts *f, size_t i, struct options_values *v)
{
	for (size_t k = 0; k < i; k++) {
		if (f->interfaces[k].sample == f->interfaces[i].sample)
			return false;
	}
	return pick_metered(f, i, v);
}

/* Whoever keeps one interval for all is told none where there are several. */
static bool pick_common(const struct options_facts *f, size_t i, struct options_values *v)
{
	for (size_t k = 0; k < f->n_interfaces; k++) {
		if (f->interfaces[k].sample && f->interfaces[k].sample != f->interfaces[i].sample)
			return false;
	}
	return pick_selector(f, i, v);
}

static size_t count_elements(const struct options_facts *f)
{
	size_t n;

	ie_all(&n);
	return n;
}

/* Where the table tells no range it is all of the type, of which RFC 5610 has it for numbers. */
static uint64_t range_end_of(const struct ie *e)
{
	static const uint64_t ends[] = {
		[DATA_U8] = UINT8_MAX, [DATA_U16] = UINT16_MAX,
		[DATA_U32] = UINT32_MAX, [DATA_U64] = UINT64_MAX,
	};

	if (e->range_begin || e->range_end || e->data_type >= ARRAY_SIZE(ends))
		return e->range_end;
	return ends[e->data_type];
}

static bool pick_element(const struct options_facts *f, size_t i, struct options_values *v)
{
	size_t n;
	const struct ie *e = &ie_all(&n)[i];

	if (!e->pen || e->pen == IE_PEN_REVERSE || (v->enterprise && e->pen != v->enterprise))
		return false;
	if (v->templates && !template_set_has(v->templates, e))
		return false;
	v->enterprise = e->pen;
	v->element = e->id;
	v->type = e->data_type;
	v->semantics = e->semantics;
	v->units = e->units;
	v->range_begin = e->range_begin;
	v->range_end = range_end_of(e);
	v->name = e->name;
	v->description = e->source;
	return true;
}

#define NUMBER(id_, len_, member_) { id_, len_, offsetof(struct options_values, member_), false }
#define TEXT(id_, len_, member_) { id_, len_, offsetof(struct options_values, member_), true }

#define DOMAIN NUMBER(149, 4, domain)		/* observationDomainId */
#define INTERFACE NUMBER(10, 4, ifindex)	/* ingressInterface */

static const struct options_row rows[] = {
	/* Metering process statistics: exportedMessage-, FlowRecord- and OctetTotalCount. */
	{ OPTIONS_METER, -1, true, count_one, pick_one, 1,
	  { DOMAIN, NUMBER(41, 8, messages), NUMBER(42, 8, records), NUMBER(40, 8, bytes) } },
	/* Metering process reliability: ignoredPacket- and OctetTotalCount, observationTime. */
	{ OPTIONS_METER, -1, false, count_one, pick_one, 1,
	  { DOMAIN, NUMBER(164, 8, ignored_packets), NUMBER(165, 8, ignored_bytes),
	    NUMBER(323, 8, ignored_first_ms), NUMBER(323, 8, ignored_last_ms) } },
	/* Exporting process reliability: notSentFlow-, Packet- and OctetTotalCount. */
	{ OPTIONS_EXPORTER, -1, false, count_one, pick_one, 2,
	  { NUMBER(144, 4, process), DOMAIN, NUMBER(166, 8, not_sent_flows),
	    NUMBER(167, 8, not_sent_packets), NUMBER(168, 8, not_sent_bytes),
	    NUMBER(323, 8, not_sent_first_ms), NUMBER(323, 8, not_sent_last_ms) } },
	{ OPTIONS_INTERFACES, INTERFACES_SCOPED, true, count_interfaces, pick_interface, 1,
	  { INTERFACE, TEXT(82, 16, name), TEXT(83, 64, description) } },
	{ OPTIONS_INTERFACES, INTERFACES_LISTED, true, count_interfaces, pick_interface, 1,
	  { DOMAIN, INTERFACE, TEXT(83, 32, name) } },
	/* RFC 5476 6.5.1: which selector is at work on which interface ... */
	{ OPTIONS_SAMPLING, SAMPLING_RFC, false, count_interfaces, pick_metered, 1,
	  { NUMBER(301, 8, ifindex), INTERFACE, NUMBER(302, 8, interval) } },
	/* ... and 6.5.2: what it does. */
	{ OPTIONS_SAMPLING, SAMPLING_RFC, false, count_interfaces, pick_selector, 1,
	  { NUMBER(302, 8, interval), NUMBER(304, 2, selector_algorithm),
	    NUMBER(311, 8, probability) } },
	{ OPTIONS_SAMPLING, SAMPLING_INTERVAL, true, count_interfaces, pick_metered, 1,
	  { INTERFACE, NUMBER(34, 4, interval), NUMBER(35, 1, algorithm) } },
	{ OPTIONS_SAMPLING, SAMPLING_INTERVAL_ALONE, true, count_interfaces, pick_common, 1,
	  { DOMAIN, NUMBER(34, 4, interval) } },
	{ OPTIONS_SAMPLING, SAMPLING_PACKETS, false, count_interfaces, pick_metered, 1,
	  { INTERFACE, NUMBER(305, 4, one), NUMBER(306, 4, space) } },
	/* RFC 5610 3.9 */
	{ OPTIONS_TYPES, -1, false, count_elements, pick_element, 2,
	  { NUMBER(346, 4, enterprise), NUMBER(303, 2, element), NUMBER(339, 1, type),
	    NUMBER(344, 1, semantics), NUMBER(345, 2, units), NUMBER(342, 8, range_begin),
	    NUMBER(343, 8, range_end), TEXT(341, 64, name), TEXT(340, 128, description) } },
	{ OPTIONS_INTERFACES, INTERFACES_SCOPED, false, count_names, pick_name, 1,
	  { DOMAIN, TEXT(300, 64, domain_name) } },
};

_Static_assert(ARRAY_SIZE(rows) <= OPTIONS_ROWS_MAX, "as many as there is room for");

const struct options_row *options_rows(size_t *ret_n)
{
	*ret_n = ARRAY_SIZE(rows);
	return rows;
}
