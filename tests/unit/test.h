/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A test is a sentence and a body; every TEST of a file runs in its own order and prints a
 * line of TAP. A failed CHECK ends its test and says where.
 */
#ifndef FLOWCTL_TEST_H
#define FLOWCTL_TEST_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * So many rounds of what is random. The sanitizers take twenty times as long: of what they look
 * for a fifth is enough, and the rest is tried without them.
 */
#ifndef __has_feature
#define __has_feature(x_) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define ROUNDS(n_) ((n_) / 5)
#else
#define ROUNDS(n_) (n_)
#endif

struct test {
	const char *name;
	void (*run)(void);
	struct test *next;
};

static struct test *test_first_, **test_last_ = &test_first_;
static const char *test_failed_, *test_skipped_;

#define TEST(name_)                                                              \
	static void name_(void);                                                 \
	__attribute__((constructor)) static void name_##_register(void)          \
	{                                                                        \
		static struct test t = { #name_, name_, NULL };                  \
		*test_last_ = &t;                                                \
		test_last_ = &t.next;                                            \
	}                                                                        \
	static void name_(void)

#define TEST_STR2_(x_) #x_
#define TEST_STR_(x_) TEST_STR2_(x_)

#define CHECK(cond_)                                                             \
	do {                                                                     \
		if (!(cond_)) {                                                  \
			test_failed_ = __FILE__ ":" TEST_STR_(__LINE__) ": " #cond_; \
			return;                                                  \
		}                                                                \
	} while (0)

#define CHECK_STR(a_, b_)                                                        \
	do {                                                                     \
		const char *x_ = (a_), *y_ = (b_);                               \
		if (!x_ || !y_ || strcmp(x_, y_) != 0) {                         \
			printf("# is     '%s'\n# wanted '%s'\n", x_ ? x_ : "(null)", \
			       y_ ? y_ : "(null)");                              \
			test_failed_ = __FILE__ ":" TEST_STR_(__LINE__);         \
			return;                                                  \
		}                                                                \
	} while (0)

#define SKIP(why_)                                                               \
	do {                                                                     \
		test_skipped_ = (why_);                                          \
		return;                                                          \
	} while (0)

int main(void)
{
	int n = 0, failed = 0;

	for (struct test *t = test_first_; t; t = t->next)
		n++;
	printf("1..%d\n", n);
	n = 0;
	for (struct test *t = test_first_; t; t = t->next) {
		test_failed_ = test_skipped_ = NULL;
		t->run();
		n++;
		if (test_failed_) {
			failed++;
			printf("# %s\nnot ok %d - %s\n", test_failed_, n, t->name);
		} else {
			printf("ok %d - %s%s%s\n", n, t->name, test_skipped_ ? " # SKIP " : "",
			       test_skipped_ ? test_skipped_ : "");
		}
		fflush(stdout);
	}
	return failed ? 1 : 0;
}

#endif
