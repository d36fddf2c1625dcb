/* tcp, tcp6, udp, udp6 and their kin: a line for each socket. Times are in hundredths of a second. */
#include <netinet/in.h>
#include <stdio.h>
#include "engine/proc/proc.h"
#include "stack/inet/facts.h"

#define TCP_WIDTH 149
#define UDP_WIDTH 127
#define TCP_LISTEN 10
#define BUCKETS 256u                 /* of the table whose row is the first column of UDP's list */
#define COLUMNS "st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
#define HEAD4 "local_address rem_address   " COLUMNS
#define HEAD6 "local_address                         remote_address                        " COLUMNS
#define END_MAX 40
#define COLUMNS_MAX 200

struct listing { struct page *p; uint16_t domain; bool listeners; unsigned n; };

static const char *end_text(char buf[END_MAX], uint16_t domain, const struct addr *a, uint16_t port)
{
	if (domain == AF_INET) snprintf(buf, END_MAX, "%08X:%04X", proc_word(a, 12), port);
	else snprintf(buf, END_MAX, "%08X%08X%08X%08X:%04X", proc_word(a, 0), proc_word(a, 4), proc_word(a, 8), proc_word(a, 12), port);
	return buf;
}

/* What all lists have in common: from the addresses to the inode. */
static const char *columns(char buf[COLUMNS_MAX], const struct inet_facts *f)
{
	char local[END_MAX], remote[END_MAX];
	snprintf(buf, COLUMNS_MAX, "%s %s %02X %08X:%08X %02X:%08lX %08X %5u %8u %lu", end_text(local, f->domain, &f->laddr, f->lport),
		 end_text(remote, f->domain, &f->raddr, f->rport), f->state, f->state == TCP_LISTEN ? 0 : f->out, f->in, f->timer,
		 proc_hundredths(f->due_in), f->retransmits, f->uid, f->probes, (unsigned long)f->inode);
	return buf;
}

/* What only waits, or is no connection yet, has no figures of one. */
static void tcp_put(struct listing *l, const struct inet_facts *f)
{
	char buf[COLUMNS_MAX];
	int width = l->domain == AF_INET ? TCP_WIDTH : 0;
	if (f->embryo || f->timer == FACTS_TIME_WAIT) {
		proc_line(l->p, width, "%4u: %s %d %016lx", l->n - 1, columns(buf, f), f->embryo ? 0 : 3, proc_pointer(f->sk));
		return;
	}
	proc_line(l->p, width, "%4u: %s %d %016lx %lu %lu %u %u %d", l->n - 1, columns(buf, f), f->timer == FACTS_NO_TIMER ? 1 : 2, proc_pointer(f->sk),
		  proc_hundredths(f->rto), proc_hundredths(f->ato), f->ack_mode, f->cwnd, f->ssthresh);
}

static void tcp_visit(void *arg, const struct inet_facts *f)
{
	struct listing *l = arg;
	if (f->domain != l->domain || f->unused || (f->state == TCP_LISTEN) != l->listeners) return;
	l->n++;
	if (page_takes(l->p)) tcp_put(l, f);
}

/* Linux shows who listens before who talks. */
static void tcp_list(struct stack *s, struct page *p, uint16_t domain)
{
	struct listing l = {.p = p, .domain = domain, .listeners = true};
	if (page_takes(p)) proc_line(p, domain == AF_INET ? TCP_WIDTH : 0, "  sl  %s", domain == AF_INET ? HEAD4 : HEAD6);
	inet_facts_walk(s, IPPROTO_TCP, tcp_visit, &l);
	l.listeners = false;
	inet_facts_walk(s, IPPROTO_TCP, tcp_visit, &l);
}

static void dgram_visit(void *arg, const struct inet_facts *f)
{
	struct listing *l = arg;
	char buf[COLUMNS_MAX];
	if (f->domain != l->domain || !page_takes(l->p)) return;
	bool raw4 = f->protocol == IPPROTO_RAW && f->domain == AF_INET;
	proc_line(l->p, f->domain == AF_INET && !raw4 ? UDP_WIDTH : 0, raw4 ? "%4u: %s %d %016lx %u" : "%5u: %s %d %016lx %u", f->lport % BUCKETS,
		  columns(buf, f), 2, proc_pointer(f->sk), f->drops);
}

static void dgram_list(struct stack *s, struct page *p, int protocol, uint16_t domain, int width, const char *indent)
{
	struct listing l = {.p = p, .domain = domain};
	if (page_takes(p)) proc_line(p, width, "%s  sl  %s ref pointer drops", indent, domain == AF_INET ? HEAD4 : HEAD6);
	inet_facts_walk(s, protocol, dgram_visit, &l);
}

static void tcp4(struct stack *s, struct page *p) { tcp_list(s, p, AF_INET); }
static void tcp6(struct stack *s, struct page *p) { tcp_list(s, p, AF_INET6); }
static void udp4(struct stack *s, struct page *p) { dgram_list(s, p, IPPROTO_UDP, AF_INET, UDP_WIDTH, " "); }
static void udp6(struct stack *s, struct page *p) { dgram_list(s, p, IPPROTO_UDP, AF_INET6, 0, ""); }
static void udplite4(struct stack *s, struct page *p) { dgram_list(s, p, IPPROTO_UDPLITE, AF_INET, UDP_WIDTH, " "); }
static void udplite6(struct stack *s, struct page *p) { dgram_list(s, p, IPPROTO_UDPLITE, AF_INET6, 0, ""); }
static void icmp4(struct stack *s, struct page *p) { dgram_list(s, p, IPPROTO_ICMP, AF_INET, UDP_WIDTH, ""); }
static void icmp6(struct stack *s, struct page *p) { dgram_list(s, p, IPPROTO_ICMP, AF_INET6, 0, ""); }
static void raw4(struct stack *s, struct page *p) { dgram_list(s, p, IPPROTO_RAW, AF_INET, 0, ""); }
static void raw6(struct stack *s, struct page *p) { dgram_list(s, p, IPPROTO_RAW, AF_INET6, 0, ""); }

const struct proc_file proc_socket_files[] = {
	{"tcp", tcp4}, {"tcp6", tcp6}, {"udp", udp4}, {"udp6", udp6}, {"udplite", udplite4}, {"udplite6", udplite6},
	{"icmp", icmp4}, {"icmp6", icmp6}, {"raw", raw4}, {"raw6", raw6}, {NULL, NULL},
};
