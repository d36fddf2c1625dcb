/* One call after the other, drawn by weight, and what the calls share. */
#include <poll.h>
#include <unistd.h>
#include "calls.h"

int slot_any(struct program *p)
{
	int i = (int)number(&p->n, SLOTS);
	for (int n = 0; n < SLOTS && p->fd[i] < 0 && !chance(&p->n, 5); n++) i = (i + 1) % SLOTS;
	return i;
}

int slot_free(struct program *p)
{
	int i = (int)number(&p->n, SLOTS);
	for (int n = 0; n < SLOTS && p->fd[i] >= 0; n++) i = (i + 1) % SLOTS;
	slot_empty(p, i);
	return i;
}

bool ends_by_itself(const struct program *p) { return p->protocol == IPPROTO_MPTCP; }

void slot_empty(struct program *p, int slot)
{
	if (p->fd[slot] >= 0 && ends_by_itself(p) && p->n_kept < 2 * LENGTH) p->kept[p->n_kept++] = p->fd[slot];
	else if (p->fd[slot] >= 0) close(p->fd[slot]);
	p->fd[slot] = -1;
}

int type_of(int fd)
{
	int type = 0;
	socklen_t len = sizeof type;
	getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len);
	return type;
}

bool is_filled(int fd)
{
	struct pollfd at = {fd, POLLIN, 0};
	return type_of(fd) != SOCK_STREAM && poll(&at, 1, 0) == 1 && at.revents & POLLIN;
}

void call_any(struct program *p)
{
#define X(name, weight) {do_##name, weight},
	static const struct { void (*run)(struct program *); uint32_t weight; } calls[] = {CALLS(X)};
#undef X
	uint32_t total = 0;
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) total += calls[i].weight;
	uint32_t at = number(&p->n, total);
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		if (at < calls[i].weight) {
			calls[i].run(p);
			return;
		}
		at -= calls[i].weight;
	}
}

/* Connections end by RST: nothing lingers for the next program. */
void program_close(struct program *p)
{
	struct linger l = {.l_onoff = 1};
	for (int i = 0; i < SLOTS + p->n_kept; i++) {
		int fd = i < SLOTS ? p->fd[i] : p->kept[i - SLOTS];
		if (fd < 0) continue;
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l);
		close(fd);
	}
	if (p->epoll >= 0) close(p->epoll);
}
