// SPDX-License-Identifier: Apache-2.0
/* What --decap takes and says again, and the names of tunnels. */
#include "flow/tunnel.h"

#include <errno.h>

#include "base/error.h"
#include "test.h"

static const struct {
	const char *text, *again;
	struct tunnel_choice is;
} good[] = {
	{ "none", "none", { 0 } },
	{ "all", "all", { .decap = DECAP_ALL } },
	{ "geneve", "geneve", { .decap = DECAP_GENEVE } },
	{ "ipip,gre", "gre,ipip", { .decap = DECAP_IPIP | DECAP_GRE } },
	{ "vxlan:8472", "vxlan:8472", { .decap = DECAP_VXLAN, .vxlan_port = 8472 } },
	{ "vxlan:4789,geneve:6082", "geneve:6082,vxlan",
	  { .decap = DECAP_VXLAN | DECAP_GENEVE, .vxlan_port = 4789, .geneve_port = 6082 } },
	{ "geneve,vxlan,gre,ipip", "all", { .decap = DECAP_ALL } },
	{ "all,vxlan:8472", "geneve,vxlan:8472,gre,ipip", { .decap = DECAP_ALL, .vxlan_port = 8472 } },
	{ "geneve:65535,vxlan:65534,gre,ipip", "geneve:65535,vxlan:65534,gre,ipip",
	  { .decap = DECAP_ALL, .geneve_port = 65535, .vxlan_port = 65534 } },
};

TEST(a_choice_is_read_and_written)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct tunnel_choice c = { 0xff, 1, 1 };
		char buf[64];

		CHECK(tunnel_choice_parse(good[i].text, &c) == 0);
		CHECK(c.decap == good[i].is.decap && c.geneve_port == good[i].is.geneve_port &&
		      c.vxlan_port == good[i].is.vxlan_port);
		CHECK_STR(tunnel_choice_format(&c, buf, sizeof(buf)), good[i].again);
	}
}

TEST(what_is_no_choice_is_refused_and_named)
{
	static const struct {
		const char *text, *named;
	} bad[] = {
		{ "", "''" }, { "gnve", "'gnve'" }, { "geneve,", "''" }, { ",gre", "''" },
		{ "none,gre", "'none' stands alone" }, { "gre:1", "gre has no port" }, { "vxlan:0", "'0'" },
		{ "vxlan:65536", "'65536'" }, { "geneve:", "''" }, { "all:1", "all has no port: '1'" }, { "GRE", "'GRE'" },
		{ "geneve:4789,vxlan", "port 4789" }, { "geneve:4790,vxlan", "port 4790" },
		{ "gre, ipip", "' ipip'" },
		{ "geneve0123456789012345678901234567890123456789", "'geneve01" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct tunnel_choice c = { .decap = 0x77 };

		CHECK(tunnel_choice_parse(bad[i].text, &c) == -EINVAL);
		CHECK(error_exit_status() == ERROR_USAGE && c.decap == 0x77);
		CHECK(strstr(error_message(), bad[i].named));
	}
}

TEST(a_near_miss_is_told)
{
	struct tunnel_choice c;

	CHECK(tunnel_choice_parse("vxlna", &c) < 0);
	CHECK_STR(error_hint_text(), "did you mean 'vxlan'?");
}

TEST(every_kind_and_result_has_a_name)
{
	CHECK(!tunnel_name(TUNNEL_NONE) && !tunnel_name(TUNNEL_KINDS));
	CHECK(!tunnel_has_vni(TUNNEL_NONE) && !tunnel_has_vni(TUNNEL_KINDS));
	for (int i = TUNNEL_NONE + 1; i < TUNNEL_KINDS; i++)
		CHECK(tunnel_name(i));
	for (int i = 0; i < DECAP_RESULTS; i++)
		CHECK(tunnel_result_name(i));
	CHECK(!tunnel_result_name(DECAP_RESULTS));
	CHECK_STR(tunnel_name(TUNNEL_6IN6), "6in6");
	CHECK(tunnel_has_vni(TUNNEL_ERSPAN) && !tunnel_has_vni(TUNNEL_GRE));
	CHECK_STR(tunnel_result_name(DECAP_SEVERAL), "several");
}
