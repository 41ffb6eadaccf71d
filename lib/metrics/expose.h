/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How metrics are written: Prometheus' text format 0.0.4 and OpenMetrics 1.0. They differ in what
 * a counter is called in its heading, in what is escaped, and in what only the younger one has
 * (units, times of creation, an end). A sample's name and labels are the same in both, so that
 * it is the same series whichever was asked for.
 */
#ifndef FLOWCTL_METRICS_EXPOSE_H
#define FLOWCTL_METRICS_EXPOSE_H

#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "metrics/buckets.h"

enum expose_format { EXPOSE_TEXT, EXPOSE_OPENMETRICS, EXPOSE_FORMATS };
enum expose_type { EXPOSE_COUNTER, EXPOSE_GAUGE, EXPOSE_HISTOGRAM, EXPOSE_INFO };

struct expose_family {
	const char *name;	/* without "_total" and "_info"; ends with "_" and the unit */
	enum expose_type type;
	const char *unit;	/* NULL: it has none */
	const char *help;	/* a sentence */
};

#define EXPOSE_LABELS_MAX 5
struct expose_labels {
	struct {
		const char *name;
		const char *value;	/* any bytes; what is not UTF-8 becomes '?' */
	} v[EXPOSE_LABELS_MAX];
	size_t n;
};

struct expose {
	struct strbuf *out;	/* appended to */
	enum expose_format format;
	const struct expose_family *family;	/* of the samples that follow */
	double created_s;	/* when they began, since 1970; 0: not known, or not of this process */
};

/* Begin the family: its samples follow, all of them. */
void expose_family(struct expose *e, const struct expose_family *family, double created_s);
/* A sample of a counter, a gauge or an info. */
void expose_u64(struct expose *e, const struct expose_labels *labels, uint64_t value);
void expose_double(struct expose *e, const struct expose_labels *labels, double value);
/* Those of a histogram, in seconds. */
void expose_histogram(struct expose *e, const struct expose_labels *labels,
		      const struct buckets_bounds *bounds, const struct buckets *b);
void expose_end(struct expose *e);

/* @v as both formats read it, and the shortest that is read as @v again. @buf: 32 octets do. */
const char *expose_number(double v, char *buf, size_t size);

/* Which format an HTTP client prefers by its Accept header, which may be NULL: text unless
 * OpenMetrics 1.0 is wanted as much. */
enum expose_format expose_accepted(const char *accept);
const char *expose_content_type(enum expose_format format);

#endif
