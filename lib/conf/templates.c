// SPDX-License-Identifier: Apache-2.0
/*
 * Templates are written once and used by outputs of different profiles. A length that the
 * file says is that of every output; where it says none, the profile has a say. NetFlow v9 has
 * a built-in set of its own, and not everything can be said in it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "conf/keys.h"
#include "ipfix/netflow9.h"

/* The announcement of the longest template with health and a tunnel takes 440 bytes. */
#define HEALTH_MESSAGE_MIN 512

DEFINE_CLEANUP(struct template_set, template_set_free)

int keys_add_template(struct template_set *set, const struct conf_template *t,
		      const struct profile *profile)
{
	struct template_field fields[ENCODE_ELEMENTS_MAX];
	size_t n = t->n < ARRAY_SIZE(fields) ? t->n : ARRAY_SIZE(fields);

	for (size_t i = 0; i < n; i++) {
		fields[i] = t->fields[i];
		if (!fields[i].len_bytes)
			fields[i].len_bytes = profile_field_len(profile, fields[i].name);
	}
	return template_set_add(set, t->id, fields, n);
}

/*
 * Health and tunnels are for those who leave the choice to us: beside templates of the user they
 * would take records that have gone by his, and where messages are short they would not fit.
 */
int keys_add_builtin(struct template_set *set, const struct conf *conf,
		     const struct profile *profile)
{
	int r = template_set_add_builtin(set, profile, conf->biflow);

	if (r < 0 || conf->n_own || conf->max_message_len < HEALTH_MESSAGE_MIN)
		return r;
	r = template_set_add_health(set, profile, conf->biflow);
	return r < 0 ? r : template_set_add_tunnels(set, profile, conf->biflow);
}

static int add_all(struct template_set *set, const struct conf *conf, const struct profile *profile,
		   bool netflow9)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < conf->n_own; i++)
		r = keys_add_template(set, &conf->own[i], profile);
	if (r < 0 || !conf->builtin_templates)
		return r;
	return netflow9 ? netflow9_add_builtin(set) : keys_add_builtin(set, conf, profile);
}

static int make_set(const struct conf *conf, const struct profile *profile, bool netflow9,
		    struct template_set **ret)
{
	_cleanup_(template_set_freep) struct template_set *set = NULL;
	int r = template_set_new(&set);

	if (r == 0)
		r = add_all(set, conf, profile, netflow9);
	if (r == 0)
		*ret = take_ptr(set);
	return r;
}

int conf_templates_for(const struct conf *conf, const struct profile *profile,
		       struct template_set **ret)
{
	return make_set(conf, profile, false, ret);
}

int conf_templates_of(const struct conf *conf, const struct conf_output *out,
		      struct template_set **ret)
{
	struct profile plain = *out->profile;

	if (out->version != NETFLOW9_VERSION)
		return make_set(conf, out->profile, false, ret);
	plain.strings = false;
	plain.tcp_flags_len = 1;
	return make_set(conf, &plain, true, ret);
}

/* The key that asks for NetFlow v9 for the first time; *ret_i: of which output. */
static const cJSON *netflow9_key(const cJSON *root, int *ret_i)
{
	const cJSON *outputs = cJSON_GetObjectItemCaseSensitive(root, "outputs"), *out;

	*ret_i = -1;
	cJSON_ArrayForEach(out, outputs) {
		const cJSON *collector = cJSON_GetObjectItemCaseSensitive(out, "collector");
		const cJSON *key = cJSON_GetObjectItemCaseSensitive(collector, "version");

		++*ret_i;
		if (key && cJSON_IsString(key) && strcmp(key->valuestring, "netflow9") == 0)
			return key;
	}
	return NULL;
}

/* The user's templates are the same for all that speak it. */
int keys_check_netflow9(struct decoder *d, const struct conf *conf)
{
	_cleanup_(template_set_freep) struct template_set *set = NULL;
	const struct conf_output *out = conf->outputs;
	const cJSON *key;
	int i, r;

	while (out < conf->outputs + conf->n_outputs && out->version != NETFLOW9_VERSION)
		out++;
	if (out == conf->outputs + conf->n_outputs)
		return 0;
	r = conf_templates_of(conf, out, &set);
	if (r == 0)
		r = netflow9_check(set);
	key = netflow9_key(d->tree->root, &i);
	if (r == -EINVAL)
		return decode_fault(d, key, "outputs[%d].collector.version: %s", i, error_message());
	return r;
}

void conf_template_deinit(struct conf_template *t)
{
	for (size_t i = 0; i < t->n; i++)
		free((char *)t->fields[i].name);
	free(t->fields);
	*t = (struct conf_template) { 0 };
}
