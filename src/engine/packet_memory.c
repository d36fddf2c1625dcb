/* The memory of packet sockets' rings: ours, for the program to map, on the account of whoever asked for it. */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>
#include "engine/private.h"
#include "host/memory.h"
#include "stack/packet/tap.h"

#define PAGE 4096

static uint32_t pages_of(const struct shared_memory *m) { return (uint32_t)(m->octets / PAGE); }

int packet_share(void *engine, const struct sock *sk, struct shared_memory *m)
{
	struct engine *e = engine;
	const struct esock *es = sk->user;
	struct account *a = es ? esock_account(es) : NULL;
	int fd, err;
	void *at;
	if (!a || !account_may(e, a, STOCK_PAGES, pages_of(m)) || !account_may(e, a, STOCK_FDS, 1)) return -ENOMEM;
	err = memory_create("sockland-ring", m->octets, &fd, &at);
	if (err < 0) return -ENOMEM;
	account_move(e, NULL, a, STOCK_PAGES, pages_of(m));
	account_move(e, NULL, a, STOCK_FDS, 1);
	m->at = at;
	m->handle = fd;
	m->owner = a;
	return 0;
}

void packet_unshare(void *engine, struct shared_memory *m)
{
	munmap(m->at, m->octets);
	close((int)m->handle);
	account_move(engine, m->owner, NULL, STOCK_PAGES, pages_of(m));
	account_move(engine, m->owner, NULL, STOCK_FDS, 1);
}

int64_t serve_rings(struct call *k)
{
	const struct shared_memory *rx = packet_ring_memory(k->es->sk, false), *tx = packet_ring_memory(k->es->sk, true);
	struct rpc_rings r = {.rx_octets = rx ? rx->octets : 0, .tx_octets = tx ? tx->octets : 0};
	if (!rx && !tx) return -EINVAL;
	if (rx) call_pass(k, (int)rx->handle, false);
	if (tx) call_pass(k, (int)tx->handle, false);
	call_out(k, &r, sizeof r);
	return 0;
}
