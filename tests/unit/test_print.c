// SPDX-License-Identifier: Apache-2.0
#include <errno.h>

#include <cjson/cJSON.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "capture.h"
#include "flows.h"
#include "sink/print.h"
#include "test.h"

static char *printed(const struct print_config *config, struct record *v, size_t n)
{
	struct capture c = capture_begin();
	int r = print_records(config, v, n);
	char *text = capture_end(&c);

	if (r < 0 && text)
		text[0] = '\0';
	return text;
}

static struct record *three(void)
{
	static struct record v[3];

	/* The first is the older exporter's own example. */
	v[0] = arriving(flow(6, "172.17.0.7", 49375, "172.67.134.3", 80), 98, 1707);
	v[0].bytes = 186818;
	v[0].netns = "blue";
	v[0].iface = "eth0";
	v[1] = arriving(flow(17, "2001:db8::1", 53, "2001:db8::2", 40000), 98, 9);
	v[1].bytes = 486;
	v[2] = arriving(flow(1, "10.0.0.1", 0, "10.0.0.2", 8 << 8), 7, 10);
	v[2].bytes = 840;
	return v;
}

TEST(the_table_has_the_columns_of_the_older_exporter)
{
	_cleanup_(freep) char *s = printed(&(struct print_config) { 0 }, three(), 3);

	CHECK_STR(s,
		  "IFINDEX  PROTO  SRC               DST                  PKTS  BYTES\n"
		  "98       6      172.17.0.7:49375  172.67.134.3:80      1707  186818\n"
		  "98       17     [2001:db8::1]:53  [2001:db8::2]:40000  9     486\n"
		  "7        1      10.0.0.1:0        10.0.0.2:0           10    840\n");
}

TEST(nothing_is_a_header_or_an_empty_list)
{
	static const char *const wanted[] = {
		[PRINT_TABLE] = "IFINDEX  PROTO  SRC  DST  PKTS  BYTES\n", [PRINT_JSON] = "[]\n",
		[PRINT_NDJSON] = "", [PRINT_CSV] = "proto,bytes\n", [PRINT_WIDE] = "PROTO  BYTES\n",
	};

	for (int f = PRINT_TABLE; f <= PRINT_CSV; f++) {
		struct print_config config = {
			.format = f,
			.columns = f == PRINT_CSV || f == PRINT_WIDE ? "proto,bytes" : NULL,
		};
		_cleanup_(freep) char *s = printed(&config, NULL, 0);

		CHECK_STR(s, wanted[f]);
	}
}

TEST(wide_has_every_key_as_a_column_and_no_empty_cell)
{
	struct print_config config = { .format = PRINT_WIDE };
	_cleanup_(freep) char *s = printed(&config, three(), 3);
	size_t fields, words = 0, lines = 0;
	char *save = NULL;

	CHECK(s && strncmp(s, "VERSION  TIMESTAMP", 18) == 0);
	field_all(&fields);
	for (char *p = s; *p; p++)
		lines += *p == '\n';
	for (char *w = strtok_r(s, " \n", &save); w; w = strtok_r(NULL, " \n", &save))
		words++;
	CHECK(lines == 4 && words == 4 * fields);
}

TEST(columns_are_picked_and_ordered)
{
	struct print_config config = { .columns = "bytes,proto,src_port" };
	_cleanup_(freep) char *s = printed(&config, three(), 3);

	CHECK_STR(s, "BYTES   PROTO  SRC_PORT\n186818  TCP    49375\n486     UDP    53\n840     ICMP   -\n");
}

TEST(the_biggest_come_first_unless_turned_round)
{
	struct print_config config = { .format = PRINT_CSV, .columns = "packets", .sort = "packets", .limit = 2 };
	_cleanup_(freep) char *down = printed(&config, three(), 3), *up = NULL;

	CHECK_STR(down, "packets\n1707\n10\n");
	config.sort = "-packets";
	up = printed(&config, three(), 3);
	CHECK_STR(up, "packets\n9\n10\n");
}

/* RFC 4180 2.5 to 2.7; null is an empty field. */
TEST(csv_is_quoted_where_it_must_be)
{
	struct print_config config = { .format = PRINT_CSV, .columns = "netns,iface,src_port,tcp_flags,encapsulated" };
	struct record v[2] = { three()[0], three()[2] };
	_cleanup_(freep) char *s = NULL;

	v[0].netns = "a,b";
	v[0].iface = "q\"x";
	v[1].netns = "two\nlines";
	s = printed(&config, v, 2);
	CHECK_STR(s, "netns,iface,src_port,tcp_flags,encapsulated\n"
		     "\"a,b\",\"q\"\"x\",49375,,false\n"
		     "\"two\nlines\",,,,false\n");
}

TEST(json_is_one_document_and_ndjson_one_object_a_line)
{
	struct print_config config = { .format = PRINT_JSON };
	_cleanup_(freep) char *doc = printed(&config, three(), 3), *lines = NULL;
	cJSON *j = cJSON_Parse(doc);
	char *save = NULL;
	size_t n = 0;

	CHECK(cJSON_IsArray(j) && cJSON_GetArraySize(j) == 3);
	CHECK(cJSON_GetObjectItem(cJSON_GetArrayItem(j, 2), "packets")->valuedouble == 10);
	cJSON_Delete(j);
	config.format = PRINT_NDJSON;
	lines = printed(&config, three(), 3);
	for (char *l = strtok_r(lines, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		j = cJSON_Parse(l);
		CHECK(cJSON_IsObject(j));
		cJSON_Delete(j);
		n++;
	}
	CHECK(n == 3);
}

TEST(json_obeys_columns_too)
{
	struct print_config config = { .format = PRINT_JSON, .columns = "proto,vni,packets" };
	_cleanup_(freep) char *s = printed(&config, three(), 2);

	CHECK_STR(s, "[{\"proto\":\"TCP\",\"vni\":null,\"packets\":1707},\n"
		     " {\"proto\":\"UDP\",\"vni\":null,\"packets\":9}]\n");
}

TEST(unknown_keys_are_refused_with_the_near_one)
{
	CHECK(print_check(&(struct print_config) { .columns = "proto,packet" }) == -EINVAL);
	CHECK_STR(error_message(), "--columns: unknown key 'packet'");
	CHECK_STR(error_hint_text(), "did you mean 'packets'?");
	error_clear();
	CHECK(print_check(&(struct print_config) { .sort = "-byte" }) == -EINVAL);
	CHECK_STR(error_message(), "--sort: unknown key 'byte'");
	CHECK(print_check(&(struct print_config) { .columns = "" }) == -EINVAL);
	CHECK(print_check(&(struct print_config) { .columns = "proto", .sort = "-bytes" }) == 0);
}
