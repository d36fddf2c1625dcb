/*
 * The signals of sockets (O_ASYNC, F_SETOWN). The kernel sends them, with the owner, number and code that it keeps for the anchor's open file; here
 * and in the engine (host/anchor.h) is done what makes it do so:
 *
 *     something has come   the engine sends an octet to the anchor: POLL_IN
 *     there is room again  whoever missed room has filled the anchor's own buffer; the engine empties it: POLL_OUT
 */
#include "shim/shim.h"

#define FILL_MAX 16

void signals_drain(const struct sock *s)
{
	char sink[256];
	for (int i = 0; i < 64 && gate(SYS_recvfrom, s->fd, sink, sizeof sink, MSG_DONTWAIT, NULL, NULL) > 0; i++) {}
}

bool signals_want_room(const struct sock *s)
{
	static const char filler[1500];
	int least = 1;
	if (!(shared_get32(&s->c->flags) & CHF_ASYNC) || s->c->type != SOCK_STREAM || shim.sandboxed) return false;
	gate(SYS_setsockopt, s->fd, SOL_SOCKET, SO_SNDBUF, &least, sizeof least);
	for (int i = 0; i < FILL_MAX && gate(SYS_sendto, s->fd, filler, sizeof filler, MSG_DONTWAIT | MSG_NOSIGNAL, NULL, 0) > 0; i++) {}
	return true;
}
