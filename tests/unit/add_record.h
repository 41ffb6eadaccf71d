/* SPDX-License-Identifier: Apache-2.0 */
/* A record into a message by a template that the test chose. */
#ifndef FLOWCTL_TESTS_ADD_RECORD_H
#define FLOWCTL_TESTS_ADD_RECORD_H

#include "ipfix/message.h"

/* As message_encode(). */
static inline int add_record(struct message *m, const struct template *t, const struct record *r)
{
	return message_encode(m, t, template_encoder(t, r), r);
}

#endif
