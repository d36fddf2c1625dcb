/* Control calls that are about no socket. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "engine/private.h"

/* By the time a control call is served, everything that was rung before this turn's last look is worked off. */
int64_t serve_sync(struct call *k)
{
	(void)k;
	return 0;
}

int64_t serve_hostname(struct call *k)
{
	const char *name = k->e->topo->hosts[k->c->host].name;
	call_out(k, name, strlen(name));
	return 0;
}

/* Text of a program's, made fit for one line of a report. */
static void text_in(const struct call *k, char *buf, size_t size)
{
	size_t n = MIN(k->q->in_len, size - 1);
	for (size_t i = 0; i < n; i++) buf[i] = (char)(k->in[i] < ' ' || k->in[i] == 127 ? '?' : k->in[i]);
	buf[n] = 0;
}

int64_t serve_refused(struct call *k)
{
	char text[257];
	text_in(k, text, sizeof text);
	refused_add(k->e, k->c->name, text, (int)MAX(MIN(k->q->arg[0], 4095), 0));
	return 0;
}

/* Another pair for a host: its end for programs goes to the caller. */
int64_t serve_door(struct call *k)
{
	int pair[2];
	size_t len = strnlen((const char *)k->in, k->q->in_len), host = 0;
	while (host < k->e->topo->n_hosts && (strlen(k->e->topo->hosts[host].name) != len || memcmp(k->e->topo->hosts[host].name, k->in, len) != 0)) host++;
	if (host == k->e->topo->n_hosts) return -ENOENT;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) return -ENFILE;
	k->c->account->users++;
	int err = door_add(k->e, pair[0], host, k->c->account);
	if (err < 0) {
		close(pair[1]);
		return err;
	}
	call_pass(k, pair[1], true);
	return (int64_t)host;
}
