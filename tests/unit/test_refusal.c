// SPDX-License-Identifier: Apache-2.0
#include "kernel/refusal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "test.h"

/* As Linux 6.1 writes it of a program whose first instruction is r0 = r2. */
#define LOG                                                                              \
	"0: R1=ctx(off=0,imm=0) R10=fp0\n"                                              \
	"; int flowctl_tc(struct __sk_buff *skb)\n"                                     \
	"0: (bf) r0 = r2\n"                                                             \
	"R2 !read_ok\n"                                                                 \
	"processed 1 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0\n"

static const char *line_of(const char *log)
{
	static char copy[1024];

	snprintf(copy, sizeof(copy), "%s", log);
	return refusal_line(copy);
}

TEST(the_line_before_the_statistics_is_what_is_refused)
{
	CHECK_STR(line_of(LOG), "R2 !read_ok");
	CHECK_STR(line_of("R2 !read_ok\nverification time 12 usec\nstack depth 0+0\nprocessed 1 insns\n"),
		  "R2 !read_ok");
	CHECK_STR(line_of("BPF program is too large. Processed 1000001 insn\n\n"),
		  "BPF program is too large. Processed 1000001 insn");
	CHECK_STR(line_of("no newline"), "no newline");
}

TEST(of_no_log_there_is_no_line)
{
	CHECK(line_of("") == NULL);
	CHECK(line_of("\n\n") == NULL);
	CHECK(line_of("processed 0 insns\n") == NULL);
	CHECK(refusal_line(NULL) == NULL);
}

TEST(what_the_verifier_said_is_told_and_no_word_of_privileges)
{
	char log[] = LOG;

	error_clear();
	CHECK(refusal_fail(-EACCES, log) == -EACCES);
	CHECK(strstr(error_message(), "refuses it: R2 !read_ok") != NULL);
	CHECK(strstr(error_message(), "ermission") == NULL);
	CHECK(error_hint_text() == NULL);
	CHECK(error_exit_status() == ERROR_SYSTEM);
}

TEST(a_load_that_the_verifier_never_saw_is_told_by_its_errno)
{
	char log[] = "";

	error_clear();
	CHECK(refusal_fail(-ENOMEM, log) == -ENOMEM);
	CHECK_STR(error_message(), "cannot load the program: Cannot allocate memory");
	CHECK(error_hint_text() == NULL);
	CHECK(refusal_fail(-EPERM, log) == -EPERM);
	CHECK_STR(error_message(), "cannot load the program: Operation not permitted");
	CHECK(error_hint_text() != NULL);
}
