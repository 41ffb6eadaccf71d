// SPDX-License-Identifier: Apache-2.0
/*
 * The profiles. What each collector makes of a shape was measured with the versions of
 * Debian 12 (nfdump 1.7.1, pmacct 1.7.7, tshark 4.0.17), or read in its source where it says so.
 */
#include "ipfix/profile.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"

static const struct profile profiles[] = {
	/*
	 * What no collector that we know gets wrong but by not knowing it. One octet of
	 * tcpControlBits: nfacctd reads two as 0; the others take either. Fixed texts: nfacctd
	 * takes the 65535 of a variable length for a length, counts records that are not there
	 * and reports gaps of the sequence. Late: nfcapd, see below, sees no gap in a short life.
	 */
	{ "default", 1, SAMPLING_PACKETS, INTERFACES_SCOPED, OPTIONS_EVERY, OPTIONS_EVERY,
	  OPTIONS_LATE, false },
	/*
	 * nfcapd does not count options data records in the sequence, so each is a "sequence
	 * failure"; but for those that come before its first flow record, with which it begins
	 * to count. It takes the sampling interval from 34, or 50, or 305 and 306, each
	 * alone: 34 with 35 it ignores. It knows no counters of the exporter and no types, and
	 * names of interfaces are not worth a failure. In NetFlow v9 it counts packets, and takes
	 * those from 10 and 83 behind the scope, of fixed length, nothing in between. Any reverse
	 * element but the counts it takes for the forward one.
	 */
	{ "nfdump", 1, SAMPLING_INTERVAL_ALONE, INTERFACES_LISTED, OPTIONS_SAMPLING,
	  OPTIONS_SAMPLING | OPTIONS_INTERFACES, OPTIONS_FIRST, false,
	  .reverse_counts_only = true },
	/*
	 * nfacctd counts options data as RFC 7011 has it. It understands 34 with 35 and 305 with
	 * 306, both of four octets, not samplingProbability; texts and flags as above. Of elements
	 * of IANA that are of variable length its own primitives show nothing.
	 */
	{ "pmacct", 1, SAMPLING_INTERVAL, INTERFACES_SCOPED, OPTIONS_EVERY, OPTIONS_EVERY,
	  OPTIONS_AT_ONCE, false, .fixed_texts = true },
	/* nProbe and ntopng could not be tried here: what all the others understand. */
	{ "ntop", 1, SAMPLING_PACKETS, INTERFACES_SCOPED, OPTIONS_EVERY, OPTIONS_EVERY,
	  OPTIONS_AT_ONCE, false },
	/* As the RFCs have it: RFC 9565, RFC 5476, RFC 5610, RFC 7011 7. tshark reads all of it. */
	{ "strict", 2, SAMPLING_RFC, INTERFACES_SCOPED, OPTIONS_EVERY, OPTIONS_EVERY,
	  OPTIONS_AT_ONCE, true },
};

const char *const profile_names[] = { "default", "nfdump", "pmacct", "ntop", "strict", NULL };

const struct profile *profile_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(profiles); i++) {
		if (strcmp(profiles[i].name, name) == 0)
			return &profiles[i];
	}
	return NULL;
}

const struct profile *profile_default(void)
{
	return &profiles[0];
}

uint16_t profile_field_len(const struct profile *profile, const char *name)
{
	/* As long as the options data has them. */
	static const struct {
		const char *name;
		uint16_t len;		/* 0: of TCP flags */
	} shaped[] = {
		{ "tcpControlBits", 0 }, { "reverseTcpControlBits", 0 },
		{ "interfaceName", 16 }, { "interfaceDescription", 64 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(shaped); i++) {
		if (strcasecmp(name, shaped[i].name) != 0)
			continue;
		if (!shaped[i].len)
			return profile->tcp_flags_len;
		return profile->fixed_texts ? shaped[i].len : 0;
	}
	return 0;
}
