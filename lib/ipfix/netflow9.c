// SPDX-License-Identifier: Apache-2.0
/*
 * Data records and templates are the same in both versions, but for the sets around them:
 * other ids, a length that is a multiple of four (RFC 3954 5.3), a header that counts records.
 * Options templates tell lengths where IPFIX tells counts, and have scopes of their own (6.1).
 *
 * Times are in milliseconds since the system started, which the header gives in whole
 * seconds since 1970 and in milliseconds since then. Both are of the next full second: so
 * the start comes out exact, and no flow has ended after the packet was made (nfacctd 1.7.7
 * then finds itself 49 days off).
 */
#include "ipfix/netflow9.h"

#include <string.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "ipfix/template_kinds.h"

#define SET_OPTIONS_TEMPLATE 3
#define FLOWSET_TEMPLATE 0
#define FLOWSET_OPTIONS_TEMPLATE 1
#define SCOPE_SYSTEM 1
#define SCOPE_INTERFACE 2

int netflow9_check(const struct template_set *set)
{
	for (size_t i = 0; i < template_set_count(set); i++) {
		const struct template *t = template_set_get(set, i);

		for (size_t k = 0; k < t->n_elements; k++) {
			const struct ie *e = t->elements[k].ie;

			if (e->pen)
				return fail_usage("NetFlow v9 has no elements of enterprises: '%s' "
						  "of template %u", e->name, t->id);
			if (t->elements[k].len_bytes == IE_VARLEN)
				return fail_usage("NetFlow v9 has no variable lengths: give '%s' "
						  "of template %u a length", e->name, t->id);
		}
	}
	return 0;
}

static const char *const common[] = {
	"flowStartSysUpTime", "flowEndSysUpTime", "octetDeltaCount", "packetDeltaCount",
	"ingressInterface", "egressInterface", "ipVersion", "protocolIdentifier",
	"ipClassOfService", "minimumTTL", "maximumTTL", "flowDirection", "vlanId",
};

/* Of 139, type and code in one, nfcapd 1.7.1 knows nothing in this version. */
static size_t append(struct template_field *fields, size_t n, const char *name)
{
	if (strcmp(name, "icmpTypeCodeIPv6") == 0) {
		n = append(fields, n, "icmpTypeIPv6");
		return append(fields, n, "icmpCodeIPv6");
	}
	/* tcpControlBits is one octet in this version. */
	fields[n] = (struct template_field) { name, strcmp(name, "tcpControlBits") == 0 ? 1 : 0 };
	return n + 1;
}

int netflow9_add_builtin(struct template_set *set)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < TEMPLATE_KINDS; i++) {
		struct template_field fields[TEMPLATE_KIND_ELEMENTS + ARRAY_SIZE(common)];
		const struct template_kind *kind = &template_kinds[i];
		size_t n = 0;

		for (const char *const *own = kind->own; *own; own++)
			n = append(fields, n, *own);
		for (size_t k = 0; k < ARRAY_SIZE(common); k++)
			n = append(fields, n, common[k]);
		r = template_set_add(set, kind->id, fields, n);
	}
	return r;
}

size_t netflow9_cap(size_t len, size_t sets)
{
	size_t more = NETFLOW9_HEADER_LEN - IPFIX_HEADER_LEN + 3 * sets;

	return len > more ? len - more : 0;
}

/* Milliseconds since 1970 when the system started, as flowStartSysUpTime counts from it. */
static uint64_t init_ms(void)
{
	const struct ie_field f = { ie_find("systemInitTimeMilliseconds"), 8 };
	const struct record r = { 0 };
	uint8_t bytes[8];

	ie_put(&f, &r, bytes);
	return get_be64(bytes);
}

static uint16_t scope_of(uint16_t element)
{
	return element == 10 ? SCOPE_INTERFACE : SCOPE_SYSTEM;
}

/* Number and length of each field take four bytes. Returns the records; *len their bytes. */
static unsigned put_options_templates(const uint8_t *from, size_t from_len, uint8_t *out, size_t *len)
{
	unsigned n = 0;

	for (size_t at = 0; at + 6 <= from_len; n++) {
		unsigned fields = get_be16(from + at + 2), scopes = get_be16(from + at + 4);

		memcpy(out + at, from + at, 6 + 4 * fields);
		put_be16(out + at + 2, 4 * scopes);
		put_be16(out + at + 4, 4 * (fields - scopes));
		for (unsigned i = 0; i < scopes; i++)
			put_be16(out + at + 6 + 4 * i, scope_of(get_be16(from + at + 6 + 4 * i)));
		at += 6 + 4 * fields;
		*len = at;
	}
	return n;
}

static unsigned put_templates(const uint8_t *from, size_t from_len, uint8_t *out, size_t *len)
{
	unsigned n = 0;

	for (size_t at = 0; at + 4 <= from_len; n++)
		at += 4 + 4 * get_be16(from + at + 2);
	memcpy(out, from, from_len);
	*len = from_len;
	return n;
}

/* Returns the bytes of the flowset; adds to *records those that are templates. */
static size_t put_set(const uint8_t *from, uint8_t *out, unsigned *records)
{
	unsigned id = get_be16(from), n = 0;
	size_t from_len = get_be16(from + 2) - IPFIX_SET_HEADER_LEN, len = from_len;

	from += IPFIX_SET_HEADER_LEN;
	if (id == IPFIX_SET_TEMPLATE)
		n = put_templates(from, from_len, out + IPFIX_SET_HEADER_LEN, &len);
	else if (id == SET_OPTIONS_TEMPLATE)
		n = put_options_templates(from, from_len, out + IPFIX_SET_HEADER_LEN, &len);
	else
		memcpy(out + IPFIX_SET_HEADER_LEN, from, len);
	len += IPFIX_SET_HEADER_LEN;
	for (; len % 4; len++)
		out[len] = 0;
	put_be16(out, id == IPFIX_SET_TEMPLATE ? FLOWSET_TEMPLATE :
		      id == SET_OPTIONS_TEMPLATE ? FLOWSET_OPTIONS_TEMPLATE : id);
	put_be16(out + 2, len);
	*records += n;
	return len;
}

size_t netflow9_convert(const struct message *m, uint32_t sequence, uint64_t real_ns, uint8_t *out)
{
	uint64_t export_s = real_ns / NSEC_PER_SEC + 1;
	unsigned records = m->records;
	size_t len = NETFLOW9_HEADER_LEN;

	for (size_t at = IPFIX_HEADER_LEN; at < m->len; at += get_be16(m->buf + at + 2))
		len += put_set(m->buf + at, out + len, &records);
	put_be16(out, NETFLOW9_VERSION);
	put_be16(out + 2, records);
	put_be32(out + 4, export_s * 1000 - init_ms());
	put_be32(out + 8, export_s);
	put_be32(out + 12, sequence);
	put_be32(out + 16, m->domain);
	return len;
}
