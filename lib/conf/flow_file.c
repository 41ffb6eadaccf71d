// SPDX-License-Identifier: Apache-2.0
/*
 * A flow becomes the bytes of its data record at once, value by value at the place that the
 * template gives the element. An element may be in a flow and not in its template: older
 * flow files are written so, one list of values for all templates.
 */
#include "conf/flow_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/strbuf.h"
#include "conf/decode.h"
#include "conf/flow_value.h"
#include "conf/keys.h"

#define VALUE_MAX (IE_STRING_MAX + 3)

/* One flow, on its way into bytes. */
struct flow {
	const struct template *template;
	uint8_t *bytes;
	uint64_t given;			/* elements of the template, a bit each */
};

struct flows {
	const struct template_set *templates;
	struct strbuf bytes;
	struct record_raw *raws;	/* whose bytes are known at the end only */
	size_t n;
	const struct template *template;	/* of the flowset at hand */
};

_Static_assert(ENCODE_ELEMENTS_MAX <= 64, "elements that were given are bits of a word");

/*
 * Where @e stands in @t: its number, with *ret_at its place in a record whose values are as
 * long as they can be; -1: it does not.
 */
static int find_element(const struct template *t, const struct ie *e, size_t *ret_at)
{
	size_t at = 0;

	for (int i = 0; i < t->n_elements; i++) {
		if (t->elements[i].ie == e) {
			*ret_at = at;
			return i;
		}
		at += ie_field_max(&t->elements[i]);
	}
	return -1;
}

static int decode_element(struct decoder *d, const cJSON *node, struct flow *flow)
{
	uint8_t unsent[VALUE_MAX], *out = unsent;
	char shown[DECODE_SHOWN_MAX];
	const struct ie *e;
	uint16_t len;
	size_t at;
	int i, r;

	if (ie_require(node->string, &e) < 0)
		return decode_fault(d, node, "%s", error_message());
	i = find_element(flow->template, e, &at);
	if (i >= 0 && flow->given >> i & 1)
		return decode_fault(d, node, "is given twice");
	if (i >= 0) {
		flow->given |= UINT64_C(1) << i;
		out = flow->bytes + at;
	}
	if (!cJSON_IsNumber(node) && !cJSON_IsString(node))
		return decode_wrong_type(d, node, flow_value_wanted(e));
	len = i >= 0 ? flow->template->elements[i].len_bytes : e->len_bytes;
	r = flow_value(e, node->valuestring, out, len);
	decode_shown(node->valuestring, shown);
	if (r == -ERANGE)
		return decode_fault(d, node, "%s is too large for %u octets", shown,
				    flow_value_room(e, len));
	return r < 0 ? decode_fault(d, node, "'%s' is not %s", shown, flow_value_wanted(e)) : 0;
}

static int decode_elements(struct decoder *d, const cJSON *node, struct flow *flow)
{
	const cJSON *member;
	int r = 0;

	if (!cJSON_IsObject(node))
		return decode_wrong_type(d, node, "a mapping of elements to values");
	cJSON_ArrayForEach(member, node) {
		char shown[DECODE_SHOWN_MAX];
		size_t at = decode_push(d, ".%s", decode_shown(member->string, shown));

		r = decode_element(d, member, flow);
		decode_pop(d, at);
		if (r < 0)
			break;
	}
	return r;
}

/* Close the gaps behind values that are shorter than they can be. Returns what is left. */
static uint16_t pack(const struct template *t, uint8_t *bytes)
{
	uint8_t *from = bytes, *to = bytes;

	for (size_t i = 0; i < t->n_elements; i++) {
		size_t len = t->elements[i].len_bytes;

		if (len == IE_VARLEN)
			len = from[0] < 255 ? 1 + from[0] : 3 + get_be16(from + 1);
		memmove(to, from, len);
		to += len;
		from += ie_field_max(&t->elements[i]);
	}
	return to - bytes;
}

static int decode_flow(struct decoder *d, const cJSON *node, void *arg)
{
	uint8_t bytes[ENCODE_ELEMENTS_MAX * VALUE_MAX] = { 0 };
	struct flows *f = arg;
	struct flow flow = { .template = f->template, .bytes = bytes };
	struct record_raw *grown;
	int r = decode_elements(d, node, &flow);

	if (r < 0)
		return r;
	if ((f->n & (f->n - 1)) == 0) {
		grown = reallocarray(f->raws, f->n ? 2 * f->n : 1, sizeof(*grown));
		if (!grown)
			return fail(-ENOMEM, "cannot read '%s'", d->name);
		f->raws = grown;
	}
	f->raws[f->n] = (struct record_raw) { .choice = template_choose_raw(f->template),
					      .len_bytes = pack(f->template, bytes) };
	strbuf_add(&f->bytes, bytes, f->raws[f->n++].len_bytes);
	return 0;
}

/* The list is read when its template is known. */
static int defer(struct decoder *d, const cJSON *node, void *to)
{
	return 0;
}

struct flowset_keys {
	uint64_t id;
};

static const struct decode_key flowset_keys[] = {
	DECODE("templateId", U64, flowset_keys, id, .min = 256, .max = 65535, .required = true),
	{ .key = "flows", .type = DECODE_CALL, .required = true, .call = defer },
	DECODE_KEYS_END,
};

static const struct template *find_template(const struct template_set *set, uint64_t id)
{
	for (size_t i = 0; i < template_set_count(set); i++) {
		if (template_set_get(set, i)->id == id)
			return template_set_get(set, i);
	}
	return NULL;
}

static int decode_flowset(struct decoder *d, const cJSON *node, void *arg)
{
	const cJSON *flows = cJSON_GetObjectItemCaseSensitive(node, "flows");
	struct flows *f = arg;
	struct flowset_keys k;
	size_t at;
	int r = decode_map(d, node, flowset_keys, &k);

	if (r < 0)
		return r;
	f->template = find_template(f->templates, k.id);
	if (!f->template) {
		const cJSON *id = cJSON_GetObjectItemCaseSensitive(node, "templateId");

		decode_push(d, ".templateId");
		return decode_fault(d, id, "the configuration has no template %s", id->valuestring);
	}
	at = decode_push(d, ".flows");
	r = decode_list(d, flows, decode_flow, f);
	decode_pop(d, at);
	return r;
}

static int decode_flowsets(struct decoder *d, const cJSON *node, void *to)
{
	return decode_list(d, node, decode_flowset, to);
}

static const struct decode_key file_keys[] = {
	{ .key = "flowsets", .type = DECODE_CALL, .required = true, .call = decode_flowsets },
	DECODE_KEYS_END,
};

static void flows_deinit(struct flows *f)
{
	strbuf_deinit(&f->bytes);
	free(f->raws);
}

int flow_file_parse(const char *name, const char *text, size_t len,
		    const struct template_set *templates, struct flow_file *ret)
{
	_cleanup_(yaml_deinit) struct yaml_tree tree = { 0 };
	_cleanup_(flows_deinit) struct flows f = { .templates = templates };
	struct decoder d = { .name = name, .tree = &tree };
	const uint8_t *at;
	int r = yaml_parse(name, text, len, &tree);

	if (r == 0)
		r = decode_map(&d, tree.root, file_keys, &f);
	if (r < 0)
		return r;
	if (!f.n)
		return decode_fault(&d, tree.root, "there is no flow in it");
	if (f.bytes.failed)
		return fail(-ENOMEM, "cannot read '%s'", name);
	*ret = (struct flow_file) { .n = f.n, .bytes = (uint8_t *)take_ptr(f.bytes.data) };
	ret->raws = take_ptr(f.raws);
	at = ret->bytes;
	for (size_t i = 0; i < ret->n; i++) {
		ret->raws[i].bytes = at;
		at += ret->raws[i].len_bytes;
	}
	return 0;
}

int flow_file_load(const char *path, const struct template_set *templates, struct flow_file *ret)
{
	_cleanup_(strbuf_deinit) struct strbuf text = STRBUF_NULL;
	int r = conf_read(path, "flow file", &text);

	return r < 0 ? r : flow_file_parse(path, strbuf_str(&text), text.len, templates, ret);
}

void flow_file_deinit(struct flow_file *f)
{
	free(f->raws);
	free(f->bytes);
	*f = (struct flow_file) { 0 };
}
