// SPDX-License-Identifier: Apache-2.0
/* See frames.h. Headers as text, so that a row reads like the figures of the RFCs. */
#include "frames.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#define ETH(proto_) "020000000002 020000000001 " proto_ " "
#define IP	    "0800"
#define IP6	    "86dd"

#define A4 "0a000001 0a000002 "
#define A6 "20010db8000000000000000000000001 20010db8000000000000000000000002 "

/* version 4, no options, TTL 64 */
#define IPV4(len_, frag_, proto_) "45 00 " len_ " 1234 " frag_ " 40 " proto_ " 0000 " A4
#define IPV6(len_, next_)	  "60000000 " len_ " " next_ " 40 " A6

#define TCP(off_, flags_) "0050 1f90 00000001 00000002 " off_ flags_ " 0400 0000 0000 "
#define UDP(len_)	  "0050 1f90 " len_ " 0000 "
#define PORTS		  .sport = 80, .dport = 8080
#define TCP4		  .family = 4, .proto = 6, PORTS
#define UDP4		  .family = 4, .proto = 17, PORTS
#define TCP6		  .family = 6, .proto = 6, PORTS
#define UDP6		  .family = 6, .proto = 17, PORTS

#define EXT(next_)	   next_ " 00 0104 00000000 " /* 8 bytes, a padding option */
#define FRAG6(next_, off_) next_ " 00 " off_ " 000000aa "
#define SYN(bytes_)	   TCP4, .tcp_flags = 2, .bytes = bytes_

#define TCP4_40 IPV4("0028", "0000", "06") TCP("50", "02")
#define UDP4_32 IPV4("0020", "0000", "11") UDP("000c") "01020304 "
#define TCP6_60 IPV6("0014", "06") TCP("50", "02")

/* As TCP_OPTION(), without a shift that clang finds too long. */
#define OPT(kind_) (1u << ((kind_) == TCP_OPTION_FAST_OPEN ? 31 : (kind_)))
/* Words of options behind the header. */
#define TCP_WITH(off_, options_) TCP(off_, "10") options_
#define LEN4(len_)		 IPV4(len_, "4000", "06")

#define TUNNEL_UDP(len_, port_, ulen_) IPV4(len_, "0000", "11") "c000 " port_ " " ulen_ " 0000 "
#define VNI			       "08000000 00002a00 "
#define INNER_ETH		       "020000000004 020000000003 "
#define TUNNEL_PORTS(port_)	       .family = 4, .proto = 17, .sport = 0xc000, .dport = port_

const struct frame frames[] = {
	/* Plain */
	{ "TCP with padding", ETH(IP) TCP4_40 "0000 0000 0000", SYN(40) },
	{ "UDP", ETH(IP) UDP4_32, UDP4, .bytes = 32 },
	{ "TCP with ECE and CWR", ETH(IP) IPV4("0028", "0000", "06") TCP("50", "d2"), TCP4,
	  .tcp_flags = 0xd2, .bytes = 40, .options = OPT(25) },
	{ "ToS and TTL", ETH(IP) "45 b8 0020 1234 0000 01 11 0000 " A4 UDP("000c") "01020304", UDP4,
	  .bytes = 32, .tos = 0xb8, .ttl = 1 },
	{ "echo request", ETH(IP) IPV4("001c", "0000", "01") "0800 0000 0001 0001", .family = 4,
	  .proto = 1, .dport = 0x0800, .bytes = 28 },
	{ "port unreachable", ETH(IP) IPV4("001c", "0000", "01") "0303 0000 0000 0000", .family = 4,
	  .proto = 1, .dport = 0x0303, .bytes = 28 },
	{ "TCP over IPv6", ETH(IP6) TCP6_60, TCP6, .tcp_flags = 2, .bytes = 60 },
	{ "traffic class and hop limit", ETH(IP6) "6b800000 000c 11 ff " A6 UDP("000c") "01020304",
	  UDP6, .bytes = 52, .tos = 0xb8, .ttl = 255 },
	{ "ICMPv6 echo", ETH(IP6) IPV6("0008", "3a") "8000 0000 0001 0001", .family = 6,
	  .proto = 58, .dport = 0x8000, .bytes = 48 },
	{ "SCTP", ETH(IP) IPV4("0020", "0000", "84") "0050 1f90 00000001 00000000", .family = 4,
	  .proto = 132, PORTS, .bytes = 32 },
	{ "UDP-Lite", ETH(IP) IPV4("001c", "0000", "88") UDP("0008"), .family = 4, .proto = 136,
	  PORTS, .bytes = 28 },
	{ "DCCP", ETH(IP) IPV4("0024", "0000", "21") "0050 1f90 04000000 00000000 00000000",
	  .family = 4, .proto = 33, PORTS, .bytes = 36 },
	{ "IGMP has no ports", ETH(IP) IPV4("001c", "0000", "02") "1600 0000 e0000001", .family = 4,
	  .proto = 2, .bytes = 28 },
	{ "ESP has no ports", ETH(IP) IPV4("0020", "0000", "32") "00501f90 00000001 00000000",
	  .family = 4, .proto = 50, .bytes = 32 },
	{ "AH over IPv4", ETH(IP) IPV4("0020", "0000", "33") "06010000 00000001 00000001",
	  .family = 4, .proto = 51, .bytes = 32 },
	{ "GRE counts as GRE", ETH(IP) IPV4("0040", "0000", "2f") "00000800 " TCP4_40, .family = 4,
	  .proto = 47, .bytes = 64 },
	{ "VXLAN counts as UDP",
	  ETH(IP) TUNNEL_UDP("005a", "12b5", "0046") VNI INNER_ETH IP TCP4_40, TUNNEL_PORTS(4789),
	  .bytes = 90 },
	{ "an unknown protocol", ETH(IP) IPV4("0018", "0000", "fd") "00501f90", .family = 4,
	  .proto = 253, .bytes = 24 },

	/* Tags and labels */
	{ "VLAN", ETH("8100") "6064 " IP UDP4_32, UDP4, .bytes = 32, .vlan_outer = TAG(100) },
	{ "priority tag", ETH("8100") "e000 " IP UDP4_32, UDP4, .bytes = 32, .vlan_outer = TAG(0) },
	{ "QinQ", ETH("88a8") "00c8 8100 0064 " IP6 " " TCP6_60, TCP6, .tcp_flags = 2, .bytes = 60,
	  .vlan_outer = TAG(200), .vlan_inner = TAG(100) },
	{ "QinQ by 9100", ETH("9100") "0fff 8100 0001 " IP UDP4_32, UDP4, .bytes = 32,
	  .vlan_outer = TAG(4095), .vlan_inner = TAG(1) },
	{ "three tags", ETH("88a8") "0003 8100 0002 8100 0001 " IP UDP4_32, UDP4, .bytes = 32,
	  .vlan_outer = TAG(3), .vlan_inner = TAG(2) },
	{ "a tag taken off", ETH(IP) UDP4_32, UDP4, .tag = TAG(7), .host_only = 1, .bytes = 32,
	  .vlan_outer = TAG(7) },
	{ "one taken off, one inside", ETH("8100") "0064 " IP UDP4_32, UDP4, .tag = TAG(0),
	  .host_only = 1, .bytes = 32, .vlan_outer = TAG(0), .vlan_inner = TAG(100) },
	{ "five tags", ETH("88a8") "0005 8100 0004 8100 0003 8100 0002 8100 0001 " IP UDP4_32,
	  .reason = LEDGER_NON_IP, .bytes = 36 },
	{ "a tag cut short", ETH("8100") "00", .reason = LEDGER_NON_IP, .bytes = 1 },
	{ "MPLS", ETH("8847") "00010140 " UDP4_32, UDP4, .bytes = 32 },
	{ "MPLS, three labels, IPv6", ETH("8848") "00010040 00020040 00030140 " TCP6_60, TCP6,
	  .tcp_flags = 2, .bytes = 60 },
	{ "MPLS, eight labels",
	  ETH("8847") "00010040 00010040 00010040 00010040 00010040 00010040 "
		      "00010040 00010140 " UDP4_32,
	  UDP4, .bytes = 32 },
	{ "MPLS, nine labels",
	  ETH("8847") "00010040 00010040 00010040 00010040 00010040 00010040 "
		      "00010040 00010040 00010140 " UDP4_32,
	  .reason = LEDGER_NON_IP, .bytes = 36 },
	{ "MPLS with a control word", ETH("8847") "00010140 00000000 " ETH(IP) UDP4_32,
	  .reason = LEDGER_NON_IP, .bytes = 50 },
	{ "MPLS and nothing", ETH("8847") "00010140", .reason = LEDGER_NON_IP },
	{ "MPLS without an end", ETH("8847") "00010040 0001", .reason = LEDGER_NON_IP, .bytes = 2 },
	{ "MPLS in a VLAN", ETH("8100") "0009 8847 00010140 " UDP4_32, UDP4, .bytes = 32,
	  .vlan_outer = TAG(9) },
	{ "MPLS over a broken IP header", ETH("8847") "00010140 43000000",
	  .reason = LEDGER_UNPARSED, .bytes = 4 },

	{ "LLC and SNAP", ETH("0028") "aaaa03 000000 " IP UDP4_32 "000000000000", UDP4, .bytes = 32 },
	{ "LLC and SNAP of a bridge, IPv6", ETH("0044") "aaaa03 0000f8 " IP6 TCP6_60, TCP6,
	  .tcp_flags = 2, .bytes = 60 },
	{ "LLC and SNAP in a VLAN", ETH("8100") "0009 0028 aaaa03 000000 " IP UDP4_32, UDP4,
	  .bytes = 32, .vlan_outer = TAG(9) },
	{ "LLC that carries IP itself", ETH("0023") "060603 " UDP4_32, UDP4, .bytes = 32 },
	{ "PPPoE, IPv4", ETH("8864") "11 00 0001 0022 0021 " UDP4_32, UDP4, .bytes = 32 },
	{ "PPPoE, IPv6, padded", ETH("8864") "11 00 0001 003e 0057 " TCP6_60 "0000", TCP6,
	  .tcp_flags = 2, .bytes = 60 },
	{ "PPPoE, a short protocol", ETH("8864") "11 00 0001 0021 21 " UDP4_32, UDP4, .bytes = 32 },
	{ "PPPoE in two VLANs", ETH("88a8") "0003 8100 0002 8864 11 00 0001 0022 0021 " UDP4_32, UDP4,
	  .bytes = 32, .vlan_outer = TAG(3), .vlan_inner = TAG(2) },

	/* Not IP */
	{ "PPPoE, echo of LCP", ETH("8864") "11 00 0001 000a c021 0901 0008 00000000", .zeros = 30,
	  .reason = LEDGER_NON_IP, .bytes = 46 },
	{ "PPPoE, discovery", ETH("8863") "11 09 0000 0004 0101 0000", .zeros = 36,
	  .reason = LEDGER_NON_IP, .bytes = 46 },
	{ "PPPoE, a code that no session has", ETH("8864") "11 09 0001 0022 0021 " UDP4_32,
	  .reason = LEDGER_NON_IP, .bytes = 40 },
	{ "LLC and SNAP of Cisco", ETH("0028") "aaaa03 00000c 2000 " "02b4 0000", .zeros = 34,
	  .reason = LEDGER_NON_IP, .bytes = 46 },
	{ "LLC and SNAP, ARP",
	  ETH("0024") "aaaa03 000000 0806 0001 0800 06 04 0001 020000000001 0a000001 000000000000 0a000002",
	  .reason = LEDGER_NON_IP, .bytes = 28 },
	{ "LLC cut short", ETH("0028") "aaaa03 0000", .reason = LEDGER_NON_IP, .bytes = 5 },
	{ "LLC and SNAP over a broken IP header", ETH("000c") "aaaa03 000000 " IP "43000000",
	  .reason = LEDGER_UNPARSED, .bytes = 4 },
	{ "ARP", ETH("0806") "0001 0800 06 04 0001 020000000001 0a000001 000000000000 0a000002",
	  .reason = LEDGER_NON_IP, .bytes = 28 },
	{ "LLDP", ETH("88cc") "0207 04 020000000001 0403 05 6131 0602 0078 0000",
	  .reason = LEDGER_NON_IP, .bytes = 20 },
	{ "spanning tree over LLC", ETH("0026") "424203 0000000000", .zeros = 38,
	  .reason = LEDGER_NON_IP, .bytes = 46 },
	{ "an Ethernet header alone", ETH("88b5"), .reason = LEDGER_NON_IP },

	/* No Ethernet header */
	{ "tun, IPv4", UDP4_32, UDP4, .l3 = 0x0800, .host_only = 1, .bytes = 32 },
	{ "tun, IPv6", TCP6_60, TCP6, .l3 = 0x86dd, .host_only = 1, .tcp_flags = 2, .bytes = 60 },
	{ "tun, something else", "00010203", .l3 = 0x88cc, .host_only = 1, .reason = LEDGER_NON_IP,
	  .bytes = 4 },

	/* IPv4's header */
	{ "options",
	  ETH(IP) "46 00 0024 1234 0000 40 11 0000 " A4 "01010100 " UDP("000c") "01020304", UDP4,
	  .bytes = 36 },
	{ "forty bytes of options",
	  ETH(IP) "4f 00 0044 1234 0000 40 11 0000 " A4 "01010101 01010101 "
		  "01010101 01010101 01010101 01010101 01010101 01010101 01010101 01010100 " UDP(
			  "0008"),
	  UDP4, .bytes = 68 },
	{ "options cut short", ETH(IP) "47 00 001c 1234 0000 40 11 0000 " A4 "01010101",
	  .reason = LEDGER_UNPARSED, .bytes = 24 },
	{ "header length 16", ETH(IP) "44 00 0020 1234 0000 40 11 0000 " A4 UDP("000c") "01020304",
	  .reason = LEDGER_UNPARSED, .bytes = 32 },
	{ "version 5", ETH(IP) "55 00 0020 1234 0000 40 11 0000 " A4 UDP("000c") "01020304",
	  .reason = LEDGER_UNPARSED, .bytes = 32 },
	{ "IPv6 said to be IPv4", ETH(IP) TCP6_60, .reason = LEDGER_UNPARSED, .bytes = 60 },
	{ "a length below the header's", ETH(IP) IPV4("0013", "0000", "11") UDP("000c") "01020304",
	  .reason = LEDGER_UNPARSED, .bytes = 32 },
	{ "a length beyond the frame", ETH(IP) IPV4("05dc", "0000", "11") UDP("000c") "01020304",
	  UDP4, .bytes = 32 },
	{ "length 0", ETH(IP) IPV4("0000", "0000", "11") UDP("000c") "01020304", UDP4,
	  .bytes = 32 },
	{ "a header cut short", ETH(IP) "4500 0020 1234 0000 4011 0000 0a000001 0a0000",
	  .host_only = 1, .reason = LEDGER_UNPARSED, .bytes = 19 },
	{ "no header at all", ETH(IP), .host_only = 1, .reason = LEDGER_UNPARSED },

	/* IPv6's headers */
	{ "hop-by-hop options", ETH(IP6) IPV6("001c", "00") EXT("06") TCP("50", "02"), TCP6,
	  .tcp_flags = 2, .bytes = 68, .headers = EXT6_HOP },
	{ "hop-by-hop, routing, destination",
	  ETH(IP6) IPV6("0034", "00")
		  EXT("2b") "3c 02 0401 00000000 20010db8000000000000000000000003 " EXT("11")
			  UDP("000c") "01020304",
	  UDP6, .bytes = 92, .headers = EXT6_HOP | EXT6_ROUTING | EXT6_DST },
	{ "authentication header",
	  ETH(IP6) IPV6("002c", "33") "06 04 0000 00000001 00000001 000000000000000000000000 " TCP(
		  "50", "10"),
	  TCP6, .tcp_flags = 0x10, .bytes = 84, .headers = EXT6_AH },
	{ "mobility, HIP, shim6",
	  ETH(IP6) IPV6("0024", "87") EXT("8b") EXT("8c") EXT("11") UDP("000c") "01020304", UDP6,
	  .bytes = 76, .headers = EXT6_MOBILITY | EXT6_HIP | EXT6_SHIM6 },
	{ "eight extension headers",
	  ETH(IP6) IPV6("004c", "00") EXT("3c") EXT("3c") EXT("3c") EXT("3c") EXT("3c") EXT("3c")
		  EXT("3c") EXT("11") UDP("000c") "01020304",
	  UDP6, .bytes = 116, .headers = EXT6_HOP | EXT6_DST },
	{ "nine extension headers",
	  ETH(IP6) IPV6("0054", "00") EXT("3c") EXT("3c") EXT("3c") EXT("3c") EXT("3c") EXT("3c")
		  EXT("3c") EXT("3c") EXT("11") UDP("000c") "01020304",
	  .reason = LEDGER_UNPARSED, .bytes = 124 },
	{ "an extension header longer than the packet",
	  ETH(IP6) IPV6("0010", "00") "06 ff 0104 00000000 " UDP("0008"), .reason = LEDGER_UNPARSED,
	  .bytes = 56 },
	{ "an extension header cut short", ETH(IP6) IPV6("0004", "3c") "06000104",
	  .reason = LEDGER_UNPARSED, .bytes = 44 },
	{ "ESP over IPv6", ETH(IP6) IPV6("0014", "3c") EXT("32") "00501f90 00000001 00000000",
	  .family = 6, .proto = 50, .bytes = 60, .headers = EXT6_DST },
	{ "a flow label", ETH(IP6) "600abcde 0008 11 40 " A6 UDP("0008"), UDP6, .bytes = 48,
	  .label = 0xabcde },
	{ "a flow label of all bits, and a traffic class",
	  ETH(IP6) "6b8fffff 0018 3c 40 " A6 EXT("2b") EXT("11") UDP("0008"), UDP6, .bytes = 64,
	  .tos = 0xb8, .label = 0xfffff, .headers = EXT6_DST | EXT6_ROUTING },
	{ "no next header, padded", ETH(IP6) IPV6("0000", "3b") "0000 0000 0000", .family = 6,
	  .proto = 59, .bytes = 40 },
	{ "IPv6 of version 4", ETH(IP6) "40000000 000c 11 40 " A6 UDP("000c") "01020304",
	  .reason = LEDGER_UNPARSED, .bytes = 52 },
	{ "IPv6 length beyond the frame", ETH(IP6) IPV6("ffff", "11") UDP("000c") "01020304", UDP6,
	  .bytes = 52 },
	{ "an IPv6 header cut short", ETH(IP6) "60000000 000c 11 40 20010db8", .host_only = 1,
	  .reason = LEDGER_UNPARSED, .bytes = 12 },

	/* Fragments, each a datagram of its own */
	{ "do not fragment is no fragment",
	  ETH(IP) IPV4("0020", "4000", "11") UDP("000c") "01020304", UDP4, .bytes = 32 },
	{ "first fragment",
	  ETH(IP) "45 00 0024 0001 2000 40 11 0000 " A4 UDP("0018") "0102030405060708", UDP4,
	  .bytes = 36, .id = 1 },
	{ "later fragment alone",
	  ETH(IP) "45 00 001c 0002 2001 40 11 0000 " A4 "0050 1f90 00000000", .family = 4,
	  .proto = 17, .bytes = 28, .id = 2 },
	{ "last fragment alone", ETH(IP) "45 00 001c 0003 0002 40 06 0000 " A4 "0050 1f90 00000000",
	  .family = 4, .proto = 6, .bytes = 28, .id = 3 },
	{ "first fragment of IPv6",
	  ETH(IP6) IPV6("0018", "2c") FRAG6("11", "0001") UDP("0018") "0102030405060708", UDP6,
	  .bytes = 64, .id = 0xaa, .headers = EXT6_FRAG_FIRST },
	{ "first fragment of TCP over IPv6, whose id has no place",
	  ETH(IP6) IPV6("0024", "2c") FRAG6("06", "0001") TCP("70", "02") "020405b4 01010402", TCP6,
	  .tcp_flags = 2, .bytes = 76, .headers = EXT6_FRAG_FIRST,
	  .options = OPT(2) | OPT(1) | OPT(4) },
	{ "first fragment of ICMPv6 behind an option",
	  ETH(IP6) IPV6("0018", "2c") "3c 00 0001 89abcdef " EXT("3a") "8000 0000 0001 0001",
	  .family = 6, .proto = 58, .dport = 0x8000, .bytes = 64, .id = 0x89abcdef,
	  .headers = EXT6_FRAG_FIRST | EXT6_DST },
	{ "atomic fragment of IPv6", ETH(IP6) IPV6("0010", "2c") FRAG6("11", "0000") UDP("0008"),
	  UDP6, .bytes = 56, .id = 0xaa, .headers = EXT6_FRAG_FIRST },
	{ "later fragment of IPv6 alone",
	  ETH(IP6) IPV6("0010", "2c") "11 00 0008 000000bb "
				      "0050 1f90 0008 0000",
	  .family = 6, .proto = 17, .bytes = 56, .id = 0xbb, .headers = EXT6_FRAG_LATER },
	{ "later fragment that looks like an option",
	  ETH(IP6) IPV6("0010", "2c") "3c 00 0008 000000cc "
				      "0600 0104 0050 1f90",
	  .family = 6, .proto = 60, .bytes = 56, .id = 0xcc, .headers = EXT6_FRAG_LATER },

	/* TCP's options */
	{ "time stamps", ETH(IP) LEN4("0034") TCP_WITH("80", "0101080a 00000001 00000002"), TCP4,
	  .tcp_flags = 0x10, .bytes = 52, .options = OPT(1) | OPT(8) },
	{ "time stamps over IPv6",
	  ETH(IP6) IPV6("0020", "06") TCP_WITH("80", "0101080a 00000001 00000002"), TCP6,
	  .tcp_flags = 0x10, .bytes = 72, .options = OPT(1) | OPT(8) },
	{ "time stamps, and nothing behind",
	  ETH(IP) LEN4("0034") TCP_WITH("80", "080a 00000001 00000002 0000"), TCP4,
	  .tcp_flags = 0x10, .bytes = 52, .options = OPT(8) | OPT(0) },
	{ "a SYN of Linux",
	  ETH(IP) LEN4("003c") TCP("a0", "02") "020405b4 0402 080a 00000001 00000000 01 030307", TCP4,
	  .tcp_flags = 2, .bytes = 60, .options = OPT(2) | OPT(4) | OPT(8) | OPT(1) | OPT(3) },
	{ "a SYN-ACK of Linux",
	  ETH(IP) LEN4("003c") TCP("a0", "12") "020405b4 0402 080a 00000001 00000001 01 030307", TCP4,
	  .tcp_flags = 0x12, .bytes = 60,
	  .options = OPT(2) | OPT(4) | OPT(8) | OPT(1) | OPT(3) | OPT(25) },
	{ "a SYN-ACK whose options are as usual",
	  ETH(IP) LEN4("0034") TCP("80", "52") "0101080a 00000001 00000002", TCP4,
	  .tcp_flags = 0x52, .bytes = 52, .options = OPT(1) | OPT(8) | OPT(25) },
	{ "a SYN-ACK over IPv6", ETH(IP6) IPV6("0014", "06") TCP("50", "12"), TCP6, .tcp_flags = 0x12,
	  .bytes = 60, .options = OPT(25) },
	{ "an option of the kind that stands for a SYN-ACK",
	  ETH(IP) LEN4("0030") TCP("70", "10") "1904 0000 020405b4", TCP4, .tcp_flags = 0x10,
	  .bytes = 48, .options = OPT(2) },
	{ "a SYN with a cookie",
	  ETH(IP) LEN4("003c") TCP("a0", "02") "020405b4 0402 220a 0102030405060708 0101 0101",
	  TCP4, .tcp_flags = 2, .bytes = 60,
	  .options = OPT(2) | OPT(4) | OPT(34) | OPT(1) },
	{ "time stamps and SACK",
	  ETH(IP) LEN4("0040") TCP_WITH("b0", "0101080a 00000001 00000002 0101050a 00000003 00000004"),
	  TCP4, .tcp_flags = 0x10, .bytes = 64, .options = OPT(1) | OPT(8) | OPT(5) },
	{ "an MD5 signature",
	  ETH(IP) LEN4("003c") TCP_WITH("a0", "0101 1312 000102030405060708090a0b0c0d0e0f"),
	  TCP4, .tcp_flags = 0x10, .bytes = 60, .options = OPT(1) | OPT(19) },
	{ "Multipath TCP", ETH(IP) LEN4("0034") TCP_WITH("80", "1e0c 0081 0001020304050607"), TCP4,
	  .tcp_flags = 0x10, .bytes = 52, .options = OPT(30) },
	{ "forty that do nothing",
	  ETH(IP) LEN4("0050") TCP_WITH("f0", "01010101 01010101 01010101 01010101 01010101 "
					      "01010101 01010101 01010101 01010101 01010101"),
	  TCP4, .tcp_flags = 0x10, .bytes = 80, .options = OPT(1) },
	{ "what follows the end is none", ETH(IP) LEN4("0030") TCP_WITH("70", "0100 0405 020405b4"),
	  TCP4, .tcp_flags = 0x10, .bytes = 48, .options = OPT(1) | OPT(0) },
	{ "options of a kind that has no place",
	  ETH(IP) LEN4("0038") TCP_WITH("90", "1f02 2102 2302 3f02 fd04 0000 fe02 2002"), TCP4,
	  .tcp_flags = 0x10, .bytes = 56 },
	{ "an option of length 0", ETH(IP) LEN4("0030") TCP_WITH("70", "0402 0300 020405b4"), TCP4,
	  .tcp_flags = 0x10, .bytes = 48, .options = OPT(4) },
	{ "an option of length 1", ETH(IP) LEN4("0030") TCP_WITH("70", "0402 0301 020405b4"), TCP4,
	  .tcp_flags = 0x10, .bytes = 48, .options = OPT(4) },
	{ "an option longer than the header",
	  ETH(IP) LEN4("0034") TCP_WITH("70", "020405b4 0101 0804 00000000"), TCP4,
	  .tcp_flags = 0x10, .bytes = 52, .options = OPT(2) | OPT(1) },
	{ "an option without a length", ETH(IP) LEN4("002c") TCP_WITH("60", "01010108"), TCP4,
	  .tcp_flags = 0x10, .bytes = 44, .options = OPT(1) },
	{ "time stamps cut short", ETH(IP) LEN4("0030") TCP_WITH("80", "0101080a 00000001"), TCP4,
	  .tcp_flags = 0x10, .bytes = 48, .options = OPT(1) },
	{ "a header longer than the packet", ETH(IP) LEN4("002c") TCP_WITH("f0", "01030307"), TCP4,
	  .tcp_flags = 0x10, .bytes = 44, .options = OPT(1) | OPT(3) },
	{ "a header of four words", ETH(IP) LEN4("002c") TCP_WITH("40", "020405b4"), TCP4,
	  .tcp_flags = 0x10, .bytes = 44 },
	{ "options behind eight extension headers",
	  ETH(IP6) IPV6("005c", "00") EXT("3c") EXT("3c") EXT("3c") EXT("3c") EXT("3c") EXT("3c")
		  EXT("3c") EXT("06") TCP_WITH("70", "01030307 0101 0402"),
	  TCP6, .tcp_flags = 0x10, .bytes = 132, .headers = EXT6_HOP | EXT6_DST,
	  .options = OPT(1) | OPT(3) | OPT(4) },

	/* Transport headers cut short */
	{ "half the ports", ETH(IP) IPV4("0016", "0000", "06") "0050", .family = 4, .proto = 6,
	  .bytes = 22 },
	{ "ports in the padding", ETH(IP) IPV4("0014", "0000", "06") TCP("50", "02"), .family = 4,
	  .proto = 6, .bytes = 20 },
	{ "ports and no flags", ETH(IP) IPV4("001c", "0000", "06") "0050 1f90 00000001", TCP4,
	  .bytes = 28 },
	{ "ICMP of two bytes", ETH(IP) IPV4("0016", "0000", "01") "0800", .family = 4, .proto = 1,
	  .bytes = 22 },

	/* Super-packets: 1400 bytes of payload, or what is said */
	{ "TSO", ETH(IP) IPV4("05a0", "4000", "06") TCP("50", "10"), .zeros = 1400, .gso_segs = 3,
	  .gso_size = 500, TCP4, .tcp_flags = 0x10, .bytes = 3 * 40 + 1400, .packets = 3 },
	{ "TSO, segments not told", ETH(IP) IPV4("05a0", "4000", "06") TCP("50", "10"),
	  .zeros = 1400, .gso_size = 500, TCP4, .tcp_flags = 0x10, .bytes = 3 * 40 + 1400,
	  .packets = 3 },
	{ "TSO, whole segments not told", ETH(IP) IPV4("05a0", "4000", "06") TCP("50", "10"),
	  .zeros = 1400, .gso_size = 700, TCP4, .tcp_flags = 0x10, .bytes = 2 * 40 + 1400,
	  .packets = 2 },
	{ "TSO, size not told", ETH(IP) IPV4("05a0", "4000", "06") TCP("50", "10"), .zeros = 1400,
	  .gso_segs = 3, TCP4, .tcp_flags = 0x10, .bytes = 3 * 40 + 1400, .packets = 3 },
	{ "TSO of one segment", ETH(IP) IPV4("05a0", "4000", "06") TCP("50", "10"), .zeros = 1400,
	  .gso_segs = 1, .gso_size = 1448, TCP4, .tcp_flags = 0x10, .bytes = 1440 },
	{ "TSO with options in both headers",
	  ETH(IP) "46 00 05b0 1234 4000 40 06 0000 " A4
		  "01010100 " TCP("80", "18") "0101080a 00000001 00000002",
	  .zeros = 1400, .gso_segs = 2, .gso_size = 700, TCP4, .tcp_flags = 0x18,
	  .bytes = 2 * (24 + 32) + 1400, .packets = 2, .options = OPT(1) | OPT(8) },
	{ "TSO in a VLAN over IPv6", ETH("8100") "0064 " IP6 " " IPV6("058c", "06") TCP("50", "10"),
	  .zeros = 1400, .gso_segs = 3, .gso_size = 500, TCP6, .tcp_flags = 0x10,
	  .vlan_outer = TAG(100), .bytes = 3 * 60 + 1400, .packets = 3 },
	{ "TSO behind an extension header", ETH(IP6) IPV6("0594", "3c") EXT("06") TCP("50", "10"),
	  .zeros = 1400, .gso_segs = 3, .gso_size = 500, TCP6, .tcp_flags = 0x10,
	  .bytes = 3 * 68 + 1400, .packets = 3, .headers = EXT6_DST },
	{ "UDP_SEGMENT", ETH(IP) IPV4("0594", "4000", "11") UDP("0580"), .zeros = 1400,
	  .gso_segs = 14, .gso_size = 100, UDP4, .bytes = 14 * 28 + 1400, .packets = 14 },
	{ "SCTP by fragments", ETH(IP) IPV4("0020", "4000", "84") "0050 1f90 00000001 00000000",
	  .gso_segs = 4, .gso_size = 65535, .family = 4, .proto = 132, PORTS, .bytes = 4 * 32,
	  .packets = 4 },
	{ "TSO in VXLAN",
	  ETH(IP) TUNNEL_UDP("05d2", "12b5", "05be") VNI INNER_ETH IP IPV4("05a0", "4000", "06")
		  TCP("50", "10"),
	  .zeros = 1400, .gso_segs = 3, .gso_size = 500, TUNNEL_PORTS(4789),
	  .bytes = 3 * (20 + 8 + 8 + 14 + 40) + 1400, .packets = 3 },
	{ "TSO in VXLAN, segments not told",
	  ETH(IP) TUNNEL_UDP("05d2", "12b5", "05be") VNI INNER_ETH IP IPV4("05a0", "4000", "06")
		  TCP("50", "10"),
	  .zeros = 1400, .gso_size = 700, TUNNEL_PORTS(4789),
	  .bytes = 2 * (20 + 8 + 8 + 14 + 40) + 1400, .packets = 2 },
	{ "TSO over IPv6 in a VLAN in VXLAN",
	  ETH(IP) TUNNEL_UDP("05ea", "2118", "05d6") VNI INNER_ETH
	  "8100 0064 " IP6 IPV6("058c", "06") TCP("50", "10"),
	  .zeros = 1400, .gso_segs = 3, .gso_size = 500, TUNNEL_PORTS(8472),
	  .bytes = 3 * (20 + 8 + 8 + 18 + 60) + 1400, .packets = 3 },
	{ "USO in GENEVE with options",
	  ETH(IP) TUNNEL_UDP("05ce", "17c1", "05ba") "02006558 00002a00 0102030100000000 " INNER_ETH
		  IP IPV4("0594", "4000", "11") UDP("0580"),
	  .zeros = 1400, .gso_segs = 14, .gso_size = 100, TUNNEL_PORTS(6081),
	  .bytes = 14 * (20 + 8 + 16 + 14 + 28) + 1400, .packets = 14 },
	{ "TSO in GENEVE without Ethernet",
	  ETH(IP) TUNNEL_UDP("05c4", "17c1", "05b0") "00000800 00002a00 " IPV4("05a0", "4000", "06")
		  TCP("50", "10"),
	  .zeros = 1400, .gso_segs = 3, .gso_size = 500, TUNNEL_PORTS(6081),
	  .bytes = 3 * (36 + 40) + 1400, .packets = 3 },
	{ "TSO in GRE with a key",
	  ETH(IP) IPV4("05bc", "4000", "2f") "20000800 00000007 " IPV4("05a0", "4000", "06")
		  TCP("50", "10"),
	  .zeros = 1400, .gso_segs = 3, .gso_size = 500, .family = 4, .proto = 47,
	  .bytes = 3 * (28 + 40) + 1400, .packets = 3 },
	{ "TSO in GRE with Ethernet, checksum, key",
	  ETH(IP) IPV4("05ce", "4000", "2f") "a0006558 00000000 00000007 " INNER_ETH IP IPV4(
		  "05a0", "4000", "06") TCP("50", "10"),
	  .zeros = 1400, .gso_segs = 3, .gso_size = 500, .family = 4, .proto = 47,
	  .bytes = 3 * (32 + 14 + 40) + 1400, .packets = 3 },
	{ "TSO in IPIP",
	  ETH(IP) IPV4("05b4", "4000", "04") IPV4("05a0", "4000", "06") TCP("50", "10"),
	  .zeros = 1400, .gso_segs = 3, .gso_size = 500, .family = 4, .proto = 4,
	  .bytes = 3 * 60 + 1400, .packets = 3 },
	{ "TSO in 6in4", ETH(IP) IPV4("05c8", "4000", "29") IPV6("058c", "06") TCP("50", "10"),
	  .zeros = 1400, .gso_segs = 3, .gso_size = 500, .family = 4, .proto = 41,
	  .bytes = 3 * 80 + 1400, .packets = 3 },
	{ "two VXLAN packets joined by UDP",
	  ETH(IP) TUNNEL_UDP("05a0", "12b5", "058c") VNI INNER_ETH IP IPV4("02ac", "4000", "06")
		  TCP("50", "10"),
	  .zeros = 644 + 706, .gso_segs = 2, .gso_size = 706, TUNNEL_PORTS(4789),
	  .bytes = 1440 + 28, .packets = 2 },
	{ "something else on VXLAN's port", ETH(IP) TUNNEL_UDP("0594", "12b5", "0580"),
	  .zeros = 1400, .gso_segs = 14, .gso_size = 100, TUNNEL_PORTS(4789),
	  .bytes = 14 * 28 + 1400, .packets = 14 },
	{ "BIG TCP over IPv4", ETH(IP) IPV4("0000", "4000", "06") TCP("50", "10"), .zeros = 1400,
	  .gso_segs = 3, .gso_size = 500, TCP4, .tcp_flags = 0x10, .bytes = 3 * 40 + 1400,
	  .packets = 3 },
	{ "BIG TCP over IPv6", ETH(IP6) IPV6("0000", "06") TCP("50", "10"), .zeros = 1400,
	  .gso_segs = 3, .gso_size = 500, TCP6, .tcp_flags = 0x10, .bytes = 3 * 60 + 1400,
	  .packets = 3 },
	{ "BIG TCP with a jumbo option, which stays off the wire",
	  ETH(IP6) IPV6("0000", "00") "06 00 c204 00000594 " TCP("50", "10"), .zeros = 1400,
	  .gso_segs = 3, .gso_size = 500, TCP6, .tcp_flags = 0x10, .bytes = 3 * 60 + 1400,
	  .packets = 3 },
	{ "BIG TCP in VXLAN",
	  ETH(IP) TUNNEL_UDP("0000", "12b5", "0000")
		  VNI INNER_ETH IP6 IPV6("0000", "00") "06 00 c204 00000594 " TCP("50", "10"),
	  .zeros = 1400, .gso_segs = 3, .gso_size = 500, TUNNEL_PORTS(4789),
	  .bytes = 3 * (50 + 60) + 1400, .packets = 3 },
	{ "a super-packet whose headers are cut short",
	  ETH(IP) IPV4("001c", "4000", "06") "0050 1f90 00000001", .gso_segs = 3, .gso_size = 500,
	  TCP4, .bytes = 28, .packets = 3 },
	{ "a super-packet that is not parsed", ETH(IP) IPV4("0013", "4000", "06") TCP("50", "10"),
	  .gso_segs = 3, .gso_size = 500, .reason = LEDGER_UNPARSED, .bytes = 40, .packets = 3 },
};
const size_t n_frames = sizeof(frames) / sizeof(frames[0]);

size_t frame_bytes(const struct frame *f, uint8_t buf[FRAME_MAX])
{
	size_t nibbles = 0;

	memset(buf, 0, FRAME_MAX);
	for (const char *c = f->hex; *c; c++) {
		if (isspace((unsigned char)*c))
			continue;
		unsigned v = isdigit((unsigned char)*c) ? *c - '0' : *c - 'a' + 10;

		buf[nibbles / 2] |= nibbles % 2 ? v : v << 4;
		nibbles++;
	}
	return nibbles / 2 + f->zeros;
}

struct flow_key frame_key(const struct frame *f)
{
	struct flow_key k = {
		.sport = htons(f->sport),
		.dport = htons(f->dport),
		.ingress_ifindex = 1,
		.vlan_outer = f->vlan_outer,
		.vlan_inner = f->vlan_inner,
		.proto = f->proto,
		.family = f->family,
	};

	inet_pton(f->family == 4 ? AF_INET : AF_INET6, f->family == 4 ? "10.0.0.1" : "2001:db8::1",
		  k.src);
	inet_pton(f->family == 4 ? AF_INET : AF_INET6, f->family == 4 ? "10.0.0.2" : "2001:db8::2",
		  k.dst);
	return k;
}

uint64_t frame_extra(const struct frame *f)
{
	union flow_extra e = { .ip = f->label | f->headers, .l4 = f->proto == 6 ? f->options : f->id };

	if (f->family == 4)
		e = (union flow_extra) { .ip = f->id ? f->id : 0x1234, .l4 = f->options };
	return e.word;
}
