/*
 * The settings that each interface has of its own: net.ipv4.conf.*, net.ipv6.conf.*, net.ipv4.neigh.* and net.ipv6.neigh.*. Beside those of the
 * interfaces there are two more of the same kind in struct sysctl: "all", and "default", which new interfaces begin with. What "all" means for an
 * interface Linux has decided for each setting by itself; the rows of sysctl.c and the functions here say how.
 */
#pragma once
#include "base/types.h"

/* Of the neighbour cache: net.ipv4.neigh.* and net.ipv6.neigh.*. There is no "all" of these. */
struct neigh_settings { int base_reachable_time_ms, retrans_time_ms, delay_first_probe_time_s, ucast_solicit, mcast_solicit, unres_qlen, locktime_hundredths; };

struct netconf {
	/* What is written to "default" others take over, too, on which it was never written, and which have had no address yet. So Linux has it of IPv4. */
	uint64_t written;                    /* by the place of the field in here */
	bool is_settled;
	/* net.ipv4.conf.* */
	int forwarding;                      /* its own. Written to "all", or to net.ipv4.ip_forward, that of every interface and of "default" */
	int rp_filter;                       /* the higher of the two: see inet/rp_filter.c */
	int accept_redirects;                /* either, but of an interface that forwards both */
	int secure_redirects, shared_media, send_redirects;   /* either */
	int accept_local, route_localnet;    /* either */
	int arp_filter, drop_gratuitous_arp, proxy_arp;      /* either */
	int arp_ignore, arp_announce, arp_accept;            /* the higher of the two */
	int log_martians;                    /* where a kernel would write its log, nothing is written */
	int mc_forwarding;                   /* multicast routing daemons at work: told by the stack */
	/* net.ipv6.conf.*. But for forwarding and disable_ipv6, "all" has no effect */
	int forwarding6;                     /* whether the host forwards says "all"; what else a router does, the interface's own */
	int disable_ipv6;                    /* its own. Written to "all", that of every interface and of "default" */
	int accept_ra, accept_redirects6;
	int accept_ra_defrtr, accept_ra_pinfo, autoconf, accept_ra_min_hop_limit;
	int hop_limit;                       /* an advertisement may say another. Of "all": where no interface is known yet */
	int dad_transmits;
	int router_solicitations;            /* how often a host asks for advertisements, -1: until it has one */
	int router_solicitation_delay_s, router_solicitation_interval_s, router_solicitation_max_interval_s;
	int mc_forwarding6;
	struct neigh_settings neigh4, neigh6;
};

struct netif;
struct sysctl;
bool netif_believes_redirects(const struct netif *nif);   /* IPv4 */
bool netif_takes_adverts(const struct netif *nif);        /* of routers: accept_ra, which a router has to say twice */

/* The field at offset of base was before what it was: an interface's, or s->all or s->initial. What that means for others comes about, and is told. */
void netconf_written(struct sysctl *s, struct netconf *base, size_t offset, bool follows_default, int before);

/* Of the interface or of all. It stands here alone what "either" means. */
#define NETCONF_OR(nif, field) ((nif)->stack->sysctl->all.field || (nif)->conf.field)
#define NETCONF_MAX(nif, field) MAX((nif)->stack->sysctl->all.field, (nif)->conf.field)
