// SPDX-License-Identifier: Apache-2.0
/* Made-up records: the same every time, all different, and such as a meter could see. */
#include "flow/dummy.h"

#include "flow/ie.h"
#include "test.h"

#define NOW UINT64_C(1795233357123456789)
#define MANY 200000

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct flow_key));
}

/* Beside each other, and far apart: what goes beyond 24 bits is elsewhere in the key. */
static uint64_t number(size_t i)
{
	return i % 2 ? i : (uint64_t)i << 15;
}

TEST(no_two_flows_have_a_key_in_common)
{
	struct flow_key *keys = calloc(MANY, sizeof(*keys));
	size_t same = 0;

	CHECK(keys);
	for (size_t i = 0; i < MANY; i++) {
		struct record r = { 0 };

		dummy_record(number(i), NOW, &r);
		keys[i] = r.key;
	}
	qsort(keys, MANY, sizeof(*keys), compare);
	for (size_t i = 1; i < MANY; i++)
		same += compare(&keys[i - 1], &keys[i]) == 0;
	free(keys);
	CHECK(same == 0);
}

TEST(a_number_is_the_same_flow_every_time)
{
	struct record a = { 0 }, b = { 0 };

	for (size_t i = 0; i < 1000; i++) {
		dummy_record(i, NOW, &a);
		memset(&b, 0, sizeof(b));
		dummy_record(i, NOW, &b);
		CHECK(memcmp(&a, &b, sizeof(a)) == 0);
	}
}

TEST(records_are_such_as_a_meter_could_see)
{
	unsigned families[2] = { 0 }, tcp = 0, udp = 0, icmp = 0, other = 0;

	for (size_t i = 0; i < 10000; i++) {
		struct record r = { 0 };
		unsigned applies;

		dummy_record(i, NOW, &r);
		applies = ie_record_applies(&r);
		CHECK(r.last_ns == NOW && r.first_ns <= NOW && r.first_ns > NOW - 60 * UINT64_C(1000000000));
		CHECK(r.packets > 1 || r.first_ns == r.last_ns);
		CHECK(r.packets && r.bytes >= 40 * r.packets && r.bytes <= 1500 * r.packets);
		CHECK(r.key.family == 4 || r.key.family == 6);
		CHECK(!(applies & IE_PORTS) == !r.key.sport);
		CHECK(!(applies & IE_TCP) == !r.tcp_flags);
		CHECK(r.end_reason >= 1 && r.end_reason <= 5 && r.min_ttl && r.min_ttl <= r.max_ttl);
		families[r.key.family == 6]++;
		tcp += r.key.proto == 6;
		udp += r.key.proto == 17;
		icmp += !!(applies & IE_ICMP);
		other += !(applies & (IE_TCP | IE_UDP | IE_ICMP));
	}
	CHECK(families[0] > 8000 && families[1] > 1000);
	CHECK(tcp > 5000 && udp > 2000 && icmp > 300 && other > 300);
}
