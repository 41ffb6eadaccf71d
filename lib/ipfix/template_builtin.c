// SPDX-License-Identifier: Apache-2.0
/*
 * The built-in set is eight templates, of two families and four kinds of traffic, made of
 * lists of names shared between them; eight more with what the other direction has.
 *
 * Older exporters sent flowStart/EndSysUpTime (22/21) with nothing to convert them by: the
 * NetFlow 9 header that carried sysUpTime is gone in IPFIX. So the built-in templates have
 * flowStart/EndMilliseconds; whoever wants 22/21 asks for systemInitTimeMilliseconds too.
 *
 * Records of TCP with health have templates of their own, for they are as long again; so have
 * flows that were in a tunnel, by the family of the packets outside.
 *
 * "Other" has no ports: SCTP and the like, that have them, find UDP's template the better.
 */
#include <string.h>

#include "base/cleanup.h"
#include "ipfix/template.h"
#include "ipfix/template_kinds.h"

#define FIELDS_MAX ENCODE_ELEMENTS_MAX

/* Of TCP's health what most people ask for; with what is above, 60 elements at the most. */
static const char *const health[] = {
	"tcpHealthObserved", "tcpHandshakeServerMicroseconds", "tcpHandshakeClientMicroseconds",
	"tcpRetransmissionDeltaCount", "tcpFastRetransmissionDeltaCount",
	"tcpTimeoutRetransmissionDeltaCount", "tcpSpuriousRetransmissionDeltaCount",
	"tcpOutOfOrderDeltaCount", "tcpDuplicateAckDeltaCount", "tcpZeroWindowDeltaCount",
	"tcpRttMinimumMicroseconds", "tcpRttMaximumMicroseconds", "tcpRttMeanMicroseconds",
	"tcpRttSampleDeltaCount", "tcpJitterMeanMicroseconds", "tcpEcnCeDeltaCount", NULL
};

static const char *const reverse_health[] = {
	"reverseTcpHealthObserved", "reverseTcpRetransmissionDeltaCount",
	"reverseTcpFastRetransmissionDeltaCount", "reverseTcpTimeoutRetransmissionDeltaCount",
	"reverseTcpSpuriousRetransmissionDeltaCount", "reverseTcpOutOfOrderDeltaCount",
	"reverseTcpDuplicateAckDeltaCount", "reverseTcpZeroWindowDeltaCount",
	"reverseTcpRttMinimumMicroseconds", "reverseTcpRttMeanMicroseconds",
	"reverseTcpRttSampleDeltaCount", NULL
};

/* What every built-in template begins with, behind addresses and the like. */
static const char *const common[] = {
	"flowStartMilliseconds", "flowEndMilliseconds", "octetDeltaCount", "packetDeltaCount",
	"ingressInterface", "egressInterface", "ipVersion", "protocolIdentifier",
	"ipClassOfService", "ipDiffServCodePoint", "minimumTTL", "maximumTTL", "flowDirection",
	"flowEndReason", NULL
};

/* The outer id twice: nfdump knows 58 only, others 243. */
static const char *const tags[] = { "vlanId", "dot1qVlanId", "dot1qCustomerVlanId", NULL };

static const char *const strings[] = { "interfaceName", NULL };

/* nfcapd 1.7.1 takes any other reverse element for the forward one. */
static const char *const reverse_counts[] = {
	"biflowDirection", "reverseOctetDeltaCount", "reversePacketDeltaCount", NULL
};

static const char *const reverse_rest[] = {
	"reverseFlowStartMilliseconds", "reverseFlowEndMilliseconds", "reverseIpClassOfService",
	"reverseMinimumTTL", "reverseMaximumTTL", "reverseFlowEndReason", NULL
};

static const char *const reverse_tcp[] = { "reverseTcpControlBits", NULL };

static const char *const tunnel[] = { "tunnelType", "tunnelIdentifier", NULL };
static const char *const segment[] = { "layer2SegmentId", NULL };
static const char *const over_v4[] = {
	"outerSourceIPv4Address", "outerDestinationIPv4Address", NULL
};
static const char *const over_v6[] = {
	"outerSourceIPv6Address", "outerDestinationIPv6Address", NULL
};

const struct template_kind template_kinds[TEMPLATE_KINDS] = {
	{ 256, { "sourceIPv4Address", "destinationIPv4Address", "sourceTransportPort",
		 "destinationTransportPort", "tcpControlBits" } },
	{ 257, { "sourceIPv4Address", "destinationIPv4Address", "sourceTransportPort",
		 "destinationTransportPort" } },
	{ 258, { "sourceIPv4Address", "destinationIPv4Address", "icmpTypeCodeIPv4" } },
	{ 259, { "sourceIPv4Address", "destinationIPv4Address" } },
	{ 260, { "sourceIPv6Address", "destinationIPv6Address", "sourceTransportPort",
		 "destinationTransportPort", "tcpControlBits" } },
	{ 261, { "sourceIPv6Address", "destinationIPv6Address", "sourceTransportPort",
		 "destinationTransportPort" } },
	{ 262, { "sourceIPv6Address", "destinationIPv6Address", "icmpTypeCodeIPv6" } },
	{ 263, { "sourceIPv6Address", "destinationIPv6Address" } },
};

struct fields {
	const struct profile *profile;
	struct template_field v[FIELDS_MAX];
	size_t n;
};

static void append(struct fields *f, const char *const *names)
{
	for (; *names; names++) {
		f->v[f->n].name = *names;
		f->v[f->n++].len_bytes = profile_field_len(f->profile, *names);
	}
}

static bool is_tcp(const struct template_kind *kind)
{
	return kind->own[4];
}

static void append_reverse(struct fields *f, const struct template_kind *kind)
{
	append(f, reverse_counts);
	if (f->profile->reverse_counts_only)
		return;
	append(f, reverse_rest);
	if (is_tcp(kind))
		append(f, reverse_tcp);
}

/* What becomes of the eight: their ids are so many higher. */
struct shape {
	uint16_t id_more;
	bool biflow, health;
	const char *const *tunnel;	/* NULL: in none */
};

/* tshark 4.0 throws away templates of more than 60 elements: these do without a few. */
static bool is_full(const struct shape *s)
{
	return s->biflow && s->health && s->tunnel;
}

static int add(struct template_set *set, const struct profile *profile,
	       const struct template_kind *kind, const struct shape *shape)
{
	struct fields f = { .profile = profile };

	append(&f, kind->own);
	append(&f, common);
	if (!is_full(shape))
		append(&f, tags);
	if (shape->tunnel) {
		append(&f, tunnel);
		append(&f, shape->tunnel);
	}
	if (shape->tunnel && !is_full(shape))
		append(&f, segment);
	if (shape->biflow)
		append_reverse(&f, kind);
	if (profile->strings && !is_full(shape))
		append(&f, strings);
	if (shape->health)
		append(&f, health);
	if (shape->health && shape->biflow && !profile->reverse_counts_only)
		append(&f, reverse_health);
	return template_set_add(set, kind->id + shape->id_more, f.v, f.n);
}

static int add_shapes(struct template_set *set, const struct profile *profile,
		      const struct shape *shapes, size_t n, bool biflow)
{
	int r = 0;

	for (size_t k = 0; k < n; k++) {
		if (shapes[k].biflow && !biflow)
			continue;
		for (size_t i = 0; r == 0 && i < TEMPLATE_KINDS; i++) {
			if (is_tcp(&template_kinds[i]) || !shapes[k].health)
				r = add(set, profile, &template_kinds[i], &shapes[k]);
		}
	}
	return r;
}

int template_set_add_builtin(struct template_set *set, const struct profile *profile, bool biflow)
{
	static const struct shape shapes[] = { { 0 }, { 8, .biflow = true } };

	return add_shapes(set, profile, shapes, ARRAY_SIZE(shapes), biflow);
}

int template_set_add_health(struct template_set *set, const struct profile *profile, bool biflow)
{
	static const struct shape shapes[] = {
		{ 16, .health = true }, { 24, .health = true, .biflow = true },
	};

	return add_shapes(set, profile, shapes, ARRAY_SIZE(shapes), biflow);
}

int template_set_add_tunnels(struct template_set *set, const struct profile *profile, bool biflow)
{
	static const struct shape shapes[] = {
		{ 32, .tunnel = over_v4 },
		{ 40, .tunnel = over_v4, .biflow = true },
		{ 48, .tunnel = over_v4, .health = true },
		{ 56, .tunnel = over_v4, .health = true, .biflow = true },
		{ 64, .tunnel = over_v6 },
		{ 72, .tunnel = over_v6, .biflow = true },
		{ 80, .tunnel = over_v6, .health = true },
		{ 88, .tunnel = over_v6, .health = true, .biflow = true },
	};

	return add_shapes(set, profile, shapes, ARRAY_SIZE(shapes), biflow);
}
