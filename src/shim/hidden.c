/*
 * Descriptors of the shim's own: the door, the control pair's end, the doorbell and the bells' eventfds. They live out of the program's way, under
 * the soft limit but not so high that every fork copies a large table, and survive its close loops: table.c answers EBADF for their
 * numbers, and when the program puts something of its own on one with dup2, ours moves on.
 */
#include <fcntl.h>
#include <sys/resource.h>
#include "shim/internal.h"
#include "shim/aio.h"
#include "shim/foreign/foreign.h"
#include "shim/shim.h"

#define HIDDEN_TOP 4096

int hidden_base(void)
{
	struct rlimit limit;
	if (sys(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &limit) != 0) return 64;
	int top = (int)MIN(limit.rlim_cur, HIDDEN_TOP);
	return top - top / 8;
}

static int move_up(int fd, bool keep_over_exec)
{
	int cmd = keep_over_exec ? F_DUPFD : F_DUPFD_CLOEXEC;
	for (int base = hidden_base(); base > 2; base /= 2) {
		int to = (int)sys(SYS_fcntl, fd, cmd, base);
		if (to >= 0) return to;
	}
	return -EMFILE;
}

int hide_fd(int fd, bool keep_over_exec)
{
	int to = move_up(fd, keep_over_exec);
	if (to < 0) to = fd;   /* no room there: it stays, hidden all the same */
	else sys(SYS_close, fd);
	table_set_hidden(to);
	return to;
}

static int *hidden_owner(int fd)
{
	if (fd == shim.door) return &shim.door;
	if (fd == shim.control) return &shim.control;
	if (fd == shim.doorbell) return &shim.doorbell;
	if (fd == foreign_open) return &foreign_open;
	int *slot = bell_slot(fd);
	if (!slot) slot = ringer_slot(fd);
	if (!slot) slot = spare_slot(fd);
	if (!slot) slot = uring_slot(fd);
	if (!slot) slot = aio_slot(fd);
	return slot;
}

int hidden_move(int fd)
{
	int *owner = hidden_owner(fd);
	if (!owner) return 0;
	int to = move_up(fd, owner == &shim.door);
	if (to < 0) return -EBUSY;
	if (spawned()) {   /* the child's copy moves, the parent's stays: they share the variable, not the descriptor */
		if (owner == &shim.door) self.spawn_door = to;
		return 0;
	}
	table_set_hidden(to);
	*owner = to;
	table_forget(fd);
	return 0;
}

void hidden_close(int *fd)
{
	if (*fd < 0) return;
	table_closing(*fd);
	sys(SYS_close, *fd);
	table_closed(*fd);
	*fd = -1;
}
