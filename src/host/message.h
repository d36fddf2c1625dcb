/* Messages with descriptors over AF_UNIX SEQPACKET pairs. Nothing here blocks. */
#pragma once
#include <sys/uio.h>
#include <sys/types.h>
#include "base/types.h"

#define MESSAGE_FDS_MAX 253
/* Octets, 0 at the end, or a negative errno (-EMSGSIZE: longer than buf). Received descriptors are close-on-exec and the caller's; more than
 * MESSAGE_FDS_MAX are closed. Where some could not be received, for our table is full, none is: *ret_n_fds is -1. */
ssize_t message_receive(int fd, void *buf, size_t size, int fds[MESSAGE_FDS_MAX], int *ret_n_fds);
struct msghdr;
int message_fds(struct msghdr *m, int fds[MESSAGE_FDS_MAX]);   /* those that m, as received, has brought: how many */
void message_close(const int *fds, int n);    /* received ones that nobody wants; those below 0 are none */
int message_enlarge(int fd, int octets);      /* a message may be as long, but for a few octets: or only as long as is answered; 0: who knows */
int message_send(int fd, struct iovec *iov, int n_iov, const int *fds, int n_fds);   /* 0 or a negative errno */
