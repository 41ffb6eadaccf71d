/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a stream share: stream.c makes messages, an outlet takes them. */
#ifndef FLOWCTL_IPFIX_STREAM_INTERNAL_H
#define FLOWCTL_IPFIX_STREAM_INTERNAL_H

#include "ipfix/backlog.h"
#include "ipfix/stream.h"
#include "ipfix/stream_disk.h"
#include "ipfix/stream_link.h"
#include "ipfix/stream_voice.h"

struct stream;

/* Where messages go. */
struct stream_outlet {
	/* 0 or fail(). close() in any case. */
	int (*open)(struct stream *s, const struct stream_config *config);
	/* Take @m, whatever becomes of it. 0 or a negative errno: it is lost, and counted. */
	int (*take)(struct stream *s, struct stream_message *m);
	/* Take options data, which is of use only soon. */
	int (*take_options)(struct stream *s, struct stream_message *m);
	/* Go on with what can be done now. NULL: there is never anything. */
	void (*go_on)(struct stream *s, uint64_t now_ns);
	/* As in sink_ops. */
	uint64_t (*wait_ns)(struct stream *s, uint64_t now_ns);
	void (*hurry)(struct stream *s, uint64_t now_ns);
	void (*tick)(struct stream *s, uint64_t now_ns);
	int (*reopen)(struct stream *s);
	/* What waits goes to disk, or is lost. NULL: nothing ever waits. */
	void (*give_up)(struct stream *s);
	void (*close)(struct stream *s);
	bool (*is_up)(const struct stream *s);
	/* Does nothing wait that options data would overtake? */
	bool (*is_idle)(const struct stream *s);
	/* What was said there. */
	struct stream_voice *(*voice)(struct stream *s);
};

struct stream_net {
	struct link link;
	struct backlog backlog;
	struct stream_voice voice;	/* of the connection */
	unsigned connections;		/* link.connections that it belongs to */
	bool up;
	bool stalled;			/* the collector takes nothing, for long */
	bool hurried;			/* do not wait for a slow collector */
	bool full;			/* records were lost for want of room */
	uint64_t up_ns;			/* CLOCK_BOOTTIME of when it was up last */
	uint64_t progress_ns;		/* CLOCK_BOOTTIME of when it last took something */
	uint64_t full_ns;		/* since when there is no room, 0 = there is */
	bool was_told;			/* the agent had time to tell the trouble */
	char trouble[192];		/* of the last connection or attempt */
};

struct stream {
	struct sink sink;
	const struct stream_outlet *outlet;
	const struct template_set *templates;
	struct stream_words *words;	/* of them */
	struct message data;		/* the open batch */
	uint64_t packets, octets;	/* of the open batch */
	const struct record *asked;	/* about by room(): put() comes with the same, */
	const struct template_choice *choice;	/* which is carried so */
	struct message scratch;
	struct options *options;	/* or NULL */
	uint64_t options_every_ns;
	/* of the outlet */
	struct stream_net net;
	struct stream_disk disk;
};

/* The stream that @s is, if it has a connection, else NULL. */
struct stream *stream_of_net(const struct sink *s);
/* @m was given to it and is lost. */
void stream_count_lost(struct stream *s, const struct stream_message *m);
/* @m left, in the session of @d. */
void stream_count_sent(struct stream *s, struct stream_domain *d, const struct stream_message *m);
/* It arrived. */
void stream_count_sure(struct stream *s, const struct stream_message *m);

extern const struct stream_outlet stream_outlet_net, stream_outlet_file;

#endif
