/*
 * Random programs of socket calls: what they share. A program is a seed; its calls act on SLOTS descriptors and on a handful of names that no other
 * program uses. Everything a call answers is said in words that are the same wherever the program runs: names instead of ports, sums instead of octets.
 */
#pragma once
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#define SLOTS 5
#define LENGTH 24          /* of a program */
#define NAMES 3            /* of each family */
#define FRAMES 0x88b5      /* Ethernet's protocols for experiments are this and the next */

struct numbers { uint64_t state; };
uint32_t number(struct numbers *n, uint32_t below);
bool chance(struct numbers *n, uint32_t percent);

struct program {
	int fd[SLOTS];
	int kept[2 * LENGTH];   /* descriptors that have left their slots and are closed at the end */
	int n_kept;
	int epoll;             /* -1: none yet */
	uint32_t watched[SLOTS];    /* how often each was added to it */
	int family;            /* most sockets of this program have it */
	int type;
	int protocol;
	bool rights;           /* over its network: what would change that for the programs after it is not drawn then */
	bool mapped;           /* connects IPv6 sockets to IPv4 */
	uint16_t port[NAMES];
	uint32_t host;         /* 127.x.y.z of this program */
	uint64_t id;
	struct numbers n;      /* of the call that runs */
	char text[1 << 16];    /* what has been said */
	size_t len;
};

void say(struct program *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
void say_result(struct program *p, long result);           /* a number, or errno's name */

/* ---- names.c ---- */
union name {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
	struct sockaddr_ll ll;
	struct sockaddr_nl nl;
	struct sockaddr_storage any;
};
void name_any(struct program *p, int fd, union name *ret, socklen_t *ret_len);            /* one of the program's own, mostly of fd's family, now and then a strange one */
void name_own(struct program *p, int family, union name *ret);                              /* its address, one of its ports */
void name_map(const struct program *p, struct in6_addr *ret);                              /* its IPv4 address, as IPv6 writes it */
void name_say(struct program *p, const union name *n, socklen_t len);

/* ---- calls.c ---- */
void call_any(struct program *p);
void program_close(struct program *p);
