// SPDX-License-Identifier: Apache-2.0
/*
 * The profiles. What each collector gets wrong was measured with the versions of Debian 12:
 * nfcapd 1.7.1 does not count options data records in the sequence, and takes the sampling
 * interval from samplingInterval alone; nfacctd 1.7.7 reads tcpControlBits of two octets as 0.
 */
#include "ipfix/profile.h"

#include <stddef.h>
#include <string.h>

#include "base/cleanup.h"

#define OPTIONS_ALL \
	(OPTIONS_EXPORTER | OPTIONS_METER | OPTIONS_INTERFACES | OPTIONS_SAMPLING | OPTIONS_TYPES)

static const struct profile profiles[] = {
	{ "default", 1, SAMPLING_PACKETS, OPTIONS_ALL, false },
	{ "nfdump", 1, SAMPLING_INTERVAL_ALONE, 0, false },
	{ "pmacct", 1, SAMPLING_INTERVAL, OPTIONS_ALL, false },
	{ "ntop", 1, SAMPLING_PACKETS, OPTIONS_ALL, false },
	{ "strict", 2, SAMPLING_RFC, OPTIONS_ALL, true },
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
