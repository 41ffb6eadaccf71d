// SPDX-License-Identifier: Apache-2.0
/*
 * What a hook is made of. A `shell` text goes to /bin/sh -c; one that names another
 * interpreter in its first line (#!/usr/bin/python3) becomes a file, for that one to read.
 */
#include "sink/hook.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/text.h"
#include "base/utf8.h"
#include "base/words.h"

#define NAME_MAX_BYTES 40
#define SHELL "/bin/sh"

static const char *skip_line(const char *text)
{
	const char *end = strchrnul(text, '\n');

	return *end ? end + 1 : end;
}

/* The first line that says something: a shell text is its own name when it has none. */
static char *short_name(const char *text)
{
	char *name = calloc(1, NAME_MAX_BYTES + 1);

	while (*text == '\n' || strncmp(text, "#!", 2) == 0)
		text = skip_line(text);
	if (!name)
		return NULL;
	utf8_copy((uint8_t *)name, NAME_MAX_BYTES, text);
	*strchrnul(name, '\n') = '\0';
	return text_printable(name);
}

/* Names an interpreter that is not simply the one we take anyway. */
static bool is_script(const char *text)
{
	size_t line = strcspn(text, "\r\n");

	return strncmp(text, "#!", 2) == 0 &&
	       (line != strlen("#!" SHELL) || strncmp(text, "#!" SHELL, line) != 0);
}

static int write_script(const char *path, const char *text)
{
	_cleanup_(closep) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
	size_t len = strlen(text);

	if (fd < 0)
		return -errno;
	return write(fd, text, len) == (ssize_t)len ? 0 : errno ? -errno : -EIO;
}

/* One free() for all: the words stand behind their pointers. */
static char **make_argv(const char *const words[], size_t n)
{
	size_t bytes = (n + 1) * sizeof(char *), at = bytes;
	char **argv;

	for (size_t i = 0; i < n; i++)
		bytes += strlen(words[i]) + 1;
	argv = malloc(bytes);
	if (!argv)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		argv[i] = (char *)argv + at;
		at += strlen(words[i]) + 1;
		memcpy(argv[i], words[i], strlen(words[i]) + 1);
	}
	argv[n] = NULL;
	return argv;
}

static int init_shell(struct hook *h, const char *text, const struct hook_dir *d, size_t number)
{
	_cleanup_(freep) char *path = NULL;
	int r = 0;

	if (!is_script(text)) {
		h->argv = make_argv((const char *const[]) { SHELL, "-c", text }, 3);
	} else if (asprintf(&path, "%s/hook%zu", d->path, number) < 0) {
		path = NULL;
	} else {
		r = write_script(path, text);
		h->argv = make_argv((const char *const[]) { path }, 1);
	}
	if (r == 0 && !h->argv)
		r = -ENOMEM;
	return r < 0 ? fail(r, "cannot prepare the hook '%s'", h->name) : 0;
}

int hook_init(struct hook *h, const struct log_hook *config, const struct hook_dir *d, size_t number)
{
	int r;

	*h = (struct hook) { .timeout_ns = config->timeout_ns };
	h->name = short_name(config->name);
	if (!h->name)
		return fail(-ENOMEM, "cannot prepare the hook '%s'", config->name);
	if (config->shell)
		return init_shell(h, config->shell, d, number);
	r = words_split(config->command, &h->argv);
	return r < 0 ? fail_context(r, "hook '%s'", h->name) : 0;
}

void hook_deinit(struct hook *h)
{
	free(h->name);
	free(h->argv);
	*h = (struct hook) { 0 };
}
