// SPDX-License-Identifier: Apache-2.0
/*
 * stream_send tcp|tls|sctp|file REMOTE [KEY=VALUE...] < commands
 *
 * A stream that does what it is told, line by line, and answers each line with its state as
 * JSON. Keys: ca certificate key name local file (of the backlog) memory disk (its bytes)
 * length. Commands: `put N` records in messages of 50; `tick S`: S seconds later than the
 * last one; `wait`: until there is a connection; `drain`: until all was acknowledged;
 * `reopen`. So the test that plays the collector is the only one that knows what is true.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "ipfix/stream.h"

#define WAIT_NS (2 * NSEC_PER_SEC)
#define MESSAGE_RECORDS 50

static const char *const kinds[] = {
	[STREAM_TCP] = "tcp", [STREAM_TLS] = "tls", [STREAM_SCTP] = "sctp", [STREAM_FILE] = "file",
};

static int set_key(struct stream_config *c, char *word)
{
	const struct {
		const char *name;
		const char **text;
		uint64_t *number;
	} keys[] = {
		{ "ca", &c->ca, NULL },
		{ "certificate", &c->certificate, NULL },
		{ "key", &c->key, NULL },
		{ "name", &c->server_name, NULL },
		{ "local", &c->local, NULL },
		{ "file", &c->backlog_file, NULL },
		{ "memory", NULL, &c->backlog_bytes },
		{ "disk", NULL, &c->backlog_file_bytes },
	};
	char *value = strchr(word, '=');

	if (!value)
		return -1;
	*value++ = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (strcmp(keys[i].name, word) != 0)
			continue;
		if (keys[i].text)
			*keys[i].text = value;
		else
			*keys[i].number = strtoull(value, NULL, 0);
		return 0;
	}
	if (strcmp(word, "length") != 0)
		return -1;
	c->max_message_len = strtoul(value, NULL, 0);
	return 0;
}

static int set_kind(struct stream_config *c, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		c->kind = i;
		if (strcmp(kinds[i], name) == 0)
			return 0;
	}
	return -1;
}

/* Each record tells its number: octetDeltaCount. */
static void put(struct sink *s, unsigned long n)
{
	static uint64_t number;
	struct record r = { .key.family = 4, .domain = 1, .packets = 1 };

	for (unsigned long i = 0; i < n; i++) {
		r.bytes = number++;
		if (!s->ops->room(s, &r) || (i && i % MESSAGE_RECORDS == 0))
			s->ops->flush(s);
		s->ops->put(s, &r);
	}
	s->ops->flush(s);
}

static void answer(const struct sink *s)
{
	printf("{\"up\": %d, \"records\": %" PRIu64 ", \"lost\": %" PRIu64 ", \"bytes\": %" PRIu64
	       ", \"errors\": %" PRIu64 ", \"trouble\": \"%s\"}\n", stream_is_up(s),
	       s->stats.records, s->stats.lost_records, s->stats.bytes, s->stats.errors, s->trouble);
	fflush(stdout);
}

static void obey(struct sink *s, const char *line)
{
	static uint64_t ahead_ns;
	unsigned long n = 0;
	char verb[16] = "";

	if (sscanf(line, "%15s %lu", verb, &n) < 1)
		return;
	if (!strcmp(verb, "put"))
		put(s, n);
	else if (!strcmp(verb, "tick"))
		ahead_ns += n * NSEC_PER_SEC;
	else if (!strcmp(verb, "wait"))
		stream_wait_ready(s, WAIT_NS);
	else if (!strcmp(verb, "drain"))
		stream_drain(s, WAIT_NS);
	else if (!strcmp(verb, "reopen") && s->ops->reopen(s) < 0)
		snprintf(s->trouble, sizeof(s->trouble), "%.190s", error_message());
	if (!strcmp(verb, "tick"))
		s->ops->tick(s, clock_boot_ns() + ahead_ns);
	answer(s);
}

int main(int argc, char **argv)
{
	static const struct template_field fields[] = {
		{ .name = "sourceIPv4Address" }, { .name = "octetDeltaCount" },
	};
	struct stream_config c = {
		.max_message_len = 1400, .backlog_bytes = 1 << 20, .backlog_file_bytes = 1 << 30,
	};
	struct template_set *set;
	struct sink *s;
	char line[80];

	if (argc < 3 || set_kind(&c, argv[1]) < 0)
		return 2;
	c.remote = argv[2];
	for (int i = 3; i < argc; i++) {
		if (set_key(&c, argv[i]) < 0)
			return 2;
	}
	if (template_set_new(&set) < 0 || template_set_add(set, 256, fields, 2) < 0)
		return 1;
	c.templates = set;
	if (stream_new(&c, &s) < 0) {
		fprintf(stderr, "%s\n", error_message());
		return error_exit_status();
	}
	while (fgets(line, sizeof(line), stdin))
		obey(s, line);
	s->ops->close(s);
	template_set_free(set);
	return 0;
}
