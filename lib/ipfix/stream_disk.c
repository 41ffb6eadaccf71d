// SPDX-License-Identifier: Apache-2.0
/*
 * A file is a transport session that may last for months. Who opens it reads all of it, as
 * any reader would, and knows then what templates are in force at its end and where each
 * domain's sequence stands; what is appended makes one stream with what was there. A write
 * that does not succeed whole is cut off again.
 */
#include "ipfix/stream_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"

static int read_at(int fd, uint8_t *buf, size_t len, uint64_t at, size_t *ret_got)
{
	*ret_got = 0;
	while (*ret_got < len) {
		ssize_t n = pread(fd, buf + *ret_got, len - *ret_got, at + *ret_got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		*ret_got += n;
	}
	return 0;
}

/* -EBADMSG: here is no message. *ret_len 0: none, or only the beginning of one. */
int stream_disk_read(const struct stream_disk *d, uint64_t at, uint8_t *buf, size_t *ret_len)
{
	size_t got, len;
	int r = read_at(d->fd, buf, IPFIX_HEADER_LEN, at, &got);

	*ret_len = 0;
	if (r < 0)
		return r;
	if ((got >= 1 && buf[0] != IPFIX_VERSION >> 8) ||
	    (got >= 2 && get_be16(buf) != IPFIX_VERSION) ||
	    (got >= 4 && get_be16(buf + 2) < IPFIX_HEADER_LEN))
		return -EBADMSG;
	if (got < IPFIX_HEADER_LEN)
		return 0;
	len = get_be16(buf + 2);
	r = read_at(d->fd, buf + IPFIX_HEADER_LEN, len - IPFIX_HEADER_LEN, at + IPFIX_HEADER_LEN,
		    &got);
	if (r == 0 && got == len - IPFIX_HEADER_LEN)
		*ret_len = len;
	return r;
}

/* All that is in it, as far as messages are whole. */
static int read_all(struct stream_disk *d)
{
	_cleanup_(freep) uint8_t *buf = malloc(IPFIX_MESSAGE_MAX);
	size_t len;
	int r;

	if (!buf)
		return fail(-ENOMEM, "cannot read '%s'", d->path);
	while ((r = stream_disk_read(d, d->size, buf, &len)) == 0 && len) {
		r = stream_voice_hear(&d->voice, buf, len);
		if (r < 0)
			break;
		d->size += len;
	}
	if (r == -EBADMSG)
		return fail_plain(r, "'%s' holds something else than IPFIX messages, from byte %llu on: "
				  "not appended to", d->path, (unsigned long long)d->size);
	return r < 0 ? fail(r, "cannot read '%s'", d->path) : 0;
}

static int open_file(struct stream_disk *d)
{
	struct stat st;
	int r = 0;

	d->fd = open(d->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
	if (d->fd < 0 || fstat(d->fd, &st) < 0)
		return fail(-errno, "cannot open the IPFIX file '%s'", d->path);
	if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode))
		return fail_plain(-EINVAL, "'%s' is no file that can be appended to", d->path);
	/* Two that append would mix their sequences. */
	if (S_ISREG(st.st_mode) && flock(d->fd, LOCK_EX | LOCK_NB) < 0)
		return fail_plain(-EBUSY, "the IPFIX file '%s' is being written by another output or "
				  "process", d->path);
	d->regular = S_ISREG(st.st_mode);
	d->dev = st.st_dev;
	d->ino = st.st_ino;
	if (d->regular)
		r = read_all(d);
	if (r == 0 && d->regular && (uint64_t)st.st_size > d->size &&
	    ftruncate(d->fd, d->size) < 0)
		return fail(-errno, "cannot cut off what is incomplete in '%s'", d->path);
	return r;
}

int stream_disk_init(struct stream_disk *d, const char *path, uint64_t options_every_ns)
{
	*d = (struct stream_disk) {
		.fd = -1,
		.path = strdup(path),
		.voice.options_every_ns = options_every_ns,
	};
	return d->path ? open_file(d) : fail(-ENOMEM, "cannot open the IPFIX file '%s'", path);
}

void stream_disk_deinit(struct stream_disk *d)
{
	closep(&d->fd);
	stream_voice_deinit(&d->voice);
	strbuf_deinit(&d->out);
	free(d->path);
	*d = (struct stream_disk) { .fd = -1 };
}

int stream_disk_reopen(struct stream_disk *d)
{
	struct stream_disk new;
	struct stat st;
	int r;

	if (stat(d->path, &st) == 0 && st.st_dev == d->dev && st.st_ino == d->ino)
		return 0;
	r = stream_disk_init(&new, d->path, d->voice.options_every_ns);
	if (r == 0)
		r = stream_voice_inherit(&new.voice, &d->voice);
	if (r < 0) {
		stream_disk_deinit(&new);
		return r;
	}
	stream_disk_deinit(d);
	*d = new;
	return 0;
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= n;
	}
	return 0;
}

/* Somebody may have emptied it, as logrotate's copytruncate does; then it begins anew. */
static int look_at_size(struct stream_disk *d)
{
	struct stat st;

	if (!d->regular)
		return 0;
	if (fstat(d->fd, &st) < 0)
		return -errno;
	if ((uint64_t)st.st_size < d->size) {
		stream_voice_reset(&d->voice);
		d->size = 0;
	}
	/* What a write has left that failed and could not be cut off then. */
	if ((uint64_t)st.st_size != d->size && ftruncate(d->fd, d->size) < 0)
		return -errno;
	return 0;
}

static void add(struct stream_disk *d, struct stream_domain *domain, struct stream_message *m,
		uint32_t now_s)
{
	stream_message_stamp(m, domain->sequence, now_s);
	domain->sequence += m->records;
	strbuf_add(&d->out, m->bytes, m->len);
}

/* What is to be written, into d->out. */
static int compose(struct stream_disk *d, struct stream_domain *domain, struct stream_message *m,
		   struct options *o, struct message *scratch)
{
	uint32_t now_s = clock_real_ns() / NSEC_PER_SEC;
	struct stream_queue before;
	int r;

	stream_queue_init(&before);
	strbuf_reset(&d->out);
	r = stream_voice_introduce(domain, m->words, o, scratch, &before);
	for (struct stream_message *t = before.first; r == 0 && t; t = t->next)
		add(d, domain, t, now_s);
	stream_queue_deinit(&before);
	if (r == 0)
		add(d, domain, m, now_s);
	return r == 0 && d->out.failed ? -ENOMEM : r;
}

/* As if nothing of it had been said. */
static void unsay(struct stream_domain *domain, const struct stream_domain *before)
{
	stream_words_unref(domain->told);
	*domain = *before;
}

int stream_disk_append(struct stream_disk *d, struct stream_message *m, struct options *o,
		       struct message *scratch, uint64_t max, uint64_t *ret_written)
{
	struct stream_domain *domain, before;
	int r = look_at_size(d);

	if (r < 0)
		return r;
	domain = stream_voice_domain(&d->voice, m->domain);
	if (!domain)
		return -ENOMEM;
	before = *domain;
	if (before.told)
		stream_words_ref(before.told);
	r = compose(d, domain, m, o, scratch);
	if (r == 0 && d->out.len > max - (d->size < max ? d->size : max))
		r = -EFBIG;
	if (r == 0)
		r = write_all(d->fd, d->out.data, d->out.len);
	if (r < 0) {
		/* If this fails too, the next look at the size does it. */
		if (d->regular && ftruncate(d->fd, d->size) < 0)
			errno = 0;
		unsay(domain, &before);
		return r;
	}
	stream_words_unref(before.told);
	d->size += d->out.len;
	*ret_written = d->out.len;
	return 0;
}

int stream_disk_empty(struct stream_disk *d)
{
	if (ftruncate(d->fd, 0) < 0)
		return -errno;
	stream_voice_reset(&d->voice);
	d->size = 0;
	return 0;
}
