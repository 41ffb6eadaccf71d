// SPDX-License-Identifier: Apache-2.0
/* Values as they are written and as they go; faults with path and line. */
#include "conf/flow_file.h"

#include <errno.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "conf/flow_value.h"
#include "hex.h"
#include "test.h"

DEFINE_CLEANUP(struct template_set, template_set_free)

/* @text as hexadecimal digits, or the number of the error. */
static const char *value(const char *element, const char *text)
{
	static char shown[2 * 64 + 1];
	const struct ie *e = ie_find(element);
	uint8_t out[64];
	int r;

	if (!e)
		return "no such element";
	r = flow_value(e, text, out, e->len_bytes);
	if (r < 0)
		return r == -EINVAL ? "EINVAL" : r == -ERANGE ? "ERANGE" : "?";
	for (size_t i = 0; i < e->len_bytes; i++)
		snprintf(shown + 2 * i, 3, "%02x", out[i]);
	return shown;
}

TEST(numbers_are_decimal_or_hexadecimal_and_fit)
{
	CHECK_STR(value("octetDeltaCount", "18446744073709551615"), "ffffffffffffffff");
	CHECK_STR(value("octetDeltaCount", "18446744073709551616"), "ERANGE");
	CHECK_STR(value("octetDeltaCount", "0x1"), "0000000000000001");
	CHECK_STR(value("octetDeltaCount", "0x10000000000000000"), "ERANGE");
	CHECK_STR(value("protocolIdentifier", "255"), "ff");
	CHECK_STR(value("protocolIdentifier", "256"), "ERANGE");
	CHECK_STR(value("protocolIdentifier", "0x0fF"), "ff");
	CHECK_STR(value("protocolIdentifier", "0x100"), "ERANGE");
	CHECK_STR(value("ingressInterface", "4294967295"), "ffffffff");
	CHECK_STR(value("ingressInterface", "4294967296"), "ERANGE");
	CHECK_STR(value("sourceTransportPort", "443"), "01bb");
	CHECK_STR(value("vlanId", "0xffff"), "ffff");
	CHECK_STR(value("octetDeltaCount", "-1"), "EINVAL");
	CHECK_STR(value("octetDeltaCount", ""), "EINVAL");
	CHECK_STR(value("octetDeltaCount", "0x"), "EINVAL");
	CHECK_STR(value("octetDeltaCount", "0xg"), "EINVAL");
	CHECK_STR(value("octetDeltaCount", "1.5"), "EINVAL");
	CHECK_STR(value("octetDeltaCount", "10.0.0.1"), "EINVAL");
}

TEST(addresses_are_text_or_numbers)
{
	CHECK_STR(value("sourceIPv4Address", "10.1.0.2"), "0a010002");
	CHECK_STR(value("sourceIPv4Address", "0x0a010002"), "0a010002");
	CHECK_STR(value("sourceIPv4Address", "167837698"), "0a010002");
	CHECK_STR(value("sourceIPv4Address", "10.1.0.256"), "EINVAL");
	CHECK_STR(value("sourceIPv4Address", "::1"), "EINVAL");
	CHECK_STR(value("sourceIPv6Address", "2001:db8::1"), "20010db8000000000000000000000001");
	CHECK_STR(value("sourceIPv6Address", "0x20010db8000000000000000000000001"),
		  "20010db8000000000000000000000001");
	CHECK_STR(value("sourceIPv6Address", "10"), "0000000000000000000000000000000a");
	CHECK_STR(value("sourceIPv6Address", "10.1.0.2"), "EINVAL");
	CHECK_STR(value("sourceMacAddress", "02:00:00:00:00:fE"), "0200000000fe");
	CHECK_STR(value("sourceMacAddress", "0x0200000000fe"), "0200000000fe");
	CHECK_STR(value("sourceMacAddress", "02:00:00:00:00"), "EINVAL");
	CHECK_STR(value("sourceMacAddress", "02:00:00:00:00:01:02"), "EINVAL");
	CHECK_STR(value("sourceMacAddress", "2:0:0:0:0:1"), "EINVAL");
	CHECK_STR(value("sourceMacAddress", "281474976710656"), "ERANGE");
}

/*
 * 2026-11-21T03:55:57Z is 1795233357 s since 1970, 4004222157 s since 1900 (RFC 5905: 70
 * years and 17 days between); half a second is 2^31 of NTP's fraction.
 */
TEST(times_are_in_the_unit_of_the_element_or_dates)
{
	CHECK_STR(value("flowStartSeconds", "1795233357"), "6b01164d");
	CHECK_STR(value("flowStartSeconds", "2026-11-21T03:55:57Z"), "6b01164d");
	CHECK_STR(value("flowStartSeconds", "4294967296"), "ERANGE");
	CHECK_STR(value("flowStartMilliseconds", "1795233357123"), "000001a1fc3f1d43");
	CHECK_STR(value("flowStartMilliseconds", "2026-11-21T03:55:57.123Z"), "000001a1fc3f1d43");
	CHECK_STR(value("flowStartMicroseconds", "1795233357500000"), "eeab94cd80000000");
	CHECK_STR(value("flowStartMicroseconds", "2026-11-21T03:55:57.5Z"), "eeab94cd80000000");
	CHECK_STR(value("flowEndNanoseconds", "1795233357500000000"), "eeab94cd80000000");
	CHECK_STR(value("flowEndNanoseconds", "2026-11-21T03:55:57.5Z"), "eeab94cd80000000");
	CHECK_STR(value("flowEndNanoseconds", "0"), "83aa7e8000000000");
	CHECK_STR(value("flowStartMilliseconds", "2026-11-21"), "EINVAL");
	CHECK_STR(value("flowStartMilliseconds", "2026-11-21T03:55:57"), "EINVAL");
	CHECK_STR(value("flowStartMilliseconds", "2026-11-21T03:55:57+01:00"), "EINVAL");
	CHECK_STR(value("flowStartMilliseconds", "1970-01-01T00:00:00.Z"), "EINVAL");
	CHECK_STR(value("flowStartMilliseconds", "1900-01-01T00:00:00Z"), "EINVAL");
	CHECK_STR(value("flowStartSysUpTime", "0xfffffffe"), "fffffffe");
}

TEST(texts_are_as_long_as_their_element_allows)
{
	const struct ie *e = ie_find("interfaceName"), *d = ie_find("interfaceDescription");
	uint8_t out[IE_STRING_MAX + 3];
	char text[IE_STRING_MAX + 2];

	CHECK(e && d && flow_value_room(e, IE_VARLEN) == 15 && flow_value_room(d, IE_VARLEN) == 255);
	CHECK(flow_value(e, "veth0", out, IE_VARLEN) == 0 && memcmp(out, "\5veth0", 6) == 0);
	CHECK(flow_value(e, "0123456789abcdef", out, IE_VARLEN) == -ERANGE);
	CHECK(flow_value(e, "0123456789abcdef", out, 16) == 0 && memcmp(out, "0123456789abcdef", 16) == 0);
	CHECK(flow_value(e, "veth0", out, 8) == 0 && memcmp(out, "veth0\0\0", 8) == 0);
	memset(text, 'x', sizeof(text));
	text[256] = '\0';
	CHECK(flow_value(d, text, out, IE_VARLEN) == -ERANGE);
	text[255] = '\0';
	CHECK(flow_value(d, text, out, IE_VARLEN) == 0 && out[0] == 255 && out[1] == 0 && out[2] == 255);
}

static const struct template_field names_1001[] = {
	{ "sourceIPv4Address" }, { "protocolIdentifier" }
};
static const struct template_field names_1002[] = {
	{ "sourceIPv6Address" }, { "packetDeltaCount" }, { "sourceTransportPort" }
};

static int make(struct template_set **ret)
{
	int r = template_set_new(ret);

	if (r == 0)
		r = template_set_add(*ret, 1001, names_1001, 2);
	return r == 0 ? template_set_add(*ret, 1002, names_1002, 3) : r;
}

TEST(flows_become_the_bytes_of_their_templates)
{
	static const char text[] =
		"flowsets:\n"
		"- templateId: 1002\n"
		"  flows:\n"
		"  - {SourceTransportPort: 80, packetDeltaCount: 2, sourceIPv6Address: '::2', octetDeltaCount: 9}\n"
		"  - {}\n"
		"- {templateId: 0x3e9, flows: [{ProtocolIdentifier: 17, SourceIPv4Address: 0x0a000001}]}\n"
		"- {templateId: 1001, flows: []}\n";
	static const uint8_t first[26] = { [15] = 2, [23] = 2, [25] = 80 }, second[26];
	static const uint8_t third[5] = { 10, 0, 0, 1, 17 };
	_cleanup_(template_set_freep) struct template_set *set = NULL;
	_cleanup_(flow_file_deinit) struct flow_file f = { 0 };

	CHECK(make(&set) == 0);
	CHECK(flow_file_parse("f", text, strlen(text), set, &f) == 0);
	CHECK(f.n == 3);
	CHECK(f.raws[0].choice.template->id == 1002 && memcmp(f.raws[0].bytes, first, 26) == 0);
	CHECK(f.raws[1].choice.template->id == 1002 && memcmp(f.raws[1].bytes, second, 26) == 0);
	CHECK(f.raws[2].choice.template->id == 1001 && memcmp(f.raws[2].bytes, third, 5) == 0);
}

/* RFC 7011 7 and 6.2: a text brings its length, a number may be shorter. */
TEST(texts_and_reduced_numbers_take_what_the_template_says)
{
	static const struct template_field fields[] = {
		{ "interfaceName" }, { "octetDeltaCount", 3 }, { "interfaceDescription", 4 },
		{ "reverseTcpControlBits", 1 }, { "networkNamespaceName", IE_VARLEN },
	};
	static const char text[] =
		"flowsets:\n"
		"- templateId: 300\n"
		"  flows:\n"
		"  - {interfaceName: eth0, octetDeltaCount: 0x10203, interfaceDescription: up}\n"
		"  - {ReverseTcpControlBits: 0x1b, networkNamespaceName: blue}\n";
	_cleanup_(template_set_freep) struct template_set *set = NULL;
	_cleanup_(flow_file_deinit) struct flow_file f = { 0 };

	CHECK(template_set_new(&set) == 0 && template_set_add(set, 300, fields, 5) == 0);
	CHECK(flow_file_parse("f", text, strlen(text), set, &f) == 0 && f.n == 2);
	CHECK(is_hex(f.raws[0].bytes, f.raws[0].len_bytes,
		     "04 65746830 010203 75700000 00 00"));
	CHECK(is_hex(f.raws[1].bytes, f.raws[1].len_bytes, "00 000000 00000000 1b 04 626c7565"));
}

TEST(texts_are_as_long_as_their_element_may_be)
{
	char text[300] = { 0 };
	uint8_t out[300];
	const struct ie *name = ie_find("interfaceName"), *alias = ie_find("interfaceDescription");

	memset(text, 'x', 15);
	CHECK(flow_value(name, text, out, IE_VARLEN) == 0 && out[0] == 15);
	memset(text, 'x', 16);
	CHECK(flow_value(name, text, out, IE_VARLEN) == -ERANGE);
	CHECK(flow_value(name, text, out, 16) == 0 && flow_value(name, text, out, 15) == -ERANGE);
	memset(text, 'x', 255);
	CHECK(flow_value(alias, text, out, IE_VARLEN) == 0 && out[0] == 255 && out[2] == 255);
	memset(text, 'x', 256);
	CHECK(flow_value(alias, text, out, IE_VARLEN) == -ERANGE);
}

static const struct fault {
	const char *text, *sentence;
} faults[] = {
	{ "{}", "f:1: 'flowsets' is missing" },
	{ "flowsets: []", "f:1: there is no flow in it" },
	{ "flowsets: 5", "f:1: flowsets: must be a list, not a number" },
	{ "flows: []", "f:1: flows: unknown key" },
	{ "flowsets:\n- flows: []", "f:2: flowsets[0]: 'templateId' is missing" },
	{ "flowsets:\n- templateId: 1001", "f:2: flowsets[0]: 'flows' is missing" },
	{ "flowsets:\n- templateId: 255\n  flows: []",
	  "f:2: flowsets[0].templateId: 255 is out of range (256 to 65535)" },
	{ "flowsets:\n- flows: [{}]\n  templateId: 1003",
	  "f:3: flowsets[0].templateId: the configuration has no template 1003" },
	{ "flowsets:\n- templateId: 1001\n  flows: {}", "f:3: flowsets[0].flows: must be a list, not a mapping" },
	{ "flowsets:\n- templateId: 1001\n  flows:\n  - 5",
	  "f:4: flowsets[0].flows[0]: must be a mapping of elements to values, not a number" },
	{ "flowsets:\n- templateId: 1001\n  flows:\n  - {}\n  - protocolIdentifier: 6\n    sourceIPv4Adress: 1",
	  "f:6: flowsets[0].flows[1].sourceIPv4Adress: 'sourceIPv4Adress' is no information element of "
	  "the IANA registry" },
	{ "flowsets:\n- templateId: 1001\n  flows:\n  - {protocolIdentifier: 256}",
	  "f:4: flowsets[0].flows[0].protocolIdentifier: 256 is too large for 1 octets" },
	{ "flowsets:\n- templateId: 1001\n  flows:\n  - sourceIPv4Address: 10.0.0\n",
	  "f:4: flowsets[0].flows[0].sourceIPv4Address: '10.0.0' is not an IPv4 address (192.0.2.1 or "
	  "0xc0000201)" },
	{ "flowsets:\n- templateId: 1001\n  flows:\n  - sourceIPv4Address:\n",
	  "f:4: flowsets[0].flows[0].sourceIPv4Address: must be an IPv4 address (192.0.2.1 or 0xc0000201), "
	  "not nothing" },
	/* not sent, and wrong all the same */
	{ "flowsets:\n- templateId: 1001\n  flows:\n  - octetDeltaCount: -1\n",
	  "f:4: flowsets[0].flows[0].octetDeltaCount: '-1' is not a whole number" },
	{ "flowsets:\n- templateId: 1001\n  flows:\n  - sourceIPv4Address: 1\n    SourceIPv4Address: 1",
	  "f:5: flowsets[0].flows[0].SourceIPv4Address: is given twice" },
};

TEST(every_fault_is_told_with_its_path_and_line)
{
	_cleanup_(template_set_freep) struct template_set *set = NULL;

	CHECK(make(&set) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		struct flow_file f;
		int r = flow_file_parse("f", faults[i].text, strlen(faults[i].text), set, &f);

		CHECK_STR(error_message(), faults[i].sentence);
		CHECK(r == -EINVAL && error_exit_status() == ERROR_USAGE);
		error_clear();
	}
}

TEST(a_missing_file_is_no_usage_error)
{
	_cleanup_(template_set_freep) struct template_set *set = NULL;
	struct flow_file f;

	CHECK(make(&set) == 0);
	CHECK(flow_file_load("/nonexistent/flows.yaml", set, &f) == -ENOENT);
	CHECK_STR(error_message(),
		  "cannot open the flow file '/nonexistent/flows.yaml': No such file or directory");
	CHECK(error_exit_status() == ERROR_FAILED);
}
