/* AF_NETLINK: user <-> stack. This stage answers NETLINK_ROUTE dumps and gets of links, addresses and routes. */
#pragma once
#include "stack/socket/sock.h"

int netlink_new(struct stack *s);
void netlink_free(struct stack *s);
