// SPDX-License-Identifier: Apache-2.0
/*
 * Every rule: a stream that breaks it breaks it and nothing else, and none that the RFC
 * allows is called broken. The clock stands at 2026-11-20T22:10:21Z, 0x6b00c54d.
 */
#include "collect.h"

#include "collect/rules.h"

#define T_PROTO "0002 000c 0100 0001 0004 0001"		/* protocolIdentifier */
#define T_PORT "0002 000c 0100 0001 0007 0002"
#define D_PROTO "0100 0005 06"
/* flowStart- and flowEndMilliseconds */
#define T_MS "0002 0010 0100 0002 0098 0008 0099 0008"
#define NOW_MS "0000019aa3ee3948"	/* of 2025: any time before the export */

static const struct row {
	const char *rules;
	enum decode_transport transport;
	const char *sets;	/* of one message with sequence 0; behind a =: all of it */
} rows[] = {
	{ "", DECODE_UDP, T_PROTO D_PROTO },
	{ "", DECODE_TCP, T_PROTO D_PROTO },
	{ "", DECODE_UDP, T_PROTO "0100 0008 06 06 06 06" },
	/* messages and sets */
	{ "version", DECODE_UDP, "=0005 0010 6b00c54d 00000000 00000001" },
	{ "version", DECODE_TCP, "=0009 0000 00000000 6b00c54d 00000000 00000001" },
	{ "message-short", DECODE_UDP, "=000a 0010 6b00c54d" },
	{ "message-short", DECODE_UDP, "=0009 0000 00000000 6b00c54d 00000000" },
	{ "message-short", DECODE_UDP, "=00" },
	{ "message-length", DECODE_UDP, "=000a 0020 6b00c54d 00000000 00000001" },
	{ "message-length", DECODE_UDP, "=000a 000c 6b00c54d 00000000 00000001" },
	{ "message-length", DECODE_UDP, "=000a 0010 6b00c54d 00000000 00000001 00" },
	{ "set-short", DECODE_UDP, "0002 0003" },
	{ "set-short", DECODE_UDP, T_PROTO "00" },
	{ "set-long", DECODE_UDP, "0002 0010 0100 0001" },
	{ "set-id", DECODE_UDP, "0000 0008 00000000" },
	{ "set-id", DECODE_UDP, "0001 0008 00000000" },
	{ "set-id", DECODE_UDP, "00ff 0008 00000000" },
	{ "set-empty", DECODE_UDP, "0002 0004" },
	{ "set-empty", DECODE_UDP, T_PROTO "0100 0004" },
	{ "set-empty", DECODE_UDP, T_PORT "0100 0005 00" },
	{ "count", DECODE_UDP, "=0009 0007 00010000 6b00c54d 00000000 00000001"
			       "0000 000c 0100 0001 0004 0001" },
	{ "padding-long", DECODE_UDP, "0002 0010 0100 0001 0004 0001 00000000" },
	{ "padding-value", DECODE_UDP, T_PORT "0100 0007 0006 01" },
	/* templates */
	{ "template-id", DECODE_UDP, "0002 000c 00ff 0001 0004 0001" },
	{ "template-cut", DECODE_UDP, "0002 000c 0100 0002 0004 0001" },
	{ "template-cut", DECODE_UDP, "0002 000c 0100 0001 8004 0001" },
	{ "template-cut", DECODE_UDP, "0003 0008 0100 0001" },
	{ "template-empty", DECODE_UDP, "0002 000c 0100 0001 0053 0000" },
	{ "template-changed", DECODE_TCP, T_PROTO T_PORT },
	{ "template-repeated", DECODE_TCP, T_PROTO T_PROTO },
	{ "", DECODE_UDP, T_PROTO T_PROTO },
	{ "", DECODE_FILE, T_PROTO T_PROTO },
	{ "scope-none", DECODE_UDP, "0003 000e 0100 0001 0000 0095 0004" },
	{ "scope-count", DECODE_UDP, "0003 000e 0100 0001 0002 0095 0004" },
	{ "withdrawal-udp", DECODE_UDP, T_PROTO "0002 0008 0100 0000" },
	{ "", DECODE_TCP, T_PROTO "0002 0008 0100 0000" },
	{ "withdrawal-unknown", DECODE_TCP, "0002 0008 0100 0000" },
	{ "withdrawal-kind", DECODE_TCP, T_PROTO "0003 0008 0100 0000" },
	{ "template-id", DECODE_TCP, "0002 0008 0003 0000" },
	/* data */
	{ "no-template", DECODE_UDP, D_PROTO },
	{ "no-template", DECODE_TCP, D_PROTO },
	{ "template-not-seen", DECODE_UDP, "=000a 0015 6b00c54d 00000009 00000001" D_PROTO },
	{ "template-withdrawn", DECODE_TCP, T_PROTO "0002 0008 0100 0000" D_PROTO },
	{ "record-cut", DECODE_UDP, "0002 000c 0100 0001 0052 ffff 0100 0008 05 616263" },
	{ "record-cut", DECODE_UDP, "0002 000c 0100 0001 0052 ffff 0100 0006 ff00" },
	{ "sequence-start", DECODE_TCP, "=000a 0010 6b00c54d 00000005 00000001" },
	{ "", DECODE_UDP, "=000a 0010 6b00c54d 00000005 00000001" },
	{ "", DECODE_FILE, "=000a 0010 6b00c54d 00000005 00000001" },
	/* fields */
	{ "field-length", DECODE_UDP, "0002 000c 0100 0001 0008 0005" },
	{ "field-length", DECODE_UDP, "0002 000c 0100 0001 0001 0009" },
	{ "", DECODE_UDP, "0002 000c 0100 0001 0001 0003" },
	{ "field-length", DECODE_UDP, "0002 000c 0100 0001 0098 0004" },
	{ "", DECODE_UDP, "0002 000c 0100 0001 0140 0004" },		/* float64 as float32 */
	{ "field-variable", DECODE_UDP, "0002 000c 0100 0001 0008 ffff" },
	{ "", DECODE_UDP, "0002 000c 0100 0001 0052 ffff" },
	{ "field-unknown", DECODE_UDP, "0002 000c 0100 0001 7fff 0004" },
	{ "", DECODE_UDP, "0002 0010 0100 0001 8005 0004 00000009" },
	{ "field-enterprise field-unknown", DECODE_UDP, "0002 0010 0100 0001 8800 0004 00000000" },
	{ "field-twice", DECODE_UDP, "0002 0010 0100 0002 0004 0001 0004 0001" },
	/* times */
	{ "export-time-far", DECODE_UDP, "=000a 0010 6b00d54d 00000000 00000001" },
	{ "export-time-far", DECODE_TCP, "=000a 0010 00000000 00000000 00000001" },
	{ "", DECODE_FILE, "=000a 0010 00000000 00000000 00000001" },
	{ "", DECODE_UDP, T_MS "0100 0014" NOW_MS NOW_MS },
	{ "end-before-start", DECODE_UDP, T_MS "0100 0014" NOW_MS "0000019aa3ee3947" },
	{ "time-after-export time-after-export", DECODE_UDP, T_MS "0100 0014 000001b000000000 000001b000000000" },
	{ "end-before-start", DECODE_UDP, "0002 0018 0100 0002 8098 0008 00007279 8099 0008 00007279"
					  "0100 0014 0000019aa3ee3948 0000019aa3ee3947" },
	/* Deltas count back from the export time: the start has more. */
	{ "", DECODE_UDP, "0002 0010 0100 0002 009e 0004 009f 0004 0100 000c 00000009 00000003" },
	{ "end-before-start", DECODE_UDP,
	  "0002 0010 0100 0002 009e 0004 009f 0004 0100 000c 00000003 00000009" },
	/* The up-time wraps. */
	{ "", DECODE_UDP, "0002 0010 0100 0002 0016 0004 0015 0004 0100 000c ffffff00 00000003" },
	{ "end-before-start", DECODE_UDP,
	  "0002 0010 0100 0002 0016 0004 0015 0004 0100 000c 00000003 00000002" },
	{ "ntp-fraction", DECODE_UDP, "0002 000c 0100 0001 009a 0008 0100 000c e0000000 80000001" },
	{ "", DECODE_UDP, "0002 000c 0100 0001 009a 0008 0100 000c e0000000 80000800" },
	{ "", DECODE_UDP, "0002 000c 0100 0001 009c 0008 0100 000c e0000000 80000001" },
	/* values */
	{ "domain", DECODE_UDP, "0002 000c 0100 0001 0095 0004 0100 0008 00000002" },
	{ "", DECODE_UDP, "0002 000c 0100 0001 0095 0004 0100 0008 00000001" },
	{ "value-range", DECODE_UDP, "0002 000c 0100 0001 003d 0001 0100 0005 02" },
	{ "value-range", DECODE_UDP, "0002 000c 0100 0001 0088 0001 0100 0005 06" },
	{ "", DECODE_UDP, "0002 000c 0100 0001 0088 0001 0100 0005 00" },
	{ "", DECODE_UDP, "0002 0010 0100 0002 009a 0008 009b 0008 0100 0014 e0000000 00000000 00000000 00000000" },
	{ "value-range", DECODE_UDP, "0002 000c 0100 0001 003a 0002 0100 0006 1000" },
	{ "value-range", DECODE_UDP, "0002 0010 0100 0002 0034 0001 0035 0001 0100 0006 40 3f" },
	{ "", DECODE_UDP, "0002 0010 0100 0002 0034 0001 0035 0001 0100 0006 3f 40" },
	{ "boolean", DECODE_UDP, "0002 000c 0100 0001 0114 0001 0100 0005 00" },
	{ "string", DECODE_UDP, "0002 000c 0100 0001 0052 ffff 0100 0006 01 ff" },
	{ "", DECODE_UDP, "0002 000c 0100 0001 0052 ffff 0100 0007 02 c3a9" },
	{ "list", DECODE_UDP, "0002 000c 0100 0001 0123 ffff 0100 000b 06 03 0007 0002 01" },
	{ "", DECODE_UDP, "0002 000c 0100 0001 0123 ffff 0100 000c 07 03 0007 0002 0050" },
	{ "list", DECODE_UDP, "0002 000c 0100 0001 0125 ffff 0100 000a 05 03 0100 0003" },
	{ "type-information", DECODE_UDP,
	  "0003 001a 0101 0004 0002 015a 0004 012f 0002 0153 0001 0155 ffff"
	  "0101 000e 0001869f 0005 03 02 2122" },
};

TEST(each_stream_breaks_the_rules_that_it_breaks)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		collect_begin(rows[i].transport, SHOW_TEXT);
		if (rows[i].sets[0] == '=')
			collect_raw(rows[i].sets + 1);
		else
			collect_sets(0, rows[i].sets);
		if (strcmp(strbuf_str(&collect.rules), rows[i].rules))
			printf("# row %zu: %s\n", i, rows[i].sets);
		CHECK_STR(collect_rules(), rows[i].rules);
	}
}

TEST(sequences_are_judged_by_transport)
{
	collect_begin(DECODE_UDP, SHOW_TEXT);
	collect_sets(0, T_PROTO D_PROTO);
	collect_sets(2, D_PROTO);
	CHECK_STR(collect_rules(), "sequence-gap");
	collect_sets(1, D_PROTO);
	CHECK_STR(collect_rules(), "sequence-late");
	collect.now_ns += SECOND;
	collect_sets(0, D_PROTO);
	CHECK_STR(collect_rules(), "restart");
	collect_sets(5, D_PROTO);
	CHECK_STR(collect_rules(), "sequence-gap");
	collect_sets(3, D_PROTO D_PROTO D_PROTO D_PROTO);
	CHECK_STR(collect_rules(), "sequence-late");

	collect_begin(DECODE_TCP, SHOW_TEXT);
	collect_sets(0, T_PROTO D_PROTO);
	collect.now_ns += SECOND;
	collect_sets(0, D_PROTO);
	CHECK_STR(collect_rules(), "sequence-back");
}

TEST(options_data_count_in_the_sequence)
{
	collect_begin(DECODE_UDP, SHOW_TEXT);
	collect_sets(0, "0003 0012 0101 0002 0001 0095 0004 0029 0002 0101 000a 00000001 0002");
	collect_sets(1, "0101 000a 00000001 0002");
	CHECK_STR(collect_rules(), "");
	collect_sets(1, "0101 000a 00000001 0003");
	CHECK_STR(collect_rules(), "sequence-late");
}

TEST(a_template_number_is_not_reused_too_soon_over_udp)
{
	collect_begin(DECODE_UDP, SHOW_TEXT);
	collect_sets(0, T_PROTO);
	collect.now_ns += 60 * SECOND;
	collect_sets(0, T_PROTO);
	collect.now_ns += 60 * SECOND;
	collect_sets(0, "0002 000c 0100 0001 0001 0008");
	CHECK_STR(collect_rules(), "template-reused");
	collect_begin(DECODE_UDP, SHOW_TEXT);
	collect_sets(0, T_PROTO);
	collect.now_ns += 60 * SECOND;
	collect_sets(0, T_PROTO);
	collect.now_ns += 180 * SECOND;
	collect_sets(0, "0002 000c 0100 0001 0001 0008");
	CHECK_STR(collect_rules(), "");
}

TEST(an_export_time_that_goes_back_is_noted)
{
	collect_begin(DECODE_UDP, SHOW_TEXT);
	collect_sets(0, T_PROTO D_PROTO);
	collect.now_ns -= 2 * SECOND;
	collect_sets(1, D_PROTO);
	CHECK_STR(collect_rules(), "export-time-back");
}

TEST(every_rule_has_a_row_and_a_name_of_its_own)
{
	for (int i = 0; i < RULE_N; i++) {
		const struct rule_row *row = rule_row(i);

		CHECK(row->name && row->clause && row->says);
		for (int k = 0; k < i; k++)
			CHECK(strcmp(row->name, rule_row(k)->name));
	}
}
