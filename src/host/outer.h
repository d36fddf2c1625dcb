/* Unix sockets of the kernel's, by which programs outside find ours. Nothing here blocks, whatever they are told to do by those who have them, too. */
#pragma once
#include <sys/socket.h>
#include <sys/un.h>
#include "base/types.h"
#include "host/message.h"

bool outer_is(int fd);                       /* is it one? Asked of no file system, which might not answer */
bool outer_waits(int fd);                    /* is there something to accept or to receive? */
void outer_shut(int fd, int how);
void outer_switch(int fd, int option, bool on);       /* of SOL_SOCKET */
#define OUTER_PASSPIDFD 76                           /* SO_PASSPIDFD, which older headers lack */

/* A datagram. In: room at data; name_len 0: the sender has none. Descriptors are close-on-exec and the caller's; cut: there were more. */
struct outer_message {
	void *data; size_t len;
	struct sockaddr_un name; socklen_t name_len;
	struct ucred cred;
	int fds[MESSAGE_FDS_MAX], n_fds;
	bool cut;
};
size_t outer_length(int fd);                 /* of the next one: 0 also where there is none */
int outer_receive(int fd, struct outer_message *m);   /* -EAGAIN: there is none; -EMSGSIZE: there was too little room, and it is lost */
