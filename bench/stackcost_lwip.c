/* The other end is lwIP, as Debian builds it: with a thread of its own for its timers, hence the lock. */
#include <lwip/etharp.h>
#include <lwip/tcp.h>
#include <lwip/tcpip.h>
#include <netif/ethernet.h>
#include <string.h>
#include "stackcost_other.h"

#define CHUNK 16384

static struct {
	struct netif nif;
	struct tcp_pcb *pcb, *listener;
	uint64_t came;
	bool connected;
	uint8_t mac[6];
	void (*give)(void *arg, const void *frame, size_t len);
	void *arg;
} other;

static void lock(void) { LOCK_TCPIP_CORE(); }
static void unlock(void) { UNLOCK_TCPIP_CORE(); }

/* ---- the interface ---- */

static err_t output(struct netif *nif, struct pbuf *b)
{
	static uint8_t frame[2048];

	(void)nif;
	if (!other.give || b->tot_len > sizeof frame) return ERR_OK;
	if (!b->next) {
		other.give(other.arg, b->payload, b->len);
		return ERR_OK;
	}
	pbuf_copy_partial(b, frame, b->tot_len, 0);
	other.give(other.arg, frame, b->tot_len);
	return ERR_OK;
}

static err_t init(struct netif *nif)
{
	nif->linkoutput = output;
	nif->output = etharp_output;
	nif->mtu = 1500;
	nif->hwaddr_len = 6;
	memcpy(nif->hwaddr, other.mac, 6);
	nif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET | NETIF_FLAG_LINK_UP;
	return ERR_OK;
}

static void other_take(const void *frame, size_t len)
{
	struct pbuf *b = pbuf_alloc(PBUF_RAW, (u16_t)len, PBUF_RAM);

	if (!b) return;
	pbuf_take(b, frame, (u16_t)len);
	if (ethernet_input(b, &other.nif) != ERR_OK) pbuf_free(b);
}

static void other_start(const uint8_t mac[6], void (*give)(void *arg, const void *frame, size_t len), void *arg)
{
	static bool running;
	ip4_addr_t address, mask, none;

	memcpy(other.mac, mac, 6);
	if (!running) tcpip_init(NULL, NULL);
	lock();
	other.give = give;
	other.arg = arg;
	if (!running) {
		IP4_ADDR(&address, 10, 0, 0, 2);
		IP4_ADDR(&mask, 255, 255, 255, 0);
		IP4_ADDR(&none, 0, 0, 0, 0);
		netif_add(&other.nif, &address, &mask, &none, NULL, init, ethernet_input);
		netif_set_default(&other.nif);
		netif_set_up(&other.nif);
	}
	memcpy(other.nif.hwaddr, mac, 6);
	etharp_cleanup_netif(&other.nif);
	running = true;
	unlock();
}

/* ---- TCP ---- */

static err_t on_recv(void *arg, struct tcp_pcb *pcb, struct pbuf *b, err_t err)
{
	(void)arg, (void)err;
	if (!b) return ERR_OK;
	other.came += b->tot_len;
	tcp_recved(pcb, b->tot_len);
	pbuf_free(b);
	return ERR_OK;
}

static void on_error(void *arg, err_t err)
{
	(void)arg, (void)err;
	other.pcb = NULL;
}

static void take_over(struct tcp_pcb *pcb)
{
	other.pcb = pcb;
	other.connected = true;
	tcp_recv(pcb, on_recv);
	tcp_err(pcb, on_error);
}

static err_t on_connected(void *arg, struct tcp_pcb *pcb, err_t err)
{
	(void)arg;
	take_over(pcb);
	return err;
}

static err_t on_accept(void *arg, struct tcp_pcb *pcb, err_t err)
{
	(void)arg;
	take_over(pcb);
	return err;
}

static void other_connect(uint16_t port)
{
	ip_addr_t to;

	IP_ADDR4(&to, 10, 0, 0, 1);
	other.pcb = tcp_new();
	tcp_connect(other.pcb, &to, port, on_connected);
}

static void other_listen(uint16_t port)
{
	struct tcp_pcb *pcb = tcp_new();

	tcp_bind(pcb, IP_ANY_TYPE, port);
	other.listener = tcp_listen(pcb);
	tcp_accept(other.listener, on_accept);
}

static bool other_is_connected(void) { return other.connected && other.pcb; }
static uint64_t other_came(void) { return other.came; }

static void other_send(void)
{
	static const char text[CHUNK];

	for (u16_t room; other.pcb && (room = tcp_sndbuf(other.pcb)) > 0;)
		if (tcp_write(other.pcb, text, LWIP_MIN(room, CHUNK), TCP_WRITE_FLAG_COPY) != ERR_OK) break;
	if (other.pcb) tcp_output(other.pcb);
}

static void other_stop(void)
{
	other.give = NULL;
	if (other.pcb) tcp_abort(other.pcb);
	if (other.listener) tcp_close(other.listener);
	other.pcb = other.listener = NULL;
	other.connected = false;
	other.came = 0;
}

extern const struct other_ops other_ops;
const struct other_ops other_ops = {other_start, lock, unlock, other_take, other_connect, other_listen, other_is_connected, other_send, other_came, other_stop};
