// SPDX-License-Identifier: Apache-2.0
/*
 * What a service says is believed only as far as it looks like what it is said to be: an answer of
 * somebody else (a page of HTML, an error) must not become the name of an interface in every
 * record. The forms are those of the EC2 user guide; of the ids only the beginning is checked and
 * that nothing odd follows.
 */
#include <arpa/inet.h>
#include <string.h>

#include "enrich/cloud_parts.h"

#define DIGITS "0123456789"
#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define NAME LOWER DIGITS "-"
#define ID LOWER UPPER DIGITS "-_"
/* Base64 in both alphabets, and what a token of RFC 6750 may have. */
#define TOKEN LOWER UPPER DIGITS "-._~+/="

const struct value_rule value_token = { "token", "", TOKEN, 1, IMDS_TOKEN_MAX };
const struct value_rule value_account = { "accountId", "", DIGITS, 12, 12 };
const struct value_rule value_instance = { "instanceId", "i-", ID, 1, 61 };
const struct value_rule value_region = { "region", "", NAME, 1, 63 };
const struct value_rule value_zone = { "availabilityZone", "", NAME, 1, 63 };
const struct value_rule value_zone_id = { "availability-zone-id", "", NAME, 1, 63 };
const struct value_rule value_interface = { "interface-id", "eni-", ID, 1, 59 };
const struct value_rule value_subnet = { "subnet-id", "subnet-", ID, 1, 56 };
const struct value_rule value_vpc = { "vpc-id", "vpc-", ID, 1, 59 };
const struct value_rule value_device = { "device-number", "", DIGITS, 1, 5 };

static void cut_newline(char *s)
{
	size_t n = strlen(s);

	if (n && s[n - 1] == '\n')
		s[--n] = '\0';
	if (n && s[n - 1] == '\r')
		s[n - 1] = '\0';
}

bool value_is_good(const struct value_rule *rule, char *s)
{
	size_t skip = strlen(rule->prefix), n;

	cut_newline(s);
	if (strncmp(s, rule->prefix, skip) != 0)
		return false;
	n = strlen(s + skip);
	return n >= rule->min && n <= rule->max && strspn(s + skip, rule->chars) == n;
}

bool value_join_addresses(int family, char *s)
{
	unsigned char address[16];

	cut_newline(s);
	for (char *end; *s; s = end) {
		char was;

		end = s + strcspn(s, "\n");
		was = *end;
		*end = '\0';
		if (inet_pton(family, s, address) != 1)
			return false;
		if (was)
			*end++ = ' ';
	}
	return true;
}

/* -1: none. */
static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool value_parse_mac(const char *s, uint8_t ret[6])
{
	for (int i = 0; i < 6; i++, s += 2) {
		int high, low;

		if (i && *s++ != ':')
			return false;
		high = hex_digit(s[0]);
		low = high < 0 ? -1 : hex_digit(s[1]);
		if (low < 0)
			return false;
		ret[i] = high << 4 | low;
	}
	return !*s || strcmp(s, "/") == 0;
}
