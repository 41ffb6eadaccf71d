/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one error rule. A function returns 0 or a negative errno. The function that
 * discovers a failure writes the sentence with fail(); everyone above only returns the
 * number; main prints the sentence once. Nothing in lib/ prints.
 */
#ifndef FLOWCTL_BASE_ERROR_H
#define FLOWCTL_BASE_ERROR_H

/* Exit statuses of the program; also the class of an error. */
enum error_class {
	ERROR_FAILED = 1,	/* it was tried and failed */
	ERROR_USAGE = 2,	/* the command line or the configuration is wrong */
	ERROR_SYSTEM = 3,	/* the system lacks something */
};

/*
 * Set the sentence of the current error (per thread) and return @err, a negative errno.
 * With fail() the text of errno is appended ("...: No such file or directory"), with the
 * other two it is not. @fmt: lower case, no full stop, no newline; control characters in
 * arguments become '?', so that a sentence is one line whatever the user typed.
 */
int fail(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same without strerror: the sentence says all. Class ERROR_FAILED. */
int fail_plain(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Bad input: class ERROR_USAGE, returns -EINVAL. */
int fail_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The system lacks something: class ERROR_SYSTEM, returns @err. */
int fail_system(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Put "@fmt: " before the sentence that stands. Returns @err. */
int fail_context(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Add a hint, printed on a line of its own behind the error ("did you mean 'attach'?"). */
void error_hint(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The sentence, never NULL; "" when there is none. Valid until the next fail(). */
const char *error_message(void);
/* The hint or NULL. */
const char *error_hint_text(void);
/* The exit status that belongs to it; ERROR_FAILED when none was set. */
enum error_class error_exit_status(void);
void error_clear(void);

/* The error that stands, kept while something is tidied up that may fail, too; and put back. */
struct error_kept {
	char message[1024];
	char hint[256];
	enum error_class class;
};
void error_keep(struct error_kept *ret);
void error_restore(const struct error_kept *kept);

#endif
