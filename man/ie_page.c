// SPDX-License-Identifier: Apache-2.0
/*
 * Writes flowctl-ie(7) in scdoc, of the table that the program itself has. What is true of
 * all elements is said once, above; an element's own lines are its row.
 */
#include <stdio.h>
#include <string.h>

#include "flow/ie.h"

static const char head[] =
	"flowctl-ie(7)\n"
	"\n"
	"# NAME\n"
	"\n"
	"flowctl-ie - the information elements that flowctl exports\n"
	"\n"
	"# DESCRIPTION\n"
	"\n"
	"A template (*flowctl.conf*(5)) names the elements that go into a record. Names and numbers\n"
	"are those of the IANA registry \"IPFIX Information Elements\"; the first letter may be of\n"
	"either case. Behind each name stand its number, its abstract data type, and its length in\n"
	"octets where the template says none.\n"
	"\n"
	"An element that says nothing about a record, as a TCP port of an ICMP flow, goes out as 0, or\n"
	"as an empty text. It excludes no template but for addresses, which are of one family.\n"
	"\n"
	"## Lengths\n"
	"\n"
	"A number may have less octets than its type, *{name: tcpControlBits, length: 1}* (RFC 7011\n"
	"6.2). One that does not fit goes out as the greatest that does; of flags the low ones are\n"
	"sent. Texts are of variable length (RFC 7011 7), or of the 1 to 255 octets that the\n"
	"template says: then cut, or filled up with zeroes. They are always UTF-8. Addresses and times\n"
	"have one length. Where no length is said, *tcpControlBits* has that of the output's\n"
	"profile: 1 octet, but for *strict*, 2.\n"
	"\n"
	"# ELEMENTS OF IANA\n"
	"\n";

static const char own[] =
	"# ELEMENTS OF FLOWCTL\n"
	"\n"
	"For what IANA has no element. Their enterprise is *enterpriseNumber* of *flowctl.conf*(5);\n"
	"where none is given, 32473, which is for documentation (RFC 5612) and should not leave the\n"
	"house. The types of those that templates name are told to the collector (RFC 5610).\n"
	"\n"
	"The elements whose names begin with *tcp* are the health of a TCP connection: of what the\n"
	"flow's source sent, since the record before, as *flowctl-dump*(1) defines it. What was not\n"
	"observed goes out as 0. *tcpHealthObserved* tells that from a 0 that was observed. It is a\n"
	"sum of:\n"
	"\n"
	"[[ 1\n"
	":< counts (all DeltaCounts)\n"
	"|  2\n"
	":  tcpHandshakeServerMicroseconds\n"
	"|  4\n"
	":  tcpHandshakeClientMicroseconds; with 2 also tcpHandshakeLatencyMicroseconds\n"
	"|  8\n"
	":  tcpRttMinimum-, Maximum- and MeanMicroseconds\n"
	"|  16\n"
	":  tcpWindowMinimum, tcpWindowMaximum, tcpWindowLast\n"
	"|  32\n"
	":  tcpJitterMean- and MaximumMicroseconds\n"
	"|  64\n"
	":  tcpBytesInFlightMaximum\n"
	"\n"
	"Of all records they apply to those that have any of it.\n"
	"\n"
	"*tunnelType* to *gwlbFlowCookie* tell of flows that were in a tunnel which the meter looks\n"
	"into (*--decap* of *flowctl-meter*(1)), and what the outer packet of the flow's first one was;\n"
	"addresses, ports, protocol and counts of such a record are the inner packets'. To it apply\n"
	"the outer addresses of the family that the outer packet has; where it is not known any more,\n"
	"those of IPv4, as 0.0.0.0. Those of AWS are empty elsewhere.\n"
	"\n";

static const char reverse[] =
	"# REVERSE ELEMENTS\n"
	"\n"
	"With *biflow: true* a record has both directions of a flow (RFC 5103). The other\n"
	"direction's value of an element is the element of the same number of the enterprise\n"
	"29305, called *reverse* and its name: *reverseOctetDeltaCount*. That of an element of\n"
	"flowctl has the same enterprise and 16384 more for a number (RFC 5103 6.2):\n"
	"*reverseTcpRttMeanMicroseconds* is 16401. All elements above have one, but those that are\n"
	"about the flow as a whole: *flowId*, *observationDomainId*, *biflowDirection*,\n"
	"*networkNamespaceName*, the three of the handshake, the tunnel and its outer addresses. In a\n"
	"record of one direction they are 0.\n"
	"\n";

static const char tail[] =
	"# SEE ALSO\n"
	"\n"
	"*flowctl-ie*(1), *flowctl.conf*(5)\n"
	"\n"
	"RFC 7011, RFC 7012, RFC 5103, RFC 5610, RFC 9565, RFC 9740;\n"
	"https://www.iana.org/assignments/ipfix\n";

/* What scdoc takes for markup is for it to print. */
static void print_escaped(const char *s)
{
	for (; *s; s++) {
		if (strchr("*_\\#<>~", *s))
			putchar('\\');
		putchar(*s);
	}
}

static void print_element(const struct ie *e)
{
	printf("*%s* (%u, %s, ", e->name, e->id, ie_type_name(e));
	if (e->len_bytes == IE_VARLEN)
		printf("variable)\n\t");
	else
		printf("%u)\n\t", e->len_bytes);
	print_escaped(e->source);
	printf(".\n\n");
}

int main(void)
{
	size_t n;
	const struct ie *all = ie_all(&n);

	fputs(head, stdout);
	for (size_t i = 0; i < n && !all[i].reverse; i++) {
		if (i && all[i].pen && !all[i - 1].pen)
			fputs(own, stdout);
		print_element(&all[i]);
	}
	fputs(reverse, stdout);
	fputs(tail, stdout);
	return ferror(stdout) || fflush(stdout);
}
