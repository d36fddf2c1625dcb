/*
 * Initial sequence numbers and the timestamp clock.
 *
 *     ISN = M + F(laddr, lport, raddr, rport, secret)     M ticks every 64 ns, as Linux's: one round in 4.6 minutes
 *
 * Outsiders can't guess F; for the same pair of sockets numbers only grow. The timestamp clock ticks every millisecond,
 * from an offset that is hashed of the two addresses alone, so that it also grows from one connection to the next,
 * which is what lets a TIME-WAIT be reused (RFC 6191).
 *
 * Read first: RFC 6528 §3, RFC 7323 §5.4 and §7.1.
 */
#include "stack/tcp/conn.h"

struct isn_key { struct addr laddr, raddr; uint16_t lport, rport; uint32_t purpose; };
enum { PURPOSE_ISN = 0x49534e, PURPOSE_TS = 0x5453 };

seq32 isn_new(const struct tcp_sock *conn)
{
	/* RFC 9293 §3.4.1 (MUST-8, SHLD-1): clock-driven, with the keyed hash of RFC 6528. */
	struct isn_key key = {
		conn->inet.laddr, conn->inet.raddr, conn->inet.lport, conn->inet.rport, PURPOSE_ISN,
	};
	seq32 isn = (seq32)stack_hash(conn_stack(conn), &key, sizeof key) + (seq32)(conn_now(conn) >> 6);

	return isn ? isn : 1;   /* 0 says "not chosen" in conn->snd.iss */
}

uint32_t ts_offset(const struct stack *s, const struct addr *laddr, const struct addr *raddr)
{
	struct isn_key key = {*laddr, *raddr, 0, 0, PURPOSE_TS};

	return (uint32_t)stack_hash(s, &key, sizeof key);
}

uint32_t ts_clock(time_ns now, uint32_t offset)
{
	return (uint32_t)(now / NS_PER_MS) + offset;
}
