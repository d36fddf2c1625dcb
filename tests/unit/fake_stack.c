/* See fake_stack.h. */
#include "fake_stack.h"
#include "unit.h"
#include "wire/wire.h"

struct stack *stack_new(const char *name, const struct host_ops *ops, void *host, time_ns now)
{
	struct stack *s = calloc(1, sizeof *s);
	assert_non_null(s);
	*s = (struct stack){.ops = ops, .host = host, .now = now, .inet = calloc(1, sizeof(struct inet))};
	snprintf(s->name, sizeof s->name, "%s", name);
	list_init(&s->netifs);
	s->inet->deadline = TIME_NEVER;
	ops->random(host, &s->secret, sizeof s->secret);
	return s;
}

void stack_free(struct stack *s)
{
	list_each (struct netif, nif, &s->netifs, node) {
		list_each (struct netif_addr, ia, &nif->addrs, node)
			free(ia);
		free(nif);
	}
	free(s->inet);
	free(s);
}

void stack_receive(struct stack *s, struct netif *nif, struct packet *p)
{
	struct inet *log = s->inet;
	assert_true(log->n_seen < SEEN_MAX);
	struct seen *seen = &log->seen[log->n_seen++];
	*seen = (struct seen){.when = s->now, .nif = nif, .len = p->len};
	memcpy(seen->octets, p->data, MIN(p->len, sizeof seen->octets));
	assert_ptr_equal(p->netif, nif);
	assert_int_equal(p->when, s->now);
	if (log->on_receive) log->on_receive(s, nif, p);
	packet_free(p);
}

void stack_advance(struct stack *s, time_ns now)
{
	s->now = MAX(s->now, now);
	s->inet->fired++;
	s->inet->fired_at = now;
	s->inet->deadline = TIME_NEVER;
}

time_ns stack_deadline(const struct stack *s) { return s->inet->deadline; }

int netif_add(struct stack *s, const char *name, enum netif_kind kind, const struct mac *mac, uint32_t mtu_bytes, struct netif **ret)
{
	struct netif *nif = calloc(1, sizeof *nif);
	if (!nif) return -ENOMEM;
	*nif = (struct netif){.stack = s, .index = ++s->next_ifindex, .kind = kind, .mac = *mac, .mtu_bytes = mtu_bytes};
	snprintf(nif->name, sizeof nif->name, "%s", name);
	list_init(&nif->addrs);
	list_append(&s->netifs, &nif->node);
	*ret = nif;
	return 0;
}

struct netif_addr *netif_addr_find(const struct stack *s, const struct addr *a, const struct netif *only)
{
	list_each (struct netif, nif, (struct list *)&s->netifs, node)
		list_each (struct netif_addr, ia, &nif->addrs, node)
			if (addr_eq(&ia->addr, a) && (!only || only == nif)) return ia;
	return NULL;
}

struct netif_addr *fake_addr_add(struct netif *nif, const char *text)
{
	struct netif_addr *ia = calloc(1, sizeof *ia);
	assert_non_null(ia);
	ia->netif = nif;
	assert_int_equal(addr_parse(&ia->addr, text), 0);
	list_append(&nif->addrs, &ia->node);
	return ia;
}

struct packet *fake_frame(const struct mac *dst, const struct mac *src, size_t len, uint16_t mark)
{
	struct packet *p = packet_new(PACKET_HEADROOM, len);
	struct eth_hdr h = {*dst, *src, 0x88b5};   /* local experiments */
	assert_non_null(p);
	memset(p->data, 0, len);
	eth_emit(&h, p->data);
	write16(p->data + ETH_HDR_LEN, mark);
	return p;
}

uint16_t fake_mark(const struct seen *s) { return read16(s->octets + ETH_HDR_LEN); }

void netif_set_carrier(struct netif *nif, bool on) { nif->no_carrier = !on; }
