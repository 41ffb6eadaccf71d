/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a collector shows correctly: lengths and shapes that are all valid IPFIX, chosen so
 * that this one gets them right. One row a profile.
 */
#ifndef FLOWCTL_IPFIX_PROFILE_H
#define FLOWCTL_IPFIX_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

/* How the sampling interval of an interface is told. */
enum profile_sampling {
	/* RFC 5476 6.5: selectionSequenceId and selectorId, selectorAlgorithm, samplingProbability */
	SAMPLING_RFC,
	SAMPLING_INTERVAL,	/* samplingInterval(34) and samplingAlgorithm(35) */
	SAMPLING_INTERVAL_ALONE,	/* samplingInterval(34) alone: nfcapd 1.7.1 */
	SAMPLING_PACKETS,	/* samplingPacketInterval(305), samplingPacketSpace(306) */
};

/* How an interface's name is told. */
enum profile_interfaces {
	INTERFACES_SCOPED,	/* ingressInterface(10) as scope, interfaceName, -Description */
	INTERFACES_LISTED,	/* 10 is no scope, and interfaceDescription(83) is the name */
};

/* Which options data goes, a bit each. */
enum {
	OPTIONS_EXPORTER = 1 << 0,	/* exporting process statistics and reliability */
	OPTIONS_METER = 1 << 1,		/* metering process statistics and reliability */
	OPTIONS_INTERFACES = 1 << 2,	/* names and descriptions */
	OPTIONS_SAMPLING = 1 << 3,
	OPTIONS_TYPES = 1 << 4,		/* RFC 5610, of the enterprise's own elements */
	OPTIONS_EVERY = (1 << 5) - 1,
};

/* When. Sampling goes before the first flows in any case where some packets are left out. */
enum profile_timing {
	OPTIONS_AT_ONCE,	/* before the first flows, by time, and counts behind the last */
	OPTIONS_LATE,		/* the same, but not before the first flows */
	OPTIONS_FIRST,		/* before the first flows only */
};

struct profile {
	const char *name;
	uint8_t tcp_flags_len;		/* octets of tcpControlBits in built-in templates: 1 or 2 */
	enum profile_sampling sampling;
	enum profile_interfaces interfaces;
	unsigned options;
	unsigned options9;		/* the same in NetFlow v9 */
	enum profile_timing timing;
	/* Variable-length texts may be in built-in templates and options; else of fixed length. */
	bool strings;
	bool fixed_texts;		/* the user's templates too have texts of fixed length */
	bool reverse_counts_only;	/* of reverse elements, none but octets and packets */
};

/* By name, "nfdump", "pmacct", "ntop", "strict"; NULL when unknown. Static. */
const struct profile *profile_find(const char *name);
/* What is used where none is named. */
const struct profile *profile_default(void);
/* The length of the element @name where a template says none; 0 = its own. */
uint16_t profile_field_len(const struct profile *profile, const char *name);
/* Their names, NULL-terminated. */
extern const char *const profile_names[];

#endif
