/*
 * What the program writes, in records: one is closed when it is full, and at the end of a send, unless more is to follow (MSG_MORE). Control messages
 * (TLS_SET_RECORD_TYPE) say of what type the records of a send are; those of data are joined, others never.
 */
#include "stack/tls/tls.h"
#include <errno.h>
#include <stdlib.h>
#include "stack/socket/ancillary.h"

#define FLAGS_KNOWN (MSG_MORE | MSG_DONTWAIT | MSG_NOSIGNAL | MSG_EOR)

/* A record that cannot be sent is lost, as on Linux: so is the connection, but for its numbers having run out, which has to be told. */
static int close_record(struct tls *t, bool more)
{
	struct tls_keys *k = &t->tx.keys;
	size_t size = tls_before(k) + t->tx.len + tls_behind(k);
	int r = tls_seal(k, t->aead, t->tx.type, t->tx.record, t->tx.len);

	if (r == 0) r = tcp_put(t->conn, t->tx.record, size, more);
	free(t->tx.record);
	t->tx.record = NULL;
	t->tx.len = 0;
	return r;
}

int tls_flush(struct tls *t) { return t->tx.record ? close_record(t, false) : 0; }

static bool open_record(struct tls *t, uint8_t type)
{
	if (t->tx.record) return true;
	t->tx.record = malloc(TLS_TEXT_MAX + TLS_ENDS_MAX);
	t->tx.type = type;
	return t->tx.record != NULL;
}

/* As Linux: there has to be one of ours among them, and what is open goes before what this says. */
static int read_control(struct tls *t, const struct sock_msg *m, uint8_t *type)
{
	struct cmsg_in c;
	size_t at = 0;
	int r, answer = -EINVAL;

	while ((r = cmsg_next(m, &at, &c)) > 0) {
		if (c.level != SOL_TLS) continue;
		if (c.type != TLS_SET_RECORD_TYPE || c.len < sizeof *type || m->flags & MSG_MORE) return -EINVAL;
		*type = *c.data;
		answer = tls_flush(t);
		if (answer < 0) return answer;
	}
	return r < 0 ? r : answer;
}

/* Of a call that goes on behind m whole records, if it comes to one: so their borders are where they would be of one piece. */
static size_t of_whole_records(const struct tls *t, const struct sock_msg *m)
{
	size_t all = t->tx.len + m->len;

	return m->call_len > m->len && all >= TLS_TEXT_MAX ? m->len - all % TLS_TEXT_MAX : m->len;
}

/* Octets taken, or why none was. */
static ssize_t write_text(struct tls *t, const struct sock_msg *m, uint8_t type)
{
	bool more = m->flags & MSG_MORE || m->call_len > m->len;
	size_t done = 0, len = of_whole_records(t, m);
	int r = 0;

	while (done < len && r == 0) {
		size_t n = MIN(len - done, TLS_TEXT_MAX - t->tx.len);
		if (!tcp_has_room(t->conn)) r = -EAGAIN;
		else if (!open_record(t, type)) r = -ENOBUFS;
		if (r < 0) break;
		memcpy(t->tx.record + tls_before(&t->tx.keys) + t->tx.len, (const uint8_t *)m->data + done, n);
		t->tx.len += n;
		if (t->tx.len == TLS_TEXT_MAX || !more) r = close_record(t, done + n < len || more);
		if (r == 0) done += n;
	}
	return done ? (ssize_t)done : r;
}

ssize_t tls_send(struct tcp_sock *conn, const struct sock_msg *m)
{
	struct tls *t = tls_of(conn);
	uint8_t type = TLS_DATA;
	int r = 0;

	if (!t->tx.keys.cipher) return tcp_send(&conn->inet.sk, m);
	if (m->flags & ~FLAGS_KNOWN) return -EOPNOTSUPP;
	if (m->flags & MSG_MORE && m->flags & MSG_EOR) return -EINVAL;
	if (m->control_len) r = read_control(t, m, &type);
	if (r < 0) return r;
	/* As Linux: what is pending stays so. */
	if (m->len && conn->inet.sk.err) return -conn->inet.sk.err;
	if (m->unread) return -EFAULT;
	return write_text(t, m, type);
}
