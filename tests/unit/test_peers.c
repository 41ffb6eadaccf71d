// SPDX-License-Identifier: Apache-2.0
/* UDP peers: one session an address, no more than a number of them, and who gives way. */
#include "collect/peers.h"

#include <arpa/inet.h>

#include "test.h"

static struct peers peers;
static size_t budget;
static struct decode decode = { .budget_bytes = &budget, .lifetime_ns = 1000 };

static struct decode_session *get(unsigned listener, uint32_t number, uint64_t now_ns)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET, .sin_port = htons(4739), .sin_addr.s_addr = htonl(number),
	};

	return peers_get(&peers, &decode, listener, (struct sockaddr *)&addr, sizeof(addr), now_ns);
}

static void begin(void)
{
	peers_deinit(&peers, &decode);
	peers.forgotten = 0;
	budget = DECODE_BUDGET_BYTES;
}

TEST(a_peer_is_an_address_at_a_socket)
{
	struct decode_session *a;

	begin();
	a = get(0, 0xc0000201, 1);
	CHECK_STR(a->peer, "192.0.2.1:4739");
	CHECK(get(0, 0xc0000201, 2) == a);
	CHECK(get(1, 0xc0000201, 2) != a);
	CHECK(get(0, 0xc0000202, 2) != a);
	CHECK(get(0, 0xc0000201, 3) == a);
	CHECK(peers.n == 3);
}

TEST(of_too_many_those_without_templates_give_way_first)
{
	struct decode_session *with, *recent;

	begin();
	with = get(0, 1, 1);		/* the longest silent, but it told templates */
	with->schema_bytes = 100;
	budget -= 100;
	for (uint32_t i = 2; i <= PEERS_MAX; i++)
		get(0, i, i);
	recent = get(0, PEERS_MAX, PEERS_MAX);
	CHECK(peers.n == PEERS_MAX && peers.forgotten == 0);
	get(0, 0xffff, PEERS_MAX / 2);
	CHECK(peers.n == PEERS_MAX);
	CHECK(get(0, PEERS_MAX, PEERS_MAX) == recent);
	CHECK(get(0, 1, 1) == with);
	CHECK(peers.forgotten == 1);
}

TEST(when_room_is_short_those_silent_beyond_a_templates_life_go)
{
	begin();
	get(0, 1, 1);
	get(0, 2, 900);
	budget = 0;
	get(0, 3, 1500);
	CHECK(peers.n == 2);
	CHECK(peers.forgotten == 0);
}

TEST(what_a_peer_held_is_given_back)
{
	begin();
	get(0, 1, 1)->schema_bytes = 100;
	budget -= 100;
	peers_deinit(&peers, &decode);
	CHECK(budget == DECODE_BUDGET_BYTES && peers.n == 0);
}
