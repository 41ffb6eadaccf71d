/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages written as hexadecimal into the decoder and the judge, as `flowctl collect --strict`
 * has them: the lines they become, and the names of the rules they break, in order.
 */
#ifndef FLOWCTL_TEST_COLLECT_H
#define FLOWCTL_TEST_COLLECT_H

#include <ctype.h>

#include "base/strbuf.h"
#include "collect/judge.h"
#include "collect/show.h"
#include "test.h"

#define SECOND UINT64_C(1000000000)

static struct collect {
	struct decode_session *session;
	struct decode decode;
	struct show show;
	struct strbuf rules;		/* "set-short template-cut", in the order found */
	size_t budget;
	uint64_t now_ns;
	int result;			/* of the last message */
} collect;

static void collect_finding(void *arg, const struct finding *f)
{
	if (collect.rules.len)
		strbuf_putc(&collect.rules, ' ');
	strbuf_puts(&collect.rules, rule_row(f->rule)->name);
}

static void collect_message(void *arg, const struct decode_message *m)
{
	judge_message(m);
}

static void collect_schema(void *arg, const struct decode_message *m, const struct schema *s,
		      const uint8_t *at)
{
	judge_schema(m, s, at);
}

static void collect_record(void *arg, const struct decode_record *r)
{
	judge_record(r);
	if (show_record(&collect.show, r) < 0)
		abort();
}

/* A new session, everything forgotten. Export times in messages are best the clock's: 0x6b00c54d. */
__attribute__((unused)) static void collect_begin(enum decode_transport transport, enum show_format format)
{
	decode_session_free(&collect.decode, collect.session);
	show_deinit(&collect.show);
	strbuf_deinit(&collect.rules);
	collect = (struct collect) {
		.session = decode_session_new(transport, "192.0.2.9:4739"),
		.decode.handler = { collect_finding, collect_message, collect_schema, collect_record, NULL },
		.decode.lifetime_ns = 1800 * SECOND,
		.show.format = format,
		.budget = DECODE_BUDGET_BYTES,
		.now_ns = UINT64_C(0x6b00c54d) * SECOND,
	};
	collect.decode.budget_bytes = &collect.budget;
}

__attribute__((unused)) static size_t collect_hex(const char *hex, uint8_t *out, size_t max)
{
	size_t n = 0;
	int high = -1;

	for (; *hex; hex++) {
		int v = isdigit((unsigned char)*hex) ? *hex - '0' : tolower((unsigned char)*hex) - 'a' + 10;

		if (!isxdigit((unsigned char)*hex))
			continue;
		if (high < 0) {
			high = v;
		} else if (n < max) {
			out[n++] = (uint8_t)(high << 4 | v);
			high = -1;
		}
	}
	return n;
}

/* One message, as it is. */
__attribute__((unused)) static void collect_raw(const char *hex)
{
	static uint8_t buf[65536];
	size_t len = collect_hex(hex, buf, sizeof(buf));
	uint8_t *alone = malloc(len ? len : 1);

	memcpy(alone, buf, len);
	collect.result = decode_message(&collect.decode, collect.session, alone, len, collect.now_ns);
	free(alone);
}

/* An IPFIX message of domain 1, exported now, with these sets. */
__attribute__((unused)) static void collect_sets(uint32_t sequence, const char *sets)
{
	static char hex[131072];
	static uint8_t buf[65536];
	size_t len = collect_hex(sets, buf, sizeof(buf));

	snprintf(hex, sizeof(hex), "000a %04x %08x %08x 00000001 %s", (unsigned)len + 16,
		 (unsigned)(collect.now_ns / SECOND), sequence, sets);
	collect_raw(hex);
}

/* The lines so far, as a string; they are forgotten by the next call. */
__attribute__((unused)) static const char *collect_lines(void)
{
	static char *copy;

	free(copy);
	copy = strndup(collect.show.len ? collect.show.data : "", collect.show.len);
	collect.show.len = 0;
	return copy;
}

__attribute__((unused)) static const char *collect_rules(void)
{
	static char *copy;

	free(copy);
	copy = strdup(strbuf_str(&collect.rules));
	strbuf_reset(&collect.rules);
	return copy;
}

#endif
