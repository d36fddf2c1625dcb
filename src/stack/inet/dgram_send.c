/* Datagrams out: what the way takes in one piece, who wants a stamp of it, and off they go. Read first: ip(7), ipv6(7). */
#include <errno.h>
#include <stdlib.h>
#include "stack/inet/dgram.h"
#include "stack/inet/errqueue.h"
#include "stack/inet/header_options.h"
#include "stack/inet/ip.h"

int dgram_may_send(struct dgram_sock *ds)
{
	int err = sock_take_error(&ds->is.sk);

	if (err) return -err;
	return ds->is.sk.shut & 2 ? -EPIPE : 0;
}

/* As Linux: what is cut is built whole before it goes, and all but the last piece must find room in twice SO_SNDBUF. */
bool dgram_pieces_find_room(const struct sock *sk, const struct dgram_dest *d, size_t len, uint32_t mtu)
{
	bool six = !addr_is_v4(&d->dst);
	size_t headers = ip_header_len(&d->out) + (six ? IP6_FRAG_LEN : 0), piece = mtu > headers ? (mtu - headers) & ~(size_t)7 : 0;

	return !piece || (len - 1) / piece * datagram_charge(six, (uint32_t)piece) < 2 * (uint64_t)sk->sndbuf;
}

/* What the way takes; IPV6_MTU may be less, and no packet of IPv4 is larger than its length says. */
static uint32_t mtu_of(const struct dgram_sock *ds, const struct dgram_dest *d)
{
	uint32_t mtu = ip_out_mtu(ds->is.sk.stack, &d->out, &d->hop);

	if (addr_is_v4(&d->dst)) return MIN(mtu, PACKET_MAX);
	return ds->is.mtu6 ? MIN(mtu, ds->is.mtu6) : mtu;
}

int dgram_too_long(struct dgram_sock *ds, const struct dgram_dest *d)
{
	struct inet_sock *is = &ds->is;
	bool v4 = addr_is_v4(&d->dst);

	/* As Linux: by IPv4 the port is the one that the socket is connected to, whatever the name says. */
	if (v4 ? is->recverr : is->recverr6) errqueue_put_local(is, EMSGSIZE, mtu_of(ds, d), &d->dst, v4 ? is->rport : d->port);
	return -EMSGSIZE;
}

/*
 * IP_PMTUDISC_WANT: what fits goes with DF, what does not is cut. IP_PMTUDISC_DO: what does not fit is refused. IP_PMTUDISC_INTERFACE: that, too, but
 * IPv4's goes without DF.
 */
int dgram_fit(struct dgram_sock *ds, struct dgram_dest *d, size_t len)
{
	struct inet_sock *is = &ds->is;
	uint32_t mtu = mtu_of(ds, d);
	bool v4 = addr_is_v4(&d->dst);

	if (len + ip_header_len(&d->out) <= mtu) return 0;
	if (v4 && is->pmtudisc == IP_PMTUDISC_WANT) d->out.df = false;
	if (!d->out.df && !(v4 && is->pmtudisc == IP_PMTUDISC_INTERFACE)) return dgram_pieces_find_room(&is->sk, d, len, mtu) ? 0 : -ENOBUFS;
	if (!v4 && d->dontfrag) pathmtu_note(is, &d->dst, mtu);
	return dgram_too_long(ds, d);
}

static bool wants_frame(const struct sock *sk, const struct dgram_dest *d) { return d->control.stamps && !(sk->timestamping & STAMPS_ONLY); }

/* Here a datagram is on its way as soon as it is made. Of one send that is cut there is one stamp. */
static void stamp(struct dgram_sock *ds, struct dgram_dest *d, const struct packet *frame)
{
	struct sock *sk = &ds->is.sk;
	struct send_control *c = &d->control;
	uint32_t id = 0;

	if (sk->timestamping & STAMPS_ID) id = c->numbered ? c->stamp_id : sk->stamp_id++;
	if (c->stamps & STAMPS_SCHED) errqueue_put_stamp(&ds->is, &(struct stamp){.which = STAMP_SCHED, .id = id, .frame = frame});
	if (c->stamps & STAMPS_SENT) errqueue_put_stamp(&ds->is, &(struct stamp){.which = STAMP_SENT, .id = id, .frame = frame});
	c->stamps = 0;
}

int dgram_output(struct dgram_sock *ds, struct dgram_dest *d, struct packet *p)
{
	struct packet *frame = NULL;
	int r = dgram_fit(ds, d, p->len);

	if (r < 0) {
		packet_free(p);
		return r;
	}
	if (d->own_options) d->out.opt = d->options;
	d->out.ret_copy = wants_frame(&ds->is.sk, d) ? &frame : NULL;
	r = ip_output_via(ds->is.sk.stack, p, &d->out, &d->hop);
	if (r == 0 && d->control.stamps) stamp(ds, d, frame);
	packet_free(frame);
	/* Linux: a full queue of the device is loss, which datagrams suffer in silence, unless IP_RECVERR was asked for. */
	return r == -ENOBUFS && !ds->is.recverr ? 0 : r;
}

/* ---- several sends, one datagram ---- */

void dgram_cork_begin(const struct dgram_sock *ds, struct dgram_cork *c, const struct dgram_dest *d)
{
	c->pending = true;
	c->dest = *d;
	inet_sock_ext(&ds->is, &c->dest.out);      /* what a control message pointed to is gone by the next call */
}

int dgram_cork_add(struct dgram_cork *c, const struct sock_msg *m)
{
	uint8_t *data;

	if (m->unread) return -EFAULT;
	data = realloc(c->data, c->len + m->len + 1);
	if (!data) return -ENOBUFS;
	if (m->len) memcpy(data + c->len, m->data, m->len);
	c->data = data;
	c->len += m->len;
	return 0;
}

void dgram_cork_drop(struct dgram_cork *c)
{
	free(c->data);
	c->data = NULL;
	c->len = 0;
	c->pending = false;
}
