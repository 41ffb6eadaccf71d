// SPDX-License-Identifier: Apache-2.0
/* What needs no network: when it is wanted, and that it costs nothing when it is not. What the
 * kernel says of routes: tests/net/test_routes.py. */
#include "enrich/enrich.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "test.h"

DEFINE_CLEANUP(struct template_set, template_set_free)
DEFINE_CLEANUP(struct enrich, enrich_free)

static const struct wish {
	const char *element;
	bool wanted;
} wishes[] = {
	{ "octetDeltaCount", false }, { "sourceIPv4Address", false },
	{ "sourceIPv4PrefixLength", true }, { "destinationIPv4PrefixLength", true },
	{ "ipNextHopIPv4Address", true }, { "bgpSourceAsNumber", true },
	{ "bgpDestinationAsNumber", true }, { "bgpNextHopIPv4Address", true },
	{ "sourceIPv6PrefixLength", true }, { "destinationIPv6PrefixLength", true },
	{ "ipNextHopIPv6Address", true }, { "bgpNextHopIPv6Address", true },
	{ "forwardingStatus", true }, { "reverseForwardingStatus", true },
	{ "reverseOctetDeltaCount", false },
};

TEST(it_is_wanted_where_a_template_has_such_an_element)
{
	for (size_t i = 0; i < ARRAY_SIZE(wishes); i++) {
		_cleanup_(template_set_freep) struct template_set *set = NULL;
		const struct template_field field = { wishes[i].element };

		CHECK(template_set_new(&set) == 0 && !enrich_is_wanted(set));
		CHECK(template_set_add(set, 256, &field, 1) == 0);
		if (enrich_is_wanted(set) != wishes[i].wanted)
			printf("# %s\n", wishes[i].element);
		CHECK(enrich_is_wanted(set) == wishes[i].wanted);
	}
}

TEST(what_is_not_known_is_0)
{
	static const struct template_field field = { "forwardingStatus" };
	_cleanup_(template_set_freep) struct template_set *set = NULL;
	_cleanup_(enrich_freep) struct enrich *e = NULL;
	struct record r = { .key = { .family = 4 } };
	static const struct record_route none;

	CHECK(template_set_new(&set) == 0 && template_set_add(set, 256, &field, 1) == 0);
	CHECK(enrich_new(&(struct enrich_config) { .templates = set }, &e) == 0);
	memset(&r.route, 0xff, sizeof(r.route));
	enrich_record(e, UINT64_MAX, &r);	/* of no namespace that there is */
	CHECK(memcmp(&r.route, &none, sizeof(none)) == 0 && !error_message()[0]);
	r.key.egress_ifindex = 2;
	enrich_record(e, UINT64_MAX, &r);
	CHECK(r.route.forwarding_status == 64);
	enrich_tick(e, 1);
}

TEST(a_wrong_prefix_file_is_refused)
{
	_cleanup_(template_set_freep) struct template_set *set = NULL;
	struct enrich *e;

	CHECK(template_set_new(&set) == 0);
	CHECK(enrich_new(&(struct enrich_config) { set, "/nonexistent/prefixes" }, &e) < 0);
	CHECK(enrich_new(&(struct enrich_config) { set, "/proc/version" }, &e) < 0);
	CHECK(error_exit_status() == ERROR_USAGE);
}
