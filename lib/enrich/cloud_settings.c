// SPDX-License-Identifier: Apache-2.0
/*
 * Whom to ask, if anybody. The environment's variables mean what they mean to the AWS SDKs:
 * AWS_EC2_METADATA_DISABLED is off whatever the configuration says, an endpoint wins over a mode,
 * and a mode is one address family and no other. The configuration's endpoint wins over both.
 *
 * Off the cloud nobody is asked: the address of the service is a link-local one, behind which
 * somebody else may live. How a machine knows itself: the EC2 user guide, "Detect whether a host
 * is an EC2 instance".
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/parse.h"
#include "enrich/cloud_parts.h"

#define ENDPOINT_IPV4 "http://169.254.169.254"
#define ENDPOINT_IPV6 "http://[fd00:ec2::254]"
#define VARIABLE(name_) "AWS_EC2_METADATA_" name_

/* The first line of a small file, "" when there is none. */
static void read_line(const char *sys, const char *name, char buf[64])
{
	char path[256];
	ssize_t n;

	snprintf(path, sizeof(path), "%s/%s", sys, name);
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, buf, 63);
	buf[n < 0 ? 0 : n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
}

static bool is_amazon(const char *s)
{
	return strcmp(s, "Amazon EC2") == 0;
}

/* Of SMBIOS 2.4 on, the first part of the UUID may lie with its octets in the other order. */
static bool is_ec2_uuid(const char *s)
{
	return strncasecmp(s, "ec2", 3) == 0 ||
	       (strlen(s) == 36 && strncasecmp(s + 6, "ec", 2) == 0 && s[4] == '2');
}

static bool is_ec2_xen(const char *s)
{
	return strncasecmp(s, "ec2", 3) == 0;
}

static const struct sign {
	const char *file;
	bool (*is)(const char *line);
} signs[] = {
	{ "class/dmi/id/sys_vendor", is_amazon },	/* Nitro, metal */
	{ "class/dmi/id/board_vendor", is_amazon },
	{ "class/dmi/id/product_uuid", is_ec2_uuid },	/* Xen, for root */
	{ "hypervisor/uuid", is_ec2_xen },
};

bool cloud_place_is_ec2(const char *sys)
{
	char line[64];

	for (size_t i = 0; i < ARRAY_SIZE(signs); i++) {
		read_line(sys, signs[i].file, line);
		if (signs[i].is(line))
			return true;
	}
	return false;
}

/* NULL: not set, or empty, which is the same. */
static const char *variable(const char *name)
{
	const char *s = getenv(name);

	return s && *s ? s : NULL;
}

static int add(struct cloud_settings *s, const char *url)
{
	size_t len = strlen(url);
	char *copy;

	while (len && url[len - 1] == '/')
		len--;
	copy = strndup(url, len);
	if (!copy)
		return fail(-ENOMEM, "cannot ask the metadata service");
	s->endpoints[s->n++] = copy;
	return 0;
}

static int add_checked(struct cloud_settings *s, const char *what, const char *url)
{
	if (parse_http_url(url) < 0)
		return fail_usage("%s must be a URL (as http://[fd00:ec2::254])", what);
	return add(s, url);
}

static int add_mode(struct cloud_settings *s, const char *mode)
{
	if (strcasecmp(mode, "ipv4") == 0)
		return add(s, ENDPOINT_IPV4);
	if (strcasecmp(mode, "ipv6") == 0)
		return add(s, ENDPOINT_IPV6);
	return fail_usage(VARIABLE("SERVICE_ENDPOINT_MODE") " must be IPv4 or IPv6, not '%s'",
			  mode);
}

static int add_endpoints(struct cloud_settings *s, const struct cloud_options *options)
{
	const char *url = variable(VARIABLE("SERVICE_ENDPOINT"));
	const char *mode = variable(VARIABLE("SERVICE_ENDPOINT_MODE"));
	int r;

	if (options->endpoint)
		return add_checked(s, "the endpoint", options->endpoint);
	if (url)
		return add_checked(s, VARIABLE("SERVICE_ENDPOINT"), url);
	if (options->enabled == CLOUD_AUTO && !cloud_place_is_ec2("/sys")) {
		s->on = false;
		return 0;
	}
	if (mode)
		return add_mode(s, mode);
	r = add(s, ENDPOINT_IPV4);
	return r < 0 ? r : add(s, ENDPOINT_IPV6);
}

int cloud_settings_init(struct cloud_settings *s, const struct cloud_options *options)
{
	const char *disabled = variable(VARIABLE("DISABLED"));
	bool off = options->enabled == CLOUD_OFF || (disabled && strcasecmp(disabled, "true") == 0);
	int r = 0;

	*s = (struct cloud_settings) {
		.on = !off,
		.quiet = options->enabled == CLOUD_AUTO,
		.refresh_ns = options->refresh_ns,
	};
	if (s->on)
		r = add_endpoints(s, options);
	if (r < 0)
		cloud_settings_deinit(s);
	return r;
}

void cloud_settings_deinit(struct cloud_settings *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->endpoints[i]);
	*s = (struct cloud_settings) { 0 };
}

bool cloud_settings_equal(const struct cloud_settings *a, const struct cloud_settings *b)
{
	if (a->on != b->on || a->quiet != b->quiet || a->refresh_ns != b->refresh_ns || a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		if (strcmp(a->endpoints[i], b->endpoints[i]) != 0)
			return false;
	}
	return true;
}
