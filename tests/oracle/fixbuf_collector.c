// SPDX-License-Identifier: Apache-2.0
/*
 * fixbuf_collector udp|udp9|tcp ADDRESS PORT
 * fixbuf_collector file PATH
 *
 * A collector made of libfixbuf, the library that IPFIX was proven with: it prints every
 * record, data and options, as a line of JSON, and every complaint of the library as another:
 *
 *     {"domain":1,"template":256,"scope":0,"values":[[0,1,"octetDeltaCount",8,"60"],...]}
 *     {"complaint":"IPFIX Message out of sequence (in domain 0x00000001, ..."}
 *
 * A value has the element's enterprise number, number and name, the length it came in, and
 * what it is as text: a number in decimal, an address as usual, octets in hex. udp9 reads
 * NetFlow v9 by the library's own translation. Nothing here knows what we mean to export.
 * Debian's library has no TLS: the tests put another program before it for that.
 */
#include <arpa/inet.h>
#include <fixbuf/public.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static fbListener_t *listener;
static volatile sig_atomic_t ending;

static void print_text(const char *s, size_t len)
{
	putchar('"');
	for (size_t i = 0; i < len; i++) {
		unsigned char c = s[i];

		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			printf("\\u%04x", c);
		else
			putchar(c);
	}
	putchar('"');
}

static void complain(const char *why)
{
	printf("{\"complaint\":");
	print_text(why, strlen(why));
	puts("}");
}

static void on_log(const gchar *domain, GLogLevelFlags level, const gchar *message, gpointer data)
{
	(void)domain, (void)level, (void)data;
	complain(message);
}

static void print_hex(const uint8_t *at, size_t len)
{
	putchar('"');
	for (size_t i = 0; i < len; i++)
		printf("%02x", at[i]);
	putchar('"');
}

static void print_mac(const uint8_t *m)
{
	printf("\"%02x:%02x:%02x:%02x:%02x:%02x\"", m[0], m[1], m[2], m[3], m[4], m[5]);
}

/* libfixbuf gives numbers, and IPv4 addresses, in the order of this machine. */
static uint64_t number(const uint8_t *at, size_t len)
{
	uint64_t v = 0;

	if (len > sizeof(v))
		return 0;
	memcpy((char *)&v + (htons(1) == 1 ? sizeof(v) - len : 0), at, len);
	return v;
}

static void print_address(int family, const uint8_t *at)
{
	char text[INET6_ADDRSTRLEN];
	uint32_t v4;

	if (family == AF_INET) {
		v4 = htonl(number(at, 4));
		at = (const uint8_t *)&v4;
	}
	inet_ntop(family, at, text, sizeof(text));
	print_text(text, strlen(text));
}

static void print_value(unsigned type, const uint8_t *at, size_t len)
{
	if (type == FB_STRING)
		print_text((const char *)at, len);
	else if (type == FB_IP4_ADDR && len == 4)
		print_address(AF_INET, at);
	else if (type == FB_IP6_ADDR && len == 16)
		print_address(AF_INET6, at);
	else if (type == FB_MAC_ADDR && len == 6)
		print_mac(at);
	else if (type == FB_OCTET_ARRAY || len > 8 || type >= FB_BASIC_LIST)
		print_hex(at, len);
	else
		printf("\"%" PRIu64 "\"", number(at, len));
}

static void print_element(const fbInfoElement_t *e, const uint8_t **at)
{
	const fbInfoElement_t *known = e->ref.canon;
	fbVarfield_t v = { e->len, (uint8_t *)*at };

	if (e->len == FB_IE_VARLEN) {
		memcpy(&v, *at, sizeof(v));
		*at += sizeof(v);
	} else {
		*at += e->len;
	}
	printf("[%u,%u,", e->ent, e->num);
	print_text(known->ref.name, strlen(known->ref.name));
	printf(",%u,", e->len);
	print_value(known->type, v.buf, v.len);
	putchar(']');
}

static void print_record(fBuf_t *buf, fbTemplate_t *t, uint16_t id, const uint8_t *record)
{
	printf("{\"domain\":%u,\"template\":%u,\"scope\":%u,\"time\":%u,\"values\":[",
	       fbSessionGetDomain(fBufGetSession(buf)), id, fbTemplateGetOptionsScope(t),
	       fBufGetExportTime(buf));
	for (uint32_t i = 0; i < fbTemplateCountElements(t); i++) {
		if (i > 0)
			putchar(',');
		print_element(fbTemplateGetIndexedIE(t, i), &record);
	}
	puts("]}");
}

/* Records are read as they came: the collected template is the internal one too. */
static bool next_record(fBuf_t *buf, GError **e)
{
	static uint8_t record[1 << 17];
	size_t len = sizeof(record);
	uint16_t id;
	fbTemplate_t *t = fBufNextCollectionTemplate(buf, &id, e);
	fbSession_t *session = fBufGetSession(buf);

	if (!t)
		return false;
	if (fbSessionGetTemplate(session, TRUE, id, NULL) != t &&
	    !fbSessionAddTemplate(session, TRUE, id, t, e))
		return false;
	if (!fBufSetInternalTemplate(buf, id, e))
		return false;
	memset(record, 0, sizeof(record));
	if (!fBufNext(buf, record, &len, e))
		return false;
	print_record(buf, t, id, record);
	return true;
}

/* All of a message, or of a file. False when there will be nothing more. */
static bool read_records(fBuf_t *buf)
{
	GError *e = NULL;
	bool go_on;

	while (next_record(buf, &e))
		;
	if (!e)
		return false;
	go_on = g_error_matches(e, FB_ERROR_DOMAIN, FB_ERROR_EOM) ||
		g_error_matches(e, FB_ERROR_DOMAIN, FB_ERROR_NLREAD);
	if (!go_on && !ending && !g_error_matches(e, FB_ERROR_DOMAIN, FB_ERROR_EOF))
		complain(e->message);
	g_clear_error(&e);
	fflush(stdout);
	return go_on;
}

static void on_signal(int signal)
{
	(void)signal;
	ending = 1;
	if (listener)
		fbListenerInterrupt(listener);
}

static void serve(bool is_stream)
{
	GError *e = NULL;

	while (!ending) {
		fBuf_t *buf = fbListenerWait(listener, &e);

		if (!buf) {
			if (e && !ending && !g_error_matches(e, FB_ERROR_DOMAIN, FB_ERROR_NLREAD))
				complain(e->message);
			g_clear_error(&e);
			continue;
		}
		fBufSetAutomaticMode(buf, FALSE);
		if (!read_records(buf) && is_stream)
			fBufFree(buf);
	}
}

static int collect(const char *how, char *address, char *port, fbSession_t *session)
{
	bool is_stream = strcmp(how, "tcp") == 0;
	fbConnSpec_t spec = { .transport = is_stream ? FB_TCP : FB_UDP, .host = address, .svc = port };
	fbCollector_t *collector;
	GError *e = NULL;

	listener = fbListenerAlloc(&spec, session, NULL, NULL, &e);
	if (!listener) {
		complain(e->message);
		return 1;
	}
	if (!is_stream && fbListenerGetCollector(listener, &collector, &e)) {
		fbCollectorSetUDPMultiSession(collector, TRUE);
		if (strcmp(how, "udp9") == 0)
			fbCollectorSetNetflowV9Translator(collector, &e);
	}
	puts("{\"listening\":true}");
	fflush(stdout);
	serve(is_stream);
	return 0;
}

static int read_file(const char *path, fbSession_t *session)
{
	GError *e = NULL;
	fbCollector_t *c = fbCollectorAllocFile(NULL, path, &e);
	fBuf_t *buf;

	if (!c) {
		complain(e->message);
		return 1;
	}
	buf = fBufAllocForCollection(session, c);
	read_records(buf);
	return 0;
}

int main(int argc, char **argv)
{
	struct sigaction on_term = { .sa_handler = on_signal };
	fbInfoModel_t *model = fbInfoModelAlloc();
	fbSession_t *session = fbSessionAlloc(model);

	g_log_set_default_handler(on_log, NULL);
	sigaction(SIGTERM, &on_term, NULL);
	if (argc == 3 && strcmp(argv[1], "file") == 0)
		return read_file(argv[2], session);
	if (argc == 4)
		return collect(argv[1], argv[2], argv[3], session);
	fprintf(stderr, "usage: fixbuf_collector udp|udp9|tcp ADDRESS PORT | file PATH\n");
	return 2;
}
