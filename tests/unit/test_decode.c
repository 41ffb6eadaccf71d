// SPDX-License-Identifier: Apache-2.0
/*
 * The decoder on the bytes of RFC 7011 appendix A, and on what may come besides: every length
 * wrong, templates that come and go, NetFlow 9, more than is kept.
 */
#include "collect.h"

#define HEAD "{\"observationDomainId\":1,\"templateId\":256," \
	     "\"exportTime\":\"2026-11-20T22:10:21Z\",\"exporter\":\"192.0.2.9:4739\""

/* RFC 7011 A.1: 152 octets, with the sets of A.2.1, A.3, A.4.1 and A.4.4; export time 2013-09-16. */
static const char appendix_a[] =
	"000a 0098 52365800 00000000 00bc614e"
	"0002 001c 0100 0005 0008 0004 000c 0004 000f 0004 0002 0004 0001 0004"
	"0100 0040"
	"c000020c c00002fe c0000201 00001391 00518c81"
	"c000021b c0000217 c0000202 000002ec 0005ef46"
	"c0000238 c0000241 c0000203 00000005 00001986"
	"0003 0018 0102 0003 0001 008d 0004 0029 0002 002a 0002 0000"
	"0102 0014 00000001 0159 27d9 00000002 02b2 4fb2";

TEST(the_example_of_rfc_7011_appendix_a_reads_as_it_says)
{
	static const char *const want =
		"2013-09-16T00:59:44Z 192.0.2.9:4739 domain=12345678 template=256 "
		"sourceIPv4Address=192.0.2.12 destinationIPv4Address=192.0.2.254 "
		"ipNextHopIPv4Address=192.0.2.1 packetDeltaCount=5009 octetDeltaCount=5344385\n"
		"2013-09-16T00:59:44Z 192.0.2.9:4739 domain=12345678 template=256 "
		"sourceIPv4Address=192.0.2.27 destinationIPv4Address=192.0.2.23 "
		"ipNextHopIPv4Address=192.0.2.2 packetDeltaCount=748 octetDeltaCount=388934\n"
		"2013-09-16T00:59:44Z 192.0.2.9:4739 domain=12345678 template=256 "
		"sourceIPv4Address=192.0.2.56 destinationIPv4Address=192.0.2.65 "
		"ipNextHopIPv4Address=192.0.2.3 packetDeltaCount=5 octetDeltaCount=6534\n"
		"2013-09-16T00:59:44Z 192.0.2.9:4739 domain=12345678 template=258 options scopeFields=1 "
		"lineCardId=1 exportedMessageTotalCount=345 exportedFlowRecordTotalCount=10201\n"
		"2013-09-16T00:59:44Z 192.0.2.9:4739 domain=12345678 template=258 options scopeFields=1 "
		"lineCardId=2 exportedMessageTotalCount=690 exportedFlowRecordTotalCount=20402\n";

	collect_begin(DECODE_FILE, SHOW_TEXT);
	collect_raw(appendix_a);
	CHECK_STR(collect_lines(), want);
	CHECK_STR(collect_rules(), "");
	CHECK(collect.session->n_records == 5);
}

/* A.2.2: the fourth element is one of an enterprise. A.5: lengths of one octet and of three. */
TEST(enterprise_elements_and_variable_lengths_read_as_in_appendix_a)
{
	collect_begin(DECODE_UDP, SHOW_NDJSON);
	collect_sets(0, "0002 0020 0100 0005 0008 0004 000c 0004 000f 0004 800f 0004 00001a2b 0001 0004"
			"0100 0018 c000020c c00002fe c0000201 00000007 00000009");
	CHECK_STR(collect_lines(),
		  HEAD ",\"sourceIPv4Address\":\"192.0.2.12\",\"destinationIPv4Address\":\"192.0.2.254\","
		  "\"ipNextHopIPv4Address\":\"192.0.2.1\",\"pen6699.15\":\"0x00000007\","
		  "\"octetDeltaCount\":9}\n");
	collect_sets(1, "0002 000c 0100 0001 0052 ffff 0100 0010 05 6569676874 ff 0003 616263");
	CHECK_STR(collect_lines(), HEAD ",\"interfaceName\":\"eight\"}\n" HEAD ",\"interfaceName\":\"abc\"}\n");
}

TEST(reverse_elements_have_the_names_of_rfc_5103)
{
	collect_begin(DECODE_UDP, SHOW_NDJSON);
	collect_sets(0, "0002 0014 0100 0002 0001 0008 8001 0008 00007279"
			"0100 0014 0000000000000005 0000000000000006");
	CHECK_STR(collect_lines(), HEAD ",\"octetDeltaCount\":5,\"reverseOctetDeltaCount\":6}\n");
	CHECK_STR(collect_rules(), "");
}

TEST(an_exporter_names_its_own_elements_by_rfc_5610)
{
	collect_begin(DECODE_TCP, SHOW_NDJSON);
	/* Before it told: */
	collect_sets(0, "0002 0010 0100 0001 8005 0004 0001869f 0100 0008 00000007");
	CHECK_STR(collect_lines(), HEAD ",\"pen99999.5\":\"0x00000007\"}\n");
	/* privateEnterpriseNumber, informationElementId; informationElementDataType, Name */
	collect_sets(1, "0003 001a 0101 0004 0002 015a 0004 012f 0002 0153 0001 0155 ffff"
			"0101 0014 0001869f 0005 03 08 6f7572436f756e74");
	collect_lines();
	collect_sets(2, "0100 0008 00000007");
	CHECK_STR(collect_lines(), HEAD ",\"ourCount\":7}\n");
	CHECK_STR(collect_rules(), "");
	/* An IANA name, and a key of ours, stay what they are. */
	collect_sets(3, "0101 001b 0001869f 0005 03 0f 6f6374657444656c7461436f756e74");
	CHECK_STR(collect_rules(), "type-information");
	collect_lines();
	collect_sets(4, "0100 0008 00000007");
	CHECK_STR(collect_lines(), HEAD ",\"ourCount\":7}\n");
}

/* Of an exporter of ours that was given no number; what one tells of its own goes first. */
TEST(our_own_elements_have_names_before_they_were_told)
{
	collect_begin(DECODE_TCP, SHOW_NDJSON);
	collect_sets(0, "0002 0020 0100 0003 8005 0004 00007ed9 c007 0004 00007ed9 ffff 0004 00007ed9"
			"0100 0010 0000002a 00000007 00000001");
	CHECK_STR(collect_lines(), HEAD ",\"tcpHandshakeServerMicroseconds\":42,"
					"\"reverseTcpRetransmissionDeltaCount\":7,"
					"\"pen32473.32767\":\"0x00000001\"}\n");
	collect_sets(1, "0003 001a 0101 0004 0002 015a 0004 012f 0002 0153 0001 0155 ffff"
			"0101 0014 00007ed9 0005 03 08 6f7572436f756e74");
	collect_lines();
	collect_sets(2, "0100 0010 0000002a 00000007 00000001");
	CHECK_STR(collect_lines(), HEAD ",\"ourCount\":42,"
					"\"reverseTcpRetransmissionDeltaCount\":7,"
					"\"pen32473.32767\":\"0x00000001\"}\n");
	CHECK_STR(collect_rules(), "");
}

/* A long name, told for a template that was let in with a short one, takes nothing further. */
TEST(what_templates_take_does_not_depend_on_the_names_of_their_elements)
{
	size_t budget, held;

	collect_begin(DECODE_TCP, SHOW_NDJSON);
	collect_sets(0, "0003 001a 0101 0004 0002 015a 0004 012f 0002 0153 0001 0155 ffff"
			"0101 000d 0001869f 0007 03 01 61"
			"0101 000d 0001869f 0005 03 01 62");
	collect_sets(2, "0002 0018 0100 0002 8005 0004 0001869f 8005 0004 0001869f");
	budget = collect.budget;
	held = collect.session->schema_bytes;
	CHECK(budget + held == DECODE_BUDGET_BYTES);
	collect_sets(2, "0101 0014 0001869f 0005 03 08 6f7572436f756e74"
			"0101 000d 0001869f 0003 03 01 63");
	CHECK(collect.budget == budget && collect.session->schema_bytes == held);
	collect_lines();
	collect_sets(4, "0100 000c 00000007 00000008");
	CHECK_STR(collect_lines(), HEAD ",\"ourCount\":7,\"ourCount_2\":8}\n");
	CHECK_STR(collect_rules(), "field-twice");
}

TEST(the_second_element_of_a_name_has_a_name_of_its_own)
{
	collect_begin(DECODE_UDP, SHOW_NDJSON);
	collect_sets(0, "0002 0014 0100 0003 0004 0001 0004 0001 0091 0002 0100 0008 06 11 0101");
	CHECK_STR(collect_lines(), HEAD ",\"protocolIdentifier\":6,\"protocolIdentifier_2\":17,"
					"\"templateId_2\":257}\n");
	CHECK_STR(collect_rules(), "field-twice");
}

TEST(padding_is_no_record_and_paddingOctets_no_value)
{
	collect_begin(DECODE_UDP, SHOW_NDJSON);
	collect_sets(0, "0002 0014 0100 0003 0004 0001 00d2 0003 0001 0004"
			"0100 000f 06 000000 00000001 000000");
	CHECK_STR(collect_lines(), HEAD ",\"protocolIdentifier\":6,\"octetDeltaCount\":1}\n");
	CHECK_STR(collect_rules(), "");
}

#define T256 "0002 000c 0100 0001 0004 0001"
#define D256 "0100 0005 06"

TEST(a_withdrawn_template_is_withdrawn_over_tcp_alone)
{
	collect_begin(DECODE_TCP, SHOW_TEXT);
	collect_sets(0, T256 D256 "0002 0008 0100 0000" D256);
	CHECK_STR(collect_rules(), "template-withdrawn");
	collect_sets(1, T256 D256);
	CHECK_STR(collect_rules(), "");
	collect_sets(2, "0002 0008 0002 0000" D256);
	CHECK_STR(collect_rules(), "template-withdrawn");
	CHECK(collect.session->n_records == 2);

	collect_begin(DECODE_UDP, SHOW_TEXT);
	collect_sets(0, T256 D256 "0002 0008 0100 0000" D256);
	CHECK_STR(collect_rules(), "withdrawal-udp");
	CHECK(collect.session->n_records == 2);
}

TEST(withdrawing_all_leaves_templates_of_the_other_kind)
{
	collect_begin(DECODE_TCP, SHOW_TEXT);
	collect_sets(0, T256 "0003 0012 0101 0002 0001 008d 0004 0029 0002");
	collect_sets(0, "0003 0008 0003 0000" D256 "0101 000a 00000001 0002");
	CHECK_STR(collect_rules(), "template-withdrawn");
	CHECK(collect.session->n_records == 1);
}

TEST(a_template_over_udp_expires_when_it_is_not_sent_again)
{
	collect_begin(DECODE_UDP, SHOW_TEXT);
	collect_sets(0, T256 D256);
	collect.now_ns += 1799 * SECOND;
	collect_sets(1, D256);
	CHECK_STR(collect_rules(), "");
	collect.now_ns += 2 * SECOND;
	collect_sets(2, D256);
	CHECK_STR(collect_rules(), "template-expired");
	collect_sets(3, T256 D256);
	CHECK_STR(collect_rules(), "");
	CHECK(collect.session->n_records == 3);
}

TEST(data_of_an_unknown_template_is_counted_and_the_sequence_goes_on)
{
	collect_begin(DECODE_UDP, SHOW_TEXT);
	collect_sets(7, "0100 0006 0606");
	CHECK_STR(collect_rules(), "template-not-seen");
	CHECK(collect.session->n_unread_sets == 1);
	collect_sets(9, T256 D256);		/* two records it was */
	CHECK_STR(collect_rules(), "");
	collect_sets(20, D256);
	CHECK_STR(collect_rules(), "sequence-gap");
}

TEST(a_template_may_be_replaced_over_udp)
{
	collect_begin(DECODE_UDP, SHOW_TEXT);
	collect_sets(0, T256 D256);
	collect_sets(1, "0002 000c 0100 0001 0004 0002" "0100 0006 0011");
	CHECK(strstr(collect_lines(), "protocolIdentifier=17\n"));
	CHECK(collect.session->schema_bytes < 1000);
}

TEST(a_broken_message_leaves_nothing_behind)
{
	collect_begin(DECODE_UDP, SHOW_TEXT);
	collect_sets(0, T256 "0100 0009 06");
	CHECK_STR(collect_rules(), "set-long");
	CHECK(collect.result < 0);
	collect_sets(0, D256);
	CHECK(collect.session->n_records == 0);
}

TEST(netflow_9_reads_by_rfc_3954)
{
	collect_begin(DECODE_UDP, SHOW_NDJSON);
	/* Template 256: IN_PKTS in four octets, IPV4_SRC_ADDR, FIRST_SWITCHED. */
	collect_raw("0009 0002 00010000 6b00c54d 00000005 00000001"
		    "0000 0014 0100 0003 0002 0004 0008 0004 0016 0004"
		    "0100 0010 00000007 c0000201 0000ffff");
	CHECK_STR(collect_lines(), HEAD ",\"sysUpTime\":65536,\"packetDeltaCount\":7,"
					"\"sourceIPv4Address\":\"192.0.2.1\",\"flowStartSysUpTime\":65535}\n");
	/* Options template 257: scope interface, SAMPLING_INTERVAL; padding of two and three octets. */
	collect_raw("0009 0002 00010000 6b00c54d 00000006 00000001"
		    "0001 0018 0101 0004 0008 0002 0004 0022 0004 0023 0001 0000"
		    "0101 0010 00000003 00000064 02 000000");
	CHECK_STR(collect_lines(),
		  "{\"observationDomainId\":1,\"templateId\":257,\"exportTime\":\"2026-11-20T22:10:21Z\","
		  "\"exporter\":\"192.0.2.9:4739\",\"sysUpTime\":65536,\"options\":true,\"scopeFields\":1,"
		  "\"scopeInterface\":3,\"samplingInterval\":100,\"samplingAlgorithm\":2}\n");
	CHECK_STR(collect_rules(), "");
	/* It counts messages. */
	collect_raw("0009 0000 00010000 6b00c54d 00000009 00000001");
	CHECK_STR(collect_rules(), "sequence-gap");
}

/* ingressInterface and egressInterface; of the options, ingressInterface (scope), interfaceName in
 * eight octets, interfaceDescription of variable length. */
#define T300 "0002 0010 012c 0002 000a 0004 000e 0004"
#define O301 "0003 0018 012d 0003 0001 000a 0004 0052 0008 0053 ffff 0000"
#define LINE "2026-11-20T22:10:21Z 192.0.2.9:4739 domain=1 template=300 "

TEST(interfaces_are_called_as_the_exporter_told)
{
	collect_begin(DECODE_TCP, SHOW_TEXT);
	collect_sets(0, T300 O301 "012c 000c 00000002 00000003");
	CHECK_STR(collect_lines(), LINE "ingressInterface=2 egressInterface=3\n");
	/* 2 is eth0, its description is another; 3 has a description alone. */
	collect_sets(1, "012d 0016 00000002 6574683000000000 05 75706c6b32"
			"012d 0015 00000003 0000000000000000 04 6c616e22");
	collect_lines();
	collect_sets(3, "012c 000c 00000002 00000003");
	CHECK_STR(collect_lines(), LINE "ingressInterface=2 ingressInterface_name=\"eth0\" "
					"egressInterface=3 egressInterface_name=\"lan\\\"\"\n");
	/* Another name, and a number that nobody told of. */
	collect_sets(4, "012d 0011 00000002 7770300000000000 00" "012c 000c 00000002 00000000");
	CHECK(strstr(collect_lines(), LINE "ingressInterface=2 ingressInterface_name=\"wp0\" "
					   "egressInterface=0\n"));
	CHECK_STR(collect_rules(), "");
	/* The other domain's are others. */
	collect_raw("000a 002c 6b00c54d 00000000 00000002" T300 "012c 000c 00000002 00000003");
	CHECK(strstr(collect_lines(), "domain=2 template=300 ingressInterface=2 egressInterface=3\n"));
}

TEST(interfaces_of_netflow_9_have_a_scope_of_their_own)
{
	collect_begin(DECODE_UDP, SHOW_NDJSON);
	collect_raw("0009 0003 00010000 6b00c54d 00000005 00000001"
		    "0001 0014 0101 0004 0004 0002 0004 0052 0008 0000"
		    "0101 0010 00000003 7877300000000000"
		    "0000 000c 0100 0001 000a 0004");
	collect_lines();
	collect_raw("0009 0001 00010000 6b00c54d 00000006 00000001" "0100 0008 00000003");
	CHECK(strstr(collect_lines(), "\"ingressInterface\":3,\"ingressInterface_name\":\"xw0\"}\n"));
	CHECK_STR(collect_rules(), "");
}

TEST(names_of_interfaces_are_bounded)
{
	char sets[256];

	collect_begin(DECODE_TCP, SHOW_TEXT);
	collect_sets(0, O301);
	for (unsigned i = 1; i <= INTERFACES_MAX + 10; i++) {
		snprintf(sets, sizeof(sets), "012d 0011 %08x 6100000000000000 00", i);
		collect_sets(i - 1, sets);
	}
	CHECK_STR(collect_rules(), "");
	CHECK(collect.session->domains->interfaces.n == INTERFACES_MAX);
	CHECK(collect.session->schema_bytes >= INTERFACES_MAX * sizeof(struct interface));
	CHECK(collect.session->schema_bytes + collect.budget == DECODE_BUDGET_BYTES);
}

TEST(a_domain_has_templates_of_its_own)
{
	collect_begin(DECODE_UDP, SHOW_TEXT);
	collect_sets(0, T256 D256);
	collect_raw("000a 0015 6b00c54d 00000000 00000002" D256);
	CHECK_STR(collect_rules(), "no-template");
	CHECK(collect.session->n_records == 1);
}

TEST(what_one_peer_makes_us_keep_is_bounded)
{
	char set[64];

	collect_begin(DECODE_UDP, SHOW_TEXT);
	for (unsigned id = 256; id < 256 + SCHEMAS_MAX; id++) {
		snprintf(set, sizeof(set), "0002 000c %04x 0001 0004 0001", id);
		collect_sets(0, set);
	}
	CHECK_STR(collect_rules(), "");
	collect_sets(0, "0002 000c ffff 0001 0004 0001");
	CHECK_STR(collect_rules(), "template-limit");
	CHECK(collect.session->schema_bytes <= DECODE_SESSION_BYTES);
	collect.budget = 0;
	collect_raw("000a 001c 6b00c54d 00000000 00000002" T256);
	CHECK_STR(collect_rules(), "template-limit");
}

TEST(domains_of_one_peer_are_bounded)
{
	char hex[64];

	collect_begin(DECODE_UDP, SHOW_TEXT);
	for (unsigned id = 0; id <= DECODE_DOMAINS_MAX; id++) {
		CHECK_STR(collect_rules(), "");
		snprintf(hex, sizeof(hex), "000a 0010 6b00c54d 00000000 %08x", id);
		collect_raw(hex);
	}
	CHECK_STR(collect_rules(), "template-limit");
}
