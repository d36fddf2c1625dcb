/* Anchors: see anchor.h. */
#include "host/anchor.h"
#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

int anchor_create(bool stream, int *ret_ours, int *ret_theirs, ino_t *ret_inode)
{
	int pair[2];
	struct stat st;
	if (socketpair(AF_UNIX, (stream ? SOCK_STREAM : SOCK_SEQPACKET) | SOCK_CLOEXEC, 0, pair) < 0) return -errno;
	if (fstat(pair[1], &st) < 0) {
		int err = -errno;
		close(pair[0]);
		close(pair[1]);
		return err;
	}
	*ret_ours = pair[0];
	*ret_theirs = pair[1];
	*ret_inode = st.st_ino;
	return 0;
}

/* When nobody has read there for long, enough has been signalled. */
void anchor_signal(int ours, bool urgent)
{
	if (send(ours, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL | (urgent ? MSG_OOB : 0)) < 0) return;
}

/* What fills it is the program's own, so there may be any amount: what is left keeps its place. */
bool anchor_room(int ours)
{
	char sink[2048];
	int n = 0;
	while (n < 16 && recv(ours, sink, sizeof sink, MSG_DONTWAIT) > 0) n++;
	return n > 0;
}
