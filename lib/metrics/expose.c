// SPDX-License-Identifier: Apache-2.0
/*
 * Both formats line by line. Numbers are written without the locale's help: a counter as its
 * digits, anything else as the shortest decimal that is read as the same double. The bounds of
 * buckets always have a point or an exponent ("1.0"), as OpenMetrics wants them.
 */
#include "metrics/expose.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"

static const char *const type_names[] = {
	[EXPOSE_COUNTER] = "counter", [EXPOSE_GAUGE] = "gauge",
	[EXPOSE_HISTOGRAM] = "histogram", [EXPOSE_INFO] = "info",
};

static bool is_open(const struct expose *e)
{
	return e->format == EXPOSE_OPENMETRICS;
}

/* What a sample's name has behind the family's. */
static const char *suffix(const struct expose *e)
{
	switch (e->family->type) {
	case EXPOSE_COUNTER:
		return "_total";
	case EXPOSE_INFO:
		return "_info";
	default:
		return "";
	}
}

static void put_escaped(struct strbuf *out, const char *s, bool quotes)
{
	for (size_t n; *s; s += n) {
		n = utf8_len((const unsigned char *)s);
		if (*s == '\n')
			strbuf_puts(out, "\\n");
		else if (*s == '\\' || (quotes && *s == '"'))
			strbuf_printf(out, "\\%c", *s);
		else if (n)
			strbuf_add(out, s, n);
		else
			strbuf_putc(out, '?');
		n = n ? n : 1;
	}
}

/* The older format knows no infos, and calls a counter by the name of its samples. */
static void put_heading(struct expose *e, const char *what, const char *text)
{
	strbuf_printf(e->out, "# %s %s%s ", what, e->family->name, is_open(e) ? "" : suffix(e));
	put_escaped(e->out, text, is_open(e));
	strbuf_putc(e->out, '\n');
}

void expose_family(struct expose *e, const struct expose_family *family, double created_s)
{
	bool is_gauge = family->type == EXPOSE_INFO && !is_open(e);

	e->family = family;
	e->created_s = created_s;
	put_heading(e, "TYPE", type_names[is_gauge ? EXPOSE_GAUGE : family->type]);
	if (family->unit && is_open(e))
		put_heading(e, "UNIT", family->unit);
	put_heading(e, "HELP", family->help);
}

static void put_labels(struct expose *e, const struct expose_labels *labels, const char *le)
{
	char sep = '{';

	for (size_t i = 0; i < labels->n; i++, sep = ',') {
		strbuf_printf(e->out, "%c%s=\"", sep, labels->v[i].name);
		put_escaped(e->out, labels->v[i].value ? labels->v[i].value : "", true);
		strbuf_putc(e->out, '"');
	}
	if (le)
		strbuf_printf(e->out, "%cle=\"%s\"", sep, le);
	if (labels->n || le)
		strbuf_putc(e->out, '}');
}

static void put_sample(struct expose *e, const char *suffix, const struct expose_labels *labels,
		       const char *le, const char *value)
{
	strbuf_puts(e->out, e->family->name);
	strbuf_puts(e->out, suffix);
	put_labels(e, labels, le);
	strbuf_printf(e->out, " %s\n", value);
}

static void put_created(struct expose *e, const struct expose_labels *labels)
{
	char buf[40];

	if (!is_open(e) || !e->created_s || e->family->type == EXPOSE_GAUGE)
		return;
	snprintf(buf, sizeof(buf), "%.3f", e->created_s);
	put_sample(e, "_created", labels, NULL, buf);
}

static void put_u64(struct expose *e, const char *suffix, const struct expose_labels *labels,
		    const char *le, uint64_t value)
{
	char buf[24];

	snprintf(buf, sizeof(buf), "%llu", (unsigned long long)value);
	put_sample(e, suffix, labels, le, buf);
}

void expose_u64(struct expose *e, const struct expose_labels *labels, uint64_t value)
{
	put_u64(e, suffix(e), labels, NULL, value);
	put_created(e, labels);
}

void expose_double(struct expose *e, const struct expose_labels *labels, double value)
{
	char buf[40];

	put_sample(e, suffix(e), labels, NULL, expose_number(value, buf, sizeof(buf)));
	put_created(e, labels);
}

const char *expose_number(double v, char *buf, size_t size)
{
	if (isnan(v))
		snprintf(buf, size, "NaN");
	else if (isinf(v))
		snprintf(buf, size, v > 0 ? "+Inf" : "-Inf");
	for (int digits = 15; isfinite(v) && digits <= 17; digits++) {
		snprintf(buf, size, "%.*g", digits, v);
		if (strtod(buf, NULL) == v)
			break;
	}
	return buf;
}

static const char *bound(uint64_t ns, char *buf, size_t size)
{
	size_t len;

	expose_number((double)ns / NSEC_PER_SEC, buf, size);
	len = strlen(buf);
	if (!buf[strcspn(buf, ".e")])
		snprintf(buf + len, size - len, ".0");
	return buf;
}

void expose_histogram(struct expose *e, const struct expose_labels *labels,
		      const struct buckets_bounds *bounds, const struct buckets *b)
{
	uint64_t below = 0;
	char buf[40];

	for (size_t i = 0; i < bounds->n; i++) {
		below += b->count[i];
		put_u64(e, "_bucket", labels, bound(bounds->le_ns[i], buf, sizeof(buf)), below);
	}
	below += b->count[bounds->n];
	put_u64(e, "_bucket", labels, "+Inf", below);
	put_u64(e, "_count", labels, NULL, below);
	put_sample(e, "_sum", labels, NULL,
		   expose_number((double)b->sum_ns / NSEC_PER_SEC, buf, sizeof(buf)));
	put_created(e, labels);
}

void expose_end(struct expose *e)
{
	if (is_open(e))
		strbuf_puts(e->out, "# EOF\n");
}
