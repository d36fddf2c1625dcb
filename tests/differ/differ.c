/*
 * Runs random programs of socket calls and says what came of each: differ SEED FIRST COUNT prints what each has said;
 * differ SEED PROGRAM show [LEFT-OUT…] prints what one said, without the calls left out. Each call has numbers of its own: leaving one out
 * changes no other's arguments.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "differ.h"

static volatile sig_atomic_t broken_pipes;

static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

uint32_t number(struct numbers *n, uint32_t below)
{
	n->state = mix(n->state);
	return below == 0 ? 0 : (uint32_t)(n->state >> 32) % below;
}

bool chance(struct numbers *n, uint32_t percent) { return number(n, 100) < percent; }

void say(struct program *p, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	p->len += (size_t)vsnprintf(p->text + p->len, sizeof p->text - p->len, format, args);
	va_end(args);
}

void say_result(struct program *p, long result)
{
	if (result < 0) say(p, " = %s", strerrorname_np(errno));
	else say(p, " = %ld", result);
}

static void pipe_broken(int sig)
{
	(void)sig;
	broken_pipes++;
}

static bool may_have_raw(void)
{
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	if (fd >= 0) close(fd);
	return fd >= 0;
}

/* Few: the kernel takes some time to close each packet socket. */
static int family_any(struct program *p)
{
	static const int families[] = {AF_INET, AF_INET, AF_INET6, AF_UNIX};
	uint32_t rare = number(&p->n, 200);
	if (rare < 3 && p->rights) return AF_PACKET;
	return rare < 10 ? AF_NETLINK : families[number(&p->n, 4)];
}

static int type_any(struct program *p)
{
	static const int types[] = {SOCK_STREAM, SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
	if (p->family == AF_PACKET || p->family == AF_NETLINK) return chance(&p->n, 50) ? SOCK_RAW : SOCK_DGRAM;
	int type = types[number(&p->n, p->family == AF_UNIX ? 4 : 3)];
	return p->family != AF_UNIX && chance(&p->n, 12) ? SOCK_RAW : type;
}

/* Of IPv4 and IPv6 now and then one that few programs ask for. Frames are of two kinds for experiments, or none. */
static int protocol_any(struct program *p)
{
	static const int raw[] = {IPPROTO_RAW, 99, IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_UDP}, frames[] = {0, FRAMES, FRAMES, FRAMES + 1};
	static const int netlinks[] = {NETLINK_ROUTE, NETLINK_ROUTE, NETLINK_GENERIC, NETLINK_SOCK_DIAG, NETLINK_USERSOCK, NETLINK_KOBJECT_UEVENT};
	if (p->family == AF_PACKET) return htons((uint16_t)frames[number(&p->n, 4)]);
	if (p->family == AF_NETLINK) return netlinks[number(&p->n, 6)];
	if (p->type == SOCK_RAW) return raw[number(&p->n, 5)];
	if (p->family != AF_UNIX && p->type == SOCK_STREAM) return chance(&p->n, 12) ? IPPROTO_MPTCP : 0;
	if (p->family == AF_UNIX || p->type != SOCK_DGRAM || chance(&p->n, 70)) return 0;
	return chance(&p->n, 50) ? IPPROTO_UDPLITE : p->family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6;
}

/*
 * Ports below the range that others are given on the way; the addresses of IPv4 are each program's own. A program that runs alone has others, which
 * the many that ran before have not left in TIME-WAIT.
 */
static void program_start(struct program *p, uint64_t seed, uint64_t id, bool alone)
{
	static bool asked, rights;
	if (!asked) rights = may_have_raw();
	asked = true;
	uint64_t first = alone ? 32000 : 2000, range = alone ? 768 : 30000, which = alone ? (uint64_t)getpid() : id;
	*p = (struct program){.id = id, .epoll = -1, .rights = rights, .n = {mix(seed * 1000003 + id)}};
	for (int i = 0; i < SLOTS; i++) p->fd[i] = -1;
	p->family = family_any(p);
	p->type = type_any(p);
	p->mapped = chance(&p->n, 30);
	p->protocol = protocol_any(p);
	p->host = 0x7f000000 | (2 + (uint32_t)(id % 16000000));
	for (int i = 0; i < NAMES; i++) p->port[i] = (uint16_t)(first + (which * NAMES + (uint64_t)i) % range);
}

static void program_run(struct program *p, uint64_t seed, uint64_t id, bool alone, const bool *left_out)
{
	program_start(p, seed, id, alone);
	for (int i = 0; i < LENGTH; i++) {
		if (left_out[i]) continue;
		int before = broken_pipes;
		size_t from = p->len;
		p->n.state = mix(mix(seed * 1000003 + id) + (uint64_t)i + 1);
		say(p, "%2d  ", i);
		call_any(p);
		say(p, "%s\n", broken_pipes != before ? " SIGPIPE" : "");
		if (p->len == from + 5) p->len = from;
	}
	program_close(p);
}

int main(int argc, char **argv)
{
	static struct program p;
	bool left_out[LENGTH] = {false};
	if (argc < 4) {
		fprintf(stderr, "usage: differ SEED FIRST COUNT | differ SEED PROGRAM show [LEFT-OUT...]\n");
		return 2;
	}
	signal(SIGPIPE, pipe_broken);
	alarm(600);
	uint64_t seed = strtoull(argv[1], NULL, 10), first = strtoull(argv[2], NULL, 10), count = strtoull(argv[3], NULL, 10);
	if (strcmp(argv[3], "show") == 0) {
		for (int i = 4; i < argc; i++) left_out[atoi(argv[i]) % LENGTH] = true;
		program_run(&p, seed, first, true, left_out);
		fputs(p.text, stdout);
		return 0;
	}
	for (uint64_t id = first; id < first + count; id++) {
		program_run(&p, seed, id, false, left_out);
		printf("program %llu\n%s", (unsigned long long)id, p.text);
	}
	return 0;
}
