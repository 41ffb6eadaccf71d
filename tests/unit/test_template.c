// SPDX-License-Identifier: Apache-2.0
#include "ipfix/template.h"

#include <errno.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "test.h"

DEFINE_CLEANUP(struct template_set, template_set_free)

static const struct {
	const char *what;
	struct flow_key key;
	unsigned id;
} kinds[] = {
	{ "TCP over IPv4", { .family = 4, .proto = 6 }, 256 },
	{ "UDP over IPv4", { .family = 4, .proto = 17 }, 257 },
	{ "SCTP over IPv4 has ports as UDP has", { .family = 4, .proto = 132 }, 257 },
	{ "ICMP", { .family = 4, .proto = 1 }, 258 },
	{ "GRE over IPv4", { .family = 4, .proto = 47 }, 259 },
	{ "ICMPv6 in IPv4 is no ICMP", { .family = 4, .proto = 58 }, 259 },
	{ "TCP over IPv6", { .family = 6, .proto = 6 }, 260 },
	{ "UDP over IPv6", { .family = 6, .proto = 17 }, 261 },
	{ "ICMPv6", { .family = 6, .proto = 58 }, 262 },
	{ "OSPF over IPv6", { .family = 6, .proto = 89 }, 263 },
	{ "no matter the VLAN", { .family = 6, .proto = 6, .vlan_outer = VLAN_PRESENT | 5 }, 260 },
};

TEST(builtin_templates_carry_every_kind)
{
	_cleanup_(template_set_freep) struct template_set *set = NULL;

	CHECK(template_set_new(&set) == 0 &&
	      template_set_add_builtin(set, profile_default(), false) == 0);
	CHECK(template_set_count(set) == 8);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct record r = { .key = kinds[i].key };
		const struct template *t = template_set_choose(set, &r);

		if (!t || t->id != kinds[i].id)
			printf("# %s: %u\n", kinds[i].what, t ? t->id : 0);
		CHECK(t && t->id == kinds[i].id);
	}
}

static bool has(const struct template *t, unsigned id)
{
	for (size_t i = 0; i < t->n_elements; i++) {
		if (t->elements[i].ie->id == id)
			return true;
	}
	return false;
}

/* The elements of the two older exporters, but for 21 and 22. */
TEST(builtin_templates_have_what_older_exporters_sent)
{
	static const unsigned all[] = { 1, 2, 4, 5, 10, 14, 52, 53, 60, 61, 136, 152, 153, 195,
					58, 243, 245 };
	static const unsigned own[8][5] = {
		{ 8, 12, 7, 11, 6 }, { 8, 12, 7, 11 }, { 8, 12, 32 }, { 8, 12 },
		{ 27, 28, 7, 11, 6 }, { 27, 28, 7, 11 }, { 27, 28, 139 }, { 27, 28 },
	};
	_cleanup_(template_set_freep) struct template_set *set = NULL;

	CHECK(template_set_new(&set) == 0 &&
	      template_set_add_builtin(set, profile_default(), false) == 0);
	for (size_t i = 0; i < 8; i++) {
		const struct template *t = template_set_get(set, i);
		unsigned n = 0, len = 0;

		for (size_t k = 0; k < sizeof(all) / sizeof(all[0]); k++, n++)
			CHECK(has(t, all[k]));
		for (size_t k = 0; k < 5 && own[i][k]; k++, n++)
			CHECK(has(t, own[i][k]));
		for (size_t k = 0; k < t->n_elements; k++)
			len += t->elements[k].len_bytes;
		CHECK(t->n_elements == n && t->record_len == len && t->template_len == 4 + 4 * n);
		/* tshark 4.0 throws away templates of more than 60 fields */
		CHECK(n <= 60);
	}
}

static int add(struct template_set *set, unsigned id, const char *a, const char *b, const char *c)
{
	const struct template_field names[] = { { a }, { b }, { c } };

	return template_set_add(set, id, names, c ? 3 : b ? 2 : a ? 1 : 0);
}

static unsigned chosen(const struct template_set *set, uint8_t family, uint8_t proto)
{
	struct record r = { .key = { .family = family, .proto = proto } };
	const struct template *t = template_set_choose(set, &r);

	return t ? t->id : 0;
}

TEST(fewest_idle_elements_win_then_most_elements_then_the_first)
{
	_cleanup_(template_set_freep) struct template_set *set = NULL;

	CHECK(template_set_new(&set) == 0);
	CHECK(add(set, 300, "tcpControlBits", "octetDeltaCount", "packetDeltaCount") == 0);
	CHECK(chosen(set, 4, 17) == 300);
	CHECK(add(set, 301, "octetDeltaCount", NULL, NULL) == 0);
	CHECK(chosen(set, 4, 17) == 301);
	CHECK(chosen(set, 4, 6) == 300);
	CHECK(add(set, 302, "octetDeltaCount", "packetDeltaCount", NULL) == 0);
	CHECK(chosen(set, 4, 17) == 302);
	CHECK(add(set, 303, "protocolIdentifier", "packetDeltaCount", NULL) == 0);
	CHECK(chosen(set, 4, 17) == 302);
	CHECK(chosen(set, 6, 58) == 302);
}

/* RFC 5103: a record of both directions loses the one in any template of one. */
TEST(a_biflow_goes_by_a_template_of_both_directions)
{
	static const struct template_field both[] = {
		{ "octetDeltaCount" }, { "reverseOctetDeltaCount" }, { "sourceIPv4Address" },
	};
	static const struct record back = { .key.family = 4 };
	struct record flow = { .key.family = 4 }, biflow = { .key.family = 4, .reverse = &back };
	_cleanup_(template_set_freep) struct template_set *set = NULL;

	CHECK(template_set_new(&set) == 0);
	CHECK(template_set_add(set, 300, both, 3) == 0);
	CHECK(template_set_choose(set, &flow)->id == 300);
	CHECK(add(set, 301, "octetDeltaCount", "packetDeltaCount", "sourceIPv4Address") == 0);
	CHECK(add(set, 302, "octetDeltaCount", "packetDeltaCount", NULL) == 0);
	CHECK(template_set_choose(set, &flow)->id == 301);
	CHECK(template_set_choose(set, &biflow)->id == 300);
	/* of another family none of both directions is left */
	flow.key.family = biflow.key.family = 6;
	CHECK(template_set_choose(set, &flow)->id == 302);
	CHECK(template_set_choose(set, &biflow)->id == 302);
}

static bool has_reverse(const struct template *t, unsigned id)
{
	for (size_t i = 0; i < t->n_elements; i++) {
		if (t->elements[i].ie->id == id && t->elements[i].ie->pen == 29305)
			return true;
	}
	return false;
}

TEST(builtin_templates_are_there_for_biflows_too)
{
	static const unsigned all[] = { 1, 2, 152, 153, 5, 52, 53, 136 };
	static const struct record back = { .key.family = 4 };
	_cleanup_(template_set_freep) struct template_set *set = NULL;

	CHECK(template_set_new(&set) == 0);
	CHECK(template_set_add_builtin(set, profile_default(), true) == 0);
	CHECK(template_set_count(set) == 16);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct record r = { .key = kinds[i].key };
		const struct template *t;

		CHECK(template_set_choose(set, &r)->id == kinds[i].id);
		r.reverse = &back;
		t = template_set_choose(set, &r);
		CHECK(t->id == kinds[i].id + 8 && has(t, 239) && t->reverse);
		for (size_t k = 0; k < sizeof(all) / sizeof(all[0]); k++)
			CHECK(has_reverse(t, all[k]));
		CHECK(has_reverse(t, 6) == (r.key.proto == 6));
		CHECK(t->n_elements <= 60);	/* tshark, again */
	}
}

/* Which records have health, and the template that each goes by, over IPv4 and IPv6. */
TEST(records_with_health_have_builtin_templates_of_their_own)
{
	static const struct record well = { .key = { .family = 4, .proto = 6 }, .tcp.known = 8 };
	static const struct record back = { .key = { .family = 4, .proto = 6 } };
	static const struct {
		struct record record;
		unsigned id, id6;
	} rows[] = {
		{ { .key.proto = 6 }, 256, 260 },
		{ { .key.proto = 6, .tcp.known = 1 }, 272, 276 },
		{ { .key.proto = 17 }, 257, 261 },
		{ { .key.proto = 6, .reverse = &back }, 264, 268 },
		{ { .key.proto = 6, .reverse = &well }, 280, 284 },
		{ { .key.proto = 6, .tcp.known = 1, .reverse = &back }, 280, 284 },
	};

	for (size_t i = 0; profile_names[i]; i++) {
		const struct profile *profile = profile_find(profile_names[i]);
		_cleanup_(template_set_freep) struct template_set *set = NULL;

		CHECK(template_set_new(&set) == 0);
		CHECK(template_set_add_builtin(set, profile, true) == 0);
		CHECK(template_set_add_health(set, profile, true) == 0);
		CHECK(template_set_count(set) == 20);
		for (size_t k = 0; k < 20; k++)
			CHECK(template_set_get(set, k)->n_elements <= 60);	/* tshark */
		for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
			struct record r = rows[k].record;

			r.key.family = 4;
			CHECK(template_set_choose(set, &r)->id == rows[k].id);
			r.key.family = 6;
			CHECK(template_set_choose(set, &r)->id == rows[k].id6);
		}
	}
}

static bool has_own(const struct template *t, unsigned id)
{
	for (size_t i = 0; i < t->n_elements; i++) {
		if (t->elements[i].ie->id == id && t->elements[i].ie->pen == IE_PEN_DOCUMENTATION)
			return true;
	}
	return false;
}

/* Whatever is inside goes by a template of its own kind, told by what it was in. */
TEST(flows_in_tunnels_have_builtin_templates_of_their_own)
{
	static const struct record back = { .key.family = 4 };

	for (size_t i = 0; profile_names[i]; i++) {
		const struct profile *profile = profile_find(profile_names[i]);
		_cleanup_(template_set_freep) struct template_set *set = NULL;

		CHECK(template_set_new(&set) == 0);
		CHECK(template_set_add_builtin(set, profile, true) == 0);
		CHECK(template_set_add_health(set, profile, true) == 0);
		CHECK(template_set_add_tunnels(set, profile, true) == 0);
		CHECK(template_set_count(set) == 60);
		for (size_t k = 0; k < 60; k++)
			CHECK(template_set_get(set, k)->n_elements <= 60);	/* tshark */
		for (size_t k = 0; k < 64 * sizeof(kinds) / sizeof(kinds[0]); k++) {
			struct record r = { .key = kinds[k / 64].key };
			bool biflow = k & 1, health = k & 2 && r.key.proto == 6;
			unsigned outer = k / 4 % 3, tunnel = k / 12 % 2 ? TUNNEL_VXLAN : TUNNEL_IPIP;
			unsigned id = kinds[k / 64].id + (biflow ? 8 : 0) + (health ? 16 : 0);
			const struct template *t;

			r.reverse = biflow ? &back : NULL;
			r.tcp.known = health;
			CHECK(template_set_choose(set, &r)->id == id);
			r.key.tunnel = tunnel;
			r.outer.family = outer == 2 ? 6 : outer == 1 ? 4 : 0;
			t = template_set_choose(set, &r);
			CHECK(t->id == id + (outer == 2 ? 64 : 32));
			CHECK(has_own(t, 30) && has_own(t, 31));
			CHECK(has_own(t, 32) == (outer < 2) && has_own(t, 33) == (outer < 2));
			CHECK(has_own(t, 34) == (outer == 2) && has_own(t, 35) == (outer == 2));
			CHECK(has(t, 351) != (biflow && health));
		}
	}
}

/* nfcapd 1.7.1 takes other reverse elements for the forward ones; strict is RFC 9565. */
TEST(builtin_templates_are_as_a_profile_wants_them)
{
	_cleanup_(template_set_freep) struct template_set *set = NULL, *strict = NULL;
	const struct template *t;

	CHECK(template_set_new(&set) == 0 && template_set_new(&strict) == 0);
	CHECK(template_set_add_builtin(set, profile_find("nfdump"), true) == 0);
	t = template_set_get(set, 8);
	CHECK(t->id == 264 && has_reverse(t, 1) && has_reverse(t, 2) && has(t, 239));
	CHECK(!has_reverse(t, 6) && !has_reverse(t, 136) && !has_reverse(t, 152));
	CHECK(!t->is_variable && t->elements[4].ie->id == 6 && t->elements[4].len_bytes == 1);
	CHECK(template_set_add_builtin(strict, profile_find("strict"), true) == 0);
	t = template_set_get(strict, 0);
	CHECK(t->is_variable && has(t, 82) && t->elements[4].len_bytes == 2);
}

TEST(sets_are_equal_when_all_of_them_is)
{
	static const struct template_field one[] = { { "octetDeltaCount", 4 } };
	static const struct template_field other[] = { { "octetDeltaCount", 8 } };
	_cleanup_(template_set_freep) struct template_set *a = NULL, *b = NULL, *c = NULL;

	CHECK(template_set_new(&a) == 0 && template_set_new(&b) == 0 && template_set_new(&c) == 0);
	CHECK(template_set_equal(a, b));
	CHECK(template_set_add(a, 300, one, 1) == 0 && !template_set_equal(a, b));
	CHECK(template_set_add(b, 300, one, 1) == 0 && template_set_equal(a, b));
	CHECK(template_set_add(c, 300, other, 1) == 0 && !template_set_equal(a, c));
	CHECK(template_set_add(a, 301, one, 1) == 0 && template_set_add(b, 302, one, 1) == 0);
	CHECK(!template_set_equal(a, b));
}

TEST(only_addresses_exclude_a_family)
{
	_cleanup_(template_set_freep) struct template_set *set = NULL;

	CHECK(template_set_new(&set) == 0);
	CHECK(chosen(set, 4, 6) == 0);
	CHECK(add(set, 300, "sourceIPv4Address", "octetDeltaCount", NULL) == 0);
	CHECK(chosen(set, 4, 6) == 300);
	CHECK(chosen(set, 6, 6) == 0);
	CHECK(add(set, 301, "icmpTypeCodeIPv4", "octetDeltaCount", NULL) == 0);
	CHECK(chosen(set, 6, 6) == 301);
}

TEST(impossible_templates_are_refused)
{
	_cleanup_(template_set_freep) struct template_set *set = NULL;
	static const struct template_field long_time = { "flowStartSeconds", 8 };
	struct template_field many[65] = { 0 };

	CHECK(template_set_new(&set) == 0);
	CHECK(add(set, 255, "octetDeltaCount", NULL, NULL) == -EINVAL);
	CHECK_STR(error_message(), "a template's id is 256 to 65535, not 255");
	CHECK(add(set, 256, NULL, NULL, NULL) == -EINVAL);
	CHECK(add(set, 256, "octetDeltaCount", "fooBar", NULL) == -EINVAL);
	CHECK_STR(error_message(), "'fooBar' is no information element of the IANA registry");
	CHECK(add(set, 256, "octetDeltaCount", "OctetDeltaCount", NULL) == -EINVAL);
	CHECK_STR(error_message(), "information element 'OctetDeltaCount' is named twice");
	CHECK(add(set, 256, "sourceIPv4Address", "sourceIPv6Address", NULL) == -EINVAL);
	for (size_t i = 0; i < 65; i++)
		many[i].name = "octetDeltaCount";
	CHECK(template_set_add(set, 256, many, 65) == -EINVAL);
	CHECK(template_set_add(set, 256, &long_time, 1) == -EINVAL);
	CHECK_STR(error_message(), "'flowStartSeconds' has 4 octets, no more and no less");
	CHECK(template_set_count(set) == 0);
	CHECK(add(set, 256, "octetDeltaCount", NULL, NULL) == 0);
	CHECK(add(set, 256, "packetDeltaCount", NULL, NULL) == -EINVAL);
	CHECK_STR(error_message(), "the template id 256 is used twice");
	CHECK(error_exit_status() == ERROR_USAGE);
}

TEST(the_longest_record_may_be_the_template_itself)
{
	_cleanup_(template_set_freep) struct template_set *set = NULL;

	CHECK(template_set_new(&set) == 0);
	CHECK(add(set, 300, "ipVersion", "protocolIdentifier", NULL) == 0);
	CHECK(template_set_longest(set) == 12);		/* 4 + 2 * 4 */
	CHECK(add(set, 301, "sourceIPv6Address", "octetDeltaCount", NULL) == 0);
	CHECK(template_set_longest(set) == 24);		/* 16 + 8 */
}
