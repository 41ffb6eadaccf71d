/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Data records written by hand, for `ipfix-dummy`: a list of flowsets, each of the id of a
 * template and a list of flows, each of which gives values by the names of elements.
 */
#ifndef FLOWCTL_CONF_FLOW_FILE_H
#define FLOWCTL_CONF_FLOW_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "ipfix/template.h"

struct flow_file {
	struct record_raw *raws;	/* in the order of the file */
	size_t n;
	uint8_t *bytes;			/* theirs */
};

/*
 * Read @path, whose flows are of templates of @templates, which outlives the result. An
 * element that a flow does not name is 0; one that its template does not have is checked and
 * not sent. fail_usage("FILE:LINE: flowsets[0].flows[2].sourceIPv4Address: ...") for every
 * fault, fail() for a file that cannot be read.
 */
int flow_file_load(const char *path, const struct template_set *templates, struct flow_file *ret);
/* The same from memory; @name is used in messages. */
int flow_file_parse(const char *name, const char *text, size_t len,
		    const struct template_set *templates, struct flow_file *ret);
void flow_file_deinit(struct flow_file *f);

#endif
