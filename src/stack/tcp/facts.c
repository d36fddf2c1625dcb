/* What lists of sockets tell of a TCP connection. Linux's formulas, whose shapes programs know. */
#include "stack/inet/facts.h"
#include "stack/tcp/conn.h"

static time_ns left(const struct tcp_sock *conn, const struct timer *t)
{
	return MAX(timer_due(conn_stack(conn), t) - conn_now(conn), 0);
}

/* As Linux a connection in FIN-WAIT-2 that no program has is one of those that only wait. */
static bool only_waits(const struct tcp_sock *conn) { return conn->state == TCPS_FIN_WAIT_2 && conn->inet.sk.closed; }

static void timer_facts(const struct tcp_sock *conn, struct inet_facts *f)
{
	const struct timer *t = &conn->timer.rtx;

	if (timer_is_set(t)) {
		f->timer = conn->timer_role == TCP_TIMER_PROBE ? FACTS_PROBE : FACTS_RETRANSMIT;
	} else if (timer_is_set(&conn->timer.keep)) {
		t = &conn->timer.keep;
		f->timer = only_waits(conn) ? FACTS_TIME_WAIT : FACTS_KEEPALIVE;
	}
	if (f->timer != FACTS_NO_TIMER) f->due_in = left(conn, t);
	f->retransmits = f->timer == FACTS_PROBE ? 0 : conn->trouble.retries;
	f->probes = f->timer == FACTS_PROBE ? conn->trouble.retries : conn->trouble.probes;
}

static void queue_facts(struct tcp_sock *conn, struct inet_facts *f)
{
	bool syn = IN_STATES(conn, S_(SYN_SENT) | S_(SYN_RECEIVED)), fin = conn->snd.fin && !seq_gt(conn->snd.una, snd_end(conn));

	f->in = conn->rcv.queued;
	f->in_memory = rmem_held(conn);
	f->out = (uint32_t)conn->snd.queue.len + syn + fin;
}

static void path_facts(const struct tcp_sock *conn, struct inet_facts *f)
{
	f->rto = rtt_timeout(conn);
	f->ato = conn->ack.ato;
	f->ack_mode = conn->ack.quick * 2u + conn_answers(conn);
	f->cwnd = conn->cc.cwnd ? conn->cc.cwnd : TCP_INIT_CWND;
	f->ssthresh = conn->cc.ssthresh && conn->cc.ssthresh < CC_INFINITE ? (int32_t)conn->cc.ssthresh : -1;
}

bool tcp_facts(struct sock *sk, struct inet_facts *f)
{
	struct tcp_sock *conn = tcp_of(sk);

	f->state = conn->state;
	f->unused = conn->state == TCPS_CLOSED;
	if (f->unused) return conn->inet.bound;
	f->embryo = conn->wait.parent && conn->embryo;
	if (conn->wait.parent && !conn->accepted) f->uid = conn->wait.parent->inet.sk.uid;
	if (conn->state == TCPS_LISTEN) {
		f->in = listen_waiting(conn);
		f->out = conn->listener->backlog;
		f->rto = TCP_RTO_INIT;
		f->cwnd = TCP_INIT_CWND;
		f->ssthresh = conn->set.fastopen_qlen;
		return true;
	}
	timer_facts(conn, f);
	queue_facts(conn, f);
	path_facts(conn, f);
	return true;
}
