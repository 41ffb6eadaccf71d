// SPDX-License-Identifier: Apache-2.0
/*
 * For builds without libFuzzer: every file of a folder, then mutations of them, always the
 * same ones, for a number of seconds. `replay FOLDER SECONDS`
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 1 << 17, INPUTS_MAX = 256 };

static struct input {
	uint8_t *data;
	size_t len;
} inputs[INPUTS_MAX];
static size_t n_inputs;
static uint64_t state = 88172645463325252u;

static uint32_t random_below(uint32_t n)
{
	state ^= state << 13;	/* xorshift64 */
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 16) % n;
}

static void load(const char *folder)
{
	struct dirent **names;
	int n = scandir(folder, &names, NULL, alphasort);
	char path[4096];

	for (int i = 0; i < n; i++) {
		struct input *in = &inputs[n_inputs];
		FILE *f;

		snprintf(path, sizeof(path), "%s/%s", folder, names[i]->d_name);
		f = names[i]->d_name[0] != '.' && n_inputs < INPUTS_MAX ? fopen(path, "rb") : NULL;
		free(names[i]);
		if (!f)
			continue;
		in->data = malloc(INPUT_MAX);
		in->len = fread(in->data, 1, INPUT_MAX, f);
		n_inputs++;
		fclose(f);
	}
	if (n >= 0)
		free(names);
}

static const uint8_t odd[] = { 0, 1, 2, 3, 4, 0x7f, 0x80, 0xfe, 0xff };

/* A few octets changed, a piece of another input put in, or the end cut off. */
static size_t mutate(const struct input *from, uint8_t *out)
{
	const struct input *other = &inputs[random_below(n_inputs)];
	size_t len = from->len, at, n;

	memcpy(out, from->data, len);
	for (uint32_t i = random_below(8) + 1; len && i; i--) {
		at = random_below(len);
		switch (random_below(4)) {
		case 0:
			out[at] = (uint8_t)random_below(256);
			break;
		case 1:
			out[at] = odd[random_below(sizeof(odd))];
			break;
		case 2:
			n = other->len < len - at ? other->len : len - at;
			memcpy(out + at, other->data, n ? random_below(n) : 0);
			break;
		default:
			len = random_below(8) ? len : at + 1;
		}
	}
	return len;
}

int main(int argc, char **argv)
{
	uint8_t *buf = malloc(INPUT_MAX);
	time_t end = time(NULL) + (argc > 2 ? atoi(argv[2]) : 0);
	unsigned long runs = 0;

	if (argc > 1)
		load(argv[1]);
	for (size_t i = 0; i < n_inputs; i++, runs++)
		LLVMFuzzerTestOneInput(inputs[i].data, inputs[i].len);
	while (n_inputs && buf && time(NULL) < end) {
		for (int k = 0; k < 200; k++, runs++)
			LLVMFuzzerTestOneInput(buf, mutate(&inputs[random_below(n_inputs)], buf));
	}
	for (size_t i = 0; i < n_inputs; i++)
		free(inputs[i].data);
	free(buf);
	printf("1..1\n%sok 1 - %lu inputs of %zu seeds\n", n_inputs ? "" : "not ", runs, n_inputs);
	return n_inputs ? 0 : 1;
}
