/*
 * TCP_SAVE_SYN: a listener wants to know what its peers' SYNs looked like; a connection keeps the headers of its own until the program has read them by
 * TCP_SAVED_SYN, once.
 *
 *     1: IP header | TCP header with options        2: link header | IP header | TCP header
 *
 * A SYN that was answered by a cookie is gone, as on Linux.
 */
#include "stack/tcp/conn.h"
#include <errno.h>
#include <stdlib.h>

struct saved_syn { uint16_t len; uint8_t octets[]; };

/* As Linux: loopback has an Ethernet header of zeros. */
static uint16_t loopback_header(const struct packet *syn, uint8_t *to)
{
	struct eth_hdr h = {.type = addr_is_v4(&syn->src) ? ETH_TYPE_IP4 : ETH_TYPE_IP6};

	if (syn->netif->kind != NETIF_LOOPBACK) return 0;
	eth_emit(&h, to);
	return ETH_HDR_LEN;
}

void saved_syn_keep(struct tcp_sock *child, const struct packet *syn)
{
	bool link = child->set.save_syn == 2;
	uint16_t from = link && syn->mac_off ? syn->mac_off : syn->net_off, len = (uint16_t)(packet_off(syn) - from), at;

	if (!child->set.save_syn) return;
	child->saved_syn = malloc(sizeof *child->saved_syn + ETH_HDR_LEN + len);
	if (!child->saved_syn) return;
	at = link ? loopback_header(syn, child->saved_syn->octets) : 0;
	memcpy(child->saved_syn->octets + at, syn->head + from, len);
	child->saved_syn->len = at + len;
}

void saved_syn_forget(struct tcp_sock *conn)
{
	free(conn->saved_syn);
	conn->saved_syn = NULL;
}

int get_saved_syn(struct sock *sk, void *val, socklen_t *len)
{
	struct tcp_sock *conn = tcp_of(sk);
	int r;

	if (!conn->saved_syn) {
		*len = 0;
		return 0;
	}
	if (*len < conn->saved_syn->len) {
		*len = conn->saved_syn->len;
		return -EINVAL;
	}
	r = opt_copy_out(val, len, conn->saved_syn->octets, conn->saved_syn->len);
	saved_syn_forget(conn);
	return r;
}
