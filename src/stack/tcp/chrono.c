/*
 * What a connection's time went by with while there was something to send, as TCP_INFO tells it:
 *
 *     busy     octets are queued or in flight
 *      ├ rwnd     … and the peer's window holds the next segment back
 *      └ sndbuf   … and all is in flight because the program may hand over no more
 *
 * Nothing else is measured: one of them holds at a time, and time is booked when that changes.
 */
#include "stack/tcp/conn.h"

static void enter(struct tcp_sock *conn, enum tcp_chrono what)
{
	struct tcp_figures *f = conn->figures;

	f->chrono.spent[f->chrono.what] += conn_now(conn) - f->chrono.since;
	f->chrono.what = (uint8_t)what;
	f->chrono.since = conn_now(conn);
}

static void start(struct tcp_sock *conn, enum tcp_chrono what)
{
	if (conn->figures && what > conn->figures->chrono.what) enter(conn, what);
}

static bool all_acked(const struct tcp_sock *conn)
{
	return !conn->rtxq.n && !snd_unsent(conn) && (!conn->snd.fin || snd_fin_sent(conn));
}

static void end(struct tcp_sock *conn, enum tcp_chrono what)
{
	if (!conn->figures) return;
	if (all_acked(conn))
		enter(conn, TCP_CHRONO_NONE);
	else if (conn->figures->chrono.what == what)
		enter(conn, TCP_CHRONO_BUSY);
}

void chrono_queued(struct tcp_sock *conn)
{
	if (conn_figures(conn)) start(conn, TCP_CHRONO_BUSY);
}

void chrono_drained(struct tcp_sock *conn) { end(conn, TCP_CHRONO_BUSY); }

void chrono_stop(struct tcp_sock *conn)
{
	if (conn->figures) enter(conn, TCP_CHRONO_NONE);
}

void chrono_window(struct tcp_sock *conn, bool holds_back)
{
	if (holds_back)
		start(conn, TCP_CHRONO_RWND);
	else
		end(conn, TCP_CHRONO_RWND);
}

void chrono_refused(struct tcp_sock *conn, bool refused)
{
	if (!conn->figures) return;
	conn->figures->chrono.refused = refused;
	if (!refused) end(conn, TCP_CHRONO_SNDBUF);
}

/* As Linux: it is the buffer when cwnd would take more, and nothing more is there though the program has some. */
void chrono_sent(struct tcp_sock *conn, bool limited)
{
	if (conn->figures && conn->figures->chrono.refused && !limited && !snd_unsent(conn)) start(conn, TCP_CHRONO_SNDBUF);
}

uint64_t chrono_us(const struct tcp_sock *conn, enum tcp_chrono what)
{
	const struct tcp_figures *f = conn->figures;

	if (!f) return 0;
	return (uint64_t)((f->chrono.spent[what] + (f->chrono.what == what ? conn_now(conn) - f->chrono.since : 0)) / NS_PER_US);
}
