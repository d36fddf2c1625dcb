/* What fanout.c and fanout_pick.c know of a group. */
#pragma once
#include "stack/packet/fanout.h"
#include "stack/socket/filter.h"

struct fanout {
	struct list members;               /* struct packet_sock.fanout_node, in order of joining */
	uint32_t count, most, turn;        /* turn: of PACKET_FANOUT_LB */
	uint16_t id, protocol;
	uint8_t type, flags;
	int ifindex;
	bool ignore_outgoing;
	struct filter *program;
};
