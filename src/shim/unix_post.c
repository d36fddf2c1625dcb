/*
 * A message of a Unix socket, sent to where its peer reads it (src/channel/record.c). What finds no way there is a SEND, which knows why; what finds no room
 * waits for the reader, or for a further segment from the engine.
 */
#include "shim/shim.h"
#include "shim/unix.h"

struct post { const struct sock *s; const struct message *m; struct handover h; };

static long post_copy(void *arg)
{
	struct post *p = arg;
	return (long)chan_post(shim.arena, p->s->c, p->m->iov, p->m->count, p->m->total, &p->h);
}

/* An enum post_answer, or -EFAULT. */
static long post(const struct sock *s, const struct message *m)
{
	struct post p = {.s = s, .m = m};
	critical_enter();
	chan_lock(&s->c->tx.lock, lock_name(), futex_shared);
	owe(s, &s->c->tx);
	long r = guarded(post_copy, &p);
	chan_unlock(&s->c->tx.lock, futex_shared);
	if (p.h.peer != 0) direct_wrote(s, p.h.peer);
	if (p.h.warmed || p.h.left) handed_over(s);
	owe_no_more(s, &s->c->tx);
	critical_leave();
	return r;
}

/* The peer may be about to read; if not, the engine may give a further segment. A call that doesn't wait has the answer at once. */
static long post_grown(const struct sock *s, const struct message *m, long answer, uint32_t seq)
{
	if (answer != POST_ROOM || m->nonblock || !spin(&s->c->tx.seq, seq)) {
		handed_over(s);
		engine_catch_up();
	}
	return post(s, m);
}

long unix_post(const struct sock *s, struct message *m, uint32_t seq)
{
	long r = post(s, m);
	if (r == POST_ROOM || r == POST_LARGE) r = post_grown(s, m, r, seq);
	if (r == POST_LARGE || r == POST_ELSEWHERE) return (long)engine_send_once(s, m, 0);
	if (r == POST_FULL || r == POST_ROOM) return -EAGAIN;
	return r < 0 ? r : (long)m->total;
}
