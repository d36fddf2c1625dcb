/*
 * What the peer sent, out of its records. A record is opened when somebody reads: whole, into a list, from where it is read in as many calls as he likes.
 * A call reads on through records of data, and stops where the type changes; of another type it reads one alone, and wants to be told which
 * (TLS_GET_RECORD_TYPE).
 */
#include "stack/tls/tls.h"
#include <errno.h>
#include <stdlib.h>
#include "stack/inet/errqueue.h"
#include "stack/inet/mib.h"
#include "stack/socket/ancillary.h"

#define HEADER_MAX 13u                            /* with a nonce: Linux looks at it when all of that is there */
#define KEY_UPDATE 24                             /* RFC 8446 §4.6.3 */

static struct mib *mib_of(const struct tls *t) { return conn_stack(t->conn)->mib; }

/* ---- records as they come ---- */

static size_t octets_there(const struct tls *t) { return t->rx.n_gathered + t->conn->rcv.queued; }

static void look(const struct tls *t, void *to, size_t len)
{
	size_t gathered = MIN(t->rx.n_gathered, len);

	if (gathered) memcpy(to, t->rx.gathered, gathered);
	tcp_look(t->conn, (uint8_t *)to + gathered, len - gathered);
}

/* How long the next one is; 0: its header is not there, or never will be. */
static size_t next_size(struct tls *t)
{
	uint8_t header[HEADER_MAX];
	size_t wanted = tls_before(&t->rx.keys);
	ssize_t r;

	if (t->rx.stopped || octets_there(t) < wanted) return 0;
	look(t, header, wanted);
	r = tls_record_size(&t->rx.keys, header);
	if (r > 0) return (size_t)r;
	t->rx.stopped = true;
	sock_set_error(&t->conn->inet.sk, (int)-r);
	return 0;
}

static void take_out(struct tls *t, size_t len)
{
	size_t gathered = MIN(t->rx.n_gathered, len);

	t->rx.n_gathered -= gathered;
	conn_take_out(t->conn, len - gathered);
	window_consumed(t->conn);
}

/* The peer may send no more than a little, as the receive buffer is full, or what is left of one large packet fills it. */
static bool is_pressed(struct tcp_sock *conn) { return rmem_pressure(conn) || window_left(conn) <= conn->rcv.mss; }

/* The part of a record makes way for the rest. */
static void gather(struct tls *t, size_t size)
{
	size_t n = MIN(t->conn->rcv.queued, size - t->rx.n_gathered);

	if (!t->rx.gathered) t->rx.gathered = malloc(TLS_TEXT_MAX + TLS_ENDS_MAX);
	if (!t->rx.gathered) return;
	tcp_look(t->conn, t->rx.gathered + t->rx.n_gathered, n);
	t->rx.n_gathered += n;
	conn_take_out(t->conn, n);
	window_consumed(t->conn);
}

void tls_arrived(struct tcp_sock *conn)
{
	struct tls *t = tls_of(conn);
	size_t size = t->rx.keys.cipher ? next_size(t) : 0;

	if (!t->rx.keys.cipher || t->rx.stopped || !conn->rcv.queued) return;
	if (!size) size = tls_before(&t->rx.keys);
	if (size > octets_there(t) && is_pressed(conn)) gather(t, size);
}

static bool is_whole(struct tls *t)
{
	size_t size = next_size(t);

	return size && size <= octets_there(t);
}

bool tls_is_readable(struct tls *t) { return !t->rx.rekey && (!list_empty(&t->rx.opened) || is_whole(t)); }

/* ---- opening ---- */

static int no_record(struct tls *t, int err)
{
	t->rx.broken = true;
	mib_of(t)->tls.decrypt_errors++;
	sock_set_error(&t->conn->inet.sk, -err);
	return err;
}

static struct tls_record *take_record(struct tls *t, size_t size)
{
	struct tls_record *r = malloc(sizeof *r + size);

	if (!r) return NULL;
	look(t, r->octets, size);
	take_out(t, size);
	return r;
}

static bool is_empty(const struct tls_record *r) { return r->type == TLS_DATA && !r->left; }

/* As the latest that is open, and no larger than its text: who only looks (MSG_PEEK) does not pile up padding, nor empty ones, which read as one. */
static struct tls_record *keep(struct tls *t, struct tls_record *r, const struct tls_text *text)
{
	struct tls_record *last = list_empty(&t->rx.opened) ? NULL : list_entry(t->rx.opened.prev, struct tls_record, node), *cut;
	size_t at = (size_t)(text->at - r->octets);

	r->type = text->type;
	r->left = text->len;
	if (last && is_empty(last) && is_empty(r)) {
		free(r);
		return last;
	}
	cut = realloc(r, sizeof *r + at + text->len);
	if (cut) r = cut;
	r->at = r->octets + at;
	list_append(&t->rx.opened, &r->node);
	return r;
}

static int open_next(struct tls *t, struct tls_record **ret)
{
	size_t size = next_size(t);
	struct tls_record *r = take_record(t, size);
	struct tls_text text;
	int err = r ? tls_open(&t->rx.keys, t->aead, r->octets, size, &text) : -ENOMEM;

	/* As Linux: what has no type can't be read. */
	if (err == 0 && !text.type) err = -EBADMSG;
	if (err < 0) {
		free(r);
		return err == -ENOMEM ? err : no_record(t, err);
	}
	r = keep(t, r, &text);
	if (text.padded && t->expect_no_pad && text.type == TLS_DATA) mib_of(t)->tls.padded++;
	if (t->rx.keys.version == TLS_1_3_VERSION && text.type == TLS_HANDSHAKE && text.len && *r->at == KEY_UPDATE) {
		t->rx.rekey = true;
		mib_of(t)->tls.key_updates++;
	}
	*ret = r;
	return 1;
}

/* 1 with the next record; 0: nothing will come. */
static int next_record(struct tls *t, struct tls_record **ret)
{
	struct sock *sk = &t->conn->inet.sk;

	if (t->rx.rekey) return -EKEYEXPIRED;
	if (t->rx.broken) return no_record(t, -EBADMSG);
	if (is_whole(t)) return open_next(t, ret);
	if (sk->err) return -sock_take_error(sk);
	return sk->shut & 1 ? 0 : -EAGAIN;
}

/* ---- reading ---- */

struct reading {
	struct sock_msg *m;
	struct cmsg_out control;
	size_t len, done;
	uint8_t type;                             /* of the records; 0: not known yet */
	bool peek;
};

/* 1, 0 when it has to be read by another call, or -EIO. */
static int begin(struct reading *r, const struct tls_record *rec)
{
	if (r->type) return rec->type == r->type;
	r->type = rec->type;
	cmsg_put(&r->control, SOL_TLS, TLS_GET_RECORD_TYPE, &rec->type, sizeof rec->type);
	return rec->type != TLS_DATA && r->control.truncated ? -EIO : 1;
}

static int read_record(struct reading *r, struct tls_record *rec)
{
	size_t n = MIN(rec->left, r->len - r->done);
	int answer = begin(r, rec);

	if (answer <= 0) return answer;
	memcpy((uint8_t *)r->m->data + r->done, rec->at, n);
	r->done += n;
	if (n == rec->left) r->m->flags |= MSG_EOR;
	if (r->peek) return 1;
	rec->at += n;
	rec->left -= n;
	if (rec->left) return 1;
	list_remove(&rec->node);
	free(rec);
	return 1;
}

/* Is there room for more, of what the call reads? */
static bool goes_on(const struct reading *r) { return r->done < r->len && (!r->type || r->type == TLS_DATA); }

static int read_all(struct tls *t, struct reading *r)
{
	int answer = 1;

	list_each(struct tls_record, rec, &t->rx.opened, node) {
		if (answer <= 0 || !goes_on(r)) break;
		answer = read_record(r, rec);
	}
	while (answer > 0 && goes_on(r) && (!r->done || is_whole(t))) {
		struct tls_record *rec = NULL;
		answer = next_record(t, &rec);
		if (answer > 0) answer = read_record(r, rec);
	}
	return answer;
}

ssize_t tls_recv(struct tcp_sock *conn, struct sock_msg *m)
{
	struct tls *t = tls_of(conn);
	struct reading r = {.m = m, .control = cmsg_out_begin(m), .len = m->len, .peek = m->flags & MSG_PEEK};
	int answer;

	if (m->flags & MSG_ERRQUEUE) return errqueue_recv(&conn->inet, m);
	if (!t->rx.keys.cipher) return tcp_recv(&conn->inet.sk, m);
	m->name_len = 0;
	m->control_len = 0;
	m->flags = 0;
	answer = r.len ? read_all(t, &r) : 0;
	tls_arrived(conn);                /* there may be no arrival more before a part of a record has made way */
	if (answer < 0 && !r.done) return answer;
	cmsg_out_end(&r.control, m);
	return (ssize_t)r.done;
}
