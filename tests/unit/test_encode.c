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

#define LONGEST (ENCODE_ELEMENTS_MAX * 16)

static uint64_t seed = UINT64_C(0x9e3779b97f4a7c15);

static uint64_t dice(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static const uint8_t protos[] = { 1, 2, 6, 17, 33, 47, 58, 132, 136, 255 };

/* Everything that an element may look at is random. */
static struct record random_record(void)
{
	struct record r;

	for (size_t i = 0; i < sizeof(r); i++)
		((uint8_t *)&r)[i] = dice() >> 16;
	r.key.family = dice() & 64 ? 4 : 6;
	r.key.proto = protos[dice() % sizeof(protos)];
	if (dice() & 64)
		r.key.vlan_outer = r.key.vlan_inner = 0;
	r.raw = NULL;
	return r;
}

static bool same(const struct template *t, const struct encoder *e, const struct record *r)
{
	uint8_t is[LONGEST + ENCODE_SLACK + 1], wanted[LONGEST], *p = wanted;

	for (size_t i = 0; i < t->n_elements; i++) {
		ie_put(t->elements[i], r, p);
		p += t->elements[i]->len_bytes;
	}
	memset(is, 0xa5, sizeof(is));
	encode(e, r, is);
	if (memcmp(is, wanted, t->record_len) == 0 && is[t->record_len + ENCODE_SLACK] == 0xa5)
		return true;
	for (size_t i = 0, at = 0; i < t->n_elements; at += t->elements[i++]->len_bytes) {
		if (memcmp(is + at, wanted + at, t->elements[i]->len_bytes) != 0)
			printf("# template %u, family %u, protocol %u: %s\n", t->id, r->key.family,
			       r->key.proto, t->elements[i]->name);
	}
	return false;
}

TEST(every_builtin_template_is_encoded_as_its_elements_are)
{
	_cleanup_(template_set_freep) struct template_set *set = NULL;
	unsigned seen = 0;

	CHECK(template_set_new(&set) == 0 && template_set_add_builtin(set) == 0);
	for (int i = 0; i < 20000; i++) {
		struct record r = random_record();
		const struct template_choice *c = template_set_look(set, &r);

		CHECK(c->template && same(c->template, c->encoder, &r));
		seen |= 1u << c->template->index;
		/* and those that were not chosen, with elements that do not apply */
		for (size_t k = 0; k < template_set_count(set); k++) {
			const struct template *t = template_set_get(set, k);

			CHECK(same(t, template_encoder(t, &r), &r));
		}
	}
	CHECK(seen == 0xff);
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

		CHECK(template_set_add(set, 300 + i, &all[i].name, 1) == 0);
		t = template_set_get(set, i);
		for (int k = 0; k < 1000; k++) {
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
	for (int round = 0; round < 3000; round++) {
		_cleanup_(template_set_freep) struct template_set *set = NULL;
		const char *names[ENCODE_ELEMENTS_MAX];
		uint64_t taken = 0;
		size_t k = 0, wanted = 1 + dice() % (2 * n);
		const struct template *t;

		for (size_t i = dice() % n; wanted--; i = dice() % n) {
			/* addresses of one family only, and nothing twice */
			bool other = strstr(all[i].name, round & 1 ? "IPv6Address" : "IPv4Address");

			if (!other && !(taken >> i & 1))
				names[k++] = all[i].name;
			taken |= UINT64_C(1) << i;
		}
		CHECK(template_set_new(&set) == 0);
		if (!k)
			continue;
		CHECK(template_set_add(set, 400, names, k) == 0);
		t = template_set_get(set, 0);
		for (int i = 0; i < 20; i++) {
			struct record r = random_record();

			CHECK(same(t, template_encoder(t, &r), &r));
		}
	}
}

/* What the compiled choice rests on. */
TEST(gates_are_of_ports_or_of_icmp_and_of_every_protocol)
{
	const struct ie *all;
	size_t n;

	all = ie_all(&n);
	for (size_t i = 0; i < n; i++)
		CHECK(all[i].gate == IE_ANY || all[i].gate == IE_PORTS || all[i].gate == IE_ICMP);
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
	static const char *const names[] = { "sourceIPv6Address", "flowStartNanoseconds" };
	static const uint8_t bytes[24] = "0123456789abcdefGHIJKLMN";
	_cleanup_(template_set_freep) struct template_set *set = NULL;
	struct record_raw raw = { .bytes = bytes };
	struct record r = { .domain = 1, .raw = &raw };
	uint8_t is[24 + ENCODE_SLACK] = { 0 };
	const struct template *t;

	CHECK(template_set_new(&set) == 0 && template_set_add_builtin(set) == 0);
	CHECK(template_set_add(set, 999, names, 2) == 0);
	t = template_set_get(set, template_set_count(set) - 1);
	raw.choice = template_choose_raw(t);
	CHECK(template_set_look(set, &r)->template == t && template_encoder(t, &r) == raw.choice.encoder);
	encode(template_set_look(set, &r)->encoder, &r, is);
	CHECK(memcmp(is, bytes, 24) == 0 && is[24] == 0);
}
