// SPDX-License-Identifier: Apache-2.0
/* Values by their types (RFC 7011 6.1), as JSON and as text. */
#include "collect.h"

#include "flow/ie_registry.h"

static struct show show;

static const char *value(unsigned type, uint16_t len_bytes, const char *hex, bool json)
{
	static char out[4096];
	uint8_t data[64];
	size_t len = collect_hex(hex, data, sizeof(data));
	struct schema_field field = { .type = type, .len_bytes = len_bytes ? len_bytes : len };
	struct schema_value v = { .field = &field, .data = data, .len = len };
	char *end = show_value(&show, out, &v, json);

	if ((size_t)(end - out) > SHOW_ROOM + SHOW_ROOM_AN_OCTET * len)
		return "too long";
	*end = '\0';
	return out;
}

static const struct row {
	unsigned type;
	const char *hex, *json;
} rows[] = {
	{ DATA_U8, "ff", "255" },
	{ DATA_U64, "ffffffffffffffff", "18446744073709551615" },
	{ DATA_U64, "010000", "65536" },		/* reduced size, RFC 7011 6.2 */
	{ DATA_S8, "ff", "-1" },
	{ DATA_S32, "80000000", "-2147483648" },
	{ DATA_S64, "8000000000000000", "-9223372036854775808" },
	{ DATA_S64, "ff", "-1" },
	{ DATA_S32, "7fff", "32767" },
	{ DATA_F32, "3fc00000", "1.5" },
	{ DATA_F64, "3fb999999999999a", "0.10000000000000001" },
	{ DATA_F64, "3fc00000", "1.5" },
	{ DATA_F64, "7ff0000000000000", "null" },
	{ DATA_F32, "7fc00000", "null" },
	{ DATA_F32, "3fc000", "\"0x3fc000\"" },
	{ DATA_BOOL, "01", "true" },
	{ DATA_BOOL, "02", "false" },
	{ DATA_BOOL, "00", "0" },
	{ DATA_MAC, "02000a0bfc0d", "\"02:00:0a:0b:fc:0d\"" },
	{ DATA_IPV4, "c00002ff", "\"192.0.2.255\"" },
	{ DATA_IPV4, "00000000", "\"0.0.0.0\"" },
	{ DATA_IPV4, "c000", "\"0xc000\"" },
	{ DATA_IPV6, "20010db8000000000000000000000001", "\"2001:db8::1\"" },
	{ DATA_IPV6, "00000000000000000000ffffc0000201", "\"::ffff:192.0.2.1\"" },
	{ DATA_OCTETS, "00ff10", "\"0x00ff10\"" },
	{ DATA_OCTETS, "", "\"0x\"" },
	{ DATA_U256, "0100", "256" },
	{ DATA_U256, "010000000000000000", "\"0x010000000000000000\"" },
	/* dateTimeSeconds: 0, the end of the first era of 32 bits, a leap day. */
	{ DATA_SEC, "00000000", "\"1970-01-01T00:00:00Z\"" },
	{ DATA_SEC, "ffffffff", "\"2106-02-07T06:28:15Z\"" },
	{ DATA_SEC, "65e0a2ff", "\"2024-02-29T15:30:07Z\"" },
	{ DATA_MSEC, "0000019aa4b7c9d3", "\"2025-11-21T04:41:39.539Z\"" },
	{ DATA_MSEC, "00000000000003e7", "\"1970-01-01T00:00:00.999Z\"" },
	{ DATA_MSEC, "ffffffffffffffff", "\"18446744073709551615\"" },
	/* NTP: 0x83aa7e80 is 1970 (RFC 5905 6); halves; fractions as exporters cut them off. */
	{ DATA_NSEC, "83aa7e80 80000000", "\"1970-01-01T00:00:00.500000000Z\"" },
	{ DATA_USEC, "83aa7e80 80000000", "\"1970-01-01T00:00:00.500000Z\"" },
	{ DATA_USEC, "83aa7e80 00001000", "\"1970-01-01T00:00:00.000001Z\"" },
	{ DATA_NSEC, "83aa7e80 00000004", "\"1970-01-01T00:00:00.000000001Z\"" },
	{ DATA_NSEC, "83aa7e80 ffffffff", "\"1970-01-01T00:00:01.000000000Z\"" },
	{ DATA_SEC, "0000", "\"0x0000\"" },
	/* Era 1 begins at 2036-02-07T06:28:16Z. */
	{ DATA_USEC, "00000001 00000000", "\"2036-02-07T06:28:17.000000Z\"" },
	/* All zero is unknown (RFC 5905 6). */
	{ DATA_USEC, "00000000 00000000", "null" },
	{ DATA_STRING, "6574683022 5c 0a 7f", "\"eth0\\\"\\\\\\u000a\\u007f\"" },
	{ DATA_STRING, "c3a9 ff e282ac c080", "\"\303\251\357\277\275\342\202\254\357\277\275\357\277\275\"" },
	{ DATA_STRING, "6c6f000000", "\"lo\"" },
	{ DATA_STRING, "", "\"\"" },
	/* basicList: allOf sourceTransportPort; a broken one as it came. */
	{ DATA_LIST, "03 0007 0002 0050 01bb",
	  "{\"semantic\":3,\"element\":\"sourceTransportPort\",\"values\":[80,443]}" },
	{ DATA_LIST, "03 0007 0002 0050 01", "\"0x030007000200\"" "" },
	{ DATA_STL, "03 0100 00", "\"0x03010000\"" },
};

TEST(values_read_by_their_types)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].type == DATA_LIST && !strchr(rows[i].json, '{'))
			CHECK_STR(value(DATA_LIST, 0, rows[i].hex, true), "\"0x0300070002005001\"");
		else
			CHECK_STR(value(rows[i].type, 0, rows[i].hex, true), rows[i].json);
	}
}

TEST(text_quotes_strings_only)
{
	CHECK_STR(value(DATA_IPV4, 0, "c0000201", false), "192.0.2.1");
	CHECK_STR(value(DATA_SEC, 0, "00000000", false), "1970-01-01T00:00:00Z");
	CHECK_STR(value(DATA_STRING, 0, "61 20 62", false), "\"a b\"");
	CHECK_STR(value(DATA_F64, 0, "7ff0000000000000", false), "inf");
	CHECK_STR(value(DATA_LIST, 0, "03 0007 0002 0050 01bb", false), "[80,443]");
}

TEST(a_string_of_variable_length_keeps_its_zeros)
{
	CHECK_STR(value(DATA_STRING, SCHEMA_VARIABLE, "6100", true), "\"a\\u0000\"");
}

TEST(lists_within_lists_end_somewhere)
{
	const char *list = "03 0123 ffff 0b 03 0123 ffff 05 03 0004 0001 06";

	CHECK_STR(value(DATA_LIST, 0, list, true),
		  "{\"semantic\":3,\"element\":\"basicList\",\"values\":["
		  "{\"semantic\":3,\"element\":\"basicList\",\"values\":["
		  "{\"semantic\":3,\"element\":\"protocolIdentifier\",\"values\":[]}]}]}");
}
