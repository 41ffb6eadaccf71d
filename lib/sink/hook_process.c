// SPDX-License-Identifier: Apache-2.0
/*
 * posix_spawn() runs nothing of ours between fork and exec, so it is safe in a process with
 * threads, and costs the same however much memory the agent has. The group is killed before
 * its leader is reaped: until then nobody else can have got its number.
 */
#include "sink/hook_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define ENV_MAX 8

/* A child's end of a pipe, out of the way of descriptors 0 to 2, which are made of such. */
static int above_stdio(int *fd)
{
	int up;

	if (*fd > STDERR_FILENO)
		return 0;
	up = fcntl(*fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (up < 0)
		return -errno;
	close(*fd);
	*fd = up;
	return 0;
}

/* *ret_ours does not block. */
static int make_pipe(bool we_write, int *ret_ours, int *ret_theirs)
{
	int fds[2], r;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	*ret_ours = fds[we_write];
	*ret_theirs = fds[!we_write];
	r = above_stdio(ret_theirs);
	if (r == 0 && fcntl(*ret_ours, F_SETFL, O_NONBLOCK) < 0)
		r = -errno;
	return r;
}

struct environment {
	char *v[ENV_MAX + 1];
	size_t n;
};

static void env_deinit(struct environment *env)
{
	for (size_t i = 0; i < env->n; i++)
		free(env->v[i]);
}

static int env_add(struct environment *env, const char *key, const char *value)
{
	if (asprintf(&env->v[env->n], "%s=%s", key, value) < 0) {
		env->v[env->n] = NULL;
		return -ENOMEM;
	}
	env->n++;
	return 0;
}

static int env_init(struct environment *env, const char *name, const char *dir)
{
	const char *path = getenv("PATH");
	const struct {
		const char *key, *value;
	} vars[] = {
		{ "PATH", path && path[0] ? path : DEFAULT_PATH },
		{ "LANG", "C.UTF-8" }, { "HOME", dir }, { "TMPDIR", dir }, { "PWD", dir },
		{ "FLOWCTL_HOOK", name },
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(vars); i++)
		r = env_add(env, vars[i].key, vars[i].value);
	return r;
}

static int set_attributes(posix_spawnattr_t *attr)
{
	sigset_t all, none;
	int err;

	sigfillset(&all);
	sigemptyset(&none);
	err = posix_spawnattr_setsigdefault(attr, &all);
	err = err ? err : posix_spawnattr_setsigmask(attr, &none);
	err = err ? err : posix_spawnattr_setpgroup(attr, 0);
	return err ? err : posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK |
							  POSIX_SPAWN_SETPGROUP);
}

static int set_files(posix_spawn_file_actions_t *files, const int theirs[3], const char *dir)
{
	int err = posix_spawn_file_actions_addchdir_np(files, dir);

	for (int i = 0; !err && i < 3; i++)
		err = posix_spawn_file_actions_adddup2(files, theirs[i], i);
	return err ? err : posix_spawn_file_actions_addclosefrom_np(files, STDERR_FILENO + 1);
}

static int spawn(pid_t *ret, char *const argv[], char *const env[], const int theirs[3],
		 const char *dir)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	int err;

	err = posix_spawn_file_actions_init(&files);
	if (err)
		return -err;
	err = posix_spawnattr_init(&attr);
	if (!err) {
		err = set_attributes(&attr);
		err = err ? err : set_files(&files, theirs, dir);
		err = err ? err : posix_spawnp(ret, argv[0], &files, &attr, argv, env);
		posix_spawnattr_destroy(&attr);
	}
	posix_spawn_file_actions_destroy(&files);
	return -err;
}

static void close_ours(struct hook_process *p)
{
	closep(&p->in);
	closep(&p->out);
	closep(&p->err);
	closep(&p->pid_fd);
	p->in = p->out = p->err = p->pid_fd = -1;
}

static int start(struct hook_process *p, int theirs[3], char *const argv[], const char *name,
		 const char *dir)
{
	_cleanup_(env_deinit) struct environment env = { 0 };
	int r;

	r = env_init(&env, name, dir);
	if (r == 0)
		r = make_pipe(true, &p->in, &theirs[0]);
	if (r == 0)
		r = make_pipe(false, &p->out, &theirs[1]);
	if (r == 0)
		r = make_pipe(false, &p->err, &theirs[2]);
	return r < 0 ? r : spawn(&p->pid, argv, env.v, theirs, dir);
}

int hook_process_start(struct hook_process *p, char *const argv[], const char *name, const char *dir)
{
	int theirs[3] = { -1, -1, -1 };
	int r;

	*p = (struct hook_process) { .pid_fd = -1, .in = -1, .out = -1, .err = -1 };
	r = start(p, theirs, argv, name, dir);
	for (int i = 0; i < 3; i++)
		closep(&theirs[i]);
	if (r < 0) {
		close_ours(p);
		return r;
	}
	p->pid_fd = syscall(SYS_pidfd_open, p->pid, 0);
	if (p->pid_fd < 0) {
		r = -errno;
		hook_process_end(p);
	}
	return r;
}

int hook_process_end(struct hook_process *p)
{
	int status = 0, r;

	kill(-p->pid, SIGKILL);
	do {
		r = waitpid(p->pid, &status, 0);
	} while (r < 0 && errno == EINTR);
	r = r < 0 ? -errno : status;
	close_ours(p);
	return r;
}
