/*
 * The calls, and how often each is drawn. Each takes its arguments from the program's numbers, and says what came of it. None of them waits: all sockets are
 * nonblocking.
 */
#pragma once
#include "differ.h"

#define CALLS(X) \
	/* calls_life.c */ \
	X(socket, 12) X(connected, 8) X(listener, 4) X(socketpair, 2) X(bind, 10) X(listen, 7) X(connect, 12) X(disconnect, 2) X(accept, 10) X(close, 5) \
	X(shutdown, 6) X(dup, 2) X(dup_flags, 2) \
	/* calls_data.c */ \
	X(send, 12) X(sendto, 7) X(sendmsg, 4) X(writev, 3) X(recv, 12) X(recvmsg, 6) X(readv, 3) X(sendmmsg, 3) X(recvmmsg, 3) X(splice_out, 3) X(splice_in, 3) \
	X(sendfile, 2) \
	/* calls_ask.c */ \
	X(getname, 6) X(getsockopt, 8) X(setsockopt, 9) X(linger, 2) X(tcp_state, 4) X(ioctl, 4) X(fcntl, 2) X(poll, 8) X(epoll, 3) X(epoll_ctl, 6) X(epoll_wait, 7)

#define X(name, weight) void do_##name(struct program *p);
CALLS(X)
#undef X

int slot_any(struct program *p);           /* one with a descriptor in it most of the time */
int slot_free(struct program *p);
int type_of(int fd);                        /* SOCK_*, 0: no socket */
