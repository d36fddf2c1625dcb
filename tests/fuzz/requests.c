/* See requests.h. */
#include "requests.h"

static struct { const uint8_t *p; size_t left; } in;
static uint8_t message[8192];
static size_t used;

void input_is(const uint8_t *data, size_t size)
{
	in.p = data;
	in.left = size;
}

bool input_left(void) { return in.left; }

uint8_t take8(void)
{
	if (!in.left) return 0;
	in.left--;
	return *in.p++;
}

void request_begin(const struct nlmsghdr *h)
{
	used = 0;
	put(h, sizeof *h);
}

size_t put(const void *data, size_t len)
{
	size_t room = NLMSG_ALIGN(len), at = used;

	if (used + room > sizeof message) return at;
	memset(message + used, 0, room);
	memcpy(message + used, data, len);
	used += room;
	return at;
}

size_t nest(uint16_t type) { return put(&(struct nlattr){.nla_type = type}, sizeof(struct nlattr)); }

void end(size_t at)
{
	uint16_t len = (uint16_t)(used - at);

	if (used < at + sizeof(struct nlattr)) return;
	if (take8() % 32 == 0) len = (uint16_t)(len + take8());
	memcpy(message + at, &len, sizeof len);
}

void attribute(uint16_t type, const void *data, size_t len)
{
	size_t at = nest(type);

	put(data, len);
	end(at);
}

static void drain(struct sock *sk)
{
	static uint8_t buf[8192];
	struct sock_msg m;

	do m = (struct sock_msg){.data = buf, .len = sizeof buf};
	while (sock_recv(sk, &m) > 0);
}

void request_send(struct sock *sk, struct nlmsghdr *h)
{
	h->nlmsg_len = (uint32_t)(take8() % 32 == 0 ? take8() * 3u : used);
	memcpy(message, h, sizeof *h);
	if (take8() % 8 == 0) message[sizeof *h + take8() % (used - sizeof *h)] = take8();
	(void)sock_send(sk, &(struct sock_msg){.data = message, .len = used});
	drain(sk);
}
