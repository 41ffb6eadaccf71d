// SPDX-License-Identifier: Apache-2.0
/* templates: of a configuration, as they load for outputs of every profile and version. */
#include <errno.h>

#include "base/error.h"
#include "base/strbuf.h"
#include "conf/conf.h"
#include "conf_rows.h"
#include "test.h"

#define OUT "outputs: [{collector: {remoteAddress: 10.0.0.1:4739}}]\n"

TEST(templates_replace_the_built_in_ones_unless_told_otherwise)
{
	struct conf *c = load("collectors: [{address: 10.0.0.1:2055}]\n"
			      "builtinTemplates: true\n"
			      "templates: [{id: 300, template: [{name: octetDeltaCount}]}]\n");

	CHECK(c);
	CHECK(template_set_count(c->templates) == 9 &&
	      template_set_get(c->templates, 0)->id == 300);
	conf_free(c);
	c = load("collectors: [{address: 10.0.0.1:2055}]\n"
		 "templates: [{id: 300, template: [{name: octetDeltaCount}]}]\n");
	CHECK(c);
	CHECK(template_set_count(c->templates) == 1);
	conf_free(c);
}

/* Beside templates of the user those of TCP's health and of tunnels would take records from them. */
TEST(health_and_tunnels_are_in_the_built_in_templates_where_nobody_has_his_own)
{
	static const struct {
		const char *text;
		size_t n;
	} sets[] = {
		{ OUT, 30 },
		{ OUT "biflow: true\n", 60 },
		{ OUT "builtinTemplates: true\n", 30 },
		{ OUT "builtinTemplates: true\ntemplates: [{id: 272, template: [ipVersion]}]\n", 9 },
		/* and where it fits */
		{ OUT "biflow: true\nmaxIpfixMessageLen: 512\n", 60 },
		{ OUT "biflow: true\nmaxIpfixMessageLen: 511\n", 16 },
		{ "outputs: [{collector: {remoteAddress: 10.0.0.1:4739, profile: strict}}]\n"
		  "biflow: true\nmaxIpfixMessageLen: 512\n", 60 },
	};

	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		struct conf *c = load(sets[i].text);

		CHECK(c && template_set_count(c->templates) == sets[i].n);
		conf_free(c);
	}
}

TEST(an_output_has_the_templates_of_its_version_and_profile)
{
	struct conf *c = load("outputs:\n"
			      "- collector: {remoteAddress: 10.0.0.1:1, version: netflow9, profile: strict}\n"
			      "- collector: {remoteAddress: 10.0.0.1:1, profile: strict}\n"
			      "builtinTemplates: true\n"
			      "templates: [{id: 300, template: [{name: tcpControlBits}, {name: interfaceName, length: 16}]}]\n");
	struct template_set *v9, *ipfix;
	const struct template *t;

	CHECK(c && c->outputs[0].version == 9);
	CHECK(conf_templates_of(c, &c->outputs[0], &v9) == 0);
	CHECK(conf_templates_of(c, &c->outputs[1], &ipfix) == 0);
	t = template_set_get(v9, 0);
	CHECK(t->elements[0].len_bytes == 1 && t->elements[1].len_bytes == 16);
	/* flowStartSysUpTime behind addresses, ports and flags */
	CHECK(template_set_get(v9, 1)->elements[5].ie->id == 22);
	t = template_set_get(ipfix, 0);
	CHECK(t->elements[0].len_bytes == 2);
	template_set_free(v9);
	template_set_free(ipfix);
	conf_free(c);
}

static const struct ie_field *field(const struct template_set *set, size_t t, size_t i)
{
	return &template_set_get(set, t)->elements[i];
}

/* What the file says holds for all; where it says nothing, nfcapd and others want one octet. */
TEST(a_length_is_the_files_or_the_profiles)
{
	static const char text[] =
		"collectors: [{address: 10.0.0.1:2055}]\n"
		"biflow: true\nbuiltinTemplates: true\n"
		"templates:\n"
		"- id: 1000\n"
		"  template: [tcpControlBits, {name: OctetDeltaCount, length: 4}, interfaceName]\n"
		"- id: 1001\n"
		"  template:\n"
		"  - {name: tcpControlBits, length: 2}\n"
		"  - {length: 12, name: interfaceName}\n"
		"  - {name: reverseTcpControlBits}\n";
	struct template_set *strict = NULL, *plain = NULL;
	struct conf *c = load(text);

	CHECK(c);
	CHECK(conf_templates_for(c, profile_find("strict"), &strict) == 0);
	CHECK(conf_templates_for(c, profile_default(), &plain) == 0);
	CHECK(template_set_equal(plain, c->templates) && !template_set_equal(strict, plain));
	CHECK(template_set_count(strict) == 2 + 16);
	for (size_t i = 0; i < template_set_count(strict); i++)
		CHECK(template_set_get(strict, i)->id == template_set_get(plain, i)->id);
	CHECK(field(plain, 0, 0)->len_bytes == 1 && field(strict, 0, 0)->len_bytes == 2);
	CHECK(field(plain, 0, 1)->len_bytes == 4 && field(strict, 0, 1)->len_bytes == 4);
	CHECK(field(plain, 0, 2)->len_bytes == IE_VARLEN);
	CHECK(field(plain, 1, 0)->len_bytes == 2 && field(strict, 1, 0)->len_bytes == 2);
	CHECK(field(plain, 1, 1)->len_bytes == 12);
	CHECK(field(plain, 1, 2)->len_bytes == 1 && field(strict, 1, 2)->len_bytes == 2);
	template_set_free(strict);
	template_set_free(plain);
	conf_free(c);
}

static const struct conf_fault rows[] = {
	{ OUT "templates: []\n", "c.yaml:2: templates: there is none for the collectors" },
	{ "outputs: [{file: a}]\ntemplates: []\n",
	  "c.yaml:2: templates: there is none for the collectors" },
	{ OUT "builtinTemplates: false\n", "c.yaml:2: templates: there is none for the collectors" },
	{ OUT "templates: [{id: 255, template: [ipVersion]}]\n",
	  "c.yaml:2: templates[0].id: 255 is out of range (256 to 65535)" },
	{ OUT "templates: [{id: 65536, template: [ipVersion]}]\n",
	  "c.yaml:2: templates[0].id: 65536 is out of range (256 to 65535)" },
	{ OUT "templates: [{template: [ipVersion]}]\n", "c.yaml:2: templates[0]: 'id' is missing" },
	{ OUT "templates: [{id: 300}]\n", "c.yaml:2: templates[0]: 'template' is missing" },
	{ OUT "templates: [{id: 300, template: []}]\n", "c.yaml:2: templates[0].template: is empty" },
	{ OUT "templates:\n- {id: 300, template: [ipVersion]}\n- {id: 300, template: [ipVersion]}\n",
	  "c.yaml:4: templates[1]: the id 300 was used before" },
	{ OUT "templates:\n- id: 300\n  template:\n  - name: ipVersion\n  - name: octetDeltaCont\n",
	  "c.yaml:6: templates[0].template[1].name: 'octetDeltaCont' is no information element that flowctl exports",
	  "did you mean 'octetDeltaCount'?" },
	{ OUT "templates:\n- id: 300\n  template:\n  - OCTETDELTACOUNT\n",
	  "c.yaml:5: templates[0].template[0]: 'OCTETDELTACOUNT' is no information element that flowctl exports",
	  "did you mean 'octetDeltaCount'?" },
	{ OUT "templates: [{id: 300, template: [{nam: ipVersion}]}]\n",
	  "c.yaml:2: templates[0].template[0].nam: unknown key", "did you mean 'name'?" },
	{ OUT "templates: [{id: 300, template: [{length: 4}]}]\n",
	  "c.yaml:2: templates[0].template[0]: 'name' is missing" },
	{ OUT "templates:\n- id: 300\n  template:\n  - ipVersion\n  - {name: octetDeltaCount,\n"
	  "     length: 9}\n",
	  "c.yaml:7: templates[0].template[1].length: 'octetDeltaCount' has 1 to 8 octets" },
	{ OUT "templates: [{id: 300, template: [{length: 4, name: flowStartMilliseconds}]}]\n",
	  "c.yaml:2: templates[0].template[0].length: 'flowStartMilliseconds' has 8 octets, no more and "
	  "no less" },
	{ OUT "templates: [{id: 300, template: [{name: interfaceName, length: 256}]}]\n",
	  "c.yaml:2: templates[0].template[0].length: 'interfaceName' has 1 to 255 octets, or 65535 for a "
	  "variable length" },
	{ OUT "templates: [{id: 300, template: [{name: ipVersion, length: 0}]}]\n",
	  "c.yaml:2: templates[0].template[0].length: 0 is out of range (1 to 65535)" },
	{ OUT "templates: [{id: 300, template: [{name: ipVersion, length: one}]}]\n",
	  "c.yaml:2: templates[0].template[0].length: must be a whole number, not text" },
	{ OUT "templates: [{id: 300, template: [ipVersion, {name: IpVersion}]}]\n",
	  "c.yaml:2: templates[0]: information element 'IpVersion' is named twice" },
	{ OUT "biflow: true\nbuiltinTemplates: true\ntemplates: [{id: 264, template: [ipVersion]}]\n",
	  "c.yaml:3: builtinTemplates: the template id 264 is used twice" },
	{ OUT "templates: [{id: 300, template: [7]}]\n",
	  "c.yaml:2: templates[0].template[0]: must be an element's name, not a number" },
};

TEST(every_fault_has_its_sentence)
{
	check_faults(rows, ARRAY_SIZE(rows));
}

TEST(our_own_elements_are_of_the_enterprise_that_is_named)
{
	static const char own[] = "templates: [{id: 300, template: [packetMark, networkNamespaceName]}]\n";
	struct conf *c = load("outputs: [{collector: {remoteAddress: 10.0.0.1:4739}}]\n"
			      "templates: [{id: 300, template: [packetMark]}]\nenterpriseNumber: 4711\n");

	CHECK(c && field(c->templates, 0, 0)->ie->pen == 4711);
	conf_free(c);
	/* none that holds: none that changes */
	CHECK(conf_parse("c.yaml", own, strlen(own), &c) == -EINVAL);
	CHECK(ie_find("packetMark")->pen == 4711);
	c = load(OUT "templates: [{id: 300, template: [packetMark]}]\n");
	CHECK(c && field(c->templates, 0, 0)->ie->pen == 32473);
	conf_free(c);
}

static const char *warnings(const char *text, struct strbuf *out)
{
	struct conf *c = load(text);

	strbuf_reset(out);
	if (!c)
		return "(not loaded)";
	conf_warnings(c, out);
	conf_free(c);
	return strbuf_str(out);
}

TEST(what_no_template_carries_is_told)
{
	struct strbuf b = STRBUF_NULL;

	CHECK_STR(warnings(OUT, &b), "");
	CHECK_STR(warnings(OUT "templates: [{id: 300, template: [octetDeltaCount]}]\n", &b), "");
	CHECK_STR(warnings(OUT "templates: [{id: 300, template: [sourceIPv4Address]}]\n", &b),
		  "no template carries records of TCP over IPv6\n"
		  "no template carries records of UDP over IPv6\n"
		  "no template carries records of ICMPv6\n"
		  "no template carries records of other protocols over IPv6\n");
	CHECK_STR(warnings("outputs: [{log: {file: stdout}}]\n"
			   "templates: [{id: 300, template: [sourceIPv4Address]}]\n", &b), "");
	strbuf_deinit(&b);
}
