/* What a setting of an interface's own and that of "all" are together, where it takes more than a word: netconf.h. */
#include "stack/core/netif.h"
#include "stack/core/sysctl.h"

/* Linux's IN_DEV_RX_REDIRECTS */
bool netif_believes_redirects(const struct netif *nif)
{
	bool all = nif->stack->sysctl->all.accept_redirects, own = nif->conf.accept_redirects;

	return nif->conf.forwarding ? all && own : all || own;
}

/* Linux's ipv6_accept_ra(): 2 overrules that a router believes no other. */
bool netif_takes_adverts(const struct netif *nif)
{
	return nif->conf.forwarding6 ? nif->conf.accept_ra == 2 : nif->conf.accept_ra != 0;
}
