/*
 * Descriptors passed over the kernel's AF_UNIX sockets. The anchor travels as any descriptor does; what is left to do is to mark the channel
 * as shared before it goes, and to look anew at the numbers that arrive. What nobody receives the kernel closes: the engine is to see that before
 * the peers look.
 */
#include "shim/internal.h"
#include "shim/shim.h"

static _Atomic bool left;     /* one of ours has gone, perhaps into a queue that this process is going to end */

static void each_passed(const struct msghdr *msg, void (*visit)(int fd))
{
	struct msghdr copy, *m = &copy;
	if (!shim.active || user_get(copy, msg) != 0 || !copy.msg_control || !user_there(copy.msg_control, copy.msg_controllen)) return;
	for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h)) {
		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS || h->cmsg_len < CMSG_LEN(0)) continue;
		for (size_t i = 0; i < (h->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(h) + i * sizeof fd, sizeof fd);
			visit(fd);
		}
	}
}

static void share(int fd)
{
	struct sock s;
	if (!sock_of(fd, &s)) {
		epoll_share(fd);
		return;
	}
	atomic_fetch_or(&s.c->flags, CHF_SHARED);
	atomic_store_explicit(&left, true, memory_order_relaxed);
}

bool descriptors_left(void) { return atomic_load_explicit(&left, memory_order_relaxed); }

void descriptors_leave(const struct msghdr *msg) { each_passed(msg, share); }

void descriptors_arrive(const struct msghdr *msg)
{
	int flags = 0;
	each_passed(msg, table_forget);
	if (shim.active && user_get(flags, &msg->msg_flags) == 0 && flags & MSG_CTRUNC) rung_by_close();
}
