/*
 * The options of segments that leave.
 *
 *     SYNs            MP_CAPABLE or MP_JOIN
 *     until the peer is known to know    the same again, on what stands where the stream begins
 *     text            DSS: how far the peer's stream has come, and which octets of ours these are
 *     bare ACKs       DSS, with DATA_FIN once all is sent; and what the path manager has to say
 *     resets          why
 *
 * Read first: RFC 8684 §3.
 */
#include "stack/mptcp/msk.h"

/* RFC 8684 §3.3.1: over a pseudo-header, the 64 bits of the number and the rest as on the wire, and the octets. */
static uint16_t map_checksum(const struct tcp_sock *conn, seq32 seq, uint64_t dsn, uint32_t ssn, uint16_t map_len, uint32_t len)
{
	uint8_t buf[4096], head[16] = {0};
	uint32_t off = 0;
	uint32_t sum;

	write32(head, (uint32_t)(dsn >> 32));
	write32(head + 4, (uint32_t)dsn);
	write32(head + 8, ssn);
	write16(head + 12, map_len);
	sum = csum_add(0, head, sizeof head);
	for (; off < len; off += (uint32_t)MIN(sizeof buf, (size_t)(len - off))) {
		size_t n = MIN(sizeof buf, (size_t)(len - off));
		ring_peek(&conn->snd.queue, seq - conn->snd.data + off, buf, n);
		sum = csum_add(sum, buf, n);
	}
	return csum_fold(sum);
}

/* ---- SYNs ---- */

static size_t syn_options(struct subflow *sub, bool answer, uint8_t *buf)
{
	struct mptcp_join j = {.backup = sub->backup, .id = sub->local_id, .nonce = sub->local_nonce};
	struct mptcp_capable c = {.flags = MPTCP_SHA256, .n_keys = answer, .sender = sub->local_key};
	const struct sysctl *sys = conn_sysctl(sub->conn);
	uint8_t hmac[32];

	if (!sub->join) {
		/* As Linux: a middlebox may drop SYNs with the option; so after some it is TCP that asks. */
		if (!answer && sub->conn->trouble.retries >= sys->mptcp_syn_retrans_before_tcp_fallback) sub->asks = false;
		if (answer ? !sub->agreed : !sub->asks) return 0;
		if (answer ? sub->checksum : sys->mptcp_checksum_enabled) c.flags |= MPTCP_CHECKSUM;
		if (!sys->mptcp_allow_join_initial_addr_port) c.flags |= MPTCP_NO_ID0;
		return mptcp_put_capable(buf, &c);
	}
	if (!answer) {
		if (!j.id && sub->msk) j.id = sub->local_id = pm_local_id(conn_stack(sub->conn), sub->msk, &sub->conn->inet.laddr, &sub->backup);
		j.token = sub->msk ? sub->msk->remote_token : 0;
		return mptcp_put_join_syn(buf, &j);
	}
	if (!key_join_hmac(conn_stack(sub->conn), sub->local_key, sub->remote_key, sub->local_nonce, sub->remote_nonce, hmac)) return 0;
	j.short_hmac = (uint64_t)read32(hmac) << 32 | read32(hmac + 4);
	return mptcp_put_join_answer(buf, &j);
}

/* The third ACK, and what stands in its place until the peer has shown that it knows. */
static size_t third_options(struct subflow *sub, seq32 seq, uint32_t len, uint8_t *buf)
{
	struct mptcp_sock *msk = sub->msk;
	struct mptcp_capable c = {.flags = MPTCP_SHA256, .n_keys = 2, .sender = msk->local_key, .receiver = msk->remote_key};
	struct mptcp_join j = {.id = 0};
	uint8_t hmac[32];

	if (sub->join) {
		if (!key_join_hmac(msk_stack(msk), msk->local_key, msk->remote_key, sub->local_nonce, sub->remote_nonce, hmac)) return 0;
		memcpy(j.hmac, hmac, MPTCP_HMAC_LEN);
		return mptcp_put_join_ack(buf, &j);
	}
	if (msk->checksum) c.flags |= MPTCP_CHECKSUM;
	if (!conn_sysctl(sub->conn)->mptcp_allow_join_initial_addr_port) c.flags |= MPTCP_NO_ID0;
	c.has_len = len != 0;
	c.len = (uint16_t)len;
	c.has_csum = len && msk->checksum;
	if (c.has_csum) c.csum = map_checksum(sub->conn, seq, msk->snd.una, 1, (uint16_t)len, len);
	return mptcp_put_capable(buf, &c);
}

/* ---- DSS ---- */

static bool sends_fin(const struct mptcp_sock *msk) { return msk->snd.fin && !msk->snd.fin_acked && msk->snd.nxt == msk_end(msk); }

static void fill_map(const struct subflow *sub, seq32 seq, uint32_t len, struct mptcp_dss *d)
{
	const struct mptcp_sock *msk = sub->msk;
	const struct map *m = len ? maps_find(&sub->out, seq) : NULL;
	uint32_t n = m ? MIN(len, m->seq + m->len - seq) : 0;

	if (m) {
		d->has_map = d->dsn64 = true;
		d->dsn = m->dsn + (seq - m->seq);
		d->ssn = seq - sub->conn->snd.iss;
		d->len = (uint16_t)n;
		/* RFC 8684 §3.3.3: DATA_FIN stands behind the last octet of the map. */
		d->fin = sends_fin(msk) && d->dsn + n == msk_end(msk) && n < UINT16_MAX;
		d->len = (uint16_t)(d->len + d->fin);
	} else if (!len && sends_fin(msk)) {
		/* RFC 8684 §3.3.3: without octets it has a map of its own. */
		d->has_map = d->dsn64 = d->fin = true;
		d->dsn = msk_end(msk);
		d->len = 1;
	}
	d->has_csum = d->has_map && msk->checksum;
	if (d->has_csum) d->csum = map_checksum(sub->conn, seq, d->dsn, d->ssn, d->len, n);
}

static size_t dss_options(struct subflow *sub, const struct tcp_hdr *h, uint32_t len, uint8_t *buf, size_t room)
{
	struct mptcp_sock *msk = sub->msk;
	struct mptcp_dss d = {.has_ack = true, .ack64 = msk->ack64, .ack = msk->rcv.nxt};

	fill_map(sub, h->seq, len, &d);
	if (mptcp_dss_len(&d) > room) return 0;
	return mptcp_put_dss(buf, &d);
}

/* What is offered counts from what the stream has reached. */
static void note_offer(struct subflow *sub)
{
	struct mptcp_sock *msk = sub->msk;
	uint64_t edge = msk->rcv.nxt + window_left(sub->conn);

	if (dsn_lt(msk->rcv.edge, edge)) msk->rcv.edge = edge;
}

static size_t reset_options(struct subflow *sub, uint8_t *buf, size_t room)
{
	size_t n = 0;

	if (!sub->agreed || (sub->msk && sub->msk->fallback)) return 0;
	if (sub->fastclose && sub->msk && room >= 12) n = mptcp_put_fastclose(buf, sub->msk->remote_key);
	else if (sub->fail_due && room >= 12) n = mptcp_put_fail(buf, sub->fail_dsn);
	if (room - n >= 4) n += mptcp_put_rst(buf + n, sub->rst_flags, sub->rst_reason);
	return n;
}

static bool stands_at_start(const struct subflow *sub, const struct tcp_hdr *h)
{
	return sub->active && !sub->fully && h->seq == sub->conn->snd.iss + 1 && sub->conn->state == TCPS_ESTABLISHED && !(h->flags & TCP_FIN);
}

static size_t ack_options(struct subflow *sub, const struct tcp_hdr *h, uint32_t len, uint8_t *buf, size_t room)
{
	struct mptcp_sock *msk = sub->msk;
	size_t n;

	if (stands_at_start(sub, h) && !sends_fin(msk)) return third_options(sub, h->seq, len, buf);
	note_offer(sub);
	n = len == 0 && sub->fully ? pm_options(msk, buf, room) : 0;
	if (n) return n;
	if (sub->fail_due && len == 0 && room >= 12) {
		n = mptcp_put_fail(buf, sub->fail_dsn);
		sub->fail_due = false;
		return n;
	}
	n = dss_options(sub, h, len, buf, room);
	if (sub->prio_due && len == 0 && room - n >= 4) {
		n += mptcp_put_prio(buf + n, sub->backup);
		sub->prio_due = false;
	}
	return n;
}

uint8_t mptcp_options(struct tcp_sock *conn, const struct tcp_hdr *h, uint32_t len, uint8_t *buf, size_t room)
{
	struct subflow *sub = conn->mptcp;
	bool speaks = sub->msk && sub->agreed && !sub->msk->fallback;
	size_t n = 0;

	if (sub->listener) return 0;
	if (h->flags & TCP_RST) n = reset_options(sub, buf, room);
	else if (h->flags & TCP_SYN) n = syn_options(sub, h->flags & TCP_ACK, buf);
	else if (speaks) n = ack_options(sub, h, len, buf, room);
	return (uint8_t)mptcp_pad(buf, n);
}

uint32_t mptcp_options_len(const struct tcp_sock *conn)
{
	const struct subflow *sub = conn->mptcp;
	struct mptcp_dss d = {.has_ack = true, .has_map = true, .dsn64 = true};

	if (!sub->msk || !sub->agreed || sub->msk->fallback) return 0;
	d.ack64 = sub->msk->ack64;
	d.has_csum = sub->msk->checksum;
	return (uint32_t)(mptcp_dss_len(&d) + 3) & ~3u;
}
