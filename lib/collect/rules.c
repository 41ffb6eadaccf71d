// SPDX-License-Identifier: Apache-2.0
/*
 * The table of rules. A violation is what an RFC says MUST NOT be, or what cannot be true; a
 * note is what it advises against, what it allows but surprises, or what the network may have
 * done to a good stream.
 */
#include "collect/rules.h"

#define ALWAYS	  true
#define STRICT	  false
#define VIOLATION RULE_VIOLATION
#define NOTE	  RULE_NOTE
#define ROW(rule_, weight_, when_, name_, clause_, says_)                                          \
	[RULE_##rule_] = { name_, clause_, weight_, when_, says_ }

/* clang-format off */
static const struct rule_row rows[RULE_N] = {
	ROW(VERSION, VIOLATION, ALWAYS, "version", "RFC 7011 3.1",
	    "neither IPFIX (version 10) nor NetFlow 9"),
	ROW(MESSAGE_SHORT, VIOLATION, ALWAYS, "message-short", "RFC 7011 3.1",
	    "a message shorter than its header"),
	ROW(MESSAGE_LENGTH, VIOLATION, ALWAYS, "message-length", "RFC 7011 3.1",
	    "a message length that is not the datagram's"),
	ROW(STREAM_CUT, VIOLATION, ALWAYS, "stream-cut", "RFC 7011 10.4.1",
	    "a connection or file that ends within a message"),
	ROW(SET_SHORT, VIOLATION, ALWAYS, "set-short", "RFC 7011 3.3.2",
	    "a set shorter than its header"),
	ROW(SET_LONG, VIOLATION, ALWAYS, "set-long", "RFC 7011 3.3.2",
	    "a set that reaches beyond its message"),
	ROW(SET_ID, VIOLATION, ALWAYS, "set-id", "RFC 7011 3.3.2",
	    "a reserved set identifier"),
	ROW(SET_EMPTY, VIOLATION, STRICT, "set-empty", "RFC 7011 3.3",
	    "a set with no record in it"),
	ROW(V9_COUNT, NOTE, STRICT, "count", "RFC 3954 5.1",
	    "a NetFlow 9 header whose count is not that of the records"),
	ROW(PADDING_LONG, VIOLATION, STRICT, "padding-long", "RFC 7011 3.3.1",
	    "padding as long as a record, or longer"),
	ROW(PADDING_VALUE, VIOLATION, STRICT, "padding-value", "RFC 7011 3.3.1",
	    "padding octets other than zero"),
	ROW(TEMPLATE_ID, VIOLATION, ALWAYS, "template-id", "RFC 7011 3.4.1",
	    "a template identifier below 256"),
	ROW(TEMPLATE_CUT, VIOLATION, ALWAYS, "template-cut", "RFC 7011 3.4.1",
	    "a template that reaches beyond its set"),
	ROW(TEMPLATE_CHANGED, VIOLATION, ALWAYS, "template-changed", "RFC 7011 8.1",
	    "a template in use that becomes another without a withdrawal"),
	ROW(TEMPLATE_REUSED, VIOLATION, STRICT, "template-reused", "RFC 7011 8.4",
	    "a template identifier reused within three times its retransmission interval"),
	ROW(TEMPLATE_REPEATED, NOTE, STRICT, "template-repeated", "RFC 7011 8",
	    "the same template twice over a reliable transport"),
	ROW(TEMPLATE_EMPTY, VIOLATION, ALWAYS, "template-empty", "RFC 7011 3.4.1",
	    "a template whose records have no length"),
	ROW(TEMPLATE_LIMIT, NOTE, ALWAYS, "template-limit", "RFC 7011 11.4",
	    "more templates, fields or domains than are kept"),
	ROW(SCOPE_NONE, VIOLATION, ALWAYS, "scope-none", "RFC 7011 3.4.2.2",
	    "an options template without scope"),
	ROW(SCOPE_COUNT, VIOLATION, ALWAYS, "scope-count", "RFC 7011 3.4.2.2",
	    "more scope fields than fields"),
	ROW(WITHDRAWAL_UDP, VIOLATION, STRICT, "withdrawal-udp", "RFC 7011 8.4",
	    "a template withdrawal over UDP"),
	ROW(WITHDRAWAL_UNKNOWN, VIOLATION, STRICT, "withdrawal-unknown", "RFC 7011 8.1",
	    "a withdrawal of a template that is not there"),
	ROW(WITHDRAWAL_KIND, VIOLATION, STRICT, "withdrawal-kind", "RFC 7011 8.1",
	    "a template withdrawn by a set of the other kind"),
	ROW(NO_TEMPLATE, VIOLATION, ALWAYS, "no-template", "RFC 7011 8",
	    "data whose template was never sent"),
	ROW(TEMPLATE_LATE, NOTE, ALWAYS, "template-not-seen", "RFC 7011 8.4",
	    "data whose template was not seen yet: collecting began later, or it was lost"),
	ROW(TEMPLATE_WITHDRAWN, VIOLATION, ALWAYS, "template-withdrawn", "RFC 7011 8.1",
	    "data of a template that was withdrawn"),
	ROW(TEMPLATE_EXPIRED, VIOLATION, ALWAYS, "template-expired", "RFC 7011 8.4",
	    "data of a template that was not sent again within its lifetime"),
	ROW(RECORD_CUT, VIOLATION, ALWAYS, "record-cut", "RFC 7011 7",
	    "a record that reaches beyond its set"),
	ROW(SEQUENCE_START, VIOLATION, STRICT, "sequence-start", "RFC 7011 3.1",
	    "a connection whose sequence does not begin at 0"),
	ROW(SEQUENCE_GAP, VIOLATION, ALWAYS, "sequence-gap", "RFC 7011 3.1",
	    "a sequence number that leaves records out"),
	ROW(SEQUENCE_BACK, VIOLATION, ALWAYS, "sequence-back", "RFC 7011 3.1",
	    "a sequence number that goes back"),
	ROW(SEQUENCE_LATE, NOTE, STRICT, "sequence-late", "RFC 7011 3.1",
	    "a message that comes late or twice"),
	ROW(RESTART, NOTE, ALWAYS, "restart", "RFC 7011 3.1",
	    "a sequence that begins at 0 again: the exporter was restarted"),
	ROW(FIELD_LENGTH, VIOLATION, STRICT, "field-length", "RFC 7011 6.2",
	    "a length that the element's type cannot have"),
	ROW(FIELD_VARIABLE, VIOLATION, STRICT, "field-variable", "RFC 7011 7",
	    "a variable length for a type that has a fixed one"),
	ROW(FIELD_UNKNOWN, NOTE, STRICT, "field-unknown", "RFC 7012 7",
	    "an element that IANA has not registered"),
	ROW(FIELD_PEN, VIOLATION, STRICT, "field-enterprise", "RFC 7011 3.2",
	    "an enterprise bit with enterprise number 0"),
	ROW(FIELD_TWICE, NOTE, STRICT, "field-twice", "RFC 7011 8",
	    "the same element twice in a template"),
	ROW(EXPORT_TIME_BACK, NOTE, STRICT, "export-time-back", "RFC 7011 3.1",
	    "an export time before that of the message before"),
	ROW(EXPORT_TIME_FAR, NOTE, STRICT, "export-time-far", "RFC 7011 3.1",
	    "an export time more than an hour from this machine's clock"),
	ROW(END_BEFORE_START, VIOLATION, STRICT, "end-before-start", "RFC 7012 5.9",
	    "a flow that ends before it starts"),
	ROW(TIME_AFTER_EXPORT, VIOLATION, STRICT, "time-after-export", "RFC 7011 5.1",
	    "a flow that starts or ends after its message was sent"),
	ROW(NTP_FRACTION, NOTE, STRICT, "ntp-fraction", "RFC 7011 6.1.9",
	    "microseconds whose eleven lowest fraction bits are not zero"),
	ROW(DOMAIN, NOTE, STRICT, "domain", "RFC 7011 3.1",
	    "an observationDomainId that is not its message's"),
	ROW(VALUE_RANGE, VIOLATION, STRICT, "value-range", "RFC 7012 5",
	    "a value that its element cannot have"),
	ROW(BOOLEAN, VIOLATION, STRICT, "boolean", "RFC 7011 6.1.5",
	    "a boolean that is neither 1 nor 2"),
	ROW(STRING, VIOLATION, STRICT, "string", "RFC 7011 6.1.6",
	    "a string that is not UTF-8"),
	ROW(LIST, VIOLATION, STRICT, "list", "RFC 6313 4.5",
	    "structured data whose lengths do not fit"),
	ROW(TYPE_INFORMATION, VIOLATION, STRICT, "type-information", "RFC 5610 3",
	    "an element type record without a usable name or type"),
};
/* clang-format on */

const struct rule_row *rule_row(enum rule rule)
{
	return &rows[rule];
}
