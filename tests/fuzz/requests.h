/* For the targets that a program harms by netlink: the input, octet by octet, and a request that is made of it. */
#pragma once
#include <linux/netlink.h>
#include "stack/socket/sock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- the input ---- */
void input_is(const uint8_t *data, size_t size);
bool input_left(void);
uint8_t take8(void);                          /* 0 when there is no more */
static inline bool maybe(void) { return take8() % 2; }

/* ---- a request ---- */
void request_begin(const struct nlmsghdr *h);
size_t put(const void *data, size_t len);     /* aligned, or not at all where it has no room; where that is */
size_t nest(uint16_t type);                   /* begins an attribute that end() ends */
void end(size_t at);                          /* one in thirty-two lies about its length */
void attribute(uint16_t type, const void *data, size_t len);
/* Sends it, with a length that lies now and then, and an octet that is another one; and reads all that was answered. */
void request_send(struct sock *sk, struct nlmsghdr *h);
