// SPDX-License-Identifier: Apache-2.0
/*
 * Every need is tried, not looked up by version: enterprise kernels carry backports. The
 * version is only shown; it is INVALID below the floor, because what was tried below it
 * was tried by nobody.
 */
#include "kernel/probe.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dlfcn.h>
#include <errno.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "config.h"
#include "kernel/hook.h"
#include "kernel/pin.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71	/* Linux 5.14 */
#endif

#define KERNEL_FLOOR_MAJOR 5
#define KERNEL_FLOOR_MINOR 15

static const struct {
	int number;
	const char *name;
} needed_caps[] = {
	{ CAP_NET_ADMIN, "CAP_NET_ADMIN" },
	{ CAP_BPF, "CAP_BPF" },
};

static bool has_cap(int cap)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	if (syscall(SYS_capget, &head, data) < 0)
		return false;
	/* CAP_SYS_ADMIN is what CAP_BPF was split from, and still implies it. */
	if (cap == CAP_BPF && (data[0].effective & (1u << CAP_SYS_ADMIN)))
		return true;
	return data[cap / 32].effective & (1u << (cap % 32));
}

void probe_missing_caps(char buf[PROBE_CAPS_MAX])
{
	size_t n = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(needed_caps) && n < PROBE_CAPS_MAX; i++) {
		if (!has_cap(needed_caps[i].number))
			n += snprintf(buf + n, PROBE_CAPS_MAX - n, "%s%s", n ? " and " : "",
				      needed_caps[i].name);
	}
}

static void probe_kernel(struct probe_result *r)
{
	struct utsname u;
	unsigned major = 0, minor = 0, patch = 0;

	uname(&u);
	sscanf(u.release, "%u.%u.%u", &major, &minor, &patch);
	snprintf(r->found, sizeof(r->found), "v%u.%u.%u", major, minor, patch);
	if (major < KERNEL_FLOOR_MAJOR ||
	    (major == KERNEL_FLOOR_MAJOR && minor < KERNEL_FLOOR_MINOR))
		r->state = PROBE_INVALID;
}

static void set_found(struct probe_result *r, bool found)
{
	snprintf(r->found, sizeof(r->found), "%s", found ? "present" : "absent");
	if (!found)
		r->state = r->state == PROBE_OPTIONAL ? PROBE_OPTIONAL : PROBE_NOT_INSTALLED;
	else
		r->state = PROBE_VALID;
}

/* What cannot be tried is not absent: nobody should go and install it. */
static void set_tried(struct probe_result *r, bool worked)
{
	char missing[PROBE_CAPS_MAX];

	set_found(r, worked);
	probe_missing_caps(missing);
	if (worked || !missing[0])
		return;
	snprintf(r->found, sizeof(r->found), "unknown without %s", missing);
	if (r->state == PROBE_NOT_INSTALLED)
		r->state = PROBE_INVALID;
}

static void probe_btf(struct probe_result *r)
{
	set_found(r, access("/sys/kernel/btf/vmlinux", R_OK) == 0);
}

static void probe_jit(struct probe_result *r)
{
	_cleanup_(fclosep) FILE *f = fopen("/proc/sys/net/core/bpf_jit_enable", "re");
	int on = 0;

	/* No such file: built with CONFIG_BPF_JIT_ALWAYS_ON and hidden, or none at all. */
	if (!f || fscanf(f, "%d", &on) != 1)
		snprintf(r->found, sizeof(r->found), "unknown");
	else
		set_found(r, on > 0);
}

static void probe_bpffs(struct probe_result *r)
{
	set_found(r, pin_check_root() == 0);
	error_clear();
}

static void probe_clsact(struct probe_result *r)
{
	set_tried(r, hook_tc.probe());
}

static void probe_tcx(struct probe_result *r)
{
	set_tried(r, hook_tcx.probe());
}

static void probe_xdp(struct probe_result *r)
{
	set_tried(r, hook_xdp.probe());
}

static bool make_map(enum bpf_map_type type, uint32_t key, uint32_t value, uint32_t entries)
{
	_cleanup_(closep) int fd = bpf_map_create(type, "flowctl_probe", key, value, entries, NULL);

	return fd >= 0;
}

static void probe_ringbuf(struct probe_result *r)
{
	set_tried(r, make_map(BPF_MAP_TYPE_RINGBUF, 0, 0, sysconf(_SC_PAGESIZE)));
}

static void probe_batch(struct probe_result *r)
{
	uint32_t keys[1], values[1], count = 1, next;
	_cleanup_(closep) int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "flowctl_probe", 4, 4, 1, NULL);

	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	set_tried(r, fd >= 0 && (bpf_map_lookup_batch(fd, NULL, &next, keys, values, &count, &opts) == 0 ||
				 errno == ENOENT));
}

static void probe_cookie(struct probe_result *r)
{
	_cleanup_(closep) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(uint64_t);
	uint64_t cookie;

	set_found(r, fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len) == 0);
}

static void probe_caps(struct probe_result *r)
{
	char missing[PROBE_CAPS_MAX];

	probe_missing_caps(missing);
	snprintf(r->found, sizeof(r->found), "%s%s", missing[0] ? "without " : "present", missing);
	if (missing[0])
		r->state = PROBE_INVALID;
}

static void probe_libbpf(struct probe_result *r)
{
	snprintf(r->found, sizeof(r->found), "%s", libbpf_version_string());
	if (libbpf_major_version() < 1 ||
	    (libbpf_major_version() == 1 && libbpf_minor_version() < 1))
		r->state = PROBE_INVALID;
}

/* Matters of how flowctl was built. */
static void set_built(struct probe_result *r, bool built)
{
	set_found(r, built);
	if (!built)
		snprintf(r->found, sizeof(r->found), "not in this build");
}

static void probe_tls(struct probe_result *r)
{
	set_built(r, FLOWCTL_TLS);
}

static void probe_pcap(struct probe_result *r)
{
	set_built(r, FLOWCTL_PCAP);
}

static void probe_metrics(struct probe_result *r)
{
	set_built(r, FLOWCTL_METRICS);
}

static void probe_sctp(struct probe_result *r)
{
	_cleanup_(closep) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_SCTP);

	set_found(r, fd >= 0);
}

static void probe_curl(struct probe_result *r)
{
	void *curl = FLOWCTL_AWS ? dlopen(FLOWCTL_LIBCURL, RTLD_LAZY | RTLD_LOCAL) : NULL;

	if (FLOWCTL_AWS)
		set_found(r, curl);
	else
		set_built(r, false);
	if (curl)
		dlclose(curl);
}

static void probe_tui(struct probe_result *r)
{
	set_built(r, FLOWCTL_TUI);
}

static const struct {
	const char *name, *expect;
	bool optional;
	void (*probe)(struct probe_result *r);
} probes[] = {
	{ "kernel version", "v5.15.0", false, probe_kernel },
	{ "BTF", "present", true, probe_btf },
	{ "BPF JIT", "present", true, probe_jit },
	{ "bpffs", "present", false, probe_bpffs },
	{ "clsact", "present", false, probe_clsact },
	{ "tcx", "present", true, probe_tcx },
	{ "XDP links", "present", true, probe_xdp },
	{ "ring buffer", "present", false, probe_ringbuf },
	{ "batch operations", "present", true, probe_batch },
	{ "namespace cookie", "present", false, probe_cookie },
	{ "capabilities", "present", false, probe_caps },
	{ "libbpf", "v1.1", false, probe_libbpf },
	{ "IPFIX over TLS (OpenSSL)", "present", true, probe_tls },
	{ "IPFIX over SCTP", "present", true, probe_sctp },
	{ "metadata service (libcurl)", "present", true, probe_curl },
	{ "terminal view (ncursesw)", "present", true, probe_tui },
	{ "capture files (libpcap)", "present", true, probe_pcap },
	{ "metrics (libmicrohttpd)", "present", true, probe_metrics },
};

int probe_all(struct probe_result **ret, size_t *ret_n, size_t *ret_missing)
{
	struct probe_result *v = calloc(ARRAY_SIZE(probes), sizeof(*v));
	size_t missing = 0;

	if (!v)
		return fail(-ENOMEM, "cannot probe the system");
	for (size_t i = 0; i < ARRAY_SIZE(probes); i++) {
		v[i].name = probes[i].name;
		v[i].state = probes[i].optional ? PROBE_OPTIONAL : PROBE_VALID;
		snprintf(v[i].expect, sizeof(v[i].expect), "%s", probes[i].expect);
		probes[i].probe(&v[i]);
		missing += !probes[i].optional && v[i].state != PROBE_VALID;
	}
	*ret = v;
	*ret_n = ARRAY_SIZE(probes);
	*ret_missing = missing;
	return 0;
}

int probe_require(void)
{
	struct probe_result kernel = { .state = PROBE_VALID };
	char missing[PROBE_CAPS_MAX];

	probe_kernel(&kernel);
	if (kernel.state != PROBE_VALID)
		return fail_system(-ENOTSUP, "this kernel (%s) is too old: flowctl needs Linux %d.%d or later",
				   kernel.found, KERNEL_FLOOR_MAJOR, KERNEL_FLOOR_MINOR);
	probe_missing_caps(missing);
	if (missing[0])
		return fail_system(-EPERM, "not permitted: needs %s", missing);
	return 0;
}
