/* What the files of multicast routing ask of each other. */
#pragma once
#include <netinet/in.h>      /* before them */
#include <linux/mroute.h>
#include <linux/mroute6.h>
#include "stack/inet/inet_private.h"
#include "stack/mroute/mroute.h"

#define ASSERT_EVERY (3 * NS_PER_S)  /* Linux's MFC_ASSERT_THRESH */

struct mroute { struct list tables4, tables6; };

/* ---- table.c ---- */
struct mroute_table *mroute_table_make(struct stack *s, bool v4, uint32_t id);    /* the one there is, or a new one. NULL: no memory, or too many */
struct mroute_table *mroute_default(const struct stack *s, bool v4);
struct mroute_table *mroute_table_of(const struct raw_sock *rs);
int mroute_daemon_begin(struct mroute_table *t, struct raw_sock *rs);             /* -EADDRINUSE */
void mroute_flush(struct mroute_table *t, int what);                              /* MRT_FLUSH_* */

/* ---- vif.c ---- */
/* What a daemon says of a new interface. */
struct mroute_vif_want {
	unsigned number;
	uint8_t flags;
	bool registers;
	uint32_t local, remote;
	struct netif *netif;             /* unless registers; NULL: there is none */
};
int mroute_vif_add(struct mroute_table *t, const struct mroute_vif_want *want, bool by_daemon);   /* -EADDRINUSE, -EADDRNOTAVAIL, -ENOBUFS */
int mroute_vif_del(struct mroute_table *t, unsigned number);                      /* -EADDRNOTAVAIL */
int mroute_vif_of(const struct mroute_table *t, const struct netif *nif);         /* its number; < 0: it has none */
static inline bool mroute_vif_exists(const struct mroute_table *t, unsigned number) { return number < t->n_vifs && t->vifs[number].netif; }

/* ---- entry.c ---- */
struct mroute_entry *mroute_entry_for(const struct mroute_table *t, const struct packet *p, int vif);   /* the one that p takes which came in there, or NULL */
struct mroute_entry *mroute_entry_any(const struct mroute_table *t, unsigned vif);                      /* (*, *) that leads out by vif */
struct mroute_want { struct addr source, group; uint16_t parent; uint8_t ttls[MROUTE_VIFS]; bool proxy; };
int mroute_entry_put(struct mroute_table *t, const struct mroute_want *want, bool by_daemon);           /* -ENFILE, -EINVAL, -ENOMEM, -ENOBUFS */
int mroute_entry_del(struct mroute_table *t, const struct mroute_want *want);                           /* -ENOENT */
void mroute_entries_flush(struct mroute_table *t, bool fixed, bool others);
bool mroute_wait(struct mroute_table *t, const struct packet *p, unsigned vif);                         /* p waits for its entry. False: it may not */
void mroute_expire(struct timer *t);

/* ---- forward.c ---- */
void mroute_forward(struct mroute_table *t, const struct packet *p, struct mroute_entry *e);

/* ---- upcall.c ---- */
/* Of the datagram p, about interface vif: its header (IGMPMSG_NOCACHE, …) or all of it (…WHOLE…). MRT6MSG_* are the same numbers. -EINVAL, -ENOBUFS */
int mroute_upcall(struct mroute_table *t, const struct packet *p, unsigned vif, uint8_t type);

/* ---- pim.c ---- */
struct netif *mroute_register_make(struct mroute_table *t);                       /* NULL: no memory, the name is taken, or there were too many */

/* ---- options.c: what both families' options do ---- */
int mroute_may_set(const struct sock *sk, bool inits);                            /* -EOPNOTSUPP, -EACCES */
struct raw_sock *mroute_raw(struct sock *sk);
int mroute_option_init(struct sock *sk, const void *val, socklen_t len);
int mroute_option_done(struct sock *sk, const void *val, socklen_t len);
int mroute_option_assert(struct sock *sk, const void *val, socklen_t len);
int mroute_option_pim(struct sock *sk, const void *val, socklen_t len);
int mroute_option_table(struct sock *sk, const void *val, socklen_t len);
int mroute_option_flush(struct sock *sk, const void *val, socklen_t len);
int mroute_option_add_mfc(struct sock *sk, const void *val, socklen_t len);
int mroute_option_del_mfc(struct sock *sk, const void *val, socklen_t len);
int mroute_option_add_mfc_proxy(struct sock *sk, const void *val, socklen_t len);
int mroute_option_del_mfc_proxy(struct sock *sk, const void *val, socklen_t len);
int mroute_option_unknown(struct sock *sk, const void *val, socklen_t len);
int mroute_option_get_assert(struct sock *sk, void *val, socklen_t *len);
int mroute_option_get_pim(struct sock *sk, void *val, socklen_t *len);
int mroute_option_get_version(struct sock *sk, void *val, socklen_t *len);
int mroute_option_get_unknown(struct sock *sk, void *val, socklen_t *len);
int mroute_unread_init(const struct sock *sk, socklen_t len);
int mroute_unread_int(const struct sock *sk, socklen_t len);
int mroute_unread_unknown(const struct sock *sk, socklen_t len);
int mroute_unread_any(const struct sock *sk, socklen_t len);
/* Rows of both families' options. of: what all of the family's have. */
#define MROUTE_SET(of, n, how, before) {of, .name = n, .text = #n, .type = OPT_BLOB, .access = OPT_GET | OPT_SET, \
	.set = how, .unread = before, .get = mroute_option_get_unknown}
#define MROUTE_GET(of, n, how, to, before) {of, .name = n, .text = #n, .type = OPT_BLOB, .access = OPT_GET | OPT_SET, \
	.set = to, .unread = before, .get = how}

/* ---- options4.c, options6.c: what they read ---- */
/* An entry, as the family's daemon writes it; its proxy stays as it is. -EOPNOTSUPP, -EACCES, -EINVAL. */
int mroute4_want_read(const struct sock *sk, const void *val, socklen_t len, struct mroute_want *ret);
int mroute6_want_read(const struct sock *sk, const void *val, socklen_t len, struct mroute_want *ret);
