/*
 * ICMP for IPv4, incoming: echoes are answered, errors are translated and passed to the protocol they are about, echo
 * replies go to ping sockets, redirects to redirect.c. Source quench changes nothing (RFC 6633), as on Linux.
 *
 * Read first: RFC 792, RFC 1122 §3.2.2, icmp(7).
 */
#include <errno.h>
#include "stack/core/sysctl.h"
#include "stack/inet/icmp.h"
#include "stack/inet/inet_private.h"
#include "stack/inet/ping.h"

/* RFC 1122 §3.2.2.1, §3.2.2.4: what the transports learn of unreachables and of time that ran out. */
/* Linux's icmp_err_convert: what "unreachable" of each code means to a program. */
static const struct { uint8_t err; bool hard; } unreach[] = {
	{ENETUNREACH, false}, {EHOSTUNREACH, false}, {ENOPROTOOPT, true}, {ECONNREFUSED, true}, {EMSGSIZE, false}, {EOPNOTSUPP, false},
	{ENETUNREACH, true}, {EHOSTDOWN, true}, {ENONET, true}, {ENETUNREACH, true}, {EHOSTUNREACH, true}, {ENETUNREACH, false},
	{EHOSTUNREACH, false}, {EHOSTUNREACH, true}, {EHOSTUNREACH, true}, {EHOSTUNREACH, true},
};
#define CODE_FRAG_NEEDED 4

static bool translate(const struct icmp_hdr *h, struct ip_error *e)
{
	switch (h->type) {
	case ICMP4_UNREACH:
		if (h->code >= ARRAY_SIZE(unreach)) return false;
		e->err = unreach[h->code].err;
		e->hard = unreach[h->code].hard;
		/* RFC 1191 §4: the low half of the word. Old routers leave it zero, which says as much as any MTU below those we believe. */
		if (h->code == CODE_FRAG_NEEDED) e->mtu_bytes = MAX(h->rest & 0xffff, 1u);
		return true;
	case ICMP4_TIME_EXCEEDED:
		e->err = EHOSTUNREACH;
		return true;
	case ICMP4_PARAM_PROBLEM:
		e->err = EPROTO;
		e->hard = true;
		return true;
	default:
		return false;
	}
}

static void receive_redirect(struct stack *s, struct packet *p, const struct icmp_hdr *h)
{
	enum drop_reason why = redirect_receive4(p, h);

	if (why == DROP_NONE)
		packet_free(p);
	else
		stack_drop(s, p, why);
}

static void receive_echo(struct stack *s, struct packet *p)
{
	/* RFC 1122 §3.2.2.6 lets echoes to groups and broadcast go unanswered; Linux's icmp_echo_ignore_broadcasts. */
	if (s->sysctl->icmp_echo_ignore_all || (s->sysctl->icmp_echo_ignore_broadcasts && (p->broadcast || p->multicast))) {
		stack_drop(s, p, DROP_ICMP_TYPE);
		return;
	}
	icmp_answer_echo(s, p, ICMP4_ECHO_REPLY);
	packet_free(p);
}

static void receive(struct stack *s, struct packet *p)
{
	struct icmp_hdr h;

	if (icmp_parse(&h, p->data, p->len) < 0) {
		stack_drop(s, p, DROP_ICMP_BAD);
		return;
	}
	if (!icmp_csum_ok(p->data, p->len, NULL, NULL)) {
		stack_drop(s, p, DROP_ICMP_CSUM);
		return;
	}
	switch (h.type) {
	case ICMP4_ECHO: receive_echo(s, p); break;
	case ICMP4_REDIRECT: receive_redirect(s, p, &h); break;
	case ICMP4_ECHO_REPLY: ping_receive(s, p); break;
	case ICMP4_UNREACH:
	case ICMP4_TIME_EXCEEDED:
	case ICMP4_PARAM_PROBLEM: icmp_error_receive(s, p, &h, true, translate); break;
	default:
		/* RFC 1122 §3.2.2.3, RFC 6633 §3, RFC 5927 §6.2: source quenches are among those that change nothing. */
		stack_drop(s, p, DROP_ICMP_TYPE);
	}
}

const struct ip_proto icmp_proto = {.proto = IP_PROTO_ICMP, .receive = receive, .error = ping_error};
