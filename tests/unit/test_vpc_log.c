// SPDX-License-Identifier: Apache-2.0
/* A log of format vpc over a kill, on a full disk, and as a folder of files. */
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/error.h"
#include "sink/vpc_book.h"
#include "sink/vpc_spool.h"
#include "vpc.h"

/* Do it in a process that ends without a word. */
static void killed_after(const struct vpc_config *c, void (*what)(struct sink *s))
{
	pid_t pid = fork();

	if (!pid) {
		struct sink *s = open_with(c);

		if (s)
			what(s);
		_exit(s ? 0 : 1);
	}
	waitpid(pid, NULL, 0);
}

static void put_three(struct sink *s)
{
	put_port(s, 80, 1, AT, TH_SYN);
	put_port(s, 81, 1, AT, 0);
	s->ops->flush(s);
	put_port(s, 80, 2, AT + 5, 0);
	s->ops->flush(s);
	put_port(s, 80, 64, AT, 0);	/* was not flushed: the agent still holds it */
}

TEST(a_killed_log_goes_on_where_it_was)
{
	struct vpc_config c = config(SHORT);
	struct sink *s;

	killed_after(&c, put_three);
	CHECK(says(""));
	s = open_with(&c);
	CHECK(s != NULL);
	put_port(s, 80, 4, AT + 7, 0);
	s->ops->flush(s);
	end_interval(s, AT, AT + 60, NULL, 0);
	CHECK(says("80 7 700 1418530020 1418530028 2\n81 1 100 1418530020 1418530021 0\n"));
	s->ops->close(s);
	CHECK(access(spool, F_OK) < 0);
	remove_files();
}

static void copy(const char *from, const char *to)
{
	char words[256];

	snprintf(words, sizeof(words), "cp %s %s", from, to);
	CHECK(system(words) == 0);
}

static void put_and_save(struct sink *s)
{
	put_three(s);
	copy(spool, saved);
}

static void go_on(const struct vpc_config *c)
{
	struct sink *s = open_with(c);

	CHECK(s != NULL);
	if (s)
		s->ops->close(s);
}

/* Killed while it writes the lines of an interval, after any byte of them. */
TEST(no_line_is_lost_or_there_twice_wherever_it_was_killed)
{
	static const char all[] = "80 3 300 1418530020 1418530026 2\n81 1 100 1418530020 1418530021 0\n";
	struct vpc_config c = config(SHORT);
	uint32_t end_s = AT + 60;

	for (off_t k = 0; k < (off_t)sizeof(all); k++) {
		struct strbuf end = STRBUF_NULL;
		struct vpc_spool sp;
		int fd;

		killed_after(&c, put_and_save);
		CHECK(rename(saved, spool) == 0);
		CHECK(vpc_spool_open(&sp, spool) == 0);
		vpc_spool_entry(&end, VPC_ENTRY_END, &end_s, sizeof(end_s));
		CHECK(vpc_spool_append(&sp, &end) == 0);
		vpc_spool_close(&sp);
		strbuf_deinit(&end);
		fd = open(path, O_WRONLY | O_APPEND);
		CHECK(write(fd, all, k) == k);
		close(fd);
		go_on(&c);
		CHECK(says(all));
		remove_files();
	}
}

TEST(a_spool_that_was_cut_off_gives_what_is_whole)
{
	struct vpc_config c = config(SHORT);
	struct stat st = { 0 };

	killed_after(&c, put_and_save);
	CHECK(stat(saved, &st) == 0 && st.st_size > 100);
	for (off_t k = 0; k < st.st_size; k += 7) {
		copy(saved, spool);
		CHECK(truncate(spool, k) == 0);
		go_on(&c);
	}
	remove_files();
}

static char folder[64];

static struct vpc_config folder_config(void)
{
	struct vpc_config c = config(SHORT);

	snprintf(folder, sizeof(folder), "%s/s3", dir);
	c.file = NULL;
	c.directory = folder;
	c.gzip = false;
	c.period_s = 300;
	c.flow_log_id = "fl-1";
	c.account = "999999999999";	/* the cloud knows better */
	return c;
}

/* All files below the folder into one, in the order of their names; how many there are. */
static int gather(void)
{
	char words[512];
	int n;

	snprintf(words, sizeof(words), "find %s -type f ! -name '.*' | sort | xargs cat > %s; "
		 "exit $(find %s -type f ! -name '.*' | wc -l)", folder, path, folder);
	n = system(words);
	return WEXITSTATUS(n);
}

static void remove_folder(void)
{
	char words[256];

	snprintf(words, sizeof(words), "rm -r %s", folder);
	CHECK(system(words) == 0);
	remove_files();
}

#define FULL_FIVE 1418529900	/* a multiple of 300 s */

static void two_intervals(struct sink *s)
{
	put_port(s, 80, 1, FULL_FIVE, 0);
	s->ops->flush(s);
	end_interval(s, FULL_FIVE, FULL_FIVE + 60, NULL, 0);
	put_port(s, 80, 2, FULL_FIVE + 60, 0);
	s->ops->flush(s);
	end_interval(s, FULL_FIVE + 60, FULL_FIVE + 120, NULL, 0);
	put_port(s, 80, 4, FULL_FIVE + 120, 0);
	s->ops->flush(s);
}

TEST(a_file_of_a_folder_is_complete_at_its_period_whatever_was_killed)
{
	static const char all[] = "80 1 100 1418529900 1418529901 0\n"
				  "80 2 200 1418529960 1418529961 0\n"
				  "80 6 600 1418530020 1418530022 0\n";
	struct vpc_config c = folder_config();
	char name[300];
	struct sink *s;

	killed_after(&c, two_intervals);
	CHECK(gather() == 0);
	s = open_with(&c);
	CHECK(s != NULL);
	put_port(s, 80, 2, FULL_FIVE + 121, 0);
	s->ops->flush(s);
	end_interval(s, FULL_FIVE + 120, FULL_FIVE + 180, NULL, 0);
	CHECK(gather() == 0 && s->stats.records == 0);
	end_interval(s, FULL_FIVE + 240, FULL_FIVE + 300, NULL, 0);
	CHECK(gather() == 1 && s->stats.records == 3);
	CHECK(says(all));
	snprintf(name, sizeof(name), "ls %s/AWSLogs/123456789010/vpcflowlogs/ap-southeast-2/2014/12/14/"
		 "123456789010_vpcflowlogs_ap-southeast-2_fl-1_20141214T0410Z_*.log > /dev/null", folder);
	CHECK(system(name) == 0);
	s->ops->close(s);
	CHECK(gather() == 1);
	remove_folder();
}

TEST(an_end_writes_what_is_there)
{
	struct vpc_config c = folder_config();
	struct sink *s;

	c.hive = c.per_hour = true;
	s = open_with(&c);
	two_intervals(s);
	s->ops->close(s);
	CHECK(gather() == 1);
	CHECK(says("80 1 100 1418529900 1418529901 0\n80 2 200 1418529960 1418529961 0\n"
		   "80 4 400 1418530020 1418530021 0\n"));
	remove_folder();
}

TEST(nobody_else_writes_the_same_log)
{
	struct vpc_config c = config(SHORT);
	struct sink *s = open_with(&c), *other = NULL;

	CHECK(s && sink_vpc_new(&c, &other) == -EBUSY && !other);
	CHECK(strstr(error_message(), "is in use"));
	s->ops->close(s);
	remove_files();
}

static void limit_files(rlim_t bytes)
{
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = bytes;
	setrlimit(RLIMIT_FSIZE, &limit);
}

#define BEFORE 65536

/* A log that is long already, so that it is full while its spool is not. */
static void make_long(void)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	for (int i = 0; i < BEFORE / 2; i++)
		CHECK(write(fd, "x\n", 2) == 2);
	close(fd);
}

static bool says_behind(const char *wanted)
{
	_cleanup_(freep) char *is = content(path);

	if (strlen(is) >= BEFORE && strcmp(is + BEFORE, wanted) == 0)
		return true;
	printf("# is     %s\n# wanted %s\n", strlen(is) < BEFORE ? "short" : is + BEFORE, wanted);
	return false;
}

static const char two[] = "80 1 100 1418530020 1418530021 0\n81 1 100 1418530020 1418530021 0\n";

static void two_into_full(struct sink *s)
{
	put_port(s, 80, 1, AT, 0);
	put_port(s, 81, 1, AT, 0);
	s->ops->flush(s);
	limit_files(BEFORE + 50);
	end_interval(s, AT, AT + 60, NULL, 0);
}

TEST(what_finds_no_room_waits_and_is_there_once_when_there_is)
{
	struct vpc_config c = config(SHORT);
	struct sink *s;

	make_long();
	s = open_with(&c);
	two_into_full(s);
	CHECK(!s->stats.lost_records && s->stats.errors == 1 && s->stats.records == 1);
	CHECK(strcmp(s->trouble, "cannot write: File too large; lines wait for that to end") == 0);
	put_port(s, 82, 1, AT, 0);	/* late: a line of its own */
	s->ops->flush(s);
	s->ops->tick(s, 0);
	CHECK(s->stats.records == 1 && s->trouble[0]);
	limit_files(RLIM_INFINITY);
	s->ops->tick(s, 0);
	CHECK(says_behind("80 1 100 1418530020 1418530021 0\n81 1 100 1418530020 1418530021 0\n"
			  "82 1 100 1418530020 1418530021 0\n"));
	CHECK(s->stats.records == 3 && !s->stats.lost_records && !s->trouble[0]);
	s->ops->close(s);
	CHECK(access(spool, F_OK) < 0);
	remove_files();
}

TEST(lines_that_wait_survive_an_end_and_a_kill)
{
	struct vpc_config c = config(SHORT);
	struct sink *s;

	make_long();
	s = open_with(&c);
	two_into_full(s);
	s->ops->close(s);
	limit_files(RLIM_INFINITY);
	go_on(&c);
	CHECK(says_behind(two));
	remove_files();
	make_long();
	killed_after(&c, two_into_full);
	go_on(&c);
	CHECK(says_behind(two));
	CHECK(access(spool, F_OK) < 0);
	remove_files();
}

TEST(where_there_is_no_room_for_its_spool_a_log_begins_all_the_same)
{
	struct vpc_config c = config(SHORT);
	struct sink *s;

	make_long();
	limit_files(0);
	s = open_with(&c);
	CHECK(s != NULL);
	s->ops->tick(s, 0);
	CHECK(strcmp(s->trouble, "cannot write its spool, a kill would lose lines: File too large") == 0);
	limit_files(RLIM_INFINITY);
	s->ops->tick(s, 0);
	CHECK(!s->trouble[0]);
	put_port(s, 80, 1, AT, 0);
	put_port(s, 81, 1, AT, 0);
	s->ops->flush(s);
	s->ops->close(s);
	CHECK(says_behind(two));
	remove_files();
}

/* Another file comes next, of which so many bytes find room at first. */
static void cut_line_is_whole_in_the_next(const struct vpc_config *c, rlim_t bytes, bool reopens)
{
	struct sink *s;

	make_long();
	s = open_with(c);
	two_into_full(s);
	CHECK(rename(path, saved) == 0);
	limit_files(bytes);
	CHECK((s->ops->reopen(s) == 0) == reopens);
	limit_files(RLIM_INFINITY);
	s->ops->tick(s, 0);
	CHECK(says("81 1 100 1418530020 1418530021 0\n"));
	s->ops->close(s);
	remove_files();
}

TEST(a_line_that_was_cut_is_whole_in_the_file_that_comes_next)
{
	struct vpc_config c = config(SHORT);

	cut_line_is_whole_in_the_next(&c, RLIM_INFINITY, true);
}

TEST(a_cut_line_is_whole_in_a_new_file_whose_header_finds_no_room)
{
	struct vpc_config c = config(SHORT);

	c.header = true;
	cut_line_is_whole_in_the_next(&c, 0, false);
}

#define MANY 600000

TEST(what_waits_is_bounded_and_what_is_lost_is_told_in_the_log)
{
	struct vpc_config c = config(SHORT " ${interface-id} ${log-status}");
	struct sink_place place = { .netns = "default", .iface = "eth0", .cloud = &cloud, .seen = 1 };
	char words[400];
	struct sink *s;

	make_long();
	s = open_with(&c);
	end_interval(s, AT, AT + 60, NULL, 0);
	limit_files(BEFORE);
	for (int i = 0; i < MANY; i++) {
		put_port(s, 80, 1, AT, 0);	/* late, each of them */
		if (i % 1000 == 999)
			s->ops->flush(s);
	}
	CHECK(strcmp(s->trouble, "cannot write: File too large; no more lines can wait, new ones are lost") == 0);
	CHECK(s->stats.lost_records > MANY / 10 && s->stats.lost_records < MANY / 4 * 3);
	limit_files(RLIM_INFINITY);
	s->ops->tick(s, 0);
	CHECK(s->stats.records + s->stats.lost_records == MANY && !s->trouble[0]);
	end_interval(s, AT + 60, AT + 120, &place, 1);
	end_interval(s, AT + 120, AT + 180, &place, 1);	/* told once */
	snprintf(words, sizeof(words), "test $(grep -c ' eni-1235b8ca123456789 OK$' %s) = %llu && "
		 "test \"$(tail -n 1 %s)\" = '- - - 1418530020 1418530140 - eni-1235b8ca123456789 SKIPDATA'", path,
		 (unsigned long long)(MANY - s->stats.lost_records), path);
	CHECK(system(words) == 0);
	s->ops->close(s);
	remove_files();
}

TEST(a_folder_that_is_taken_away_is_made_again_with_all_lines)
{
	struct vpc_config c = folder_config();
	char words[256];
	struct sink *s;

	s = open_with(&c);
	two_intervals(s);
	snprintf(words, sizeof(words), "rm -r %s", folder);
	CHECK(system(words) == 0);
	end_interval(s, FULL_FIVE + 240, FULL_FIVE + 300, NULL, 0);
	s->ops->tick(s, 0);
	CHECK(gather() == 1 && s->stats.records == 3 && !s->stats.lost_records && !s->trouble[0]);
	CHECK(says("80 1 100 1418529900 1418529901 0\n80 2 200 1418529960 1418529961 0\n"
		   "80 4 400 1418530020 1418530021 0\n"));
	CHECK(system(words) == 0);
	put_port(s, 80, 1, FULL_FIVE + 300, 0);
	s->ops->flush(s);
	end_interval(s, FULL_FIVE + 540, FULL_FIVE + 600, NULL, 0);
	CHECK(gather() == 1 && s->stats.records == 4 && !s->trouble[0]);
	s->ops->close(s);
	remove_folder();
}

TEST(a_folders_file_that_finds_no_room_is_made_when_there_is)
{
	struct vpc_config c = folder_config();
	struct sink *s;

	s = open_with(&c);
	two_intervals(s);
	limit_files(20);
	end_interval(s, FULL_FIVE + 240, FULL_FIVE + 300, NULL, 0);
	CHECK(gather() == 0 && !s->stats.lost_records && s->trouble[0]);
	s->ops->tick(s, 0);
	limit_files(RLIM_INFINITY);
	s->ops->tick(s, 0);
	CHECK(gather() == 1 && s->stats.records == 3 && !s->stats.lost_records);
	s->ops->tick(s, 0);
	CHECK(!s->trouble[0]);
	s->ops->close(s);
	CHECK(gather() == 1);
	remove_folder();
}

TEST(a_folder_loses_no_more_lines_once_there_is_room)
{
	struct vpc_config c = folder_config();
	char words[256];
	uint64_t lost;
	struct sink *s;

	s = open_with(&c);
	end_interval(s, FULL_FIVE, FULL_FIVE + 60, NULL, 0);
	limit_files(4096);
	for (int i = 0; i < MANY; i++) {
		put_port(s, 80, 1, FULL_FIVE, 0);	/* late, each of them */
		if (i % 1000 == 999)
			s->ops->flush(s);
	}
	CHECK(strstr(s->trouble, "new ones are lost"));
	limit_files(RLIM_INFINITY);
	s->ops->tick(s, 0);
	CHECK(!s->trouble[0]);
	lost = s->stats.lost_records;
	put_port(s, 80, 1, FULL_FIVE, 0);
	s->ops->flush(s);
	CHECK(lost && s->stats.lost_records == lost && gather() == 1);
	s->ops->close(s);
	CHECK(gather() == 2);
	snprintf(words, sizeof(words), "test $(wc -l < %s) = %llu", path,
		 (unsigned long long)(MANY + 1 - lost));
	CHECK(system(words) == 0);
	remove_folder();
}

TEST(a_full_disk_is_told)
{
	struct vpc_config c = config(SHORT);
	struct sink *s;

	c.file = "/dev/full";
	c.keep = false;
	s = open_with(&c);
	put_port(s, 80, 1, AT, 0);
	put_port(s, 81, 1, AT, 0);
	s->ops->flush(s);
	end_interval(s, AT, AT + 60, NULL, 0);
	CHECK(s->stats.errors == 1 && !s->stats.records);
	CHECK(strcmp(s->trouble, "cannot write: No space left on device; lines wait for that to end") == 0);
	s->ops->close(s);
}
