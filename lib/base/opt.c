// SPDX-License-Identifier: Apache-2.0
/*
 * See opt.h. getopt_long does the splitting; abbreviations are refused here, for a script
 * that uses one breaks with the next option that begins alike.
 */
#include "base/opt.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/parse.h"
#include "base/strbuf.h"

#define OPTS_MAX 64
#define LONG_BASE 1000		/* getopt's value of row i is LONG_BASE + i */
#define HELP_VALUE 999

static bool takes_argument(const struct opt *o)
{
	return o->type != OPT_TYPE_FLAG && o->type != OPT_TYPE_COUNT;
}

static int argument_of(const struct opt *o)
{
	return !takes_argument(o) ? no_argument : o->optional ? optional_argument : required_argument;
}

static int build(const struct opt *opts, struct option *longs, char *letters)
{
	int n = 0;

	*letters++ = ':';
	*letters++ = 'h';
	for (; opts && opts[n].type != OPT_TYPE_END; n++) {
		longs[n] = (struct option) {
			.name = opts[n].name,
			.has_arg = argument_of(&opts[n]),
			.val = LONG_BASE + n,
		};
		if (!opts[n].letter)
			continue;
		*letters++ = opts[n].letter;
		for (int colons = argument_of(&opts[n]); colons; colons--)
			*letters++ = ':';
	}
	longs[n] = (struct option) { .name = "help", .val = HELP_VALUE };
	longs[n + 1] = (struct option) { 0 };
	*letters = '\0';
	return n;
}

static int parse_choice(const struct opt *o, const char *arg, int *ret)
{
	_cleanup_(strbuf_deinit) struct strbuf words = STRBUF_NULL;
	const char *near;

	for (int i = 0; o->choices[i]; i++) {
		if (strcmp(o->choices[i], arg) == 0) {
			*ret = i;
			return 0;
		}
		strbuf_printf(&words, "%s%s", i ? ", " : "", o->choices[i]);
	}
	near = parse_nearest(arg, o->choices);
	if (near)
		error_hint("did you mean '%s'?", near);
	return fail_usage("--%s: '%s' is none of %s", o->name, arg, strbuf_str(&words));
}

static int parse_number(const struct opt *o, const char *arg, uint64_t *ret)
{
	uint64_t max = o->max ? o->max : UINT64_MAX, v;
	int r = parse_u64(arg, max, &v);

	if (r == -EINVAL)
		return fail_usage("--%s: '%s' is not a number", o->name, arg);
	if (r < 0 || v < o->min)
		return fail_usage("--%s: '%s' is out of range (%" PRIu64 " to %" PRIu64 ")",
				  o->name, arg, o->min, max);
	*ret = v;
	return 0;
}

static int add_string(const struct opt *o, const char *arg, struct opt_strs *ret)
{
	if (ret->n == OPT_STRS_MAX)
		return fail_usage("--%s was given more than %d times", o->name, OPT_STRS_MAX);
	ret->v[ret->n++] = arg;
	return 0;
}

static int store(const struct opt *o, const char *arg, void *args)
{
	void *to = (char *)args + o->offset;

	if (o->given)
		*((bool *)args + o->given - 1) = true;
	switch (o->type) {
	case OPT_TYPE_FLAG:
		*(bool *)to = true;
		return 0;
	case OPT_TYPE_COUNT:
		++*(int *)to;
		return 0;
	case OPT_TYPE_STR:
		*(const char **)to = arg;
		return 0;
	case OPT_TYPE_STRS:
		return add_string(o, arg, to);
	case OPT_TYPE_U64:
		return parse_number(o, arg, to);
	case OPT_TYPE_DURATION:
		if (!arg)
			return 0;
		if (parse_duration(arg, to) < 0)
			return fail_usage("--%s: '%s' is not a duration (as 500ms, 5s, 2m)",
					  o->name, arg);
		return 0;
	case OPT_TYPE_CHOICE:
		return parse_choice(o, arg, to);
	case OPT_TYPE_END:
		break;
	}
	return 0;
}

static bool is_global(const char *word)
{
	static const char *const words[] = { "-v", "--verbose", "-q", "--quiet", "--bpffs" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcmp(word, words[i]) == 0)
			return true;
	}
	return false;
}

static int unknown(const struct opt *opts, const char *word)
{
	const char *names[OPTS_MAX + 2] = { "help" }, *near = NULL;
	size_t n = 1;

	if (is_global(word)) {
		error_hint("%s belongs to flowctl itself: it goes before the command's word", word);
		return fail_usage("unknown option '%s'", word);
	}
	for (; opts && opts->type != OPT_TYPE_END; opts++)
		names[n++] = opts->name;
	if (word[0] == '-' && word[1] == '-')
		near = parse_nearest(word + 2, names);
	if (near)
		error_hint("did you mean '--%s'?", near);
	return fail_usage("unknown option '%s'", word);
}

/* The word of the option just read, as typed, up to '='. Its argument may be the word behind it. */
static void typed_word(char *const *argv, char buf[80])
{
	const char *word = argv[optind - 1];

	if (optarg == word && optind >= 2)
		word = argv[optind - 2];
	/* A letter beyond ASCII is several bytes; getopt stands still within its word. */
	if (optopt < HELP_VALUE && !isascii(optopt) && argv[optind] && strchr(argv[optind], optopt))
		word = argv[optind];
	snprintf(buf, 80, "%.*s", (int)strcspn(word, "="), word);
}

static bool is_abbreviation(const char *word, const struct option *o)
{
	return word[0] == '-' && word[1] == '-' && strcmp(word + 2, o->name) != 0;
}

static int parse_one(const struct opt *opts, int c, int index, const struct option *longs,
		     char *const *argv, void *args)
{
	char word[80];
	int i;

	typed_word(argv, word);
	if (c == '?' || c == ':') {
		char letter[3] = { '-', (char)optopt, 0 };
		bool is_letter = optopt && isascii(optopt);

		if (c == ':')
			return fail_usage("%s needs an argument", is_letter ? letter : word);
		if (optopt >= LONG_BASE || optopt == HELP_VALUE)
			return fail_usage("%s takes no argument", word);
		return unknown(opts, is_letter ? letter : word);
	}
	if (index >= 0 && is_abbreviation(word, &longs[index]))
		return unknown(opts, word);
	if (c == 'h' || c == HELP_VALUE)
		return -ECANCELED;
	for (i = 0; c < LONG_BASE && opts[i].letter != c; i++)
		;
	i = c >= LONG_BASE ? c - LONG_BASE : i;
	/* "--watch 2s": getopt wants "--watch=2s". A number is no operand of these commands. */
	if (opts[i].optional && !optarg && argv[optind] && isdigit((unsigned char)argv[optind][0]))
		optarg = argv[optind++];
	return store(&opts[i], optarg, args);
}

int opt_parse(const struct opt *opts, int argc, char **argv, void *args, int *ret_rest)
{
	struct option longs[OPTS_MAX + 2];
	char letters[3 * OPTS_MAX + 4];
	int c, r;

	build(opts, longs, letters);
	optind = 0;
	opterr = 0;
	for (;;) {
		int index = -1;

		c = getopt_long(argc, argv, letters, longs, &index);
		if (c < 0)
			break;
		r = parse_one(opts, c, index, longs, argv, args);
		if (r < 0)
			return r;
	}
	*ret_rest = optind;
	return 0;
}

static void help_row(struct strbuf *out, const char *head, const char *help, size_t indent)
{
	size_t used = strlen(head);

	strbuf_puts(out, head);
	if (used + 2 > indent) {
		strbuf_putc(out, '\n');
		used = 0;
	}
	for (;;) {
		size_t len = strcspn(help, "\n");

		strbuf_printf(out, "%*s%.*s\n", (int)(indent - used), "", (int)len, help);
		if (!help[len])
			break;
		help += len + 1;
		used = 0;
	}
}

void opt_help(const struct opt *opts, struct strbuf *out)
{
	char head[80];

	for (; opts && opts->type != OPT_TYPE_END; opts++) {
		int n;

		if (opts->letter)
			n = snprintf(head, sizeof(head), "  -%c, --%s", opts->letter, opts->name);
		else
			n = snprintf(head, sizeof(head), "      --%s", opts->name);
		if (opts->arg)
			snprintf(head + n, sizeof(head) - n, opts->optional ? " [%s]" : " %s", opts->arg);
		help_row(out, head, opts->help, 30);
	}
	help_row(out, "  -h, --help", "this text", 30);
}
