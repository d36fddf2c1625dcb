/*
 * The engine's inside. One turn of its loop (turn.c):
 *
 *     gather what is ready -> wishes -> dirty channels -> settle -> hang-ups of anchors -> settle -> one control call of each client, each settled
 *
 * where to *settle* is to let the net deliver everything that is due by now and to pump every socket that it touched, until nothing moves. A reply
 * leaves only after that, which is what makes loopback synchronous for the program.
 *
 *     engine --- door   one for each inherited pair: HELLO makes a client
 *            --- client a process and its control pair
 *            --- esock  a socket: the stack's, its channel, its anchor, its two rings
 *            --- bell   what one polling thread or one epoll file waits on; a watch joins it with an esock
 *            --- account   of a process: what all that costs
 */
#pragma once
#include "base/hash.h"
#include "base/list.h"
#include "base/random.h"
#include "channel/inbox_side.h"
#include "engine/engine.h"
#include "host/loop.h"
#include "host/process.h"
#include "link/net.h"
#include "rpc/rpc.h"
#include "stack/socket/sock.h"
#include "topo/cut.h"

/* What an epoll event means: a member of everything that is watched. */
enum source_kind { SOURCE_DOORBELL, SOURCE_LISTENER, SOURCE_DOOR, SOURCE_CLIENT, SOURCE_CAPTURE, SOURCE_OWNER, SOURCE_FURTHER, SOURCE_OUTSIDE, SOURCE_ANCHOR };
struct source { enum source_kind kind; struct list ready; };   /* ready: in engine.ready[kind] */
#define SOURCE_KINDS (SOURCE_ANCHOR + 1)

/* Descriptors of ours; channels; bells; pages of packet sockets' rings. */
enum stock { STOCK_FDS, STOCK_CHANNELS, STOCK_BELLS, STOCK_PAGES, STOCKS };
/* users: clients and doors; with none, it pays what is left, and takes no more. */
struct account { struct list node; pid_t pid; uint32_t users, has[STOCKS]; };

struct door { struct source source; struct list node; int fd; size_t host; struct account *account; };   /* account: NULL: a door from the beginning */

struct client {
	struct source source;
	struct source doorbell_source;
	struct list node;                          /* engine.clients; engine.ended when ended */
	bool ended, violated;
	uint32_t answer_max;                       /* octets that its pair takes behind a reply */
	int fd, doorbell;
	uint32_t id, desk;                         /* desk: 0: none */
	size_t host;
	pid_t pid;
	uid_t uid, real_uid;                       /* uid, gid: the effective ones */
	gid_t gid, real_gid;
	bool ids_known;
	struct process_ids ids;                    /* as the kernel last told them */
	char name[64];
	struct list bells;
	struct account *account;
	struct list holds;                         /* on the bells of epoll files */
};

/* How what a socket sends reaches its peer: through the stack; the same, and nothing more is taken from the ring until that has arrived; directly. */
enum flow { FLOW_STACK, FLOW_HELD, FLOW_DIRECT };

/* owner: whose thread sleeps on it; NULL: an epoll file's. fd: -1 until somebody wants it. strays: see bell_inherit(). */
struct bell_owned { struct list node, watches, holds; uint32_t index, strays; int fd; struct client *owner; struct account *account; };
struct hold { struct list of_bell, of_client; struct bell_owned *bell; struct client *client; };
struct watch { struct list of_sock, of_bell; uint32_t channel; uint16_t bell; bool guessed; };   /* numbers */

/* What the stack counts for one entry of an rx ring until the program has read it. */
struct charge { uint32_t ring, lent, data; time_ns arrival; };
struct charges { struct charge *at; uint32_t cap, start, count; uint64_t partial; };

/* A copy of what a program counted (struct direct_sent). */
struct direct_count { uint64_t octets; uint32_t writes, last_ms; };

/* Of a Unix socket that is in flight, or has been. n: descriptors that are so now. further: anchors of those who have received it (anchors.c). */
struct flights { struct hash_node by_channel; uint32_t n; struct list further; };

/* There are two for each connection: the order leaves no holes. */
struct esock {
	struct source source;                      /* the anchor's */
	struct list pump;                          /* engine.pump or engine.again */
	struct list warm;                          /* engine.warm or .cooling: its rings may hold pages */
	struct list watches;
	struct hash_node by_inode;                 /* the number is the hash */
	int anchor;                                /* our end; -1: it has hung up, but the socket has been in flight */
	struct outside *outside;                   /* of a Unix socket that is bound to a path: how it meets the outside; NULL: not at all */
	int inode_fd;                              /* then the path's, so that no other file gets its number; -1: it is held otherwise, or there is none */
	struct sock *sk;                           /* NULL: gone, only the channel is left until the hang-up */
	/* Who last made, accepted or identified it; orphan: that one's account, for it is gone. */
	union { struct client *client; struct account *account; } of;
	struct esock *peer;                        /* the other end, where the way between is clear both ways; its peer is this one */
	struct direct_count got;                   /* what the last peer had sent when the two parted */
	uint32_t left, left_generation;            /* that peer's channel; 0: none */
	uint64_t offer;                            /* of a listener: what its channel said then; 0: there is none */
	uint64_t faulted[2];                       /* octets that faults have counted, sent and received */
	uint32_t channel, generation;
	struct rx_side rx;
	struct tx_side tx;
	uint32_t stand;                            /* where its rings stood at the last look */
	uint32_t state, poll;                      /* as published */
	uint32_t tx_limit;                         /* as published */
	uint32_t urgents;                          /* announced, and signalled if that was asked for */
	uint32_t path_epoch;                       /* when the way was looked at last; 0: never */
	uint32_t turn, turn_bytes;                 /* what it sent in this turn */
	uint32_t listener;                         /* whose channel says that it was accepted ahead, and that nobody has taken it; 0: it was not */
	uint8_t flow;                              /* enum flow, with a peer */
	bool stream : 1, listening : 1, connecting : 1, eof : 1;
	bool mark : 1;                             /* what the stack still has lies behind urgent data's mark, which the program's call passes */
	bool special : 1;                          /* what a Unix socket's program sent last had more to it than octets */
	bool told : 1;                             /* the stack said that something happened: another connection makes no other poll word */
	bool barred : 1;                           /* its octets need the stack for good: a half is closed, or something was urgent */
	bool missed_room : 1;                      /* its program asked for signals, and found none */
	bool refused : 1;                          /* a SEND found none: its program waits for room in the stack, not in the ring */
	bool rung : 1;                             /* its program said that there is something to do */
	bool asked_for : 1;                        /* by socket(), not accept(): the same is likely to be asked for again */
	bool spare : 1;                            /* closed, or never used since: the client has kept the anchor */
	bool orphan : 1;
	bool travelled : 1;                        /* it has a struct flights */
	bool reached : 1;                          /* by whoever looks for sockets that nobody can reach */
};

/* A socket of datagrams, which has more than one of a stream. */
struct esock_dgram {
	struct esock es;
	struct list open;                          /* engine.inboxes, while its inbox is open */
	struct inbox_place inbox;
	bool outgrown;                             /* its inbox was too small */
	uint32_t ticket;                           /* as published */
	struct charges charges;
	time_ns arrival;                           /* SIOCGSTAMP: of the message that the program read last. 0: none yet */
};
static inline bool esock_is_unix(const struct esock *es) { return es->sk && es->sk->domain == AF_UNIX; }
static inline bool esock_may_pair(const struct esock *es) { return es->stream || esock_is_unix(es); }    /* with another: the direct path is for such */
static inline struct esock_dgram *dgram_of(struct esock *es) { return container_of(es, struct esock_dgram, es); }

struct slot { struct esock *es; uint32_t generation, next_free; };

/* Walks all; the body may free the current one. */
#define each_esock(e, var) \
	for (uint32_t var##_at = 1; var##_at < (e)->slots_used; var##_at++) \
		for (struct esock *var = (e)->slots[var##_at].es; var; var = NULL)

/* A host's interface as the topology drew it. */
struct port { struct net_link *link; struct netif *nif; };

struct engine {
	const struct engine_config *config;
	const struct topo *topo;
	struct arena *arena;
	int arena_fd;
	struct seg_pool pool;
	struct loop loop;
	struct net *net;
	struct port *ports;                        /* by topo_if */
	time_ns now, real_offset;
	uint32_t turn;
	bool ways_changed;                         /* by a host's routes, addresses, interfaces: looked at before anything else moves */
	uint32_t path_epoch;                       /* grows when any way may have changed */
	uint64_t rung;                             /* as last read: what this turn works off */
	uint64_t sleep;                            /* the last one's number in the arena: odd */
	bool ending, had_door, scan_dirty;
	bool looked;                               /* all that was ready at the last look is noted */
	struct random random;                      /* for who stands where in a partition */
	uint32_t linger_skip, linger_failed;       /* whether staying awake has paid lately */

	struct list doors, clients, ended, pump, again, warm, cooling, inboxes;
	time_ns idle_due;                          /* when the cooling ones are looked at; TIME_NEVER: there is none, nor a warm one */
	time_ns idle_wait;                         /* how long the next ones cool */
	struct list ready[SOURCE_KINDS];
	struct source listener, owner;
	int listener_fd, owner_fd;
	time_ns listener_due;                      /* when it is looked at again; TIME_NEVER: it is */
	struct slot *slots;                        /* by channel */
	uint32_t slots_used, free_first, free_last;
	struct list accounts;                      /* those with users */
	struct { uint32_t limit, in_use; } stocks[STOCKS];
	struct hash inodes, further_inodes, flights, flyers;
	bool let_go;                               /* descriptors that were in flight: hang-ups may have come of it since we gathered */
	bool flights_doubtful;                     /* nobody may be able to reach some of what is in flight */
	struct bell_owned *bells[BELL_MAX];
	uint32_t bells_used;                       /* no index above it was ever in use */
	uint64_t set_locks;                        /* as the arena says */
	uint32_t last_client;
	struct client *desks[DESK_MAX];            /* whose they are */
	uint64_t asks[DESK_MAX / 64];              /* those that this turn serves */
	uint64_t desks_lost[DESK_MAX / 64];        /* whose owner was ended, and may write there still */

	struct list refusals, log, faults, flaps, call_faults, captures;
	struct list unix_names;                    /* long ones */
	uint32_t n_unix_names;
	uint32_t last_call_fault;
	uint64_t unix_token;                       /* what the tags of this net's hosts are made of */
	size_t n_log, n_refusals;
	int guard_pipe;
	pid_t guard;
	uint8_t *in, *out, *scratch;               /* a request, a reply's out, a datagram */
};

/* A control call being served. */
struct call {
	struct engine *e;
	struct client *c;
	const struct rpc_request *q;
	uint8_t *in;
	struct esock *es;                          /* of q->channel, where the row wants one */
	struct rpc_reply reply;
	uint8_t *out;                              /* RPC_OUT_MAX octets; reply.out_len says how many count */
	int in_fds[RPC_RIGHTS_MAX], n_in_fds;      /* closed after the call unless taken (set to -1) */
	int fds[RPC_RIGHTS_MAX], n_fds;            /* to pass; those of close_after are closed when sent */
	bool close_after[RPC_RIGHTS_MAX];
	struct sock_rights *rights;                /* whose descriptors are among those to pass; NULL: none */
	bool fds_lost;                             /* there was no room for those that came */
	bool by_desk;                              /* it lies on the client's, and waits for its answer there */
};

/* turn.c */
void engine_turn(struct engine *e);
void engine_settle(struct engine *e);
void engine_enter(struct engine *e, struct sock *sk);                     /* before calling the stack about sk: it knows the time */

/* log.c */
void engine_log(struct engine *e, const char *format, ...) __attribute__((format(printf, 2, 3)));
struct text;
void engine_log_print(struct engine *e, struct text *t);
struct page;
void engine_log_show(struct engine *e, struct page *p);
void engine_log_free(struct engine *e);

/* build.c: the net of a topology */
int build_net(struct engine *e);                                           /* negative errno */
void build_end(struct engine *e);

/* guard.c */
int guard_start(struct engine *e);
void guard_end(struct engine *e);

/* account.c: who has how much of what there is for all */
struct account *account_of(struct engine *e, pid_t pid);                  /* one more use of it; NULL: no memory */
void account_leave(struct account *a);                                    /* one less. NULL allowed */
bool account_may(const struct engine *e, const struct account *a, enum stock s, uint32_t n);    /* would that leave enough for the others? */
bool account_take(struct engine *e, struct account *a, enum stock s, uint32_t n);               /* if so */
void account_move(struct engine *e, struct account *from, struct account *to, enum stock s, uint32_t n);   /* in any case. from or to NULL: nobody */

/* client.c */
int door_add(struct engine *e, int fd, size_t host, struct account *a);   /* takes fd and a use of a, which may be NULL; negative errno */
void door_free(struct engine *e, struct door *d);
void door_ready(struct engine *e, struct door *d);
int listener_watch(struct engine *e);                                      /* negative errno */
void listener_ready(struct engine *e);
void owner_ready(struct engine *e);
void client_ready(struct engine *e, struct client *c);
void client_end(struct engine *e, struct client *c, const char *why);     /* why NULL: it went by itself; else logged */
/* Of a dead client, who held it or was about to wake the next one; shared: others may wait although it is free. */
void lock_release(struct chan_lock *l, uint32_t id, bool shared);
void client_reap(struct engine *e);                                        /* frees the ended ones */
void client_look(struct client *c);                                       /* who.c: who it is now */
bool ids_may_become(const struct process_ids *was, const struct process_ids *is);   /* by calls of a process's own */
bool client_has_any(const struct client *c, uint64_t caps);               /* of these capabilities, now */
void client_acts(struct client *c, struct sock *sk);                      /* next, on a socket of AF_UNIX */
int client_hello(struct engine *e, size_t host, int fd, const struct rpc_request *q, const uint8_t *in);   /* takes fd */

/* desks.c: control calls that lie in shared memory */
void desk_open(struct engine *e, struct client *c);                       /* there may be none left */
void desk_close(struct engine *e, struct client *c);
bool desks_gather(struct engine *e);                                      /* true: some ask */
void desks_serve(struct engine *e);                                       /* those that were gathered */
void desk_reply(struct call *k);                                          /* the answer lies there */
void desk_refer(struct call *k);                                          /* it has gone over the pair */

/* dispatch.c */
void call_serve(struct engine *e, struct client *c, const int *fds, int n_fds, bool by_desk);   /* the request stands in e->in */
void call_pass(struct call *k, int fd, bool close_after);
void call_out(struct call *k, const void *data, size_t len);               /* cuts at RPC_OUT_MAX */

/* esock.c */
/* Makes the channel and the anchor; *ret_fd is the program's end, to be passed and closed. With a spare of c's that serves: -1. -ENFILE, -ENOBUFS */
int esock_new(struct engine *e, struct client *c, bool stream, uint32_t spare, int *ret_fd, struct esock **ret);
void esock_attach(struct engine *e, struct esock *es, struct sock *sk, size_t host);   /* es now stands for sk: publishes the channel */
void esock_end(struct engine *e, struct esock *es);                       /* that, or its program has closed it and keeps the anchor */
void esock_give_back(struct engine *e, struct esock *es, int fd);         /* a new one that nobody is told of */
void esock_free(struct engine *e, struct esock *es);
void esock_drop(struct engine *e, struct esock *es);                      /* ends the stack's socket; the channel stays until the hang-up */
void esock_path_forget(struct engine *e, struct esock *es);               /* what bind has brought for a path */
void esocks_free(struct engine *e);                                        /* all */
void esock_violate(struct engine *e, struct esock *es, const char *what); /* a shared word that can't be */
struct esock *esock_find(struct engine *e, uint32_t channel, uint32_t generation);
void esock_own(struct engine *e, struct esock *es, struct client *c);     /* c answers for it from now on; NULL: nobody, but it is still paid for */
struct esock *esock_by_inode(struct engine *e, ino_t inode);
void esock_ready(void *engine, struct sock *sk);                          /* net_ops.ready */
void esock_waiting(void *engine, const struct sock *sk, uint32_t *in, uint32_t *out);   /* net_ops.waiting */
bool esock_sleeps(void *engine, const struct sock *sk);                   /* net_ops.sleeps */
bool esock_held(void *engine, const struct sock *sk);                     /* net_ops.held */
void esock_tcp_info(void *engine, const struct sock *sk, void *info, size_t len);   /* net_ops.tcp_info */
void esock_queue(struct engine *e, struct esock *es);                     /* to be pumped */
static inline struct channel *esock_channel(struct engine *e, const struct esock *es) { return arena_channel(e->arena, es->channel); }

/* For c, instead of the one that it had. -ENFILE, -ENOBUFS: it has none now. */
int esock_anchor_again(struct engine *e, struct esock *es, struct client *c, int *ret_fd);
void esock_anchor_close(struct engine *e, struct esock *es);

/* Its last anchor has hung up, or it is in flight no more: ends it if nobody can come by it. */
void esock_let_go(struct engine *e, struct esock *es);
static inline struct client *esock_client(const struct esock *es) { return es->orphan ? NULL : es->of.client; }
static inline struct account *esock_account(const struct esock *es) { return es->orphan ? es->of.account : es->of.client->account; }

/* anchors.c: further ones of a socket */
/* Of one in flight. *ret_fd: the program's end, as with esock_new. Negative errno. */
int anchor_further(struct engine *e, struct esock *es, struct account *a, int *ret_fd);
void anchor_hangup(struct engine *e, struct source *s);
struct esock *anchor_find(struct engine *e, ino_t inode);
void anchors_signal(struct engine *e, const struct esock *es, bool urgent);
bool anchors_room(struct engine *e, const struct esock *es);
struct flights *flights_of(struct engine *e, const struct esock *es);      /* NULL: it has never been in flight */
struct flights *flights_begin(struct engine *e, struct esock *es);        /* those, or new ones; NULL: no memory */
void flights_end(struct engine *e, struct esock *es);                     /* with all further anchors */
bool esock_is_anchored(struct engine *e, const struct esock *es);         /* does some program have it? */
bool esock_is_in_flight(struct engine *e, const struct esock *es);

/* ahead.c: connections accepted before the program asks */
bool ahead_update(struct engine *e, struct esock *l);                      /* looks what has become of the last one. true: there is another */
int ahead_recall(struct call *k, struct esock **ret, int *ret_fd);        /* for who asks k->es now: 1, or 0: there is none. Negative errno: it waits on */
bool ahead_keeps(struct engine *e, struct esock *es);                     /* its anchor has hung up: is it one that still waits to be accepted? */
void ahead_lost(struct engine *e, struct esock *es);                      /* it ends, and so does not wait any more */
const struct sock *ahead_sock(void *engine, const struct sock *listener);  /* net_ops.ahead */
void ahead_end(struct engine *e, struct esock *l);                        /* it listens no more */

/* outside.c: Unix sockets that programs outside find by path */
int outside_begin(struct engine *e, struct esock *es, int *fd);           /* takes fd, the kernel's socket. -EINVAL: it is none; -ENOMEM */
void outside_end(struct engine *e, struct esock *es);
ino_t outside_inode(const struct esock *es);                                /* of one that has an outside: the kernel's socket's */
void outside_ready(struct engine *e, struct source *s);
void outside_pump(struct engine *e, struct esock *es);                    /* after what the program has accepted or read */
int outside_listen(struct call *k);                                       /* from now on somebody may; passes the kernel's socket */
bool outside_accepts(struct call *k);                                     /* is it somebody's turn there? Passes the kernel's socket */
void outside_follow(const struct esock *es);                              /* an option may have changed */
void outside_shutdown(const struct esock *es, int how);
int64_t serve_outside(struct call *k);

/* pump.c */
void esock_pump(struct engine *e, struct esock *es);                      /* moves what moves and publishes */
void esock_flush(struct engine *e, struct esock *es);                     /* what was written goes to the stack, whatever its limits */
bool pump_consumed(struct engine *e, struct esock *es);                   /* sees what the program has read; false: the socket is gone */

/* publish.c: what programs look at */
bool esock_publish(struct engine *e, struct esock *es);                   /* true: something that a program may wait for is different now */
void esock_limit(struct engine *e, struct esock *es);                     /* publishes what may be in the send ring */
void esock_mirror(struct engine *e, struct esock *es);                    /* options that the shim obeys */
void esock_wake(struct engine *e, struct esock *es);                      /* both directions and every bell */
void esock_wake_reader(struct engine *e, struct esock *es);               /* who waits for something to read: that direction, and every bell */
void esock_wake_writer(struct engine *e, struct esock *es);               /* who waits for room: that direction, and every bell */
void esock_wake_sleepers(struct engine *e, struct esock *es);             /* both directions, no bell */
void esock_wake_some(struct engine *e, struct esock *es, bool in, bool out);   /* those directions, no bell */

/* charges.c */
int charges_push(struct charges *q, struct charge c);                     /* -ENOMEM */
uint32_t charges_pop(struct charges *q, uint64_t octets, time_ns *ret_arrival);   /* *ret_arrival: of the last entry, if there was one */
void charges_clear(struct charges *q);

/* direct.c: TCP without the stack between two of our sockets */
void direct_update(struct engine *e, struct esock *es);                   /* after its pump: enters, goes on entering, grows, wakes */
void direct_part(struct engine *e, struct esock *es);                     /* back to the stack, both ways */
void direct_leave(struct engine *e, struct esock *from);                  /* what a Unix socket sends goes by the stack now */
void direct_reconsider(struct engine *e, struct esock *es);               /* the same until the way is looked at, which is soon */
struct esock *direct_last_peer(const struct engine *e, const struct esock *es);   /* as long as there is its socket; else NULL */
void direct_bar(struct engine *e, struct esock *es);                      /* for good */
void direct_look_again(struct engine *e);                                 /* something about the net's ways has changed */
uint32_t direct_limit(const struct esock *es);                            /* tx.limit of a direct flow */
struct tcp_info;
void direct_info(struct engine *e, const struct esock *es, struct tcp_info *i);   /* adds what the stack did not see */
void direct_forget(struct engine *e, struct esock *es);                   /* another connection begins */
uint32_t direct_ahead(struct engine *e, const struct esock *es);          /* octets that a Linux peer would not have taken yet */

/* direct_unix.c: the same of Unix sockets. From one end to the other: */
uint32_t direct_unix_state(struct engine *e, struct esock *es);           /* CHS_SENDABLE, CHS_DIRECT and CHS_EOF of one that is or was connected */
bool direct_unix_may(const struct esock *from, const struct esock *to);
bool direct_unix_ready(struct engine *e, struct esock *from, struct esock *to);   /* may be linked now */
void direct_unix_enters(struct engine *e, struct esock *from, struct esock *to);  /* is about to be linked */
bool direct_unix_full(struct engine *e, struct esock *from, struct esock *to);    /* its program wants a further segment, and may have it */
uint32_t direct_unix_ahead(struct engine *e, const struct esock *from, const struct esock *to);   /* of the send buffer, in the ring */
int direct_unix_waiting(struct engine *e, const struct esock *to);                /* octets of messages in the ring, as SIOCINQ counts them */
void direct_unix_sum(struct engine *e, struct esock *es, uint32_t *in, uint32_t *out);   /* as net_ops.waiting */
void direct_unix_leaves(struct engine *e, struct esock *to);              /* its peer's segment is about to be ended */
void direct_unix_shows(struct engine *e, struct esock *to);               /* what is in its ring can be read, and will be elsewhere */
void direct_unix_left(struct engine *e, struct esock *from, struct esock *to);   /* its segment is ended: what was not read there goes to the queue */

/* idle.c: rings that nothing happens in hold no pages */
void idle_note(struct engine *e, struct esock *es);                       /* something has happened, or may have */
void engine_unlock(struct chan_lock *l);                                  /* that was only tried for */
void idle_look(struct engine *e);                                          /* gives back what is due */

/* asked.c: connections that rings are not enough for. Either may end one */
void esock_unread(struct engine *e, struct esock *es);                    /* what was read ahead is the stack's again, since it will be asked for */
void esock_ask(struct engine *e, struct esock *es);                       /* and from now on it is */
void esock_ask_no_more(struct engine *e, struct esock *es);

/* inbox.c: datagrams from program to program */
void inbox_ticket(struct call *k);                                        /* puts a ticket into the answer, if one can be given */
void inbox_changes(struct engine *e, struct esock *es);                   /* the same, of a Unix socket, is about to change */
void inbox_changed(struct engine *e, struct esock *es);                   /* what a ticket of es's was given for, or who gets what comes to its port */
void inbox_shut(struct engine *e, struct esock *es);                      /* harmless when it is not open */
void inbox_shut_all(struct engine *e);                                    /* something about the net's ways has changed */
bool inbox_makes_way(struct engine *e, struct esock *es, uint32_t charge);   /* for a datagram of the engine's, counted in already. false: no room */
void inbox_refuse(struct engine *e, struct esock *es);                    /* at a hang-up */
void inboxes_of_dead(struct engine *e, uint32_t client);
bool inbox_is_open(struct esock *es);
bool inbox_open_with(struct engine *e, struct esock *es, struct inbox_terms *terms, uint32_t data_len);    /* whose size follows from data_len */
void tickets_void(struct engine *e, struct esock *es);                    /* es's */
bool inbox_owes_wake(struct engine *e, struct esock *es);                 /* somebody has put a datagram there and could not wake the reader. Taken */
/* inbox_unix.c: those of Unix sockets */
bool inbox_unix_send(struct call *k, const struct sock_msg *m, ssize_t *ret);      /* k's SEND needs the stack no more, and *ret is the answer */
void inbox_unix_sent(struct call *k, ssize_t n);                          /* it has needed it */
void inbox_unix_changed(struct engine *e, struct esock *es);
void inbox_unix_leaves(struct engine *e, struct esock *es);               /* es's is about to be ended */
void inbox_unix_left(struct engine *e, struct esock *es);                 /* it is ended: what was not read there goes to the queue */
void inbox_unix_pump(struct engine *e, struct esock *es);                 /* what its program has read or sent past us */
bool inbox_unix_published(struct engine *e, struct esock *es);            /* what poll says of it. true: which is no longer so */
void inbox_unix_wake(struct engine *e, struct esock *es);                 /* those who sleep until there is room in es's, if it is a Unix socket */
void inbox_forget(struct engine *e, struct esock *es);                    /* the socket is gone, and with it what was not read */

/* packet_memory.c: rings of packet sockets */
#define RING_PAGES_MAX 262144u                                            /* of all of them: 1 GB */
int packet_share(void *engine, const struct sock *sk, struct shared_memory *m);      /* net_ops.share */
void packet_unshare(void *engine, struct shared_memory *m);
int64_t serve_rings(struct call *k);

/* bell.c */
void bell_publish(struct engine *e, struct esock *es);
int64_t serve_bell_fd(struct call *k);
int64_t serve_bell(struct call *k);
int64_t serve_bell_free(struct call *k);
int64_t serve_watch(struct call *k);
int64_t serve_unwatch(struct call *k);
void bells_ring(struct engine *e, struct esock *es, uint32_t edges);      /* BELL_IN, BELL_OUT: for whom it is an edge */
/* By what c's next socket after es will be watched; NULL: who knows. */
struct bell_owned *bell_likely(struct engine *e, const struct esock *es, const struct client *c);
void bell_inherit(struct engine *e, struct esock *es, struct bell_owned *b);
void bells_of_dead(struct engine *e, uint32_t client);
void bell_wake(struct engine *e, struct bell_owned *b, uint32_t armed);
struct bell_owned *bell_of(struct call *k);                               /* of its first argument; NULL: there is none */
void bell_destroy(struct engine *e, struct bell_owned *b);

/* epoll_sets.c: the bells of epoll files, and who holds them */
int64_t set_make(struct engine *e, struct client *c, struct bell_owned *b);
int64_t set_leave(struct client *c, struct bell_owned *b);
bool set_is_held(const struct bell_owned *b, const struct client *c);
int64_t serve_set_join(struct call *k);
void sets_sweep(struct engine *e);                                        /* ends those whose file is closed everywhere */
void sets_of_dead(struct engine *e, struct client *c);
void watch_free(struct engine *e, struct watch *w);

/* call_life.c, call_data.c, call_option.c, call_misc.c, file.c, proc/tree.c, verb.c: what the rows do */
void esock_wishes(struct engine *e, struct esock *es);                    /* takes the options that its program has left */
int64_t serve_socket(struct call *k);
int64_t serve_pair(struct call *k);
int64_t serve_bind(struct call *k);
int64_t serve_connect(struct call *k);
int64_t serve_listen(struct call *k);
int64_t serve_accept(struct call *k);
int accept_caller(const struct sock *child, struct sockaddr_storage *ret, socklen_t *ret_len);   /* who called, as accept tells it */
int64_t serve_shutdown(struct call *k);
int64_t serve_identify(struct call *k);
int64_t serve_getsockname(struct call *k);
int64_t serve_getpeername(struct call *k);
int64_t serve_send(struct call *k);
int64_t serve_recv(struct call *k);
int64_t serve_take_error(struct call *k);
int64_t serve_keep_error(struct call *k);
int64_t serve_nothing(struct call *k);
int64_t serve_setsockopt(struct call *k);
int64_t serve_getsockopt(struct call *k);
int64_t serve_ioctl(struct call *k);
int64_t serve_sync(struct call *k);
int64_t serve_who(struct call *k);
int64_t serve_hostname(struct call *k);
int64_t serve_refused(struct call *k);
int64_t serve_door(struct call *k);
int64_t serve_file(struct call *k);
int64_t serve_look(struct call *k);
int64_t serve_setting(struct call *k);
int64_t serve_verb(struct call *k);

/* unix_names.c: abstract names, which are each host's own */
void unix_names_start(struct engine *e);
void unix_names_free(struct engine *e);
void unix_tag(const struct engine *e, size_t host, char tag[UNIX_TAG_LEN]);
int64_t serve_unix_name(struct call *k);
int64_t serve_unix_named(struct call *k);

/* rights.c: descriptors in flight */
/* Takes what becomes one; the caller closes what is left in fds. *ret NULL: there was none. -ETOOMANYREFS, -ENOMEM */
int rights_make(struct engine *e, struct account *a, int *fds, int n, struct sock_rights **ret);
int rights_take(struct call *k, struct sock_rights **ret);                /* the same of those that came with the call, which may be too many of its user's */
bool rights_give(struct call *k, struct sock_rights *r);                  /* passes them on; takes a reference. NULL allowed. false: some are lost */
bool flights_collect(struct engine *e);                                    /* ends the sockets that only each other's messages hold: were there any? */

/* refused.c: what was asked for and is not done here */
/* Counts result when it is such an errno; returns it. */
int64_t refuse(struct call *k, int64_t result, const char *format, ...) __attribute__((format(printf, 3, 4)));
void refused_add(struct engine *e, const char *program, const char *text, int err);
void refused_print(struct engine *e, struct text *t);
void refused_show(struct engine *e, struct page *p);
void refused_free(struct engine *e);

/* names.c: words for numbers, false when Linux would refuse the call in the same way, so that nobody need be told */
bool option_text(char *buf, size_t size, const struct sock *sk, int level, int name, int64_t err);    /* "SOL_SOCKET, SO_REUSEADDR" */
bool ioctl_text(char *buf, size_t size, unsigned long request);
bool family_text(char *buf, size_t size, int domain, int type, int protocol);

/* text.c: text for the user, cut when it is full */
struct text { char *at; size_t size, len; };
void text_add(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* capture.c: frames for `sockland cap` */
int64_t serve_capture(struct call *k);
bool captures_watch(void *engine, const struct net_link *cable);             /* net_ops.watches */
void captures_tap(void *engine, const struct net_frame *f);               /* net_ops.tap */
void capture_ready(struct engine *e, struct source *s);
void captures_flush(struct engine *e);
void captures_free(struct engine *e);

/* show.c: records of what the net is and does; see there for their form */
struct page { struct text *t; const struct client *asker; size_t at, from; bool full; };
bool page_takes(struct page *p);                                           /* is the next record wanted here? */
int show(struct engine *e, const struct client *asker, size_t n, char **words, struct text *t);

/* partition.c: a partition as *ret_n cuts: c->sides has a side for every host, of one cut behind the other */
int partition_make(struct engine *e, struct cut_words *c, size_t *ret_n);
size_t host_find(const struct engine *e, const char *name);                /* topo->n_hosts: nowhere */

/* call_fault.c: calls that fail because somebody wants them to */
int call_fault_set(struct engine *e, size_t n, char **words, struct text *t);
int64_t serve_fault(struct call *k);
int64_t serve_fault_done(struct call *k);
time_ns call_faults_deadline(const struct engine *e);
void call_faults_expire(struct engine *e);
void call_faults_show(struct engine *e, struct page *p);
void call_faults_free(struct engine *e);

/* flap.c: links that go up and down */
int flap_begin(struct engine *e, size_t n, char **words, struct text *t);
time_ns flaps_deadline(const struct engine *e);
void flaps_advance(struct engine *e);
void flaps_show(struct engine *e, struct page *p);
void flaps_free(struct engine *e);

/* fault.c: impairments and cuts, and their end */
struct fault_words { size_t n; char **words; time_ns due; const void *owner; };   /* until due; TIME_NEVER: for good */
int fault_name_set(struct engine *e, const char *name, const struct fault_words *c);   /* -ENOENT: nothing is called so */
void faults_end_of(struct engine *e, const void *owner);                  /* what it has set ends now */
/* Takes "for 5s" off the end: when it is over, or TIME_NEVER; -EINVAL. */
time_ns fault_ending(const struct engine *e, size_t *n, char **words, struct text *t);
time_ns faults_deadline(const struct engine *e);
void faults_expire(struct engine *e);
int fault_set(struct engine *e, size_t n, char **words, struct text *t);
int fault_cut(struct engine *e, size_t n, char **words, struct text *t);
void faults_show(struct engine *e, struct page *p);                        /* cuts */
void faults_free(struct engine *e);
