// SPDX-License-Identifier: Apache-2.0
/*
 * Linked, libmicrohttpd would bring GnuTLS and ten libraries more into every command of flowctl,
 * for what the agent alone needs, and only where metrics are wanted.
 */
#include "metrics/http_library.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>

#include "base/cleanup.h"
#include "base/error.h"

#define NAME "libmicrohttpd.so.12"

struct http_library mhd;

#define ROW(name_) { "MHD_" #name_, (void **)&mhd.name_ },

static const struct {
	const char *name;
	void **at;
} functions[] = { HTTP_FUNCTIONS(ROW) };

int http_library_load(void)
{
	static bool loaded;
	void *handle;

	if (loaded)
		return 0;
	handle = dlopen(NAME, RTLD_NOW | RTLD_LOCAL);
	if (!handle)
		return fail_system(-ENOENT, "metrics need libmicrohttpd (%s), which is not installed", NAME);
	for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
		*functions[i].at = dlsym(handle, functions[i].name);
		if (!*functions[i].at)
			return fail_system(-ENOENT, "metrics need a newer libmicrohttpd: this one has no %s",
					   functions[i].name);
	}
	loaded = true;
	return 0;
}
