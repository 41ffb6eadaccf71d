// SPDX-License-Identifier: Apache-2.0
#include <errno.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/opt.h"
#include "base/strbuf.h"
#include "test.h"

struct sample_args {
	bool flag, n_given;
	const char *str;
	struct opt_strs strs;
	uint64_t n, duration, again;
	bool again_given;
	int choice, count;
};

static const char *const shapes[] = { "table", "json", "ndjson", NULL };

static const struct opt opts[] = {
	OPT(FLAG, sample_args, flag, .name = "flag", .letter = 'f', .help = "a flag"),
	OPT(STR, sample_args, str, .name = "netns", .arg = "NS", .help = "a string"),
	OPT(STRS, sample_args, strs, .name = "name", .letter = 'n', .arg = "IFACE",
	    .help = "strings"),
	OPT(U64, sample_args, n, .name = "number", .letter = 'N', .arg = "N",
	    .help = "one line\nand another", .min = 1, .max = 100, OPT_GIVEN(sample_args, n_given)),
	OPT(DURATION, sample_args, duration, .name = "idle", .arg = "DURATION", .help = "a time"),
	OPT(DURATION, sample_args, again, .name = "watch", .letter = 'w', .arg = "TIME",
	    .help = "again", .optional = true, OPT_GIVEN(sample_args, again_given)),
	OPT(CHOICE, sample_args, choice, .name = "output", .letter = 'o', .arg = "FORMAT",
	    .help = "a choice", .choices = shapes),
	OPT(COUNT, sample_args, count, .name = "verbose", .letter = 'v', .help = "more"),
	OPT_END,
};

static struct sample_args args;
static int rest;
static char *words[80];

/* Parse "cmd" and the NULL-terminated words behind it. */
static int parse_words(const char *const *list)
{
	int n = 1;

	words[0] = (char *)"cmd";
	while (*list)
		words[n++] = (char *)*list++;
	words[n] = NULL;
	args = (struct sample_args){ .choice = -1 };
	rest = -1;
	error_clear();
	return opt_parse(opts, n, words, &args, &rest);
}

#define PARSE(...) parse_words((const char *const[]){ __VA_ARGS__, NULL })

TEST(every_kind_of_option_finds_its_field)
{
	CHECK(PARSE("-f", "--netns", "blue", "-n", "eth0", "--name=eth1", "-N", "7", "--idle",
		    "1.5s", "-o", "json", "-vv", "--verbose") == 0);
	CHECK(args.flag && args.n == 7 && args.n_given && args.count == 3 && args.choice == 1);
	CHECK_STR(args.str, "blue");
	CHECK(args.strs.n == 2 && args.duration == 1500000000);
	CHECK_STR(args.strs.v[0], "eth0");
	CHECK_STR(args.strs.v[1], "eth1");
	CHECK(rest == 15 && !words[rest]);
}

TEST(what_is_not_given_stays_as_it_was)
{
	CHECK(PARSE("-f") == 0);
	CHECK(!args.str && !args.n_given && args.choice == -1 && args.count == 0);
}

TEST(a_second_call_starts_afresh)
{
	CHECK(PARSE("-vZ") == -EINVAL);
	CHECK(PARSE("-v", "-f") == 0);
	CHECK(args.count == 1 && args.flag);
}

TEST(operands_may_stand_between_options)
{
	CHECK(PARSE("one", "-f", "two", "--netns", "x") == 0);
	CHECK(args.flag && args.str && rest == 4);
	CHECK_STR(words[rest], "one");
	CHECK_STR(words[rest + 1], "two");
}

TEST(two_dashes_end_the_options)
{
	CHECK(PARSE("-f", "--", "-v", "--nonsense") == 0);
	CHECK(args.flag && args.count == 0 && rest == 3);
	CHECK_STR(words[rest], "-v");
}

TEST(an_argument_may_look_like_an_option)
{
	CHECK(PARSE("--netns", "--x=y", "-n", "--") == 0);
	CHECK_STR(args.str, "--x=y");
	CHECK_STR(args.strs.v[0], "--");
	CHECK(PARSE("--netns", "a=b", "--name=c=d") == 0);
	CHECK_STR(args.str, "a=b");
	CHECK_STR(args.strs.v[0], "c=d");
	CHECK(PARSE("--netns=") == 0);
	CHECK_STR(args.str, "");
}

TEST(what_is_wrong_is_told)
{
	static const struct {
		const char *words[3], *message, *hint;
	} rows[] = {
		{ { "--nonsense" }, "unknown option '--nonsense'", NULL },
		{ { "--nonsense=5" }, "unknown option '--nonsense'", NULL },
		{ { "-Z" }, "unknown option '-Z'", NULL },
		{ { "-fZ" }, "unknown option '-Z'", NULL },
		{ { "-\xc3\xa9" }, "unknown option '-\xc3\xa9'", NULL },
		{ { "-f\xc3\xa9", "x" }, "unknown option '-f\xc3\xa9'", NULL },
		{ { "x", "-\xe9" }, "unknown option '-\xe9'", NULL },
		{ { "--nmae", "x" }, "unknown option '--nmae'", "did you mean '--name'?" },
		{ { "--netns" }, "--netns needs an argument", NULL },
		{ { "-n" }, "-n needs an argument", NULL },
		{ { "-fn" }, "-n needs an argument", NULL },
		{ { "--flag=1" }, "--flag takes no argument", NULL },
		{ { "--help=1" }, "--help takes no argument", NULL },
		{ { "-N", "x" }, "--number: 'x' is not a number", NULL },
		{ { "-N", "0" }, "--number: '0' is out of range (1 to 100)", NULL },
		{ { "-N", "101" }, "--number: '101' is out of range (1 to 100)", NULL },
		{ { "--idle", "5x" }, "--idle: '5x' is not a duration (as 500ms, 5s, 2m)", NULL },
		{ { "-o", "jsn" },
		  "--output: 'jsn' is none of table, json, ndjson",
		  "did you mean 'json'?" },
		{ { "-o", "pdf" }, "--output: 'pdf' is none of table, json, ndjson", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CHECK(parse_words(rows[i].words) == -EINVAL);
		CHECK_STR(error_message(), rows[i].message);
		CHECK(error_exit_status() == 2);
		CHECK(!rows[i].hint == !error_hint_text());
		if (rows[i].hint)
			CHECK_STR(error_hint_text(), rows[i].hint);
	}
}

TEST(abbreviations_are_refused_however_they_are_written)
{
	static const char *const rows[][3] = {
		{ "--fla" },	       { "--out", "json" }, { "--out=json" },
		{ "--n", "x" },	       { "--nam", "a=b" },  { "--nam", "--x" },
		{ "--nam", "--name" }, { "--verb" },	    { "--hel" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char message[64];

		CHECK(parse_words(rows[i]) == -EINVAL);
		snprintf(message, sizeof(message), "unknown option '%.*s'",
			 (int)strcspn(rows[i][0], "="), rows[i][0]);
		CHECK_STR(error_message(), message);
	}
}

TEST(help_is_asked_for_without_a_sentence)
{
	CHECK(PARSE("--help") == -ECANCELED);
	CHECK_STR(error_message(), "");
	CHECK(PARSE("-f", "-h") == -ECANCELED);
	CHECK(PARSE("-fh") == -ECANCELED);
}

TEST(an_option_given_too_often_is_refused)
{
	const char *list[OPT_STRS_MAX + 2];

	for (int i = 0; i < OPT_STRS_MAX; i++)
		list[i] = "-nx";
	list[OPT_STRS_MAX] = NULL;
	CHECK(parse_words(list) == 0);
	CHECK(args.strs.n == OPT_STRS_MAX);
	list[OPT_STRS_MAX] = "-nx";
	list[OPT_STRS_MAX + 1] = NULL;
	CHECK(parse_words(list) == -EINVAL);
}

TEST(an_argument_that_may_be_missing_is_taken_where_it_is_a_number)
{
	CHECK(PARSE("--watch") == 0 && args.again_given && args.again == 0);
	CHECK(PARSE("-w", "-f") == 0 && args.again_given && args.again == 0 && args.flag);
	CHECK(PARSE("--watch", "2s", "-f") == 0 && args.again == 2000000000 && args.flag);
	CHECK(PARSE("-w", "500ms") == 0 && args.again == 500000000);
	CHECK(PARSE("--watch=3", "word") == 0 && args.again == 3000000000 && rest == 2);
	CHECK(PARSE("-w4s") == 0 && args.again == 4000000000);
	CHECK(PARSE("-w", "word") == 0 && args.again == 0 && rest == 2);
	CHECK(PARSE("--watch", "2x") == -EINVAL && PARSE("--watch=") == -EINVAL);
}

TEST(a_command_without_options_takes_help_and_operands)
{
	char *argv[] = { (char *)"cmd", (char *)"word", NULL };
	char *help[] = { (char *)"cmd", (char *)"--help", NULL };
	char *bad[] = { (char *)"cmd", (char *)"-x", NULL };

	CHECK(opt_parse(NULL, 2, argv, NULL, &rest) == 0 && rest == 1);
	CHECK(opt_parse(NULL, 2, help, NULL, &rest) == -ECANCELED);
	CHECK(opt_parse(NULL, 2, bad, NULL, &rest) == -EINVAL);
}

TEST(help_is_aligned_and_names_all)
{
	_cleanup_(strbuf_deinit) struct strbuf b = STRBUF_NULL;

	opt_help(opts, &b);
	CHECK_STR(strbuf_str(&b), "  -f, --flag                  a flag\n"
				  "      --netns NS              a string\n"
				  "  -n, --name IFACE            strings\n"
				  "  -N, --number N              one line\n"
				  "                              and another\n"
				  "      --idle DURATION         a time\n"
				  "  -w, --watch [TIME]          again\n"
				  "  -o, --output FORMAT         a choice\n"
				  "  -v, --verbose               more\n"
				  "  -h, --help                  this text\n");
}
