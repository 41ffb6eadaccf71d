/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of logs of format vpc share: a log in a folder of its own, and records for it. */
#ifndef FLOWCTL_TESTS_VPC_H
#define FLOWCTL_TESTS_VPC_H

#include <fcntl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "flows.h"
#include "sink/log_vpc.h"
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

static inline void make_paths(void)
{
	if (path[0] || !mkdtemp(dir))
		return;
	snprintf(path, sizeof(path), "%s/vpc.log", dir);
	snprintf(spool, sizeof(spool), "%s.spool", path);
	snprintf(saved, sizeof(saved), "%s.saved", path);
}

static inline void remove_files(void)
{
	unlink(path);
	unlink(spool);
	unlink(saved);
}

static inline struct vpc_config config(const char *fields)
{
	struct vpc_config c = { .file = path, .interval_ns = MINUTE, .max_lines = 1000, .keep = true };

	make_paths();
	vpc_format_default(&c.format);
	if (fields && vpc_format_parse(fields, &c.format) < 0)
		abort();
	return c;
}

static inline struct sink *open_with(const struct vpc_config *c)
{
	struct sink *s = NULL;

	return sink_vpc_new(c, &s) == 0 ? s : NULL;
}

static inline char *content(const char *file)
{
	_cleanup_(closep) int fd = open(file, O_RDONLY | O_CLOEXEC);
	char *text = calloc(1, 1 << 20);

	if (text && (fd < 0 || read(fd, text, (1 << 20) - 1) < 0))
		text[0] = '\0';
	return text;
}

static inline struct record seen(struct record r, uint64_t packets, uint64_t bytes, uint64_t first_s,
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

static inline struct record with_flags(struct record r, uint8_t flags, bool syn_ack)
{
	r.tcp_flags = flags;
	r.syn_ack = syn_ack;
	return r;
}

static inline void end_interval(struct sink *s, uint64_t from_s, uint64_t to_s, struct sink_place *v, size_t n)
{
	const struct sink_interval in = { from_s * NSEC_PER_SEC, to_s * NSEC_PER_SEC, v, n };

	s->ops->interval(s, &in);
}

static inline bool says(const char *wanted)
{
	_cleanup_(freep) char *is = content(path);

	if (strcmp(is, wanted) == 0)
		return true;
	printf("# is     %s\n# wanted %s\n", is, wanted);
	return false;
}

#define SHORT "${dstport} ${packets} ${bytes} ${start} ${end} ${tcp-flags}"

static inline void put_port(struct sink *s, uint16_t port, uint64_t packets, uint64_t first_s, uint8_t flags)
{
	struct record r = with_flags(seen(flow(6, "10.0.0.1", 1, "10.0.0.2", port), packets,
					  packets * 100, first_s, first_s + 1), flags, false);

	s->ops->put(s, &r);
}

__attribute__((destructor)) static void remove_all(void)
{
	remove_files();
	rmdir(dir);
}

#endif
