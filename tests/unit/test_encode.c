// SPDX-License-Identifier: Apache-2.0
/*
 * A compiled template against ie_put(), element by element, whose values test_ie.c checks
 * against the registry: on records of random bytes, in random templates.
 */
#include "ipfix/encode.h"

#include "base/cleanup.h"
#include "flow/record.h"
#include "ipfix/template.h"
#include "test.h"

DEFINE_CLEANUP(struct template_set, template_set_free)

#define LONGEST (ENCODE_ELEMENTS_MAX * (IE_STRING_MAX + 3))

static uint64_t seed = UINT64_C(0x9e3779b97f4a7c15);

static uint64_t dice(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static const uint8_t protos[] = { 1, 2, 6, 17, 33, 47, 58, 132, 136, 255 };

static char very_long[300];

/* Everything that an element may look at is random. */
static struct record random_record(void)
{
	static const char *const names[] = {
		NULL, "", "eth0", "a\xffname", "uplink \xc3\xa4\xe2\x82\xac", very_long,
	};
	static const struct record_cloud clouds[] = { { 0 }, { .account = "123456789012", .az = very_long } };
	static struct record both[2];

	memset(very_long, 'x', sizeof(very_long) - 1);
	for (size_t k = 0; k < 2; k++) {
		struct record *r = &both[k];

		for (size_t i = 0; i < sizeof(*r); i++)
			((uint8_t *)r)[i] = dice() >> 16;
		r->key.family = dice() & 64 ? 4 : 6;
		r->key.proto = protos[dice() % sizeof(protos)];
		if (dice() & 64)
			r->key.vlan_outer = r->key.vlan_inner = 0;
		r->iface = names[dice() % ARRAY_SIZE(names)];
		r->description = names[dice() % ARRAY_SIZE(names)];
		r->netns = names[dice() % ARRAY_SIZE(names)];
		r->raw = NULL;
		r->cloud = dice() & 64 ? &clouds[dice() & 1] : NULL;
		r->key.tunnel = dice() & 64 ? 1 + dice() % (TUNNEL_KINDS - 1) : TUNNEL_NONE;
		r->outer.family = dice() & 64 ? 4 : 6;
		if (dice() & 64)
			r->tcp.known = 0;
		r->reverse = NULL;
	}
	both[0].reverse = dice() & 64 ? &both[1] : NULL;
	return both[0];
}

static uint16_t random_len(const struct ie *e)
{
	uint16_t len = dice() % 4 == 0 ? 1 + dice() % 40 : e->len_bytes;

	return ie_check_len(e, len) == 0 ? len : e->len_bytes;
}

static bool same(const struct template *t, const struct encoder *e, const struct record *r)
{
	static uint8_t is[LONGEST + ENCODE_SLACK + 1], wanted[LONGEST];
	size_t len = 0, at = 0, n;

	for (size_t i = 0; i < t->n_elements; i++)
		len += ie_put(&t->elements[i], r, wanted + len);
	memset(is, 0xa5, t->record_len + ENCODE_SLACK + 1);
	n = encode(e, r, is);
	if (n == len && len <= t->record_len && (t->is_variable || len == t->record_len) &&
	    memcmp(is, wanted, len) == 0 && is[len + ENCODE_SLACK] == 0xa5)
		return true;
	printf("# template %u, family %u, protocol %u: %zu bytes, wanted %zu\n", t->id,
	       r->key.family, r->key.proto, n, len);
	for (size_t i = 0; i < t->n_elements; i++) {
		uint8_t one[IE_STRING_MAX + 3];

		n = ie_put(&t->elements[i], r, one);
		if (memcmp(is + at, one, n) != 0)
			printf("# %s in %u\n", t->elements[i].ie->name, t->elements[i].len_bytes);
		at += n;
	}
	return false;
}

static bool builtin_is_sound(const struct profile *profile, bool biflow)
{
	_cleanup_(template_set_freep) struct template_set *set = NULL;
	const uint64_t all = (UINT64_C(1) << (biflow ? 60 : 30)) - 1;
	uint64_t seen = 0;
	bool ok = template_set_new(&set) == 0 &&
		  template_set_add_builtin(set, profile, biflow) == 0 &&
		  template_set_add_health(set, profile, biflow) == 0 &&
		  template_set_add_tunnels(set, profile, biflow) == 0;

	for (int i = 0; ok && (i < ROUNDS(3000) || (seen != all && i < 30000)); i++) {
		struct record r = random_record();
		const struct template_choice *c = template_set_look(set, &r);

		ok = c->template && same(c->template, c->encoder, &r);
		seen |= UINT64_C(1) << c->template->index;
		/* and those that were not chosen, with elements that do not apply */
		for (size_t k = 0; ok && k < template_set_count(set); k++) {
			const struct template *t = template_set_get(set, k);

			ok = same(t, template_encoder(t, &r), &r);
		}
	}
	return ok && seen == all;
}

TEST(every_builtin_template_is_encoded_as_its_elements_are)
{
	for (size_t i = 0; profile_names[i]; i++) {
		CHECK(builtin_is_sound(profile_find(profile_names[i]), false));
		CHECK(builtin_is_sound(profile_find(profile_names[i]), true));
	}
}

static int add_one(struct template_set *set, unsigned id, const struct ie *e)
{
	struct template_field f = { e->name, random_len(e) };

	return template_set_add(set, id, &f, 1);
}

TEST(every_element_is_encoded_alone_as_among_others)
{
	_cleanup_(template_set_freep) struct template_set *set = NULL;
	const struct ie *all;
	size_t n;

	CHECK(template_set_new(&set) == 0);
	all = ie_all(&n);
	for (size_t i = 0; i < n; i++) {
		const struct template *t;

		CHECK(add_one(set, 300 + i, &all[i]) == 0);
		t = template_set_get(set, i);
		for (int k = 0; k < 300; k++) {
			struct record r = random_record();

			CHECK(same(t, template_encoder(t, &r), &r));
		}
	}
}

/* Any elements in any order: runs that merge, that only seem to, and zeroes between them. */
TEST(templates_of_any_order_are_encoded_as_their_elements_are)
{
	const struct ie *all;
	size_t n;

	all = ie_all(&n);
	for (int round = 0; round < ROUNDS(3000); round++) {
		_cleanup_(template_set_freep) struct template_set *set = NULL;
		struct template_field fields[ENCODE_ELEMENTS_MAX];
		bool taken[2 * IE_ROWS_MAX] = { false };
		size_t k = 0, wanted = 1 + dice() % ENCODE_ELEMENTS_MAX;
		const struct template *t;

		for (size_t i = dice() % n; wanted--; i = dice() % n) {
			/* addresses of one family only, and nothing twice */
			bool other = strstr(all[i].name, round & 1 ? "IPv6Address" : "IPv4Address");

			if (!other && !taken[i])
				fields[k++] = (struct template_field) {
					all[i].name, random_len(&all[i]),
				};
			taken[i] = true;
		}
		CHECK(template_set_new(&set) == 0);
		if (!k)
			continue;
		CHECK(template_set_add(set, 400, fields, k) == 0);
		t = template_set_get(set, 0);
		for (int i = 0; i < 20; i++) {
			struct record r = random_record();

			CHECK(same(t, template_encoder(t, &r), &r));
		}
	}
}

/* What the compiled choice rests on. */
TEST(what_applies_follows_from_the_protocol)
{
	for (unsigned i = 0; i < 512; i++) {
		struct record r = { .key = { .family = i & 1 ? 4 : 6, .proto = i >> 1 } };
		unsigned applies = ie_record_applies(&r);

		CHECK(!(applies & IE_PORTS) == !proto_has_ports(r.key.proto));
		CHECK(!(applies & IE_ICMP) == !proto_is_icmp(&r.key));
		CHECK(!(applies & IE_TCP) == (r.key.proto != 6));
		CHECK(!(applies & IE_UDP) == (r.key.proto != 17));
	}
}

/* No template would carry what says nothing of itself; here it names the one and its bytes. */
TEST(a_raw_record_goes_as_it_is_by_the_template_it_names)
{
	static const struct template_field names[] = {
		{ "sourceIPv6Address" }, { "flowStartNanoseconds" },
	};
	static const uint8_t bytes[24] = "0123456789abcdefGHIJKLMN";
	_cleanup_(template_set_freep) struct template_set *set = NULL;
	struct record_raw raw = { .bytes = bytes };
	struct record r = { .domain = 1, .raw = &raw };
	uint8_t is[24 + ENCODE_SLACK] = { 0 };
	const struct template *t;

	CHECK(template_set_new(&set) == 0 &&
	      template_set_add_builtin(set, profile_default(), false) == 0);
	CHECK(template_set_add(set, 999, names, 2) == 0);
	t = template_set_get(set, template_set_count(set) - 1);
	raw.choice = template_choose_raw(t);
	CHECK(template_set_look(set, &r)->template == t);
	CHECK(template_encoder(t, &r) == raw.choice.encoder);
	encode(template_set_look(set, &r)->encoder, &r, is);
	CHECK(memcmp(is, bytes, 24) == 0 && is[24] == 0);
}
