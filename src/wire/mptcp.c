/* See mptcp.h. An option's octets: kind, length, subtype and four flags, then what its subtype says. */
#include "wire/mptcp.h"

#define KIND 30
#define NOP 1
#define EOL 0
#define DSS_FIN 16
#define DSS_DSN64 8
#define DSS_MAP 4
#define DSS_ACK64 2
#define DSS_ACK 1
#define ECHO 1
#define BACKUP 1
#define KEY_LEN 8

static uint64_t read64(const uint8_t *p) { return (uint64_t)read32(p) << 32 | read32(p + 4); }

static void write64(uint8_t *p, uint64_t v)
{
	write32(p, (uint32_t)(v >> 32));
	write32(p + 4, (uint32_t)v);
}

/* ---- reading: p is the whole option, of len octets ---- */

/* RFC 8684 §3.1: how long it is says which segment of the handshake it is of. */
static bool read_capable(struct mptcp_capable *c, const uint8_t *p, unsigned len, uint8_t tcp_flags)
{
	bool syn = tcp_flags & TCP_SYN, ack = tcp_flags & TCP_ACK;
	bool right = syn ? len == (ack ? 12u : 4u) : len == 20 || len == 22 || len == 24;

	if (!right || (p[2] & 15) != MPTCP_VERSION) return false;
	*c = (struct mptcp_capable){.flags = p[3], .n_keys = (uint8_t)(len < 12 ? 0 : len < 20 ? 1 : 2)};
	if (c->n_keys) c->sender = read64(p + 4);
	if (c->n_keys == 2) c->receiver = read64(p + 12);
	c->has_len = len >= 22;
	c->has_csum = len == 24;
	if (c->has_len) c->len = read16(p + 20);
	if (c->has_csum) c->csum = read16(p + 22);
	return true;
}

static bool read_join(struct mptcp_join *j, const uint8_t *p, unsigned len, uint8_t tcp_flags)
{
	bool syn = tcp_flags & TCP_SYN, ack = tcp_flags & TCP_ACK;

	*j = (struct mptcp_join){.backup = p[2] & BACKUP, .id = p[3]};
	if (syn && !ack && len == 12) {
		j->token = read32(p + 4);
		j->nonce = read32(p + 8);
	} else if (syn && ack && len == 16) {
		j->short_hmac = read64(p + 4);
		j->nonce = read32(p + 12);
	} else if (!syn && len == 24) {
		memcpy(j->hmac, p + 4, MPTCP_HMAC_LEN);
	} else {
		return false;
	}
	return true;
}

static bool read_dss(struct mptcp_dss *d, const uint8_t *p, unsigned len)
{
	uint8_t flags = p[3];
	unsigned need;

	*d = (struct mptcp_dss){.has_ack = flags & DSS_ACK, .has_map = flags & DSS_MAP, .fin = flags & DSS_FIN};
	d->ack64 = d->has_ack && flags & DSS_ACK64;
	d->dsn64 = d->has_map && flags & DSS_DSN64;
	need = (unsigned)mptcp_dss_len(d);
	if (d->has_map && len == need + 2) d->has_csum = true;
	else if (len != need) return false;
	p += 4;
	if (d->has_ack) {
		d->ack = d->ack64 ? read64(p) : read32(p);
		p += d->ack64 ? 8 : 4;
	}
	if (!d->has_map) return !d->fin;
	d->dsn = d->dsn64 ? read64(p) : read32(p);
	p += d->dsn64 ? 8 : 4;
	d->ssn = read32(p);
	d->len = read16(p + 4);
	if (d->has_csum) d->csum = read16(p + 6);
	return true;
}

static bool read_add_addr(struct mptcp_add_addr *a, const uint8_t *p, unsigned len)
{
	bool echo = p[2] & ECHO, v4, port;
	unsigned body = len - 4 - (echo ? 0 : 8);

	if (len < 4 + (echo ? 0u : 8u)) return false;
	v4 = body == 4 || body == 6;
	port = body == 6 || body == 18;
	if (!v4 && body != 16 && body != 18) return false;
	*a = (struct mptcp_add_addr){.echo = echo, .id = p[3], .addr = v4 ? addr_any4 : addr_any6};
	memcpy(a->addr.b + (v4 ? 12 : 0), p + 4, v4 ? 4 : 16);
	p += v4 ? 8 : 20;
	if (port) a->port = read16(p);
	if (!echo) a->hmac = read64(p + (port ? 2 : 0));
	return true;
}

static bool read_other(struct mptcp_opts *o, unsigned subtype, const uint8_t *p, unsigned len)
{
	switch (subtype) {
	case MPTCP_REMOVE_ADDR:
		if (len < 4 || len - 3 > MPTCP_IDS_MAX) return false;
		o->remove.n = (uint8_t)(len - 3);
		memcpy(o->remove.id, p + 3, o->remove.n);
		return true;
	case MPTCP_PRIO: o->prio.backup = p[2] & BACKUP; return len == 3 || len == 4;
	case MPTCP_FAIL:
		if (len != 12) return false;
		o->fail.dsn = read64(p + 4);
		return true;
	case MPTCP_FASTCLOSE:
		if (len != 12) return false;
		o->fastclose.key = read64(p + 4);
		return true;
	case MPTCP_RST:
		if (len != 4) return false;
		o->rst.flags = p[2] & 15;
		o->rst.reason = p[3];
		return true;
	default: return false;
	}
}

static bool read_option(struct mptcp_opts *o, unsigned subtype, const uint8_t *p, unsigned len, uint8_t tcp_flags)
{
	if (subtype != MPTCP_PRIO && len < 4) return false;
	switch (subtype) {
	case MPTCP_CAPABLE: return read_capable(&o->capable, p, len, tcp_flags);
	case MPTCP_JOIN: return read_join(&o->join, p, len, tcp_flags);
	case MPTCP_DSS: return read_dss(&o->dss, p, len);
	case MPTCP_ADD_ADDR: return read_add_addr(&o->add, p, len);
	default: return read_other(o, subtype, p, len);
	}
}

void mptcp_parse(struct mptcp_opts *ret, const struct tcp_opts *o, uint8_t tcp_flags)
{
	const uint8_t *p = o->mptcp;
	size_t n = o->mptcp_len;

	ret->has = 0;
	while (n && p[0] != EOL) {
		size_t len = p[0] == NOP ? 1 : n < 2 ? 0 : p[1];
		if (len == 0 || len > n || (p[0] != NOP && len < 2)) return;
		/* As Linux: of two of one kind the later one counts. */
		if (p[0] == KIND && len >= 3 && p[2] >> 4 <= MPTCP_RST && read_option(ret, p[2] >> 4, p, (unsigned)len, tcp_flags))
			ret->has |= (uint16_t)(1u << (p[2] >> 4));
		p += len;
		n -= len;
	}
}

/* ---- writing ---- */

static size_t put(uint8_t *p, unsigned subtype, unsigned low, size_t len)
{
	p[0] = KIND;
	p[1] = (uint8_t)len;
	p[2] = (uint8_t)(subtype << 4 | low);
	return len;
}

size_t mptcp_put_capable(uint8_t *p, const struct mptcp_capable *c)
{
	p[3] = c->flags;
	if (c->n_keys) write64(p + 4, c->sender);
	if (c->n_keys == 2) write64(p + 12, c->receiver);
	if (c->has_len) write16(p + 20, c->len);
	if (c->has_csum) write16(p + 22, c->csum);
	return put(p, MPTCP_CAPABLE, MPTCP_VERSION, 4 + c->n_keys * (size_t)KEY_LEN + (c->has_len ? 2 : 0) + (c->has_csum ? 2 : 0));
}

size_t mptcp_put_join_syn(uint8_t *p, const struct mptcp_join *j)
{
	p[3] = j->id;
	write32(p + 4, j->token);
	write32(p + 8, j->nonce);
	return put(p, MPTCP_JOIN, j->backup, 12);
}

size_t mptcp_put_join_answer(uint8_t *p, const struct mptcp_join *j)
{
	p[3] = j->id;
	write64(p + 4, j->short_hmac);
	write32(p + 12, j->nonce);
	return put(p, MPTCP_JOIN, j->backup, 16);
}

size_t mptcp_put_join_ack(uint8_t *p, const struct mptcp_join *j)
{
	p[3] = 0;
	memcpy(p + 4, j->hmac, MPTCP_HMAC_LEN);
	return put(p, MPTCP_JOIN, 0, 24);
}

size_t mptcp_dss_len(const struct mptcp_dss *d)
{
	size_t len = 4 + (d->has_ack ? d->ack64 ? 8u : 4u : 0u);

	return d->has_map ? len + (d->dsn64 ? 8 : 4) + 6 + (d->has_csum ? 2 : 0) : len;
}

size_t mptcp_put_dss(uint8_t *p, const struct mptcp_dss *d)
{
	uint8_t *at = p + 4;

	p[3] = (uint8_t)((d->fin ? DSS_FIN : 0) | (d->dsn64 ? DSS_DSN64 : 0) | (d->has_map ? DSS_MAP : 0) | (d->ack64 ? DSS_ACK64 : 0) |
			 (d->has_ack ? DSS_ACK : 0));
	if (d->has_ack && d->ack64) write64(at, d->ack);
	else if (d->has_ack) write32(at, (uint32_t)d->ack);
	at += d->has_ack ? d->ack64 ? 8 : 4 : 0;
	if (d->has_map) {
		if (d->dsn64) write64(at, d->dsn);
		else write32(at, (uint32_t)d->dsn);
		at += d->dsn64 ? 8 : 4;
		write32(at, d->ssn);
		write16(at + 4, d->len);
		if (d->has_csum) write16(at + 6, d->csum);
	}
	return put(p, MPTCP_DSS, 0, mptcp_dss_len(d));
}

size_t mptcp_put_add_addr(uint8_t *p, const struct mptcp_add_addr *a)
{
	bool v4 = addr_is_v4(&a->addr);
	size_t n = 4;

	p[3] = a->id;
	memcpy(p + n, a->addr.b + (v4 ? 12 : 0), v4 ? 4 : 16);
	n += v4 ? 4 : 16;
	if (a->port) {
		write16(p + n, a->port);
		n += 2;
	}
	if (!a->echo) {
		write64(p + n, a->hmac);
		n += 8;
	}
	return put(p, MPTCP_ADD_ADDR, a->echo, n);
}

size_t mptcp_put_remove_addr(uint8_t *p, const uint8_t *ids, uint8_t n)
{
	memcpy(p + 3, ids, n);
	return put(p, MPTCP_REMOVE_ADDR, 0, 3u + n);
}

size_t mptcp_put_prio(uint8_t *p, bool backup) { return put(p, MPTCP_PRIO, backup, 3); }

size_t mptcp_put_fail(uint8_t *p, uint64_t dsn)
{
	p[3] = 0;
	write64(p + 4, dsn);
	return put(p, MPTCP_FAIL, 0, 12);
}

size_t mptcp_put_fastclose(uint8_t *p, uint64_t key)
{
	p[3] = 0;
	write64(p + 4, key);
	return put(p, MPTCP_FASTCLOSE, 0, 12);
}

size_t mptcp_put_rst(uint8_t *p, uint8_t flags, uint8_t reason)
{
	p[3] = reason;
	return put(p, MPTCP_RST, flags & 15u, 4);
}

size_t mptcp_pad(uint8_t *p, size_t len)
{
	size_t all = (len + 3) & ~(size_t)3;

	memset(p + len, NOP, all - len);
	return all;
}
