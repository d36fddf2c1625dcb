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
	X(getname, 6) X(getsockopt, 8) X(setsockopt, 9) X(linger, 2) X(tcp_state, 4) X(ioctl, 4) X(fcntl, 2) X(poll, 8) X(epoll, 3) X(epoll_ctl, 6) X(epoll_wait, 7) \
	/* calls_option.c */ \
	X(option_get, 12) X(option_set, 16) \
	/* calls_file.c */ \
	X(file, 3) X(positioned, 4) X(splice_odd, 3) X(vmsplice, 1) X(sendfile_odd, 2) \
	/* calls_wait.c */ \
	X(select, 4) X(ppoll, 4) X(epoll_all, 5) X(epoll_nest, 3) X(epoll_odd, 2) \
	/* calls_wild.c */ \
	X(send_wild, 4) X(recv_wild, 5) X(tell_all, 4) X(recv_control, 8) X(send_control, 7) X(header, 4) X(vector, 2) \
	/* calls_control.c */ \
	X(ioctl_number, 5) X(ioctl_interface, 3) X(nonblocking, 2) X(owner, 3) X(fcntl_odd, 2) X(fork, 2) X(close_range, 1) \
	/* calls_names.c */ \
	X(bind_beside, 4) X(reach, 4) \
	/* calls_netlink.c */ \
	X(netlink_ask, 3)

#define X(name, weight) void do_##name(struct program *p);
CALLS(X)
#undef X

int slot_any(struct program *p);           /* one with a descriptor in it most of the time */
int slot_free(struct program *p);
void slot_empty(struct program *p, int slot);
bool ends_by_itself(const struct program *p);       /* how its connections end a worker of the kernel says, some time later: nobody closes them, or a half */
int type_of(int fd);                        /* SOCK_*, 0: no socket */
bool is_filled(int fd);                     /* a datagram waits. What it brings is told as was asked for when it came: options that ask are set before */

/* ---- calls_data.c ---- */
#define OCTETS 3000        /* of a message, at most */
size_t size_any(struct program *p);
int flags_send(struct program *p);
int flags_recv(struct program *p);
void octets_fill(struct program *p, uint8_t *to, size_t n);
void octets_say(struct program *p, const uint8_t *at, ssize_t n);
