// SPDX-License-Identifier: Apache-2.0
/*
 * The file always holds what is older than memory: memory moves into it as a whole, in order,
 * and it is sent before memory is. How far it was sent stands in a file beside it, written
 * before the send: a process that is killed may lose the message it was about to send, and
 * never lets the next one send a thing again. When all of it was sent and acknowledged, it is
 * emptied.
 */
#include "ipfix/backlog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/parse.h"

/* So much of the file is read at a time. */
#define CHUNK_BYTES (64 * 1024)
#define MARK_LEN 21

static void mark(struct backlog *b, uint64_t sent)
{
	char text[MARK_LEN + 1];

	snprintf(text, sizeof(text), "%020llu\n", (unsigned long long)sent);
	if (pwrite(b->mark_fd, text, MARK_LEN, 0) != MARK_LEN)
		snprintf(b->trouble, sizeof(b->trouble), "cannot note what of the backlog was sent: %s",
			 strerror(errno));
}

static uint64_t read_mark(int fd)
{
	char text[MARK_LEN + 1] = "";
	ssize_t n = pread(fd, text, MARK_LEN, 0);
	uint64_t sent = 0;

	if (n == MARK_LEN)
		text[MARK_LEN - 1] = '\0';
	return n == MARK_LEN && parse_u64(text, UINT64_MAX, &sent) == 0 ? sent : 0;
}

/* What is written before @sent has been sent, and is read for its templates only. */
static int skip_sent(struct backlog *b, uint64_t sent)
{
	_cleanup_(freep) uint8_t *buf = malloc(IPFIX_MESSAGE_MAX);
	size_t len = 0;
	int r = buf ? 0 : -ENOMEM;

	while (r == 0 && b->read_at < sent) {
		r = stream_disk_read(&b->disk, b->read_at, buf, &len);
		if (r < 0 || !len)
			break;
		r = stream_voice_hear(&b->reader, buf, len);
		b->read_at += len;
	}
	return r < 0 ? fail(r, "cannot read the backlog '%s'", b->disk.path) : 0;
}

static int open_disk(struct backlog *b, const char *file, uint64_t max)
{
	_cleanup_(freep) char *beside = NULL;
	uint64_t sent;
	int r;

	if (asprintf(&beside, "%s.sent", file) < 0)
		return fail(-ENOMEM, "cannot open the backlog '%s'", file);
	r = stream_disk_init(&b->disk, file, 0);
	if (r < 0)
		return fail_context(r, "backlog");
	if (!b->disk.regular)
		return fail_usage("the backlog '%s' is no regular file", file);
	b->mark_fd = open(beside, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (b->mark_fd < 0)
		return fail(-errno, "cannot open '%s'", beside);
	sent = read_mark(b->mark_fd);
	if (sent > b->disk.size)
		sent = 0;
	mark(b, sent);
	b->on_disk = true;
	b->disk_max = max;
	return skip_sent(b, sent);
}

int backlog_init(struct backlog *b, uint64_t bytes, const char *file, uint64_t file_bytes,
		 size_t cap)
{
	int r;

	*b = (struct backlog) { .bytes_max = bytes, .mark_fd = -1, .disk.fd = -1 };
	stream_queue_init(&b->flying);
	stream_queue_init(&b->out);
	stream_queue_init(&b->memory);
	r = message_init(&b->scratch, cap);
	return r == 0 && file ? open_disk(b, file, file_bytes) : r;
}

void backlog_deinit(struct backlog *b)
{
	stream_queue_deinit(&b->flying);
	stream_queue_deinit(&b->out);
	stream_queue_deinit(&b->memory);
	stream_voice_deinit(&b->reader);
	stream_disk_deinit(&b->disk);
	message_deinit(&b->scratch);
	closep(&b->mark_fd);
	b->mark_fd = -1;
}

static bool memory_has_room(const struct backlog *b, size_t len)
{
	size_t n = b->out.n + b->memory.n + 1;
	size_t cost = b->out.bytes + b->memory.bytes + n * sizeof(struct stream_message);

	return !b->memory.first || cost + len <= b->bytes_max;
}

bool backlog_has_room(const struct backlog *b, size_t len)
{
	return memory_has_room(b, len) ||
	       (b->on_disk && !b->trouble[0] && b->disk.size + len <= b->disk_max);
}

/* Move what @q holds into the file, in order, as far as that goes. */
static int move_to_disk(struct backlog *b, struct stream_queue *q)
{
	int r = b->on_disk ? 0 : -ENOSPC;
	uint64_t written;

	while (r == 0 && q->first) {
		r = stream_disk_append(&b->disk, q->first, NULL, &b->scratch, b->disk_max,
				       &written);
		if (r == 0)
			stream_message_free(stream_queue_pop(q));
	}
	b->trouble[0] = '\0';
	if (b->on_disk && r < 0)
		snprintf(b->trouble, sizeof(b->trouble), "cannot write the backlog's file: %s",
			 r == -EFBIG ? "it has its full size" : strerror(-r));
	return r;
}

int backlog_push(struct backlog *b, struct stream_message *m)
{
	if (!memory_has_room(b, m->len))
		move_to_disk(b, &b->memory);
	if (!memory_has_room(b, m->len)) {
		stream_message_free(m);
		return -ENOSPC;
	}
	stream_queue_push(&b->memory, m);
	return 0;
}

bool backlog_has_file(const struct backlog *b)
{
	return b->on_disk && b->read_at < b->disk.size;
}

/* One message of the file, if it holds records. */
static int read_one(struct backlog *b, uint8_t *buf)
{
	struct stream_message *m;
	struct stream_domain *d;
	uint32_t domain, records;
	size_t len;
	int r = stream_disk_read(&b->disk, b->read_at, buf, &len);

	if (r < 0 || !len)
		return r < 0 ? r : -EBADMSG;
	r = stream_voice_hear(&b->reader, buf, len);
	domain = get_be32(buf + 12);
	d = r == 0 ? stream_voice_domain(&b->reader, domain) : NULL;
	if (!d)
		return -ENOMEM;
	records = stream_words_count(d->told, buf, len);
	if (records) {
		m = stream_message_new(STREAM_FLOWS, domain, records, d->told, buf, len);
		if (!m)
			return -ENOMEM;
		m->file_begin = b->read_at;
		m->file_end = b->read_at + len;
		stream_queue_push(&b->out, m);
	}
	b->read_at += len;
	return 0;
}

/* A file that cannot be read does not keep back what is in memory. */
static void read_chunk(struct backlog *b)
{
	_cleanup_(freep) uint8_t *buf = malloc(IPFIX_MESSAGE_MAX);
	int r = buf ? 0 : -ENOMEM;

	while (r == 0 && b->out.bytes < CHUNK_BYTES && backlog_has_file(b))
		r = read_one(b, buf);
	if (r < 0) {
		snprintf(b->trouble, sizeof(b->trouble), "cannot read the backlog's file: %s",
			 strerror(-r));
		b->read_at = b->disk.size;
	}
}

static bool any_of_file(const struct stream_queue *q)
{
	for (const struct stream_message *m = q->first; m; m = m->next) {
		if (m->file_end)
			return true;
	}
	return false;
}

/* All of it was sent: the next that goes into it begins it anew. */
static void empty_file(struct backlog *b)
{
	if (!b->on_disk || !b->disk.size || backlog_has_file(b) || any_of_file(&b->out) ||
	    any_of_file(&b->flying))
		return;
	if (stream_disk_empty(&b->disk) < 0)
		return;
	mark(b, 0);
	stream_voice_reset(&b->reader);
	b->read_at = 0;
	b->trouble[0] = '\0';
}

struct stream_message *backlog_first(struct backlog *b)
{
	if (!b->out.first && backlog_has_file(b))
		read_chunk(b);
	empty_file(b);
	if (!b->out.first && b->memory.first)
		stream_queue_push(&b->out, stream_queue_pop(&b->memory));
	return b->out.first;
}

void backlog_put_next(struct backlog *b, struct stream_message *m)
{
	stream_queue_push(&b->out, m);
}

void backlog_put_first(struct backlog *b, struct stream_queue *q)
{
	stream_queue_prepend(&b->out, q);
}

void backlog_begin(struct backlog *b)
{
	b->out.first->begun = true;
	if (b->out.first->file_end)
		mark(b, b->out.first->file_end);
}

void backlog_handed(struct backlog *b, uint64_t end)
{
	struct stream_message *m = stream_queue_pop(&b->out);

	m->end = end;
	stream_queue_push(&b->flying, m);
}

const struct stream_message *backlog_acked(const struct backlog *b, uint64_t acked)
{
	const struct stream_message *m = b->flying.first;

	return m && m->end <= acked ? m : NULL;
}

void backlog_forget(struct backlog *b)
{
	stream_message_free(stream_queue_pop(&b->flying));
}

/* Those of @from that are flows, and neither begun nor known to a session, behind those of @to. */
static void keep_flows(struct stream_queue *from, struct stream_queue *to)
{
	struct stream_message *m;

	while ((m = stream_queue_pop(from))) {
		if (m->kind != STREAM_FLOWS) {
			stream_message_free(m);
			continue;
		}
		m->done = 0;
		m->begun = false;
		stream_queue_push(to, m);
	}
}

void backlog_break(struct backlog *b, uint64_t left)
{
	struct stream_queue doubt, again;
	const struct stream_message *m;

	stream_queue_init(&doubt);
	stream_queue_init(&again);
	while (b->flying.first && b->flying.first->end <= left)
		stream_queue_push(&doubt, stream_queue_pop(&b->flying));
	keep_flows(&b->flying, &again);
	keep_flows(&b->out, &again);
	stream_queue_prepend(&b->flying, &doubt);
	stream_queue_prepend(&b->out, &again);
	for (m = b->out.first; m && !m->file_end; m = m->next)
		;
	if (m)
		mark(b, m->file_begin);
}

static uint64_t count_records(const struct stream_queue *q)
{
	uint64_t n = 0;

	for (const struct stream_message *m = q->first; m; m = m->next)
		n += m->kind == STREAM_FLOWS && !m->file_end ? m->records : 0;
	return n;
}

void backlog_spill(struct backlog *b)
{
	/* What is next is older than what is in the file: it goes only where there is nothing. */
	if (b->on_disk && !b->disk.size)
		stream_queue_prepend(&b->memory, &b->out);
	if (b->on_disk && b->memory.first)
		move_to_disk(b, &b->memory);
}

void backlog_save(struct backlog *b, void (*lost)(void *arg, const struct stream_message *m),
		  void *arg)
{
	struct stream_queue mine;
	struct stream_message *m;

	/* Those of the file are still in it. */
	stream_queue_init(&mine);
	while ((m = stream_queue_pop(&b->out))) {
		if (m->kind == STREAM_FLOWS && !m->file_end)
			stream_queue_push(&mine, m);
		else
			stream_message_free(m);
	}
	stream_queue_prepend(&b->memory, &mine);
	move_to_disk(b, &b->memory);
	while ((m = stream_queue_pop(&b->memory))) {
		lost(arg, m);
		stream_message_free(m);
	}
}

uint64_t backlog_records(const struct backlog *b)
{
	return count_records(&b->flying) + count_records(&b->out) + count_records(&b->memory);
}

bool backlog_is_empty(const struct backlog *b)
{
	return !b->out.first && !b->memory.first && !backlog_has_file(b);
}

size_t backlog_waiting(const struct backlog *b)
{
	return b->out.bytes + b->memory.bytes;
}
