/*
 * Options by number, at every level: what get and set answer to each, with lengths, values and pointers of which many are wrong, on whatever a socket has
 * become. Nothing is chosen but what the rest of a program must not hang on: UNSETTABLE; and what is the machine's: NOT_SAID.
 */
#include <linux/filter.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>
#include "calls.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define BAD ((void *)1)
#define UP_TO 8192

struct range { int level; const char *text; int first, last; uint32_t weight; };
/* Numbers that no kernel gives an option stand between those of docs/sockopts.md, and Netfilter's, which are its modules', outside. */
static const struct range ranges[] = {
	{SOL_SOCKET, "SOCKET", 0, 84, 8},          {IPPROTO_IP, "IP", 0, 53, 6},      {IPPROTO_IP, "IP", 200, 213, 1},
	{IPPROTO_IPV6, "IPV6", 0, 63, 6},          {IPPROTO_IPV6, "IPV6", 72, 79, 2}, {IPPROTO_IPV6, "IPV6", 200, 213, 1},
	{IPPROTO_TCP, "TCP", 0, 47, 6},            {IPPROTO_UDP, "UDP", 0, 11, 1},    {IPPROTO_UDP, "UDP", 100, 105, 2},
	{IPPROTO_UDPLITE, "UDPLITE", 9, 12, 1},    {IPPROTO_RAW, "RAW", 0, 8, 1},     {IPPROTO_ICMPV6, "ICMPV6", 0, 3, 1},
	{263, "PACKET", 0, 25, 1},                 {270, "NETLINK", 0, 13, 1},        {282, "TLS", 0, 5, 1},
	{284, "MPTCP", 0, 6, 1},                   {4242, "4242", 0, 3, 1},
};

struct number_of { int level, name; };
/*
 * How much goes at once, when it goes, or what depends on the kernel's modules, as IPsec; and what makes descriptors, or runs a program of eBPF by the
 * number of a descriptor.
 */
static const struct number_of unsettable[] = {
	{SOL_SOCKET, SO_SNDBUF}, {SOL_SOCKET, SO_RCVBUF}, {SOL_SOCKET, SO_SNDBUFFORCE}, {SOL_SOCKET, SO_RCVBUFFORCE}, {SOL_SOCKET, SO_LINGER},
	{SOL_SOCKET, SO_BUSY_POLL}, {SOL_SOCKET, SO_TIMESTAMPING}, {SOL_SOCKET, 65 /* SO_TIMESTAMPING_NEW */}, {SOL_SOCKET, SO_MAX_PACING_RATE}, {SOL_SOCKET, SO_ATTACH_BPF}, {SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF},
	{SOL_SOCKET, 76 /* SO_PASSPIDFD */}, {SOL_SOCKET, SO_PREFER_BUSY_POLL}, {SOL_SOCKET, SO_BUSY_POLL_BUDGET}, {SOL_SOCKET, SO_RESERVE_MEM},
	{IPPROTO_IP, IP_CHECKSUM}, {IPPROTO_IP, IP_IPSEC_POLICY}, {IPPROTO_IP, IP_XFRM_POLICY}, {IPPROTO_IPV6, IPV6_IPSEC_POLICY}, {IPPROTO_IPV6, IPV6_XFRM_POLICY},
	{IPPROTO_TCP, TCP_MAXSEG}, {IPPROTO_TCP, TCP_CORK}, {IPPROTO_TCP, TCP_DEFER_ACCEPT}, {IPPROTO_TCP, TCP_WINDOW_CLAMP},
	{IPPROTO_TCP, TCP_NODELAY}, {IPPROTO_TCP, TCP_MD5SIG}, {IPPROTO_TCP, TCP_MD5SIG_EXT}, {IPPROTO_TCP, TCP_REPAIR}, {IPPROTO_TCP, TCP_FASTOPEN},
	{IPPROTO_TCP, TCP_NOTSENT_LOWAT}, {IPPROTO_TCP, TCP_FASTOPEN_CONNECT}, {IPPROTO_TCP, TCP_FASTOPEN_KEY}, {IPPROTO_TCP, TCP_TX_DELAY},
	{IPPROTO_TCP, 38}, {IPPROTO_TCP, 39}, {IPPROTO_TCP, 40}, {IPPROTO_TCP, 41}, {IPPROTO_TCP, 42},
};
/* What makes a descriptor; what is as long as the machine's default of congestion control has it, or the number of its netlink groups. */
static const struct number_of ungettable[] = {
	{SOL_SOCKET, 77 /* SO_PEERPIDFD */}, {IPPROTO_TCP, TCP_FASTOPEN_KEY}, {IPPROTO_TCP, TCP_CC_INFO}, {IPPROTO_TCP, 38}, {270, NETLINK_LIST_MEMBERSHIPS}, {284, 4 /* MPTCP_FULL_INFO */},
	{IPPROTO_TCP, 39}, {IPPROTO_TCP, 40}, {IPPROTO_TCP, 41}, {IPPROTO_TCP, 42},
};
/* What differs from machine to machine, from run to run, or by what a buffer cost. */
static const struct number_of not_said[] = {
	{SOL_SOCKET, SO_SNDBUF}, {SOL_SOCKET, SO_RCVBUF}, {SOL_SOCKET, SO_COOKIE}, {SOL_SOCKET, SO_NETNS_COOKIE}, {SOL_SOCKET, SO_MEMINFO},
	{SOL_SOCKET, SO_INCOMING_CPU}, {SOL_SOCKET, SO_INCOMING_NAPI_ID}, {SOL_SOCKET, SO_PEERNAME}, {SOL_SOCKET, SO_PEERCRED}, {SOL_SOCKET, SO_PEERGROUPS},
	{IPPROTO_IP, 52 /* IP_PROTOCOL */},
	{IPPROTO_TCP, TCP_INFO}, {IPPROTO_TCP, TCP_SAVED_SYN}, {IPPROTO_TCP, TCP_CONGESTION}, {IPPROTO_TCP, TCP_TIMESTAMP}, {IPPROTO_TCP, TCP_MAXSEG},
	{IPPROTO_TCP, TCP_WINDOW_CLAMP}, {IPPROTO_TCP, TCP_QUICKACK}, {IPPROTO_TCP, TCP_REPAIR_WINDOW}, {IPPROTO_TCP, TCP_QUEUE_SEQ},
	{284, 1 /* MPTCP_INFO */}, {284, 2}, {284, 3},
};

static bool among(const struct number_of *o, const struct number_of *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (list[i].level == o->level && list[i].name == o->name) return true;
	return false;
}

/* Of a kind of sockets that is rare; 0: none. */
static int level_own(const struct program *p)
{
	return p->family == AF_PACKET ? 263 : p->family == AF_NETLINK ? 270 : p->protocol == IPPROTO_MPTCP ? 284 : 0;
}

static struct number_of option_any(struct program *p, const char **ret_text)
{
	uint32_t total = 0;
	size_t i = 0;
	int own = chance(&p->n, 50) ? level_own(p) : 0;
	for (size_t j = 0; j < COUNT(ranges); j++) total += ranges[j].weight;
	uint32_t at = number(&p->n, total);
	for (; own && ranges[i].level != own; i++);
	for (; !own && at >= ranges[i].weight; i++) at -= ranges[i].weight;
	*ret_text = ranges[i].text;
	return (struct number_of){ranges[i].level, ranges[i].first + (int)number(&p->n, (uint32_t)(ranges[i].last - ranges[i].first + 1))};
}

static socklen_t length_any(struct program *p, socklen_t natural)
{
	static const socklen_t odd[] = {0, 1, 2, 3, 5, 8, 12, 16, 20, 28, 40, 128, 136, 264, 1000, UP_TO, (socklen_t)-1, 0x80000000u};
	return chance(&p->n, 65) ? natural : odd[number(&p->n, COUNT(odd))];
}

static void *pointer_any(struct program *p, void *good)
{
	uint32_t which = number(&p->n, 30);
	return which == 0 ? NULL : which == 1 ? BAD : good;
}

void do_option_get(struct program *p)
{
	static uint8_t value[UP_TO];
	const char *text;
	int slot = slot_any(p);
	struct number_of o = option_any(p, &text);
	socklen_t len = length_any(p, sizeof(int));
	void *to = pointer_any(p, value);
	if (among(&o, ungettable, COUNT(ungettable))) return;
	memset(value, 0, sizeof value);
	say(p, "getsockopt(%d, %s %d, %s, %d)", slot, text, o.name, to == value ? "value" : to ? "bad" : "none", (int)len);
	int r = getsockopt(p->fd[slot], o.level, o.name, to, &len);
	say_result(p, r);
	if (r < 0) return;
	say(p, " %u:", len);
	if (among(&o, not_said, COUNT(not_said))) return;
	for (socklen_t i = 0; i < len && i < 40; i++) say(p, "%02x", value[i]);
}

/* ---- values ---- */

static socklen_t value_int(struct program *p, uint8_t *to)
{
	static const int some[] = {-1, 0, 1, 2, 3, 4, 5, 8, 64, 127, 128, 255, 256, 1000, 65535, 65536, INT32_MAX, INT32_MIN};
	int value = chance(&p->n, 50) ? (int)number(&p->n, 2) : some[number(&p->n, COUNT(some))];
	memcpy(to, &value, sizeof value);
	return sizeof value;
}

static socklen_t value_name(struct program *p, uint8_t *to)
{
	static const char *const some[] = {"lo", "nosuch", "", "reno", "a name that is as long as nobody would call anything"};
	const char *name = some[number(&p->n, COUNT(some))];
	strcpy((char *)to, name);
	return (socklen_t)strlen(name) + (socklen_t)chance(&p->n, 50);
}

static socklen_t value_time(struct program *p, uint8_t *to)
{
	static const struct timeval some[] = {{0, 0}, {1, 0}, {0, 5000}, {-1, 0}, {0, -1}, {0, 1000000}, {INT64_MAX, 0}};
	memcpy(to, &some[number(&p->n, COUNT(some))], sizeof *some);
	return sizeof *some;
}

/* Groups are joined on loopback: it is there wherever the program runs. */
static socklen_t value_mreq(struct program *p, uint8_t *to)
{
	struct ip_mreqn m = {.imr_multiaddr.s_addr = htonl(0xe0000100 + number(&p->n, 3)), .imr_address.s_addr = htonl(INADDR_LOOPBACK),
			     .imr_ifindex = chance(&p->n, 90) ? 1 : 99};
	struct ip_mreq_source s = {.imr_multiaddr = m.imr_multiaddr, .imr_interface.s_addr = htonl(INADDR_LOOPBACK),
				   .imr_sourceaddr.s_addr = htonl(p->host + number(&p->n, 2))};
	bool source = chance(&p->n, 30);
	if (chance(&p->n, 10)) m.imr_multiaddr.s_addr = s.imr_multiaddr.s_addr = htonl(p->host);
	if (source) memcpy(to, &s, sizeof s);
	else memcpy(to, &m, sizeof m);
	return source ? sizeof s : sizeof m;
}

static socklen_t value_mreq6(struct program *p, uint8_t *to)
{
	struct ipv6_mreq m = {.ipv6mr_multiaddr.s6_addr = {0xff, 2, [15] = (uint8_t)(1 + number(&p->n, 3))}, .ipv6mr_interface = chance(&p->n, 90) ? 1 : 99};
	if (chance(&p->n, 10)) m.ipv6mr_multiaddr = in6addr_loopback;
	memcpy(to, &m, sizeof m);
	return sizeof m;
}

static socklen_t value_group(struct program *p, uint8_t *to)
{
	struct group_source_req g = {.gsr_interface = chance(&p->n, 90) ? 1 : 99};
	struct sockaddr_in *group = (struct sockaddr_in *)&g.gsr_group, *source = (struct sockaddr_in *)&g.gsr_source;
	*group = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(0xe0000100 + number(&p->n, 3))};
	*source = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(p->host + number(&p->n, 2))};
	if (p->family == AF_INET6) {
		*(struct sockaddr_in6 *)group = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_addr.s6_addr = {0xff, 2, [15] = (uint8_t)(1 + number(&p->n, 3))}};
		*(struct sockaddr_in6 *)source = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
	}
	memcpy(to, &g, sizeof g);
	return chance(&p->n, 50) ? sizeof g : sizeof(struct group_req);
}

static socklen_t value_frames(struct program *p, uint8_t *to)
{
	struct packet_mreq m = {.mr_ifindex = chance(&p->n, 80) ? 1 : 99, .mr_type = (unsigned short)number(&p->n, 5), .mr_alen = (unsigned short)(chance(&p->n, 80) ? 6 : number(&p->n, 40))};
	m.mr_address[0] = (unsigned char)number(&p->n, 2);
	memcpy(to, &m, sizeof m);
	return sizeof m;
}

static socklen_t value_ring(struct program *p, uint8_t *to)
{
	struct tpacket_req3 r = {.tp_block_size = 4096, .tp_block_nr = number(&p->n, 3), .tp_frame_size = chance(&p->n, 80) ? 2048 : number(&p->n, 5000)};
	r.tp_frame_nr = chance(&p->n, 80) && r.tp_frame_size ? r.tp_block_nr * (r.tp_block_size / r.tp_frame_size) : number(&p->n, 9);
	memcpy(to, &r, sizeof r);
	return chance(&p->n, 70) ? sizeof(struct tpacket_req) : sizeof r;
}

/* Groups of sockets of this program only. */
static socklen_t value_fanout(struct program *p, uint8_t *to)
{
	uint32_t value = (uint32_t)(p->id & 0x7fff) << 1 | number(&p->n, 2);
	value |= number(&p->n, 9) << 16 | (chance(&p->n, 20) ? 1u << (28 + number(&p->n, 4)) : 0);
	memcpy(to, &value, sizeof value);
	return sizeof value;
}

/* Programs of a filter: the whole message passes, a part of it, or none; and one that the kernel does not take. */
static socklen_t value_filter(struct program *p, uint8_t *to)
{
	static struct sock_filter some[][2] = {
		{BPF_STMT(BPF_RET | BPF_K, 0xffff), {0}}, {BPF_STMT(BPF_RET | BPF_K, 60), {0}}, {BPF_STMT(BPF_RET | BPF_K, 0), {0}}, {BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), {0}},
	};
	struct sock_fprog f = {.len = (unsigned short)(1 + number(&p->n, 20) / 19), .filter = some[number(&p->n, COUNT(some))]};
	memcpy(to, &f, sizeof f);
	return sizeof f;
}

static bool holds_pointer(const struct number_of *o) { return o->level == SOL_SOCKET && (o->name == SO_ATTACH_FILTER || o->name == SO_ATTACH_REUSEPORT_CBPF); }

/* An interface that is not there binds a socket of Linux's to nothing, which is more than a host here can do. */
static socklen_t value_index(struct program *p, uint8_t *to)
{
	static const int some[] = {0, 1, 1, -1};
	memcpy(to, &some[number(&p->n, COUNT(some))], sizeof *some);
	return sizeof *some;
}

static socklen_t value_octets(struct program *p, uint8_t *to)
{
	socklen_t len = number(&p->n, 50);
	if (chance(&p->n, 50)) octets_fill(p, to, len);
	return len;
}

/* Of the options whose value is a struct, or a name. */
static const struct { struct number_of o; socklen_t (*make)(struct program *, uint8_t *); } makers[] = {
	{{SOL_SOCKET, SO_BINDTODEVICE}, value_name}, {{IPPROTO_TCP, TCP_CONGESTION}, value_name}, {{IPPROTO_TCP, TCP_ULP}, value_name},
	{{SOL_SOCKET, SO_RCVTIMEO}, value_time}, {{SOL_SOCKET, SO_SNDTIMEO}, value_time}, {{SOL_SOCKET, 66}, value_time}, {{SOL_SOCKET, 67}, value_time},
	{{IPPROTO_IP, IP_MULTICAST_IF}, value_mreq}, {{IPPROTO_IP, IP_ADD_MEMBERSHIP}, value_mreq}, {{IPPROTO_IP, IP_DROP_MEMBERSHIP}, value_mreq},
	{{IPPROTO_IP, IP_UNBLOCK_SOURCE}, value_mreq}, {{IPPROTO_IP, IP_BLOCK_SOURCE}, value_mreq}, {{IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP}, value_mreq},
	{{IPPROTO_IP, IP_DROP_SOURCE_MEMBERSHIP}, value_mreq}, {{IPPROTO_IPV6, IPV6_JOIN_GROUP}, value_mreq6},
	{{IPPROTO_IPV6, IPV6_LEAVE_GROUP}, value_mreq6}, {{IPPROTO_IPV6, IPV6_JOIN_ANYCAST}, value_mreq6}, {{IPPROTO_IPV6, IPV6_LEAVE_ANYCAST}, value_mreq6},
	{{SOL_SOCKET, SO_ATTACH_FILTER}, value_filter}, {{SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF}, value_filter}, {{SOL_SOCKET, SO_TXTIME}, value_octets},
	{{SOL_SOCKET, SO_BINDTOIFINDEX}, value_index}, {{263, PACKET_ADD_MEMBERSHIP}, value_frames}, {{263, PACKET_DROP_MEMBERSHIP}, value_frames},
	{{263, PACKET_RX_RING}, value_ring}, {{263, PACKET_TX_RING}, value_ring}, {{263, PACKET_FANOUT}, value_fanout},
};

static socklen_t value_any(struct program *p, const struct number_of *o, uint8_t *to)
{
	for (size_t i = 0; i < COUNT(makers); i++)
		if (among(o, &makers[i].o, 1) && (makers[i].make == value_index || chance(&p->n, 90))) return makers[i].make(p, to);
	if ((o->level == IPPROTO_IP || o->level == IPPROTO_IPV6) && o->name >= MCAST_JOIN_GROUP && o->name <= MCAST_LEAVE_SOURCE_GROUP) return value_group(p, to);
	return chance(&p->n, 85) ? value_int(p, to) : value_octets(p, to);
}

/* A filter that a stream loses segments to would have it send them again, when a timer says so. Linux begins to stamp segments some time after it was asked to. */
static bool is_stamp(int name) { return name == SO_TIMESTAMP || name == SO_TIMESTAMPNS || name == 63 || name == 64; }
static bool settable(int fd, const struct number_of *o)
{
	if (is_filled(fd)) return false;
	if (o->level == SOL_SOCKET && (o->name == SO_ATTACH_FILTER || is_stamp(o->name)) && type_of(fd) == SOCK_STREAM) return false;
	return !among(o, unsettable, COUNT(unsettable));
}

void do_option_set(struct program *p)
{
	static uint8_t value[UP_TO];
	const char *text;
	int slot = slot_any(p);
	struct number_of o = option_any(p, &text);
	memset(value, 0, sizeof value);
	socklen_t natural = value_any(p, &o, value), len = length_any(p, natural);
	void *from = pointer_any(p, value);
	if (!settable(p->fd[slot], &o)) return;
	say(p, "setsockopt(%d, %s %d, %s", slot, text, o.name, from == value ? "" : from ? "bad" : "none");
	for (socklen_t i = 0; from == value && i < natural && i < 24 && !holds_pointer(&o); i++) say(p, "%02x", value[i]);
	say(p, ", %d)", (int)len);
	say_result(p, setsockopt(p->fd[slot], o.level, o.name, from, len));
}
