// SPDX-License-Identifier: Apache-2.0
/* Reads the file, hands it to the rows of keys.c, and tells what is legal but unlikely meant. */
#include "conf/conf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/strbuf.h"
#include "conf/keys.h"

DEFINE_CLEANUP(struct conf, conf_free)

int conf_parse(const char *name, const char *text, size_t len, struct conf **ret)
{
	_cleanup_(yaml_deinit) struct yaml_tree tree = { 0 };
	_cleanup_(conf_freep) struct conf *conf = calloc(1, sizeof(*conf));
	struct decoder d = { .name = name, .tree = &tree };
	int r;

	if (!conf)
		return fail(-ENOMEM, "cannot read '%s'", name);
	r = template_set_new(&conf->templates);
	if (r == 0)
		r = yaml_parse(name, text, len, &tree);
	if (r == 0)
		r = keys_decode(&d, conf);
	if (r < 0)
		return r;
	ie_set_enterprise(conf->enterprise);
	*ret = take_ptr(conf);
	return 0;
}

/* One byte more than is accepted is enough to know that there is more. */
int conf_read(const char *path, const char *what, struct strbuf *ret)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char buf[16 * 1024];
	ssize_t n = 1;

	if (fd < 0)
		return fail(-errno, "cannot open the %s '%s'", what, path);
	while (n > 0 && ret->len <= YAML_BYTES_MAX) {
		n = read(fd, buf, sizeof(buf));
		if (n < 0 && errno == EINTR) {
			n = 1;
			continue;
		}
		if (n < 0)
			return fail(-errno, "cannot read the %s '%s'", what, path);
		strbuf_add(ret, buf, n);
	}
	return ret->failed ? fail(-ENOMEM, "cannot read the %s '%s'", what, path) : 0;
}

int conf_load(const char *path, struct conf **ret)
{
	_cleanup_(strbuf_deinit) struct strbuf text = STRBUF_NULL;
	int r = conf_read(path, "configuration", &text);

	return r < 0 ? r : conf_parse(path, strbuf_str(&text), text.len, ret);
}

void conf_free(struct conf *conf)
{
	if (!conf)
		return;
	for (size_t i = 0; i < conf->n_meters; i++) {
		free(conf->meters[i].netns);
		free(conf->meters[i].name);
		free(conf->meters[i].hook);
	}
	for (size_t i = 0; i < conf->n_outputs; i++)
		conf_output_deinit(&conf->outputs[i]);
	free(conf->as_file);
	free(conf->aws.endpoint);
	free(conf->metrics.listen);
	free(conf->meters);
	free(conf->outputs);
	for (size_t i = 0; i < conf->n_own; i++)
		conf_template_deinit(&conf->own[i]);
	free(conf->own);
	template_set_free(conf->templates);
	free(conf);
}

static const struct kind {
	const char *name;
	uint8_t family, proto;
} kinds[] = {
	{ "TCP over IPv4", 4, IPPROTO_TCP }, { "UDP over IPv4", 4, IPPROTO_UDP },
	{ "ICMP", 4, IPPROTO_ICMP }, { "other protocols over IPv4", 4, IPPROTO_GRE },
	{ "TCP over IPv6", 6, IPPROTO_TCP }, { "UDP over IPv6", 6, IPPROTO_UDP },
	{ "ICMPv6", 6, IPPROTO_ICMPV6 }, { "other protocols over IPv6", 6, IPPROTO_GRE },
};

static bool has_collector(const struct conf *conf)
{
	for (size_t i = 0; i < conf->n_outputs; i++) {
		if (conf->outputs[i].kind == CONF_COLLECTOR)
			return true;
	}
	return false;
}

void conf_warnings(const struct conf *conf, struct strbuf *out)
{
	if (!has_collector(conf))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct record r = { .key = { .family = kinds[i].family, .proto = kinds[i].proto } };

		if (!template_set_choose(conf->templates, &r))
			strbuf_printf(out, "no template carries records of %s\n", kinds[i].name);
	}
}
