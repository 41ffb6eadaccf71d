// SPDX-License-Identifier: Apache-2.0
/*
 * Lines of format vpc. tests/data/vpc holds what is expected: where it can be, the examples of the
 * Amazon VPC User Guide ("Flow log record examples", flow-logs-records-examples.html).
 */
#include <errno.h>
#include <netinet/tcp.h>

#include "base/error.h"
#include "flow/vpc_field.h"
#include "sink/vpc_lines.h"
#include "vpc.h"

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

static struct record ssh(uint64_t packets, uint64_t bytes, uint64_t first_s, uint64_t last_s)
{
	return seen(flow(6, "172.31.16.139", 20641, "172.31.16.21", 22), packets, bytes, first_s, last_s);
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
	struct record r = seen(leaving(flow(1, "10.0.0.5", 0, "10.0.0.9", 0x0800), 0, 3, 4), 4, 336,
			       1616729292, 1616729295);
	struct sink_place place = { .netns = "default", .iface = "eth1", .cloud = &cloud };
	struct vpc_config c = config("${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} "
				     "${srcport} ${dstport} ${protocol} ${packets} ${bytes} ${start} "
				     "${end} ${action} ${log-status} ${vpc-id} ${subnet-id} "
				     "${instance-id} ${tcp-flags} ${type} ${pkt-srcaddr} ${pkt-dstaddr} "
				     "${region} ${az-id} ${sublocation-type} ${sublocation-id} "
				     "${pkt-src-aws-service} ${pkt-dst-aws-service} ${flow-direction} "
				     "${traffic-path} ${ecs-cluster-arn} ${ecs-cluster-name} "
				     "${ecs-container-instance-arn} ${ecs-container-instance-id} "
				     "${ecs-container-id} ${ecs-second-container-id} "
				     "${ecs-service-name} ${ecs-task-definition-arn} ${ecs-task-arn} "
				     "${ecs-task-id} ${reject-reason} ${resource-id} "
				     "${encryption-status}");
	struct sink *s;

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
