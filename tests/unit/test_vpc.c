// SPDX-License-Identifier: Apache-2.0
/*
 * Lines of format vpc. tests/data/vpc holds what is expected: where it can be, the examples of the
 * Amazon VPC User Guide ("Flow log record examples", flow-logs-records-examples.html).
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "flow/vpc_field.h"
#include "flows.h"
#include "sink/log_vpc.h"
#include "sink/vpc_book.h"
#include "sink/vpc_lines.h"
#include "sink/vpc_spool.h"
#include "test.h"

#define MINUTE (60 * NSEC_PER_SEC)
#define AT 1418530020	/* an interval of a minute begins */

static char dir[] = "/tmp/flowctl-test-XXXXXX";
static char path[64], spool[80], saved[80];

static const struct record_cloud cloud = {
	.account = "123456789010",
	.vpc = "vpc-abcdefab012345678",
	.subnet = "subnet-aaaaaaaa012345678",
	.interface = "eni-1235b8ca123456789",
	.instance = "i-01234567890123456",
	.az = "ap-southeast-2c",
	.az_id = "apse2-az3",
	.region = "ap-southeast-2",
};

static void make_paths(void)
{
	if (path[0] || !mkdtemp(dir))
		return;
	snprintf(path, sizeof(path), "%s/vpc.log", dir);
	snprintf(spool, sizeof(spool), "%s.spool", path);
	snprintf(saved, sizeof(saved), "%s.saved", path);
}

static void remove_files(void)
{
	unlink(path);
	unlink(spool);
	unlink(saved);
}

static struct vpc_config config(const char *fields)
{
	struct vpc_config c = { .file = path, .interval_ns = MINUTE, .max_lines = 1000, .keep = true };

	make_paths();
	vpc_format_default(&c.format);
	if (fields && vpc_format_parse(fields, &c.format) < 0)
		abort();
	return c;
}

static struct sink *open_with(const struct vpc_config *c)
{
	struct sink *s = NULL;

	return sink_vpc_new(c, &s) == 0 ? s : NULL;
}

static char *content(const char *file)
{
	_cleanup_(closep) int fd = open(file, O_RDONLY | O_CLOEXEC);
	char *text = calloc(1, 1 << 20);

	if (text && (fd < 0 || read(fd, text, (1 << 20) - 1) < 0))
		text[0] = '\0';
	return text;
}

static bool is_golden(const char *name)
{
	_cleanup_(freep) char *is = content(path), *wanted = NULL;
	char file[128];

	snprintf(file, sizeof(file), "tests/data/vpc/%s.log", name);
	wanted = content(file);
	if (strcmp(is, wanted) == 0)
		return *wanted;
	printf("# is     %s# wanted %s", is, wanted);
	return false;
}

static struct record seen(struct record r, uint64_t packets, uint64_t bytes, uint64_t first_s,
			  uint64_t last_s)
{
	r.packets = packets;
	r.bytes = bytes;
	r.first_ns = first_s * NSEC_PER_SEC + 123456789;
	r.last_ns = last_s * NSEC_PER_SEC + 987654321;
	r.cloud = &cloud;
	r.netns = "default";
	r.iface = "eth0";
	return r;
}

static struct record with_flags(struct record r, uint8_t flags, bool syn_ack)
{
	r.tcp_flags = flags;
	r.syn_ack = syn_ack;
	return r;
}

static struct record ssh(uint64_t packets, uint64_t bytes, uint64_t first_s, uint64_t last_s)
{
	return seen(flow(6, "172.31.16.139", 20641, "172.31.16.21", 22), packets, bytes, first_s, last_s);
}

static void end_interval(struct sink *s, uint64_t from_s, uint64_t to_s, struct sink_place *v, size_t n)
{
	const struct sink_interval in = { from_s * NSEC_PER_SEC, to_s * NSEC_PER_SEC, v, n };

	s->ops->interval(s, &in);
}

TEST(the_default_is_every_field_of_version_2)
{
	struct vpc_config c = config(NULL);
	struct sink *s = open_with(&c);
	struct record r = ssh(20, 4249, 1418530010, 1418530070);

	s->ops->put(s, &r);
	s->ops->flush(s);
	s->ops->close(s);
	CHECK(c.format.version == 2 && c.format.n == 14);
	CHECK(is_golden("default"));
	remove_files();
}

TEST(a_header_begins_every_file)
{
	struct vpc_config c = config(NULL);
	struct record r = ssh(20, 4249, 1418530010, 1418530070);
	struct sink *s;

	c.header = true;
	s = open_with(&c);
	s->ops->put(s, &r);
	s->ops->flush(s);
	s->ops->close(s);
	CHECK(is_golden("header"));
	s = open_with(&c);
	s->ops->close(s);
	CHECK(is_golden("header"));
	s = open_with(&c);
	rename(path, saved);
	CHECK(s->ops->reopen(s) == 0);
	s->ops->put(s, &r);
	s->ops->flush(s);
	s->ops->close(s);
	CHECK(is_golden("header"));
	remove_files();
}

TEST(an_interface_without_data_and_one_that_lost_some_have_lines)
{
	const struct vpc_interface_id ids[] = {
		{ "eth0", "eni-1235b8ca123456789" }, { "eth1", "eni-11111111aaaaaaaaa" },
	};
	struct sink_place places[] = {
		{ .netns = "a", .iface = "eth0", .since_ns = UINT64_C(1431280876) * NSEC_PER_SEC },
		{ .netns = "a", .iface = "eth1", .since_ns = UINT64_C(1431280876) * NSEC_PER_SEC,
		  .seen = 7, .lost = 1 },
		{ .netns = "a", .iface = "eth2", .seen = 1 },
	};
	struct vpc_config c = config(NULL);
	struct sink *s;

	c.account = "123456789010";
	c.interfaces = ids;
	c.n_interfaces = 2;
	s = open_with(&c);
	end_interval(s, 1431280800, 1431280934, places, 1);
	s->ops->close(s);
	CHECK(is_golden("nodata"));
	unlink(path);
	s = open_with(&c);
	end_interval(s, 1431280800, 1431280934, places + 1, 2);
	s->ops->close(s);
	CHECK(is_golden("skipdata"));
	remove_files();
}

TEST(ipv6_addresses_are_written_as_such)
{
	struct vpc_config c = config(NULL);
	struct sink *s = open_with(&c);
	struct record r = seen(flow(6, "2001:db8:1234:a100:8d6e:3477:df66:f105", 34892,
				    "2001:db8:1234:a102:3304:8879:34cf:4071", 22),
			       54, 8855, 1477913708, 1477913820);

	s->ops->put(s, &r);
	s->ops->close(s);
	CHECK(is_golden("ipv6"));
	remove_files();
}

TEST(tcp_flags_are_those_that_aws_tells)
{
	struct vpc_config c = config("${version} ${vpc-id} ${subnet-id} ${instance-id} ${interface-id} "
				     "${account-id} ${type} ${srcaddr} ${dstaddr} ${srcport} "
				     "${dstport} ${pkt-srcaddr} ${pkt-dstaddr} ${protocol} ${bytes} "
				     "${packets} ${start} ${end} ${action} ${tcp-flags} ${log-status}");
	const char *client = "52.213.180.42", *server = "10.0.0.62";
	const struct record records[] = {
		with_flags(seen(flow(6, client, 43416, server, 5001), 8, 568, 1566848875, 1566848933),
			   TH_SYN | TH_ACK | TH_PUSH, false),
		with_flags(seen(flow(6, server, 5001, client, 43416), 7, 376, 1566848875, 1566848933),
			   TH_SYN | TH_ACK | TH_PUSH, true),
		with_flags(seen(flow(6, client, 43418, server, 5001), 70, 100701, 1566848875, 1566848933),
			   TH_SYN | TH_ACK, false),
		with_flags(seen(flow(6, server, 5001, client, 43418), 12, 632, 1566848875, 1566848933),
			   TH_SYN | TH_ACK, true),
	};
	struct sink *s = open_with(&c);

	for (size_t i = 0; i < 4; i++)
		s->ops->put(s, &records[i]);
	s->ops->close(s);
	CHECK(is_golden("tcp-flags"));
	CHECK(vpc_tcp_flags(TH_ACK | TH_PUSH | TH_URG, false) == 0);
	CHECK(vpc_tcp_flags(TH_SYN | 0x40, false) == 2);
	CHECK(vpc_tcp_flags(TH_SYN | TH_ACK | TH_FIN, false) == 3);
	CHECK(vpc_tcp_flags(TH_SYN | TH_ACK | TH_FIN, true) == 19);
	CHECK(vpc_tcp_flags(TH_RST | TH_ACK, false) == 4);
	remove_files();
}

TEST(a_custom_format_of_version_5_has_its_order)
{
	static const struct record_cloud there = {
		.account = "123456789012", .vpc = "vpc-abcdefab012345678",
		.subnet = "subnet-aaaaaaaa012345678", .interface = "eni-1235b8ca123456789",
		.instance = "i-0c50d5961bcb2d47b", .az_id = "apse2-az3", .region = "ap-southeast-2",
	};
	struct vpc_config c = config(
		"${version} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} ${start} ${end} "
		"${type} ${packets} ${bytes} ${account-id} ${vpc-id} ${subnet-id} ${instance-id} "
		"${interface-id} ${az-id} ${region} ${action} ${tcp-flags} ${pkt-srcaddr} "
		"${pkt-dstaddr} ${pkt-src-aws-service} ${pkt-dst-aws-service} ${sublocation-type} "
		"${sublocation-id} ${flow-direction} ${traffic-path} ${log-status}");
	struct record r = with_flags(seen(flow(6, "52.95.128.179", 80, "10.0.0.71", 34210), 14, 15044,
					  1616729292, 1616729349),
				     TH_SYN | TH_ACK | TH_FIN, true);
	struct sink *s = open_with(&c);

	r.cloud = &there;
	s->ops->put(s, &r);
	s->ops->close(s);
	CHECK(is_golden("version5"));
	remove_files();
}

TEST(every_field_up_to_version_10_is_known)
{
	char all[2048] = "";
	struct record r = seen(leaving(flow(1, "10.0.0.5", 0, "10.0.0.9", 0x0800), 0, 3, 4), 4, 336,
			       1616729292, 1616729295);
	struct sink_place place = { .netns = "default", .iface = "eth1", .cloud = &cloud };
	struct vpc_config c;
	struct sink *s;

	for (size_t i = 0; i < vpc_field_count(); i++) {
		size_t at = strlen(all);

		snprintf(all + at, sizeof(all) - at, "%s${%s}", i ? " " : "", vpc_field_name(i));
		CHECK(!i || vpc_field_version(i) >= vpc_field_version(i - 1));
	}
	c = config(all);
	CHECK(c.format.n == 42 && c.format.version == 10);
	s = open_with(&c);
	s->ops->put(s, &r);
	end_interval(s, 1616729280, 1616729340, &place, 1);
	s->ops->close(s);
	CHECK(is_golden("version10"));
	remove_files();
}

TEST(of_a_tunnel_the_outer_and_the_inner_addresses_are_told)
{
	struct vpc_config c = config("${version} ${srcaddr} ${dstaddr} ${pkt-srcaddr} ${pkt-dstaddr} "
				     "${srcport} ${dstport} ${protocol} ${type}");
	struct record r = seen(flow(6, "192.0.2.33", 40000, "198.51.100.8", 443), 1, 60, AT, AT);
	struct sink *s = open_with(&c);

	r.key.tunnel = TUNNEL_GENEVE;
	r.outer = (struct record_outer) {
		.known = true, .family = 4, .src = { 10, 0, 1, 9 }, .dst = { 10, 0, 2, 7 },
	};
	s->ops->put(s, &r);
	r.key = flow(6, "2001:db8::33", 40001, "2001:db8:1::8", 443).key;
	r.key.tunnel = TUNNEL_GENEVE;
	s->ops->put(s, &r);
	s->ops->close(s);
	CHECK(is_golden("encapsulated"));
	remove_files();
}

TEST(a_field_that_aws_does_not_have_is_refused)
{
	struct vpc_format f = { .n = 77 };

	CHECK(vpc_format_parse("${version} ${srcadr}", &f) == -EINVAL && f.n == 77);
	CHECK(strstr(error_message(), "'${srcadr}' is no field"));
	CHECK(error_hint_text() && strstr(error_hint_text(), "did you mean '${srcaddr}'?"));
	CHECK(vpc_format_parse("${version}${end}", &f) == -EINVAL);
	CHECK(vpc_format_parse("version", &f) == -EINVAL);
	CHECK(vpc_format_parse("${}", &f) == -EINVAL);
	CHECK(vpc_format_parse("${version} ${version}", &f) == -EINVAL);
	CHECK(vpc_format_parse("  ", &f) == -EINVAL);
	CHECK(vpc_format_parse(" ${end}  ${az-id} ", &f) == 0 && f.n == 2 && f.version == 4);
}

static bool says(const char *wanted)
{
	_cleanup_(freep) char *is = content(path);

	if (strcmp(is, wanted) == 0)
		return true;
	printf("# is     %s\n# wanted %s\n", is, wanted);
	return false;
}

#define SHORT "${dstport} ${packets} ${bytes} ${start} ${end} ${tcp-flags}"

static void put_port(struct sink *s, uint16_t port, uint64_t packets, uint64_t first_s, uint8_t flags)
{
	struct record r = with_flags(seen(flow(6, "10.0.0.1", 1, "10.0.0.2", port), packets,
					  packets * 100, first_s, first_s + 1), flags, false);

	s->ops->put(s, &r);
}

TEST(what_is_of_one_flow_and_interval_is_one_line)
{
	struct vpc_config c = config(SHORT);
	struct sink *s = open_with(&c);

	put_port(s, 80, 1, AT + 10, TH_SYN);
	put_port(s, 81, 5, AT + 11, 0);
	put_port(s, 80, 2, AT + 2, TH_FIN);
	put_port(s, 80, 4, AT + 61, 0);		/* the next interval's */
	s->ops->flush(s);
	CHECK(says(""));
	end_interval(s, AT, AT + 60, NULL, 0);
	CHECK(says("80 3 300 1418530022 1418530031 3\n81 5 500 1418530031 1418530032 0\n"));
	CHECK(s->stats.records == 2);
	end_interval(s, AT + 60, AT + 120, NULL, 0);
	s->ops->close(s);
	CHECK(says("80 3 300 1418530022 1418530031 3\n81 5 500 1418530031 1418530032 0\n"
		   "80 4 400 1418530081 1418530082 0\n"));
	remove_files();
}

TEST(what_comes_late_or_finds_no_room_has_a_line_of_its_own)
{
	struct vpc_config c = config(SHORT);
	struct sink *s;

	c.max_lines = 1;
	s = open_with(&c);
	put_port(s, 80, 1, AT, 0);
	put_port(s, 81, 2, AT, 0);
	put_port(s, 80, 4, AT, 0);
	s->ops->flush(s);
	CHECK(says("81 2 200 1418530020 1418530021 0\n"));
	end_interval(s, AT, AT + 60, NULL, 0);
	put_port(s, 82, 1, AT + 59, 0);
	s->ops->flush(s);
	CHECK(says("81 2 200 1418530020 1418530021 0\n80 5 500 1418530020 1418530021 0\n"
		   "82 1 100 1418530079 1418530080 0\n"));
	s->ops->close(s);
	remove_files();
}

/* Do it in a process that ends without a word. */
static void killed_after(const struct vpc_config *c, void (*what)(struct sink *s))
{
	pid_t pid = fork();

	if (!pid) {
		struct sink *s = open_with(c);

		if (s)
			what(s);
		_exit(s ? 0 : 1);
	}
	waitpid(pid, NULL, 0);
}

static void put_three(struct sink *s)
{
	put_port(s, 80, 1, AT, TH_SYN);
	put_port(s, 81, 1, AT, 0);
	s->ops->flush(s);
	put_port(s, 80, 2, AT + 5, 0);
	s->ops->flush(s);
	put_port(s, 80, 64, AT, 0);	/* was not flushed: the agent still holds it */
}

TEST(a_killed_log_goes_on_where_it_was)
{
	struct vpc_config c = config(SHORT);
	struct sink *s;

	killed_after(&c, put_three);
	CHECK(says(""));
	s = open_with(&c);
	CHECK(s != NULL);
	put_port(s, 80, 4, AT + 7, 0);
	s->ops->flush(s);
	end_interval(s, AT, AT + 60, NULL, 0);
	CHECK(says("80 7 700 1418530020 1418530028 2\n81 1 100 1418530020 1418530021 0\n"));
	s->ops->close(s);
	CHECK(access(spool, F_OK) < 0);
	remove_files();
}

static void copy(const char *from, const char *to)
{
	char words[256];

	snprintf(words, sizeof(words), "cp %s %s", from, to);
	CHECK(system(words) == 0);
}

static void put_and_save(struct sink *s)
{
	put_three(s);
	copy(spool, saved);
}

static void go_on(const struct vpc_config *c)
{
	struct sink *s = open_with(c);

	CHECK(s != NULL);
	if (s)
		s->ops->close(s);
}

/* Killed while it writes the lines of an interval, after any byte of them. */
TEST(no_line_is_lost_or_there_twice_wherever_it_was_killed)
{
	static const char all[] = "80 3 300 1418530020 1418530026 2\n81 1 100 1418530020 1418530021 0\n";
	struct vpc_config c = config(SHORT);
	uint32_t end_s = AT + 60;

	for (off_t k = 0; k < (off_t)sizeof(all); k++) {
		struct strbuf end = STRBUF_NULL;
		struct vpc_spool sp;
		int fd;

		killed_after(&c, put_and_save);
		CHECK(rename(saved, spool) == 0);
		CHECK(vpc_spool_open(&sp, spool) == 0);
		vpc_spool_entry(&end, VPC_ENTRY_END, &end_s, sizeof(end_s));
		CHECK(vpc_spool_append(&sp, &end) == 0);
		vpc_spool_close(&sp);
		strbuf_deinit(&end);
		fd = open(path, O_WRONLY | O_APPEND);
		CHECK(write(fd, all, k) == k);
		close(fd);
		go_on(&c);
		CHECK(says(all));
		remove_files();
	}
}

TEST(a_spool_that_was_cut_off_gives_what_is_whole)
{
	struct vpc_config c = config(SHORT);
	struct stat st = { 0 };

	killed_after(&c, put_and_save);
	CHECK(stat(saved, &st) == 0 && st.st_size > 100);
	for (off_t k = 0; k < st.st_size; k += 7) {
		copy(saved, spool);
		CHECK(truncate(spool, k) == 0);
		go_on(&c);
	}
	remove_files();
}

static char folder[64];

static struct vpc_config folder_config(void)
{
	struct vpc_config c = config(SHORT);

	snprintf(folder, sizeof(folder), "%s/s3", dir);
	c.file = NULL;
	c.directory = folder;
	c.gzip = false;
	c.period_s = 300;
	c.flow_log_id = "fl-1";
	c.account = "999999999999";	/* the cloud knows better */
	return c;
}

/* All files below the folder into one, in the order of their names; how many there are. */
static int gather(void)
{
	char words[512];
	int n;

	snprintf(words, sizeof(words), "find %s -type f ! -name '.*' | sort | xargs cat > %s; "
		 "exit $(find %s -type f ! -name '.*' | wc -l)", folder, path, folder);
	n = system(words);
	return WEXITSTATUS(n);
}

static void remove_folder(void)
{
	char words[256];

	snprintf(words, sizeof(words), "rm -r %s", folder);
	CHECK(system(words) == 0);
	remove_files();
}

#define FULL_FIVE 1418529900	/* a multiple of 300 s */

static void two_intervals(struct sink *s)
{
	put_port(s, 80, 1, FULL_FIVE, 0);
	s->ops->flush(s);
	end_interval(s, FULL_FIVE, FULL_FIVE + 60, NULL, 0);
	put_port(s, 80, 2, FULL_FIVE + 60, 0);
	s->ops->flush(s);
	end_interval(s, FULL_FIVE + 60, FULL_FIVE + 120, NULL, 0);
	put_port(s, 80, 4, FULL_FIVE + 120, 0);
	s->ops->flush(s);
}

TEST(a_file_of_a_folder_is_complete_at_its_period_whatever_was_killed)
{
	static const char all[] = "80 1 100 1418529900 1418529901 0\n"
				  "80 2 200 1418529960 1418529961 0\n"
				  "80 6 600 1418530020 1418530022 0\n";
	struct vpc_config c = folder_config();
	char name[300];
	struct sink *s;

	killed_after(&c, two_intervals);
	CHECK(gather() == 0);
	s = open_with(&c);
	CHECK(s != NULL);
	put_port(s, 80, 2, FULL_FIVE + 121, 0);
	s->ops->flush(s);
	end_interval(s, FULL_FIVE + 120, FULL_FIVE + 180, NULL, 0);
	CHECK(gather() == 0 && s->stats.records == 0);
	end_interval(s, FULL_FIVE + 240, FULL_FIVE + 300, NULL, 0);
	CHECK(gather() == 1 && s->stats.records == 3);
	CHECK(says(all));
	snprintf(name, sizeof(name), "ls %s/AWSLogs/123456789010/vpcflowlogs/ap-southeast-2/2014/12/14/"
		 "123456789010_vpcflowlogs_ap-southeast-2_fl-1_20141214T0410Z_*.log > /dev/null", folder);
	CHECK(system(name) == 0);
	s->ops->close(s);
	CHECK(gather() == 1);
	remove_folder();
}

TEST(an_end_writes_what_is_there)
{
	struct vpc_config c = folder_config();
	struct sink *s;

	c.hive = c.per_hour = true;
	s = open_with(&c);
	two_intervals(s);
	s->ops->close(s);
	CHECK(gather() == 1);
	CHECK(says("80 1 100 1418529900 1418529901 0\n80 2 200 1418529960 1418529961 0\n"
		   "80 4 400 1418530020 1418530021 0\n"));
	remove_folder();
}

TEST(nobody_else_writes_the_same_log)
{
	struct vpc_config c = config(SHORT);
	struct sink *s = open_with(&c), *other = NULL;

	CHECK(s && sink_vpc_new(&c, &other) == -EBUSY && !other);
	CHECK(strstr(error_message(), "is in use"));
	s->ops->close(s);
	remove_files();
}

TEST(a_full_disk_loses_lines_and_says_so)
{
	struct vpc_config c = config(SHORT);
	struct sink *s;

	c.file = "/dev/full";
	c.keep = false;
	s = open_with(&c);
	put_port(s, 80, 1, AT, 0);
	put_port(s, 81, 1, AT, 0);
	s->ops->flush(s);
	end_interval(s, AT, AT + 60, NULL, 0);
	CHECK(s->stats.lost_records == 2 && s->stats.errors == 1 && !s->stats.records);
	CHECK(strcmp(s->trouble, "cannot write: No space left on device") == 0);
	s->ops->close(s);
}

TEST(a_million_records_are_as_many_lines_as_there_are_flows)
{
	struct vpc_lines l;
	struct vpc_piece p = { .packets = 1, .bytes = 1 };
	uint64_t sum = 0;

	vpc_lines_init(&l, 50000);
	for (uint32_t i = 0; i < 1000000; i++) {
		p.key.sport = i % 50000;
		CHECK(vpc_lines_add(&l, &p));
	}
	p.key.sport = 50001;
	CHECK(!vpc_lines_add(&l, &p));
	for (size_t i = 0; i < l.n; i++)
		sum += l.v[i].packets;
	CHECK(l.n == 50000 && sum == 1000000);
	vpc_lines_drop(&l, 1);
	CHECK(l.n == 0 && vpc_lines_add(&l, &p));
	vpc_lines_deinit(&l);
}

__attribute__((destructor)) static void remove_all(void)
{
	remove_files();
	rmdir(dir);
}
