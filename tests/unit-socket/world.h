/*
 * Two hosts on one link, for tests of what programs see of sockets:
 *
 *     a  eth0 10.0.0.1/24, fd00::1/64  ----  eth0 10.0.0.2/24, fd00::2/64  b
 *
 * The clock stands still but for settle(), which delivers everything that is on its way.
 */
#pragma once
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <cmocka.h>
#include "link/net.h"
#include "stack/inet/inet.h"

struct world { struct net *net; struct stack *a, *b; struct netif *a_if, *b_if; time_ns now; };

int world_setup(void **state);        /* for cmocka_unit_test_setup_teardown; *state = struct world */
int world_teardown(void **state);
void settle(struct world *w);
#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

/* Addresses: "10.0.0.1" or "fd00::1" with a port; mapped: an IPv4 address for an AF_INET6 socket. */
struct name { struct sockaddr_storage ss; socklen_t len; };
struct name name4(const char *addr, uint16_t port);
struct name name6(const char *addr, uint16_t port);

/* Calls that must succeed. */
struct sock *sock_make(struct stack *s, int domain, int type, int protocol);
struct sock *udp(struct stack *s, int domain);
struct sock *udp_bound(struct stack *s, struct name n);

/* Calls as programs know them: the result. */
int do_bind(struct sock *sk, struct name n);
int do_connect(struct sock *sk, struct name n);
ssize_t do_send(struct sock *sk, const void *data, size_t len);
ssize_t do_sendto(struct sock *sk, const void *data, size_t len, struct name n);
ssize_t do_recv(struct sock *sk, void *buf, size_t len, int flags);
int set_int(struct sock *sk, int level, int name, int v);
int get_int(struct sock *sk, int level, int name);      /* the value, or the error */
uint16_t local_port(struct sock *sk);
void assert_name(struct name got, struct name want);
struct name local_name(struct sock *sk);
struct name peer_name(struct sock *sk);
/* recvmsg with everything: the result; name, flags and control are left in m, whose buffers are static. */
ssize_t do_recvmsg(struct sock *sk, int flags, struct sock_msg *m);
/* The control message of this kind in m: its length (data copied up to size), or -1. */
ssize_t control_of(const struct sock_msg *m, int level, int type, void *data, size_t size);
