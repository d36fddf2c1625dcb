/*
 * ICMPv6, incoming: echoes are answered, errors are translated and passed to the protocol they are about, echo replies
 * go to ping sockets, neighbour discovery to nd.c.
 *
 * Read first: RFC 4443, icmp(7).
 */
#include <errno.h>
#include "stack/core/sysctl.h"
#include "stack/inet/icmp.h"
#include "stack/inet/inet_private.h"
#include "stack/inet/mcast.h"
#include "stack/inet/ping.h"

/* Linux's tab_unreach in icmpv6_err_convert. */
static const struct { uint8_t err; bool hard; } unreach[] = {
	{ENETUNREACH, false}, {EACCES, true}, {EHOSTUNREACH, false}, {EHOSTUNREACH, false}, {ECONNREFUSED, true}, {EACCES, true}, {EACCES, true},
};

static bool translate(const struct icmp_hdr *h, struct ip_error *e)
{
	/* RFC 4443 §3.1, §3.2, §3.3, §3.4: what each kind means to a program. */
	e->err = EPROTO;
	switch (h->type) {
	case ICMP6_UNREACH:
		e->hard = true;
		if (h->code < ARRAY_SIZE(unreach)) {
			e->err = unreach[h->code].err;
			e->hard = unreach[h->code].hard;
		}
		return true;
	case ICMP6_TOO_BIG:
		/* RFC 8201 §4: a node MUST NOT believe in less than the minimum link MTU. */
		if (h->rest < PMTU_MIN6) return false;
		e->err = EMSGSIZE;
		e->mtu_bytes = h->rest;
		return true;
	case ICMP6_TIME_EXCEEDED:
		e->err = EHOSTUNREACH;
		return true;
	case ICMP6_PARAM_PROBLEM:
		e->hard = true;
		return true;
	default:
		/* RFC 4443 §2.4 (a): errors of unknown type go up as well. */
		return true;
	}
}

/* RFC 4443 §4.1, §4.2: answered with all its data, also when it was asked of a group. */
static void receive_echo(struct stack *s, struct packet *p)
{
	if (s->sysctl->icmp6_echo_ignore_all || (s->sysctl->icmp6_echo_ignore_multicast && p->multicast)) {
		stack_drop(s, p, DROP_ICMP_TYPE);
		return;
	}
	icmp_answer_echo(s, p, ICMP6_ECHO_REPLY);
	packet_free(p);
}

static void receive(struct stack *s, struct packet *p)
{
	struct icmp_hdr h;

	if (icmp_parse(&h, p->data, p->len) < 0) {
		stack_drop(s, p, DROP_ICMP_BAD);
		return;
	}
	if (!icmp_csum_ok(p->data, p->len, &p->src, &p->dst)) {
		stack_drop(s, p, DROP_ICMP_CSUM);
		return;
	}
	switch (h.type) {
	case ICMP6_ECHO: receive_echo(s, p); break;
	case ICMP6_ECHO_REPLY: ping_receive(s, p); break;
	case ICMP6_MLD_QUERY:
	case ICMP6_MLD_REPORT:
	case ICMP6_MLD_DONE: mld_receive(s, p); break;
	case ICMP6_RS:
	case ICMP6_RA:
	case ICMP6_NS:
	case ICMP6_NA:
	case ICMP6_REDIRECT: nd_receive(s, p); break;
	default:
		if (h.type < 128)
			icmp_error_receive(s, p, &h, false, translate);
		else
			stack_drop(s, p, DROP_ICMP_TYPE);
	}
}

const struct ip_proto icmp6_proto = {.proto = IP_PROTO_ICMP6, .receive = receive, .error = ping_error};
