/*
 * What a network is to look like: the model that topology files and --topo make, and the engine builds. Plans addresses and routes so that
 * everything reaches everything: each network gets a subnet (10.N.0.0/16 and fd00:N::/64 unless the file says otherwise), each interface the
 * next free address, routers forward, and shortest-path routes are set on every host.
 */
#pragma once
#include "base/addr.h"
#include "link/impair.h"

#define TOPO_NAME_MAX 32
struct topo_addr { struct addr addr; unsigned plen; };
struct topo_if { char name[16]; size_t host, network; struct topo_addr v4, v6; uint32_t mtu_bytes; struct impairment out, in; };
struct topo_host { char name[TOPO_NAME_MAX]; bool router; };
struct topo_network { char name[TOPO_NAME_MAX]; bool is_switch; struct topo_addr v4, v6; };  /* a pair link is a network with two interfaces */
struct topo_trunk { size_t a, b; char name[2 * TOPO_NAME_MAX + 4]; struct impairment impairment; };     /* switch to switch */
struct topo_route { size_t host; struct topo_addr dst; struct addr gateway; size_t iface; };
/* As of sysctl(8): known, and of a range that it takes. ifname: whose it is, where the name has "*"; "": the host's. */
struct topo_setting { size_t host; char name[64], value[96], ifname[16]; };
struct topo {
	char name[TOPO_NAME_MAX];
	struct topo_host *hosts; size_t n_hosts;
	struct topo_network *networks; size_t n_networks;
	struct topo_if *ifs; size_t n_ifs;
	struct topo_trunk *trunks; size_t n_trunks;
	struct topo_route *routes; size_t n_routes;
	struct topo_setting *settings; size_t n_settings;              /* in the file's order */
};

/* err receives one line for the user ("lab.yaml:7:12: no host named wbe"). 0 or -errno; -EINVAL with err set. */
int topo_load(struct topo *t, const char *path, char *err, size_t err_size);
int topo_load_text(struct topo *t, const char *name, const char *text, size_t len, char *err, size_t err_size);   /* the same from memory */
int topo_shape(struct topo *t, const char *shape, char *err, size_t err_size);    /* "single,3", "linear,4", "tree,2,2" */
int topo_one_host(struct topo *t, const char *name);                                /* what `run` without more stands on */
int topo_plan(struct topo *t, char *err, size_t err_size);                          /* addresses and routes; load and shape have called it */
void topo_free(struct topo *t);
