/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The metadata service: what is believed of what it says, who is asked, and that nobody waits for
 * it. tests/net/test_aws.py has a service that is wrong in every way; the one here is right or
 * silent. Forms of ids and the document are those of the EC2 user guide.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "config.h"
#include "enrich/cloud_parts.h"
#include "test.h"

static const struct {
	const struct value_rule *rule;
	const char *text;
	bool good;
} values[] = {
	{ &value_interface, "eni-0f95d3625f5c521cc", true },
	{ &value_interface, "eni-0f95d3625f5c521cc\n", true },
	{ &value_interface, "eni-0f95d3625f5c521cc\r\n", true },
	{ &value_interface, "eni-0f95\n\n", false },
	{ &value_interface, "eni-", false },
	{ &value_interface, "", false },
	{ &value_interface, "subnet-0f95d362", false },
	{ &value_interface, "eni-0f95 d362", false },
	{ &value_interface, "eni-0f95\x1b[31m", false },
	{ &value_interface, "<html>eni-0f95</html>", false },
	{ &value_interface, "eni-\xc3\xa4", false },
	{ &value_interface, "eni-0123456789012345678901234567890123456789012345678901234567890", false },
	{ &value_account, "123456789012", true },
	{ &value_account, "12345678901", false },
	{ &value_account, "1234567890123", false },
	{ &value_account, "12345678901a", false },
	{ &value_instance, "i-1234567890abcdef0", true },
	{ &value_instance, "i-1234/5", false },
	{ &value_region, "eu-central-1", true },
	{ &value_zone, "us-west-2-lax-1a", true },
	{ &value_zone_id, "usw2-lax1-az1", true },
	{ &value_region, "Eu Central", false },
	{ &value_device, "0", true },
	{ &value_device, "-1", false },
	{ &value_token, "AQAEAEEfjyWBVIWT3WlRUiWFSZHx3ooMSXGhp2lPe_OiT0wWabcdef==", true },
	{ &value_token, "abc\r\nX-Evil: 1", false },
	{ &value_token, "a b", false },
	{ &value_token, "", false },
};

TEST(only_what_looks_like_it_is_believed)
{
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		char text[100];
		bool good;

		snprintf(text, sizeof(text), "%s", values[i].text);
		good = value_is_good(values[i].rule, text);
		if (good != values[i].good)
			printf("# %s of row %zu\n", values[i].rule->name, i);
		CHECK(good == values[i].good);
	}
}

TEST(addresses_become_one_line)
{
	char four[] = "10.0.0.11\n10.0.0.12\n", six[] = "2001:db8::11", bad[] = "10.0.0.11\n10.0.0.256";
	char none[] = "", wrong[] = "10.0.0.1";

	CHECK(value_join_addresses(AF_INET, four));
	CHECK_STR(four, "10.0.0.11 10.0.0.12");
	CHECK(value_join_addresses(AF_INET6, six) && !value_join_addresses(AF_INET, bad));
	CHECK(value_join_addresses(AF_INET, none) && !value_join_addresses(AF_INET6, wrong));
}

TEST(a_mac_is_six_octets)
{
	static const char *const bad[] = { "", "0e:49:61:0f:c3", "0e:49:61:0f:c3:1", "0e:49:61:0f:c3:11:22",
					   "0e-49-61-0f-c3-11", "0g:49:61:0f:c3:11", "0e:49:61:0f:c3:11/x" };
	uint8_t mac[6];

	CHECK(value_parse_mac("0e:49:61:0F:c3:11/", mac) && memcmp(mac, "\x0e\x49\x61\x0f\xc3\x11", 6) == 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(!value_parse_mac(bad[i], mac));
}

/* A file of a machine, below a folder of its own. */
static bool is_ec2_by(const char *file, const char *line)
{
	char root[] = "/tmp/flowctl-cloud-XXXXXX", path[128];
	static const char *const dirs[] = { "class", "class/dmi", "class/dmi/id", "hypervisor" };
	bool is;
	FILE *f;

	if (!mkdtemp(root))
		return false;
	for (int i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/%s", root, dirs[i]);
		mkdir(path, 0700);
	}
	snprintf(path, sizeof(path), "%s/%s", root, file);
	f = fopen(path, "w");
	fprintf(f, "%s\n", line);
	fclose(f);
	is = cloud_place_is_ec2(root);
	unlink(path);
	for (int i = 4; i-- > 0;) {
		snprintf(path, sizeof(path), "%s/%s", root, dirs[i]);
		rmdir(path);
	}
	rmdir(root);
	return is;
}

TEST(a_machine_of_ec2_is_known_by_its_firmware)
{
	CHECK(is_ec2_by("class/dmi/id/sys_vendor", "Amazon EC2"));
	CHECK(is_ec2_by("class/dmi/id/board_vendor", "Amazon EC2"));
	CHECK(is_ec2_by("class/dmi/id/product_uuid", "EC2E1916-9099-7CAF-FD21-012345ABCDEF"));
	CHECK(is_ec2_by("class/dmi/id/product_uuid", "ec2e1916-9099-7caf-fd21-012345abcdef"));
	/* the same, of SMBIOS 2.4: little-endian */
	CHECK(is_ec2_by("class/dmi/id/product_uuid", "45E12AEC-DCD1-B213-94ED-012345ABCDEF"));
	CHECK(is_ec2_by("hypervisor/uuid", "ec2e1916-9099-7caf-fd21-012345abcdef"));
	CHECK(!is_ec2_by("class/dmi/id/sys_vendor", "QEMU"));
	CHECK(!is_ec2_by("class/dmi/id/sys_vendor", ""));
	CHECK(!is_ec2_by("class/dmi/id/product_uuid", "4c4c4544-0042-3510-8052-b4c04f564433"));
	CHECK(!cloud_place_is_ec2("/nonexistent"));
}

/* Sets the three variables, NULL: not there; then asks. "" = off, "!" = refused. */
static const char *endpoints_by(const char *disabled, const char *url, const char *mode,
				enum cloud_enabled enabled, const char *configured)
{
	static char text[512];
	const struct cloud_options options = { enabled, NSEC_PER_SEC, configured };
	const char *const set[][2] = {
		{ "AWS_EC2_METADATA_DISABLED", disabled },
		{ "AWS_EC2_METADATA_SERVICE_ENDPOINT", url },
		{ "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", mode },
	};
	struct cloud_settings s;
	size_t n = 0;

	for (int i = 0; i < 3; i++) {
		if (set[i][1])
			setenv(set[i][0], set[i][1], 1);
		else
			unsetenv(set[i][0]);
	}
	if (cloud_settings_init(&s, &options) < 0)
		return "!";
	text[0] = '\0';
	for (size_t i = 0; s.on && i < s.n; i++)
		n += snprintf(text + n, sizeof(text) - n, "%s%s", i ? " " : "", s.endpoints[i]);
	cloud_settings_deinit(&s);
	return text;
}

#define V4 "http://169.254.169.254"
#define V6 "http://[fd00:ec2::254]"

TEST(the_environment_means_what_it_means_to_the_sdks)
{
	CHECK_STR(endpoints_by(NULL, NULL, NULL, CLOUD_ON, NULL), V4 " " V6);
	CHECK_STR(endpoints_by("true", NULL, NULL, CLOUD_ON, NULL), "");
	CHECK_STR(endpoints_by("TRUE", "http://x", NULL, CLOUD_ON, "http://y"), "");
	CHECK_STR(endpoints_by("false", NULL, NULL, CLOUD_ON, NULL), V4 " " V6);
	CHECK_STR(endpoints_by("", "", "", CLOUD_ON, NULL), V4 " " V6);
	CHECK_STR(endpoints_by(NULL, NULL, NULL, CLOUD_OFF, NULL), "");
	CHECK_STR(endpoints_by(NULL, NULL, "IPv6", CLOUD_ON, NULL), V6);
	CHECK_STR(endpoints_by(NULL, NULL, "ipv4", CLOUD_ON, NULL), V4);
	CHECK_STR(endpoints_by(NULL, NULL, "both", CLOUD_ON, NULL), "!");
	CHECK_STR(endpoints_by(NULL, "http://[::1]:1338/", "both", CLOUD_ON, NULL), "http://[::1]:1338");
	CHECK_STR(endpoints_by(NULL, "http://[::1]:1338/a/b//", NULL, CLOUD_AUTO, NULL), "http://[::1]:1338/a/b");
	CHECK_STR(endpoints_by(NULL, "http://x", NULL, CLOUD_AUTO, "http://y"), "http://y");
	CHECK_STR(endpoints_by(NULL, "169.254.169.254", NULL, CLOUD_ON, NULL), "!");
	CHECK_STR(endpoints_by(NULL, "http://", NULL, CLOUD_ON, NULL), "!");
	CHECK_STR(endpoints_by(NULL, "http://a b", NULL, CLOUD_ON, NULL), "!");
	CHECK_STR(endpoints_by(NULL, "file:///etc/passwd", NULL, CLOUD_ON, NULL), "!");
	CHECK_STR(endpoints_by(NULL, NULL, NULL, CLOUD_ON, "ftp://x"), "!");
	if (!cloud_place_is_ec2("/sys"))
		CHECK_STR(endpoints_by(NULL, NULL, "IPv6", CLOUD_AUTO, NULL), "");
}

TEST(the_pool_keeps_the_same_once_and_ends)
{
	struct cloud_pool pool = { 0 };
	const char *a = cloud_pool_string(&pool, "eni-1");
	char text[1024];

	CHECK_STR(a, "eni-1");
	CHECK(cloud_pool_string(&pool, "eni-1") == a && !cloud_pool_string(&pool, NULL));
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (int i = 0; i < 2000; i++) {
		text[0] = 'a' + i % 26;
		text[1] = 'a' + i / 26 % 26;
		text[2] = 'a' + i / 676;
		cloud_pool_string(&pool, text);
	}
	CHECK(pool.failed && pool.bytes <= CLOUD_POOL_MAX);
	CHECK_STR(a, "eni-1");
	cloud_pool_deinit(&pool);
}

/* ---- a service on loopback, a request a connection */

enum manner { RIGHT, SILENT, ELSEWHERE };

static int manner;		/* atomic */
static int asked;		/* atomic */
static int listener = -1;
static char url[64];

static const char *answer_of(const char *path)
{
	static const struct {
		const char *end, *body;
	} answers[] = {
		{ "PUT /latest/api/token ", "TOKEN" },
		{ "/instance-identity/document ",
		  "{\"accountId\":\"123456789012\",\"instanceId\":\"i-1\",\"region\":\"eu-central-1\","
		  "\"availabilityZone\":\"eu-central-1b\",\"billingProducts\":null}" },
		{ "/availability-zone-id ", "euc1-az3" },
		{ "/macs/ ", "0e:00:00:00:00:01/\n0e:00:00:00:00:02/" },
		{ "01/interface-id ", "eni-1" }, { "02/interface-id ", "eni-2" },
		{ "01/owner-id ", "210987654321" }, { "01/subnet-id ", "subnet-1" },
		{ "02/subnet-id ", "subnet-2" }, { "01/vpc-id ", "vpc-1" }, { "02/vpc-id ", "vpc-1" },
		{ "01/local-ipv4s ", "10.0.0.11\n10.0.0.12" }, { "01/device-number ", "0" },
	};

	if (__atomic_load_n(&manner, __ATOMIC_ACQUIRE) == ELSEWHERE && strstr(path, "01/subnet-id "))
		return "subnet-9";
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		if (strstr(path, answers[i].end))
			return answers[i].body;
	}
	return NULL;
}

static void serve_one(int fd)
{
	char request[2048], reply[1024];
	const char *body;
	size_t n = 0;
	ssize_t got = 1;

	while (got > 0 && n < sizeof(request) - 1) {
		got = read(fd, request + n, sizeof(request) - 1 - n);
		n += got > 0 ? got : 0;
		request[n] = '\0';
		if (strstr(request, "\r\n\r\n"))
			break;
	}
	__atomic_add_fetch(&asked, 1, __ATOMIC_ACQ_REL);
	if (__atomic_load_n(&manner, __ATOMIC_ACQUIRE) == SILENT) {
		/* until the other side has gone */
		while (read(fd, request, sizeof(request)) > 0)
			;
		return;
	}
	*strchr(request, '\r') = '\0';
	body = answer_of(request);
	n = snprintf(reply, sizeof(reply), "HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s",
		     body ? "200 OK" : "404 Not Found", body ? strlen(body) : 0, body ? body : "");
	if (write(fd, reply, n) < 0)
		perror("# write");
}

static void *serve(void *arg)
{
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			return NULL;
		serve_one(fd);
		close(fd);
	}
}

/* False: there is no libcurl here. */
static bool begin(enum manner how, uint64_t refresh_ns, struct cloud **ret)
{
	const struct cloud_options options = { CLOUD_ON, refresh_ns, url };
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	pthread_t thread;

	unsetenv("AWS_EC2_METADATA_DISABLED");
	__atomic_store_n(&manner, how, __ATOMIC_RELEASE);
	if (listener < 0) {
		listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (bind(listener, (void *)&a, len) || listen(listener, 16) ||
		    getsockname(listener, (void *)&a, &len) || pthread_create(&thread, NULL, serve, NULL))
			return false;
		pthread_detach(thread);
		snprintf(url, sizeof(url), "http://127.0.0.1:%d/", ntohs(a.sin_port));
	}
	if (cloud_http_load() < 0)
		return false;
	*ret = NULL;
	return cloud_change(ret, &options) == 0;
}

#define BEGIN(how_, refresh_, c_)                                    \
	do {                                                         \
		if (!begin(how_, refresh_, c_)) {                    \
			if (cloud_http_load() < 0)                   \
				SKIP("there is no libcurl");         \
			CHECK(false);                                \
		}                                                    \
	} while (0)

static const uint8_t first[6] = { 0x0e, 0, 0, 0, 0, 1 }, second[6] = { 0x0e, 0, 0, 0, 0, 2 },
		     other[6] = { 2, 0, 0, 0, 0, 1 };

TEST(each_interface_is_known_by_its_mac_and_the_rest_is_the_machine)
{
	_Static_assert(sizeof(struct record_cloud) == 8 * sizeof(char *), "all of them are looked at");
	struct strbuf text = STRBUF_NULL;
	const struct record_cloud *r;
	struct cloud *c = NULL;

	BEGIN(RIGHT, 60 * NSEC_PER_SEC, &c);
	cloud_wait(c, 5 * NSEC_PER_SEC);
	r = cloud_find(c, first);
	CHECK(r);
	CHECK_STR(r->account, "210987654321");
	CHECK_STR(r->interface, "eni-1");
	CHECK_STR(r->subnet, "subnet-1");
	CHECK_STR(r->vpc, "vpc-1");
	CHECK_STR(r->instance, "i-1");
	CHECK_STR(r->az, "eu-central-1b");
	CHECK_STR(r->az_id, "euc1-az3");
	CHECK_STR(r->region, "eu-central-1");
	r = cloud_find(c, second);
	CHECK_STR(r->account, "123456789012");
	CHECK_STR(r->interface, "eni-2");
	r = cloud_find(c, other);
	CHECK(!r->interface && !r->subnet && !r->vpc);
	CHECK_STR(r->account, "123456789012");
	CHECK_STR(r->instance, "i-1");
	CHECK(cloud_news(c, &text) == CLOUD_KNOWN && cloud_news(c, &text) == CLOUD_NO_NEWS);
	CHECK_STR(strbuf_str(&text), "the metadata service tells of i-1, with 2 interfaces");
	strbuf_reset(&text);
	cloud_describe(c, &text);
	CHECK(strstr(strbuf_str(&text), "addresses 10.0.0.11 10.0.0.12"));
	strbuf_deinit(&text);
	cloud_close(c);
}

TEST(what_was_given_away_stays_as_it_was)
{
	const struct record_cloud *before, *now;
	struct cloud *c = NULL;

	BEGIN(RIGHT, 20 * NSEC_PER_MSEC, &c);
	cloud_wait(c, 5 * NSEC_PER_SEC);
	before = cloud_find(c, first);
	CHECK(before);
	__atomic_store_n(&manner, ELSEWHERE, __ATOMIC_RELEASE);
	for (int i = 0; i < 500 && (now = cloud_find(c, first)) == before; i++)
		clock_sleep_ns(10 * NSEC_PER_MSEC);
	CHECK_STR(now->subnet, "subnet-9");
	CHECK_STR(before->subnet, "subnet-1");
	__atomic_store_n(&manner, RIGHT, __ATOMIC_RELEASE);
	for (int i = 0; i < 500 && cloud_find(c, first) != before; i++)
		clock_sleep_ns(10 * NSEC_PER_MSEC);
	CHECK(cloud_find(c, first) == before);
	/* and when it is asked no more */
	CHECK(cloud_change(&c, &(struct cloud_options) { CLOUD_OFF }) == 0 && c);
	CHECK(!cloud_find(c, first));
	CHECK_STR(before->subnet, "subnet-1");
	cloud_close(c);
}

TEST(what_is_known_stays_while_nobody_answers)
{
	struct strbuf text = STRBUF_NULL;
	struct cloud *c = NULL;

	BEGIN(RIGHT, 20 * NSEC_PER_MSEC, &c);
	cloud_wait(c, 5 * NSEC_PER_SEC);
	CHECK(cloud_news(c, &text) == CLOUD_KNOWN);
	strbuf_reset(&text);
	__atomic_store_n(&manner, SILENT, __ATOMIC_RELEASE);
	for (int i = 0; i < 500 && cloud_news(c, &text) != CLOUD_TROUBLE; i++)
		clock_sleep_ns(10 * NSEC_PER_MSEC);
	CHECK(strstr(strbuf_str(&text), "takes too long to answer"));
	CHECK(cloud_find(c, first) && cloud_find(c, first)->interface);
	strbuf_deinit(&text);
	cloud_close(c);
}

TEST(nobody_waits_for_one_who_is_silent)
{
	uint64_t longest = 0, begun;
	int before = __atomic_load_n(&asked, __ATOMIC_ACQUIRE);
	struct cloud *c = NULL;

	BEGIN(SILENT, NSEC_PER_SEC, &c);
	while (__atomic_load_n(&asked, __ATOMIC_ACQUIRE) == before)
		clock_sleep_ns(NSEC_PER_MSEC);
	for (int i = 0; i < 1000; i++) {
		begun = clock_boot_ns();
		CHECK(!cloud_find(c, first));
		begun = clock_boot_ns() - begun;
		longest = begun > longest ? begun : longest;
	}
	/* of a machine that does something else as well */
	CHECK(longest < 500 * NSEC_PER_MSEC);
	begun = clock_boot_ns();
	cloud_close(c);
	CHECK(clock_boot_ns() - begun < NSEC_PER_SEC);
}

TEST(off_is_nothing_at_all)
{
	struct cloud *c = NULL;
	struct strbuf text = STRBUF_NULL;

	CHECK(cloud_change(&c, &(struct cloud_options) { CLOUD_OFF, NSEC_PER_SEC, "http://127.0.0.1:1" }) == 0 && !c);
	setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
	CHECK(cloud_change(&c, &(struct cloud_options) { CLOUD_ON, NSEC_PER_SEC, "http://127.0.0.1:1" }) == 0 && !c);
	CHECK(!cloud_find(NULL, first) && cloud_news(NULL, &text) == CLOUD_NO_NEWS);
	cloud_wait(NULL, NSEC_PER_SEC);
	cloud_describe(NULL, &text);
	cloud_close(NULL);
}

TEST(without_libcurl_only_who_insists_is_told)
{
	struct cloud *c = NULL;

	unsetenv("AWS_EC2_METADATA_DISABLED");
	if (cloud_http_load() == 0)
		SKIP("there is a libcurl");
	CHECK(cloud_change(&c, &(struct cloud_options) { CLOUD_AUTO, NSEC_PER_SEC, "http://127.0.0.1:1" }) == 0 && !c);
	CHECK(cloud_change(&c, &(struct cloud_options) { CLOUD_ON, NSEC_PER_SEC, "http://127.0.0.1:1" }) < 0);
	CHECK(error_exit_status() == ERROR_SYSTEM);
}
