/*
 * NETLINK_SOCK_DIAG, as ss asks: what is told of this program's own sockets, which it finds by their inodes, with each extension; what filters let
 * through; one socket by its names; and what is no request.
 */
#include "netlink.h"
#include <linux/inet_diag.h>
#include <linux/netlink_diag.h>
#include <linux/packet_diag.h>
#include <linux/sock_diag.h>
#include <sys/stat.h>

#define ALL 0xfffu                /* states that every kernel knows */
#define NONE ((__u32)-1)          /* no cookie */

/* A request, and after it perhaps a filter program. */
struct ask { struct nlmsghdr h; struct inet_diag_req_v2 q; struct nlattr a; unsigned char program[128]; };

struct found { bool is; struct inet_diag_msg m; unsigned attributes; unsigned short size[INET_DIAG_MAX + 1]; };

static ino_t inode_of(int fd)
{
	struct stat st;

	MUST(fstat(fd, &st));
	return st.st_ino;
}

static struct ask dump_of(int family, int protocol)
{
	struct ask a = { .h = { sizeof(a.h) + sizeof(a.q), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, 1, 0 },
			 .q = { .sdiag_family = (__u8)family, .sdiag_protocol = (__u8)protocol, .idiag_states = ALL } };

	return a;
}

static void found_read(const struct nlmsghdr *h, struct found *ret)
{
	const struct nlattr *a = (const void *)((const char *)NLMSG_DATA(h) + NLMSG_ALIGN(sizeof(ret->m)));
	size_t left = h->nlmsg_len - NLMSG_LENGTH(NLMSG_ALIGN(sizeof(ret->m)));

	memset(ret, 0, sizeof(*ret));
	ret->is = true;
	memcpy(&ret->m, NLMSG_DATA(h), sizeof(ret->m));
	while (left >= sizeof(*a) && a->nla_len >= sizeof(*a) && a->nla_len <= left) {
		if (a->nla_type <= INET_DIAG_MAX) {
			ret->attributes |= 1u << a->nla_type;
			ret->size[a->nla_type] = (unsigned short)(a->nla_len - sizeof(*a));
		}
		left -= (size_t)NLA_ALIGN(a->nla_len) < left ? (size_t)NLA_ALIGN(a->nla_len) : left;
		a = (const void *)((const char *)a + NLA_ALIGN(a->nla_len));
	}
}

struct search { ino_t inode; struct found *ret; };

static void look_at(const struct nlmsghdr *h, void *arg)
{
	const struct search *s = arg;
	struct found f;

	found_read(h, &f);
	if (!s->ret->is && (!s->inode || f.m.idiag_inode == (__u32)s->inode))
		*s->ret = f;
}

/* Of all that the answer tells, what it tells of inode (0: the first message). The result: 0, or the errno that ends it. */
static int answered(const void *request, size_t len, ino_t inode, struct found *ret)
{
	memset(ret, 0, sizeof(*ret));
	return nl_ask(NETLINK_SOCK_DIAG, request, len, look_at, &(struct search){ inode, ret });
}

static struct found lookup(int family, int protocol, int extensions, int fd)
{
	struct ask a = dump_of(family, protocol);
	struct found f;

	a.q.idiag_ext = (__u8)extensions;
	answered(&a, a.h.nlmsg_len, inode_of(fd), &f);
	return f;
}

static const char *port_text(unsigned port)
{
	static char text[4][8];
	static int at;
	char *t = text[at++ % 4];

	snprintf(t, sizeof(text[0]), port >= 1024 ? "PORT" : "%u", port);
	return t;
}

static void say_message(const char *name, const struct found *f)
{
	char src[64] = "?", dst[64] = "?";

	if (!f->is) {
		say(name, "not there");
		return;
	}
	inet_ntop(f->m.idiag_family, f->m.id.idiag_src, src, sizeof(src));
	inet_ntop(f->m.idiag_family, f->m.id.idiag_dst, dst, sizeof(dst));
	say(name, "family %d state %d %s %s - %s %s if %u, queues %u %u, own uid %d, retrans %d", f->m.idiag_family, f->m.idiag_state, src,
	    port_text(ntohs(f->m.id.idiag_sport)), dst, port_text(ntohs(f->m.id.idiag_dport)), f->m.id.idiag_if, f->m.idiag_rqueue, f->m.idiag_wqueue,
	    f->m.idiag_uid == getuid(), f->m.idiag_retrans);
}

static void say_socket(const char *name, int family, int protocol, int fd)
{
	struct found f = lookup(family, protocol, 0, fd);

	say_message(name, &f);
}

/* What asks for more than everybody has, or is not in every kernel, is left out; and how long TCP_INFO is. */
static void say_attributes(const char *name, int family, int protocol, int extensions, int fd)
{
	struct found f = lookup(family, protocol, extensions, fd);
	char text[256] = "";

	for (int i = 0; i <= INET_DIAG_MAX; i++) {
		if (!(f.attributes & 1u << i) || i == INET_DIAG_CGROUP_ID || i == INET_DIAG_PAD || i == INET_DIAG_SOCKOPT || i > INET_DIAG_CLASS_ID)
			continue;
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%d:%u", *text ? " " : "", i, i == INET_DIAG_INFO ? 0 : f.size[i]);
	}
	say(name, "%s", f.is ? text : "not there");
}

/* Once the queue is as wanted: ACKs take their time. */
static void say_settled(const char *name, int family, int fd, unsigned in, unsigned out)
{
	for (long end = now_ms() + 5000; now_ms() < end; poll(NULL, 0, 5)) {
		struct found f = lookup(family, IPPROTO_TCP, 0, fd);
		if (f.is && f.m.idiag_rqueue == in && f.m.idiag_wqueue == out)
			break;
	}
	say_socket(name, family, IPPROTO_TCP, fd);
}

static void tcp(int family)
{
	int pair[2], l = listening(family, 5), fresh = MUST(socket(family, SOCK_STREAM, 0)), lonely = bound(family, SOCK_STREAM);

	say_about("tcp %s", family_text(family));
	MUST(setsockopt(l, IPPROTO_TCP, TCP_CONGESTION, "reno", 4));
	say_socket("a new socket", family, IPPROTO_TCP, fresh);
	say_socket("a bound one", family, IPPROTO_TCP, lonely);
	say_socket("a listener", family, IPPROTO_TCP, l);
	say_socket("a listener in the other family's", family == AF_INET ? AF_INET6 : AF_INET, IPPROTO_TCP, l);
	int caller = connected_to(family, SOCK_STREAM, port_of(l));
	say_settled("a listener with a caller", family, l, 1, 5);
	tcp_pair(family, pair);
	MUST(setsockopt(pair[0], IPPROTO_TCP, TCP_CONGESTION, "reno", 4));
	say_socket("a connection", family, IPPROTO_TCP, pair[0]);
	MUST(send(pair[0], "hello", 5, 0));
	say_settled("octets that nobody reads", family, pair[1], 5, 0);
	say_settled("who sent them", family, pair[0], 0, 0);
	for (int i = 1; i <= INET_DIAG_SHUTDOWN; i++) {
		char name[64];
		snprintf(name, sizeof(name), "attributes for extension %d", i);
		say_attributes(name, family, IPPROTO_TCP, 1 << (i - 1), pair[0]);
	}
	say_attributes("attributes of a listener", family, IPPROTO_TCP, 0xff, l);
	MUST(shutdown(pair[0], SHUT_WR));
	struct found f = lookup(family, IPPROTO_TCP, 0, pair[0]);
	say("state after a shutdown", "%d", f.m.idiag_state == 4 || f.m.idiag_state == 5);
	close(caller);
	close(fresh);
	close(lonely);
	close(l);
	close(pair[0]);
	close(pair[1]);
}

static void udp(int family)
{
	int pair[2], fresh = MUST(socket(family, SOCK_DGRAM, 0)), b = bound(family, SOCK_DGRAM);

	say_about("udp %s", family_text(family));
	say_socket("a new socket", family, IPPROTO_UDP, fresh);
	say_socket("a bound one", family, IPPROTO_UDP, b);
	udp_pair(family, pair);
	say_socket("a connected one", family, IPPROTO_UDP, pair[0]);
	say_attributes("attributes", family, IPPROTO_UDP, 0, pair[0]);
	say_attributes("attributes for all extensions", family, IPPROTO_UDP, 0xff, pair[0]);
	close(fresh);
	close(b);
	close(pair[0]);
	close(pair[1]);
}

/* ---- which ---- */

static int passes(int fd, unsigned states, unsigned sport, unsigned dport)
{
	struct ask a = dump_of(AF_INET, IPPROTO_TCP);
	struct found f;

	a.q.idiag_states = states;
	a.q.id.idiag_sport = htons((uint16_t)sport);
	a.q.id.idiag_dport = htons((uint16_t)dport);
	answered(&a, a.h.nlmsg_len, inode_of(fd), &f);
	return f.is;
}

static void selections(void)
{
	int l = listening(AF_INET, 1), c = connected_to(AF_INET, SOCK_STREAM, port_of(l));
	unsigned port = port_of(l), own = port_of(c);

	say_about("which of a listener and a connection to it");
	say("states of listeners", "%d %d", passes(l, 1u << TCP_LISTEN, 0, 0), passes(c, 1u << TCP_LISTEN, 0, 0));
	say("states of connections", "%d %d", passes(l, 1u << TCP_ESTABLISHED, 0, 0), passes(c, 1u << TCP_ESTABLISHED, 0, 0));
	say("no states", "%d %d", passes(l, 0, 0, 0), passes(c, 0, 0, 0));
	say("by its port", "%d %d", passes(l, ALL, port, 0), passes(c, ALL, port, 0));
	say("by the other port", "%d %d", passes(l, ALL, 0, port), passes(c, ALL, 0, port));
	say("by both", "%d %d", passes(l, ALL, own, port), passes(c, ALL, own, port));
	close(l);
	close(c);
}

/* ---- filters ---- */

struct program { size_t len; unsigned char at[128]; };

static void add(struct program *p, const void *octets, size_t n)
{
	memcpy(p->at + p->len, octets, n);
	p->len += n;
}

static void add_op(struct program *p, int code, int yes, int no)
{
	struct inet_diag_bc_op op = { (unsigned char)code, (unsigned char)yes, (unsigned short)no };

	add(p, &op, sizeof(op));
}

/* One question about a port, about an address. */
static struct program about_port(int code, unsigned port)
{
	struct program p = { 0 };

	add_op(&p, code, 8, 12);
	add_op(&p, 0, 0, (int)port);
	return p;
}

static struct program about_host(int code, int family, const char *address, int bits, int port)
{
	struct program p = { 0 };
	struct inet_diag_hostcond c = { .family = (__u8)family, .prefix_len = (__u8)bits, .port = port };
	unsigned char octets[16];
	size_t n = family == AF_INET6 ? 16 : family == AF_INET ? 4 : 0;
	int len = (int)(sizeof(struct inet_diag_bc_op) + sizeof(c) + n);

	if (n)
		MUST(inet_pton(family, address, octets) - 1);
	add_op(&p, code, len, len + 4);
	add(&p, &c, sizeof(c));
	add(&p, octets, n);
	return p;
}

static int filtered(const struct program *p, int fd, bool *ret)
{
	struct ask a = dump_of(AF_INET, IPPROTO_TCP);
	struct found f;

	a.a = (struct nlattr){ (__u16)(sizeof(a.a) + p->len), INET_DIAG_REQ_BYTECODE };
	memcpy(a.program, p->at, p->len);
	a.h.nlmsg_len = (__u32)(sizeof(a.h) + sizeof(a.q) + NLA_ALIGN(a.a.nla_len));
	int r = answered(&a, a.h.nlmsg_len, inode_of(fd), &f);
	*ret = f.is;
	return r;
}

static void say_filter(const char *name, struct program p, int l, int c)
{
	bool listener = false, connection = false;
	int r = filtered(&p, l, &listener);

	if (r == 0)
		r = filtered(&p, c, &connection);
	if (r)
		say(name, "%s", say_errno(r));
	else
		say(name, "%d %d", listener, connection);
}

static void filters(void)
{
	int l = listening(AF_INET, 1), c = connected_to(AF_INET, SOCK_STREAM, port_of(l));
	unsigned port = port_of(l);
	struct program p = { 0 };

	say_about("filters, of a listener and a connection to it");
	say_filter("source port", about_port(INET_DIAG_BC_S_EQ, port), l, c);
	say_filter("destination port", about_port(INET_DIAG_BC_D_EQ, port), l, c);
	say_filter("source port above all", about_port(INET_DIAG_BC_S_GE, 65535), l, c);
	say_filter("source port below all", about_port(INET_DIAG_BC_S_LE, 65535), l, c);
	say_filter("destination port from 1", about_port(INET_DIAG_BC_D_GE, 1), l, c);
	say_filter("destination port to 1", about_port(INET_DIAG_BC_D_LE, 1), l, c);
	say_filter("source 127/8", about_host(INET_DIAG_BC_S_COND, AF_INET, "127.0.0.0", 8, -1), l, c);
	say_filter("destination 127/8", about_host(INET_DIAG_BC_D_COND, AF_INET, "127.0.0.0", 8, -1), l, c);
	say_filter("destination 127/9 with a bit more", about_host(INET_DIAG_BC_D_COND, AF_INET, "127.128.0.0", 9, -1), l, c);
	say_filter("destination and port", about_host(INET_DIAG_BC_D_COND, AF_INET, "127.0.0.1", 32, (int)port), l, c);
	say_filter("destination and another port", about_host(INET_DIAG_BC_D_COND, AF_INET, "127.0.0.1", 32, 1), l, c);
	say_filter("any address and port", about_host(INET_DIAG_BC_S_COND, AF_UNSPEC, "", 0, (int)port), l, c);
	say_filter("an address of IPv6", about_host(INET_DIAG_BC_S_COND, AF_INET6, "::1", 128, -1), l, c);
	say_filter("more bits than there are", about_host(INET_DIAG_BC_S_COND, AF_INET, "127.0.0.1", 33, -1), l, c);
	say_filter("another family", about_host(INET_DIAG_BC_S_COND, AF_UNIX, "", 0, -1), l, c);
	say_filter("none", p, l, c);
	add_op(&p, INET_DIAG_BC_NOP, 4, 0);
	say_filter("nothing", p, l, c);
	p.len = 0;
	add_op(&p, INET_DIAG_BC_AUTO, 4, 8);
	say_filter("ports that were chosen", p, l, c);
	p.len = 0;
	add_op(&p, INET_DIAG_BC_JMP, 4, 4);
	say_filter("a way on", p, l, c);
	p.len = 0;
	add_op(&p, INET_DIAG_BC_JMP, 4, 12);
	say_filter("a way too far", p, l, c);
	p.len = 0;
	add_op(&p, INET_DIAG_BC_JMP, 4, 0);
	say_filter("a way to itself", p, l, c);
	p.len = 0;
	add_op(&p, INET_DIAG_BC_JMP, 4, 6);
	say_filter("a way between", p, l, c);
	p.len = 0;
	add_op(&p, 77, 4, 4);
	say_filter("no operation", p, l, c);
	p.len = 0;
	add_op(&p, INET_DIAG_BC_S_EQ, 8, 12);
	say_filter("an operand that is missing", p, l, c);
	p.len = 0;
	add_op(&p, INET_DIAG_BC_MARK_COND, 12, 16);
	add(&p, (__u32[2]){ 0, 0 }, 8);
	say_filter("marks", p, l, c);
	p = about_port(INET_DIAG_BC_S_EQ, port);
	p.at[1] = 4;
	say_filter("an operand that is jumped into", p, l, c);
	close(l);
	close(c);
}

/* ---- one ---- */

static int one(const struct ask *like, struct found *ret)
{
	struct ask a = *like;

	a.h.nlmsg_flags = NLM_F_REQUEST;
	return answered(&a, a.h.nlmsg_len, 0, ret);
}

static void say_one(const char *name, const struct ask *a)
{
	struct found f;
	int r = one(a, &f);

	if (r)
		say(name, "%s", say_errno(r));
	else
		say_message(name, &f);
}

static void exact(void)
{
	int l = listening(AF_INET, 1), c = connected_to(AF_INET, SOCK_STREAM, port_of(l)), u = bound(AF_INET, SOCK_DGRAM);
	struct ask a = dump_of(AF_INET, IPPROTO_TCP), b = dump_of(AF_INET, IPPROTO_UDP);
	struct found f = lookup(AF_INET, IPPROTO_TCP, 0, c);

	say_about("one by its names");
	a.q.id = f.m.id;
	say_one("a connection", &a);
	a.q.id.idiag_cookie[0]++;
	say_one("with another's cookie", &a);
	a.q.id.idiag_cookie[0] = a.q.id.idiag_cookie[1] = NONE;
	say_one("with none", &a);
	a.h.nlmsg_type = SOCK_DESTROY;
	say_one("to be ended by an ordinary user", &a);
	a.h.nlmsg_type = SOCK_DIAG_BY_FAMILY;
	a.q.id.idiag_sport = htons(1);
	say_one("which is not there", &a);
	a.h.nlmsg_type = SOCK_DESTROY;
	say_one("to be ended, which is not there", &a);
	a.h.nlmsg_type = SOCK_DIAG_BY_FAMILY;
	f = lookup(AF_INET, IPPROTO_TCP, 0, l);
	a.q.id = f.m.id;
	say_one("a listener", &a);
	f = lookup(AF_INET, IPPROTO_UDP, 0, u);
	b.q.id = f.m.id;
	say_one("a UDP socket, its ends as they are", &b);
	memcpy(b.q.id.idiag_dst, f.m.id.idiag_src, sizeof(b.q.id.idiag_dst));
	memcpy(b.q.id.idiag_src, f.m.id.idiag_dst, sizeof(b.q.id.idiag_src));
	b.q.id.idiag_dport = f.m.id.idiag_sport;
	b.q.id.idiag_sport = f.m.id.idiag_dport;
	say_one("a UDP socket, its ends turned round", &b);
	b.q.id.idiag_cookie[0]++;
	say_one("with another's cookie", &b);
	close(l);
	close(c);
	close(u);
}

/* ---- what is none ---- */

static void say_request(const char *name, struct ask a)
{
	struct found f;

	say(name, "%s", say_errno(answered(&a, a.h.nlmsg_len, 0, &f)));
}

static void wrong(void)
{
	struct ask a = dump_of(AF_INET, IPPROTO_TCP);

	say_about("requests");
	a.q.sdiag_family = AF_BLUETOOTH;
	say_request("of a family without", a);
	a.q.sdiag_family = 200;
	say_request("of no family", a);
	a = dump_of(AF_INET, 99);
	say_request("of no protocol", a);
	a.h.nlmsg_flags = NLM_F_REQUEST;
	say_request("of one of no protocol", a);
	a = dump_of(AF_INET, IPPROTO_TCP);
	a.h.nlmsg_len -= 4;
	say_request("that are short", a);
	a.h.nlmsg_len = sizeof(a.h) + 1;
	say_request("that are shorter", a);
	a = dump_of(AF_INET, IPPROTO_TCP);
	a.h.nlmsg_type = 22;
	say_request("of no type", a);
	a = dump_of(AF_INET, IPPROTO_TCP);
	a.h.nlmsg_type = NLMSG_NOOP;
	a.h.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	say_request("for nothing", a);
}

/* ---- netlink sockets ---- */

static void netlink(void)
{
	struct { struct nlmsghdr h; struct netlink_diag_req q; } a = {
		{ sizeof(a), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, 1, 0 }, { .sdiag_family = AF_NETLINK, .sdiag_protocol = NDIAG_PROTO_ALL } };
	static char buf[65536];
	int fd = MUST(socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG)), own = MUST(socket(AF_NETLINK, SOCK_DGRAM, NETLINK_ROUTE));
	struct sockaddr_nl n = { .nl_family = AF_NETLINK };
	bool more = true;

	say_about("a netlink socket");
	MUST(bind(own, (struct sockaddr *)&n, sizeof(n)));
	MUST(send(fd, &a, sizeof(a), 0));
	while (more) {
		unsigned len = (unsigned)MUST(recv(fd, buf, sizeof(buf), 0));
		for (struct nlmsghdr *h = (struct nlmsghdr *)buf; NLMSG_OK(h, len); h = NLMSG_NEXT(h, len)) {
			struct netlink_diag_msg m;
			more = more && h->nlmsg_type != NLMSG_DONE && h->nlmsg_type != NLMSG_ERROR;
			memcpy(&m, NLMSG_DATA(h), sizeof(m));
			if (more && m.ndiag_ino == (__u32)inode_of(own))
				say("itself", "family %d type %d protocol %d state %d own pid %d, peer %u group %u", m.ndiag_family, m.ndiag_type,
				    m.ndiag_protocol,
				    m.ndiag_state, m.ndiag_portid == (__u32)getpid(), m.ndiag_dst_portid, m.ndiag_dst_group);
		}
	}
	close(fd);
	close(own);
}

/* Each table is a module, which a kernel may be without. */
static bool kernel_has(int protocol)
{
	struct ask a = dump_of(AF_INET, protocol);
	struct found f;

	return answered(&a, a.h.nlmsg_len, 0, &f) == 0;
}

int main(void)
{
	say_start();
	if (!kernel_has(IPPROTO_TCP) || !kernel_has(IPPROTO_UDP)) {
		puts("the kernel has no tcp_diag or no udp_diag");
		return 77;
	}
	tcp(AF_INET);
	tcp(AF_INET6);
	udp(AF_INET);
	udp(AF_INET6);
	selections();
	filters();
	exact();
	wrong();
	netlink();
	return 0;
}
