/*
 * Every number of an option at every level, on every kind of socket: what get and set answer to each length, to values and to pointers that lead
 * nowhere. Nothing is chosen, so nothing is forgotten: a line for get and one for set, of about twenty calls each. Values that are the
 * machine's are left out.
 */
#include "say.h"

#define N(a) (sizeof(a) / sizeof(*(a)))
#define BAD ((void *)1)

enum state { FRESH, CONNECTED, LISTENING };
static const struct kind { const char *text; int family, type, protocol; enum state state; } kinds[] = {
	{ "tcp4", AF_INET, SOCK_STREAM, 0, FRESH },
	{ "tcp6", AF_INET6, SOCK_STREAM, 0, FRESH },
	{ "tcp4 connected", AF_INET, SOCK_STREAM, 0, CONNECTED },
	{ "tcp6 connected", AF_INET6, SOCK_STREAM, 0, CONNECTED },
	{ "tcp4 listening", AF_INET, SOCK_STREAM, 0, LISTENING },
	{ "udp4", AF_INET, SOCK_DGRAM, 0, FRESH },
	{ "udp6", AF_INET6, SOCK_DGRAM, 0, FRESH },
	{ "udp4 connected", AF_INET, SOCK_DGRAM, 0, CONNECTED },
	{ "udp6 connected", AF_INET6, SOCK_DGRAM, 0, CONNECTED },
	{ "udplite4", AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE, FRESH },
	{ "udplite6", AF_INET6, SOCK_DGRAM, IPPROTO_UDPLITE, FRESH },
	{ "raw4", AF_INET, SOCK_RAW, 99, FRESH },
	{ "unix stream", AF_UNIX, SOCK_STREAM, 0, FRESH },
	{ "unix dgram", AF_UNIX, SOCK_DGRAM, 0, FRESH },
	{ "unix seqpacket", AF_UNIX, SOCK_SEQPACKET, 0, FRESH },
};
static const struct level { const char *text; int level, last; } levels[] = {
	{ "SOCKET", SOL_SOCKET, 84 }, { "IP", IPPROTO_IP, 64 }, { "IPV6", IPPROTO_IPV6, 80 }, { "UDP", IPPROTO_UDP, 106 },
	{ "UDPLITE", IPPROTO_UDPLITE, 12 }, { "RAW", IPPROTO_RAW, 3 }, { "ICMPV6", IPPROTO_ICMPV6, 3 }, { "PACKET", 263, 3 }, { "4242", 4242, 3 },
};
/* What differs from machine to machine, or from call to call. */
static const struct { int level, name; } ours[] = {
	{ SOL_SOCKET, SO_SNDBUF }, { SOL_SOCKET, SO_RCVBUF }, { SOL_SOCKET, SO_RCVLOWAT }, { SOL_SOCKET, SO_COOKIE },
	{ SOL_SOCKET, 71 /* SO_NETNS_COOKIE */ }, { SOL_SOCKET, SO_MEMINFO }, { SOL_SOCKET, SO_INCOMING_CPU }, { IPPROTO_IP, 52 /* IP_PROTOCOL: the port */ },
	{ SOL_SOCKET, SO_PEERNAME },
};

static bool machines(int level, int name)
{
	for (size_t i = 0; i < N(ours); i++)
		if (ours[i].level == level && ours[i].name == name)
			return true;
	return false;
}

/* Netfilter's numbers of IPPROTO_IPV6, which depend on the modules that a machine has; those of IPPROTO_IP begin behind the last. */
static bool netfilters(int level, int name) { return level == IPPROTO_IPV6 && (name == 64 || name == 65 || name == 68 || name == 69); }

static int listener[2];   /* of each family, or a socket that is bound */

static int make(const struct kind *k)
{
	int fd = socket(k->family, k->type, k->protocol);
	union name n;

	if (fd < 0 || k->state == FRESH)
		return fd;
	if (k->state == LISTENING) {
		MUST(listen(fd, 1));
		return fd;
	}
	n = name_lo(k->family, port_of(listener[k->family == AF_INET6]));
	MUST(connect(fd, &n.sa, name_len(k->family)));
	return fd;
}

/* The other end of a connection goes with it. */
static void unmake(const struct kind *k, int fd)
{
	struct linger none = { 1, 0 };

	if (k->state == CONNECTED && k->type == SOCK_STREAM) {
		int other = accept(listener[k->family == AF_INET6], NULL, NULL);
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
		close(other);
	}
	close(fd);
}

static char text[2048];
static size_t at;

__attribute__((format(printf, 1, 2))) static void add(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	at += (size_t)vsnprintf(text + at, sizeof(text) - at, fmt, ap);
	va_end(ap);
}

static void add_rc(const char *what, long rc) { add(" %s:%s", what, rc < 0 ? say_errno(errno) : "0"); }

/* What is there now, its length and the first octets. */
static void add_value(int fd, int level, int name, unsigned room)
{
	unsigned char v[512];
	socklen_t len = room;

	memset(v, 0xee, sizeof(v));
	if (getsockopt(fd, level, name, v, &len) < 0) {
		add(" %s", say_errno(errno));
		return;
	}
	add(" %u=", len);
	if (!machines(level, name))
		for (unsigned i = 0; i < 8 && v[i] != 0xee; i++)
			add("%02x", v[i]);
}

static void sweep_get(int fd, int level, int name)
{
	static const socklen_t lens[] = { 0, 1, 3, 4, 8, 12, 128, (socklen_t)-1, 0x80000000u };
	char was[sizeof(int)] = "";
	socklen_t len = sizeof(was);

	at = 0;
	for (size_t i = 0; i < N(lens); i++)
		add_value(fd, level, name, lens[i]);
	add_rc("no length", getsockopt(fd, level, name, was, NULL));
	add_rc("bad length", getsockopt(fd, level, name, was, BAD));
	add_rc("no value", getsockopt(fd, level, name, NULL, &len));
	len = sizeof(was);
	add_rc("bad value", getsockopt(fd, level, name, BAD, &len));
}

static void sweep_set(int fd, int level, int name)
{
	static const int values[] = { 0, 1, 2, -1, 64, 256, 65535, 65536, INT32_MAX, INT32_MIN };
	static const socklen_t lens[] = { 0, 1, 3, 8, 12, 128, (socklen_t)-1, 0x80000000u };
	int v[64];

	at = 0;
	for (size_t i = 0; i < N(values); i++) {
		int rc = setsockopt(fd, level, name, &values[i], sizeof(int));
		add(" %d:%s", values[i], rc < 0 ? say_errno(errno) : "0");
		if (rc == 0)
			add_value(fd, level, name, sizeof(int));
	}
	for (size_t i = 0; i < N(lens); i++) {
		memset(v, 0, sizeof(v));
		v[0] = 1;
		int rc = setsockopt(fd, level, name, v, lens[i]);
		add(" len %d:%s", (int)lens[i], rc < 0 ? say_errno(errno) : "0");
	}
	add_rc("no value", setsockopt(fd, level, name, NULL, 4));
	add_rc("no value, no length", setsockopt(fd, level, name, NULL, 0));
	add_rc("bad value", setsockopt(fd, level, name, BAD, 4));
}

static void sweep(const struct kind *k, const struct level *l)
{
	say_about("%s %s", k->text, l->text);
	for (int name = 0; name < l->last; name++) {
		if (netfilters(l->level, name))
			continue;
		char what[32];
		int fd = make(k);

		if (fd < 0) {
			say("socket", "%s", say_errno(errno));
			return;
		}
		sweep_get(fd, l->level, name);
		snprintf(what, sizeof(what), "get %d", name);
		say(what, "%s", text);
		sweep_set(fd, l->level, name);
		snprintf(what, sizeof(what), "set %d", name);
		say(what, "%s", text);
		unmake(k, fd);
	}
}

int main(void)
{
	say_start();
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	listener[0] = listening(AF_INET, 8);
	listener[1] = listening(AF_INET6, 8);
	for (size_t i = 0; i < N(kinds); i++)
		for (size_t j = 0; j < N(levels); j++)
			sweep(&kinds[i], &levels[j]);
	return 0;
}
