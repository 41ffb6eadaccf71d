// SPDX-License-Identifier: Apache-2.0
/*
 * Templates are written once and used by outputs of different profiles. A length that the
 * file says is that of every output; where it says none, the profile has a say.
 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "conf/keys.h"

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

int conf_templates_for(const struct conf *conf, const struct profile *profile,
		       struct template_set **ret)
{
	_cleanup_(template_set_freep) struct template_set *set = NULL;
	int r = template_set_new(&set);

	for (size_t i = 0; r == 0 && i < conf->n_own; i++)
		r = keys_add_template(set, &conf->own[i], profile);
	if (r == 0 && conf->builtin_templates)
		r = template_set_add_builtin(set, profile, conf->biflow);
	if (r == 0)
		*ret = take_ptr(set);
	return r;
}

void conf_template_deinit(struct conf_template *t)
{
	for (size_t i = 0; i < t->n; i++)
		free((char *)t->fields[i].name);
	free(t->fields);
	*t = (struct conf_template) { 0 };
}
