// SPDX-License-Identifier: Apache-2.0
/* See vpc_dest.h. A folder's file is written below a name of its own, and renamed when complete. */
#include "sink/vpc_dest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/strbuf.h"
#include "sink/gzip_file.h"
#include "sink/log_file.h"

struct vpc_dest {
	struct log_file file;		/* no folder */
	char *directory;		/* NULL: a file */
	char *head;
	char *flow_log_id;
	char *part;			/* path of the file that is not complete */
	bool gzip, per_hour, hive;
	uint32_t period_s;
	struct gzip_file *zipped;	/* open part, if gzip */
	FILE *plain;			/* else */
	uint64_t hash;			/* FNV-1a of what is in it */
};

bool vpc_dest_is_open(const struct vpc_dest *d)
{
	return d->zipped || d->plain;
}

static void drop_part(struct vpc_dest *d)
{
	if (d->zipped)
		gzip_file_close(d->zipped);
	if (d->plain)
		fclose(d->plain);
	if (vpc_dest_is_open(d))
		unlink(d->part);
	d->zipped = NULL;
	d->plain = NULL;
}

void vpc_dest_free(struct vpc_dest *d)
{
	if (!d)
		return;
	if (d->directory)
		drop_part(d);
	else
		log_file_deinit(&d->file);
	free(d->directory);
	free(d->head);
	free(d->flow_log_id);
	free(d->part);
	free(d);
}

static int write_head(struct vpc_dest *d)
{
	size_t done;
	int64_t size;
	uint64_t dev, ino;

	if (!d->head)
		return 0;
	if (vpc_dest_where(d, &dev, &ino, &size) && size)
		return 0;
	return log_file_write(&d->file, d->head, strlen(d->head), true, &done);
}

static int open_file(struct vpc_dest *d, const char *name)
{
	int r = log_file_init(&d->file, name);

	if (r < 0)
		return r;
	r = write_head(d);
	return r < 0 ? fail(r, "cannot write '%s'", name) : 0;
}

static int open_folder(struct vpc_dest *d, const struct vpc_dest_config *c)
{
	_cleanup_(strbuf_deinit) struct strbuf part = STRBUF_NULL;
	int r = c->gzip ? gzip_file_probe() : 0;

	if (r < 0)
		return r;
	d->directory = strdup(c->directory);
	d->flow_log_id = strdup(c->flow_log_id);
	strbuf_printf(&part, "%s/.flowctl-%s", c->directory, c->flow_log_id);
	if (!c->alone)
		strbuf_printf(&part, ".%d", getpid());
	strbuf_puts(&part, ".part");
	if (part.failed || !d->directory || !d->flow_log_id)
		return fail(-ENOMEM, "cannot open the flow log '%s'", c->directory);
	d->part = take_ptr(part.data);
	d->gzip = c->gzip;
	d->per_hour = c->per_hour;
	d->hive = c->hive;
	d->period_s = c->period_s;
	if (access(c->directory, W_OK | X_OK) < 0)
		return fail(-errno, "cannot write into the folder '%s'", c->directory);
	if (c->alone)
		unlink(d->part);
	return 0;
}

int vpc_dest_new(const struct vpc_dest_config *config, struct vpc_dest **ret)
{
	struct vpc_dest *d = calloc(1, sizeof(*d));
	int r = 0;

	if (!d)
		return fail(-ENOMEM, "cannot open the flow log");
	d->file.fd = -1;
	if (config->head) {
		d->head = strdup(config->head);
		r = d->head ? 0 : fail(-ENOMEM, "cannot open the flow log");
	}
	if (r == 0)
		r = config->file ? open_file(d, config->file) : open_folder(d, config);
	if (r < 0) {
		vpc_dest_free(d);
		return r;
	}
	*ret = d;
	return 0;
}

static int part_write(struct vpc_dest *d, const char *data, size_t len)
{
	d->hash = fnv1a(d->hash, data, len);
	if (d->zipped)
		return gzip_file_write(d->zipped, data, len);
	return !len || fwrite(data, len, 1, d->plain) == 1 ? 0 : -errno;
}

static int part_make(struct vpc_dest *d)
{
	if (d->gzip)
		return gzip_file_open(d->part, &d->zipped);
	d->plain = fopen(d->part, "we");
	return d->plain ? 0 : -errno;
}

static int part_open(struct vpc_dest *d)
{
	int r;

	if (vpc_dest_is_open(d))
		return 0;
	d->hash = FNV1A_BEGIN;
	r = part_make(d);
	if (r == -ENOENT && mkdir(d->directory, 0755) == 0)
		r = part_make(d);
	if (r == 0 && d->head)
		r = part_write(d, d->head, strlen(d->head));
	return r;
}

int vpc_dest_write(struct vpc_dest *d, const char *data, size_t len, bool patient,
		   size_t *ret_done)
{
	int r;

	if (!d->directory)
		return log_file_write(&d->file, data, len, patient, ret_done);
	*ret_done = 0;
	r = part_open(d);
	if (r == 0)
		r = part_write(d, data, len);
	if (r == 0)
		*ret_done = len;
	else
		drop_part(d);
	return r;
}

/* The folder and the name of the file that is complete at @end_s. */
static void put_path(const struct vpc_dest *d, uint32_t end_s, const char *account,
		     const char *region, struct strbuf *ret)
{
	time_t t = end_s;
	struct tm tm;

	gmtime_r(&t, &tm);
	account = account ? account : "unknown";
	region = region ? region : "unknown";
	strbuf_printf(ret, d->hive ? "%s/AWSLogs/aws-account-id=%s/aws-service=vpcflowlogs/"
				     "aws-region=%s/year=%04d/month=%02d/day=%02d/" :
				     "%s/AWSLogs/%s/vpcflowlogs/%s/%04d/%02d/%02d/",
		      d->directory, account, region, tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
	if (d->per_hour)
		strbuf_printf(ret, d->hive ? "hour=%02d/" : "%02d/", tm.tm_hour);
	strbuf_printf(ret, "%s_vpcflowlogs_%s_%s_%04d%02d%02dT%02d%02dZ_%08x.log%s", account, region,
		      d->flow_log_id, tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
		      tm.tm_min, (unsigned)(d->hash ^ d->hash >> 32), d->gzip ? ".gz" : "");
}

/* Every folder of @path below the first @from bytes. */
static int make_folders(char *path, size_t from)
{
	for (char *p = strchr(path + from + 1, '/'); p; p = strchr(p + 1, '/')) {
		int r;

		*p = '\0';
		r = mkdir(path, 0755) < 0 && errno != EEXIST ? -errno : 0;
		*p = '/';
		if (r < 0)
			return r;
	}
	return 0;
}

static int part_close(struct vpc_dest *d)
{
	int r;

	if (d->gzip)
		r = gzip_file_close(take_ptr(d->zipped));
	else
		r = fclose(take_ptr(d->plain)) == 0 ? 0 : -errno;
	return r;
}

int vpc_dest_end(struct vpc_dest *d, uint32_t end_s, bool now, const char *account,
		 const char *region)
{
	_cleanup_(strbuf_deinit) struct strbuf path = STRBUF_NULL;
	int r;

	if (!d->directory || !vpc_dest_is_open(d) || (!now && end_s % d->period_s))
		return 0;
	put_path(d, end_s, account, region, &path);
	r = part_close(d);
	if (r == 0)
		r = path.failed ? -ENOMEM : make_folders(path.data, strlen(d->directory));
	if (r == 0 && rename(d->part, path.data) < 0)
		r = -errno;
	if (r < 0)
		unlink(d->part);
	return r;
}

int vpc_dest_reopen(struct vpc_dest *d)
{
	int r;

	if (d->directory)
		return 0;
	r = log_file_reopen(&d->file);
	if (r < 0)
		return r;
	r = write_head(d);
	return r < 0 ? fail(r, "cannot write '%s'", d->file.path ? d->file.path : "stdout") : 0;
}

bool vpc_dest_where(const struct vpc_dest *d, uint64_t *ret_dev, uint64_t *ret_ino,
		    int64_t *ret_size)
{
	struct stat st;

	if (d->directory || !d->file.path || fstat(d->file.fd, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	*ret_dev = st.st_dev;
	*ret_ino = st.st_ino;
	*ret_size = st.st_size;
	return true;
}

void vpc_dest_goes_on(struct vpc_dest *d)
{
	d->file.cut = false;
}
