/*
 * The shim: libsockland.so, loaded into each program of a virtual network. It turns the program's socket calls into work on shared memory and,
 * where state must change, into control calls to the engine.
 *
 *     program, libc's insides ──names, patched entries──┐
 *     inline system calls ──────SIGSYS (sigsys.c)───────┴─► handlers (calls.h): table.c says whose descriptor it is
 *                                                             ├─ the kernel's: the same call, unchanged
 *                                                             └─ ours: stream.c, dgram.c, socket.c … on the channel; control.c to the engine
 *
 * Rules for the whole directory. A handler has the kernel's signature for its call and answers a result or a negative errno; errno is
 * the wrappers' business (exports.c). Between a fork and exec, and in signal handlers, anything may run: no malloc, no stdio, no lock
 * that is not taken inside a critical section (signal.c), memory only from mmap.
 */
#pragma once
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include "channel/atomic.h"
#include "channel/channel.h"
#include "rpc/call_fault.h"
#include "rpc/rpc.h"
#include "shim/fault.h"
#include "shim/gate.h"
#include "shim/newprog.h"
#include "shim/sys.h"

#define HIDDEN __attribute__((visibility("hidden")))

/* ---- the process (start.c, control.c) ---- */
struct shim {
	bool active;                       /* a door was inherited: we are on a virtual host */
	_Atomic bool cut;                  /* the engine has hung up on us */
	bool sandboxed;                    /* the program has put a seccomp filter on itself: few calls are left to us */
	_Atomic uint32_t client;           /* our number at the engine; 0 until attached, and again after fork */
	int pid;
	uint32_t host, desk;               /* desk: where short control calls lie; 0: nowhere */
	bool privileged;                   /* its programs are root of it: caps.c */
	bool kernel_unix;                  /* sockets of AF_UNIX are the kernel's */
	bool plain_unix;                   /* those of this process are, at any rate */
	bool foreign;                      /* the program runs behind Syscall User Dispatch: foreign/ */
	struct arena *arena;
	int door, control, doorbell;       /* hidden descriptors; -1: none */
	char path[SHIM_PATH_MAX];          /* of libsockland.so */
	char host_name[64];
	char unix_tag[UNIX_TAG_LEN];       /* before this host's abstract names in the kernel's table; empty until attached */
	char program[64];
};
extern struct shim shim;

/* ---- the thread ---- */
struct sleeping { _Atomic uint32_t *count, *life; uint32_t generation; const char *frame; };   /* life: stands while the count is that of `generation` */
struct self {
	uint32_t depth;                    /* critical sections entered */
	uint32_t nocancel;                 /* inside a call that is no cancellation point */
	uint32_t spawning;                 /* inside posix_spawn and its kin: see spawned() */
	int spawn_door;                    /* where that child had to move the door, or 0 */
	bool deferred;                     /* a signal waits for the end of the critical section: */
	uint64_t deferred_mask;            /* … the mask to go back to */
	siginfo_t deferred_info;
	_Atomic uint32_t handled;          /* signal handlers of the program that ran here */
	_Atomic uint32_t interrupts;       /* those of them without SA_RESTART */
	uint32_t entered;                  /* foreign/: `handled` when the call under way began */
	bool restart;                      /* … and it is to be made anew, after the handler */
	void *guard;                       /* fault.c: where to go on when memory of the program's isn't there */
	struct spinning { struct trial { uint32_t skip, failed; } spin, pauses; } spin, spin_answer;   /* wait.c */
	struct sleeping sleeping[4];       /* sleeper.c: where this thread is counted */
	uint32_t sleeps;                   /* how many of these */
	bool ends;                         /* its end will be seen */
	_Atomic uint32_t *place;           /* pin.c: what our call is on, for those who close it */
	uint32_t bell;                     /* bell.c: what this thread polls on; 0: none yet */
	uint32_t *watched;                 /* by channel: the generation its bell watches */
	uint8_t *scratch;                  /* scratch.c */
	bool scratch_taken;
};
extern __thread struct self self __attribute__((tls_model("initial-exec")));

/*
 * Are we the child of a posix_spawn, between its birth and exec? It shares our memory but has descriptors of its own: its calls go to the kernel and
 * leave the tables alone.
 */
static inline bool spawned(void) { return self.spawning != 0 && sys(SYS_getpid) != shim.pid; }

bool caps_allow(int domain, int type);     /* has the program kept the right to such a socket? (caps.c) */
bool caps_admin(void);                     /* and to change its network? */
void sandbox_prepare(void);                /* does now what would not be allowed soon (sandbox.c) */

#define SCRATCH_SIZE (512u << 10)
void scratch_start(void);
uint8_t *scratch_take(void);               /* SCRATCH_SIZE octets for the time of a call; NULL: no memory */
void scratch_give(uint8_t *at);            /* NULL allowed */

/* ---- critical sections (signal.c): handlers of the program wait until the outermost is left ---- */
void critical_deliver(void);
static inline void critical_enter(void)
{
	self.depth++;
	atomic_signal_fence(memory_order_seq_cst);
}
static inline void critical_leave(void)
{
	atomic_signal_fence(memory_order_seq_cst);
	if (--self.depth == 0 && self.deferred) critical_deliver();
}

/* ---- locks inside the process; only in critical sections ---- */
struct lock { _Atomic uint32_t word; };
void lock_take(struct lock *l);
void lock_drop(struct lock *l);
static inline void lock_enter(struct lock *l)      /* a section that is critical only for the lock's sake */
{
	critical_enter();
	lock_take(l);
}
static inline void lock_leave(struct lock *l)
{
	lock_drop(l);
	critical_leave();
}
long futex_shared(_Atomic uint32_t *word, int op, uint32_t val, const void *timeout);   /* for chan_lock */

/* ---- descriptors (table.c) ---- */
enum fd_kind { FD_UNKNOWN, FD_KERNEL, FD_CHANNEL, FD_EPOLL, FD_URING, FD_SETTING, FD_HIDDEN, FD_CLOSING };
struct sock { int fd; uint32_t index, generation; struct channel *c; };

/* Whose fd is. FD_CHANNEL fills *s. Unknown ones are looked at; with `s->c == NULL` the channel answers ENETDOWN. */
enum fd_kind table_kind(int fd, struct sock *s);
enum fd_kind table_peek(int fd);           /* the same without looking at unknown ones */
uint32_t table_epoll(int fd);              /* index of the instance (epoll.c) */
uint32_t table_uring(int fd);              /* of the ring (uring/ring.c) */
void table_set_kernel(int fd);
void table_mark(int fd);                   /* a kernel's one that unix_call.c has to look at when it sends */
bool table_is_marked(int fd);
bool table_tells_ends(int fd);             /* a kernel's one that tells of the end of processes (ended.c) */
void table_set_setting(int fd);             /* one that was opened to write (setting.c) */
void table_set_nettable(int fd);            /* of /proc/net (files.c) */
bool table_reads_nettable(int fd, bool *ret_again);   /* is it one, and was it read before? From now on it was */
void table_set_hidden(int fd);
void table_set_epoll(int fd, uint32_t instance);
void table_set_uring(int fd, uint32_t ring);
void table_forget_uring(uint32_t ring);    /* closed past us */
int table_set_channel(int fd, uint32_t index, uint32_t generation);
void table_forget(int fd);                 /* replaced: unknown from now on */
void table_copy(int from, int to);         /* dup: both refer to one open file */
int table_high(void);                      /* above every descriptor that has an entry */
uint32_t table_refs(uint32_t index);       /* descriptors of this process on the channel */
uint32_t table_consumed(uint32_t index, uint32_t octets);      /* adds up what this process has read; UINT32_MAX: from 0 again */
void table_share_all(void);                /* fork: no anchor of ours can be recycled any more */
void table_identify_all(void);             /* while fstat is still allowed */
/* packet_ring.c */
void packet_ring_begins(const struct sock *s);   /* what has come before is lost, as on Linux */
/* channel_poll(), of any socket. A ring may have been emptied since the engine said that it can be read. */
uint32_t sock_events(const struct sock *s);
static inline bool sock_of(int fd, struct sock *s) { return table_kind(fd, s) == FD_CHANNEL; }

bool limit_takes(unsigned long count);     /* as many descriptors as RLIMIT_NOFILE lets a process have (limits.c) */

/* ---- descriptors of our own (hidden.c) ---- */
int hidden_base(void);                     /* our numbers begin here */
int hide_fd(int fd, bool keep_over_exec);  /* moves it out of the program's way; the new number */
int hidden_move(int fd);                   /* the program wants the number: 0 or -errno */
void hidden_close(int *fd);

/* ---- anchors of closed sockets, kept for the next ones (spare.c) ---- */
struct spare;
void spare_born(uint32_t channel, uint32_t generation);   /* a socket that is this process's alone */
bool spare_keep(int fd, const struct sock *s);            /* instead of closing fd; false: it has to be closed */
long spare_socket(int domain, int type, int protocol, int flags);   /* a descriptor of a new one; -ENOENT: none is ready */
struct spare *spare_lend(int flags, bool only_such);      /* for the time of a control call; NULL: there is none. only_such: that no socket() waits for */
void spare_offer(const struct sock *s);                  /* one of them to a listener, so that the engine may accept ahead */
void spare_withdraw(const struct sock *s);               /* and back, if it has not */
struct offer;
long spare_accept(const struct sock *s, int flags, struct offer *ret);   /* what it has: a descriptor, and in *ret who calls. -ENOENT: nothing; -EMFILE */
uint32_t spare_channel(const struct spare *sp);           /* NULL allowed: 0 */
int spare_used(struct spare *sp, int flags, uint32_t generation);   /* its descriptor, the program's from now on */
void spare_return(struct spare *sp, bool refused);        /* NULL allowed. refused: the engine knows better */
void spares_drop(void);                                   /* the program needs the numbers, or will change what we are allowed */
bool spares_give_way(long r);                             /* r is -EMFILE, and now there are numbers: try again */
void spares_forbid(void);                                 /* the program holds what we can't see: from now on none is kept */
int *spare_slot(int fd);
void spares_before_fork(void);                            /* none is left; spares_after_fork() in the parent */
void spares_after_fork(void);
void spares_forked(void);

/* ---- control calls (control.c) ---- */
struct call {
	uint32_t op;
	const struct sock *sock;           /* or NULL */
	int64_t arg[3];
	struct iovec in[4];
	const struct iovec *more; int more_count;   /* after in[] */
	void *out; size_t out_cap;         /* what does not fit is cut off */
	bool want_fd, cloexec;
	uint32_t spare;                    /* channel of the anchor that is lent; 0: none */
	int *rights, n_rights;             /* descriptors to pass; with want_fd: room for those that come, and their number */
	/* results */
	size_t out_len;                    /* the whole length */
	uint32_t channel, generation;
	int fds[RPC_FDS_MAX]; int fd_count;
	bool fds_lost;                     /* the kernel had no numbers for all of them: RLIMIT_NOFILE */
};
int64_t control(struct call *c);           /* the engine's result, or -ENETDOWN, -ENOMEM … */
int64_t control_simple(uint32_t op, const struct sock *s, int64_t a, int64_t b, int64_t c);
int attach(void);                          /* 0 or -errno; cheap when done already */
void control_forked(void);                 /* in the child */
/* As whom we hold locks in shared memory. A call that a handler has forked in goes on in the child, which has no number of its own yet. */
static inline uint32_t lock_name(void)
{
	uint32_t client = atomic_load_explicit(&shim.client, memory_order_relaxed);
	if (client == 0 && attach() == 0) client = atomic_load_explicit(&shim.client, memory_order_relaxed);
	return client != 0 ? client : LOCK_CONTENDED - 1;
}
void control_lock(void);
void control_unlock(void);
void refused(const char *text, int err);   /* counted by the engine for the report at the end of a run */
static inline bool engine_dead(void)
{
	return atomic_load_explicit(&shim.cut, memory_order_relaxed) || (shim.arena && shared_get32(&shim.arena->dead) != 0);
}

/*
 * Before "nothing" is answered, the last look must have come after the engine had worked off what was rung: true once, when the engine has, for
 * the look that counts. *looked is false at first, or !engine_is_late() before the first look where a second one costs much.
 */
bool look_again(bool *looked);
bool engine_is_late(void);
void engine_wake(void);                    /* by the doorbell */
void engine_catch_up(void);
/* All that is ready belongs into one answer. Only loopback is so prompt: what goes to another host is not waited for. */
bool rest_is_late(void);                   /* asked before the look: something was on its way */
void rest_arrives(void);
void closes_settle(void);                  /* after a close of our own: the engine has seen it */
void linger(const struct sock *s);         /* before its last close, where SO_LINGER asks for it */
void signals_drain(const struct sock *s);  /* what made the kernel send its signals (async.c) */
bool signals_want_room(const struct sock *s);  /* there is none; false: nobody asked for a signal. Look once more after it */
void handed_over(const struct sock *s);    /* the engine has something to do for this channel */

/* ---- faults that somebody has set on calls (trouble.c) ---- */
struct message;
static inline bool has_trouble(enum fault_call call) { return shim.arena && __builtin_expect(shared_get32(&shim.arena->faults) & FAULT_BIT(call), 0); }
/* Before any other: 0, or the errno; s, addr NULL allowed. */
int trouble(enum fault_call call, const struct sock *s, const struct sockaddr *addr, socklen_t len);
long troubled(enum fault_call call, const struct sock *s, struct message *m, long (*move)(const struct sock *, struct message *));   /* instead of move */

/* ---- sleeping (wait.c) ---- */
struct wait { uint32_t handled, interrupts; bool restartable; time_ns deadline; };
time_ns now_ns(void);
time_ns coarse_ns(void);                   /* the same clock, some milliseconds behind, for less */
void wait_begin(struct wait *w, int64_t timeout_us);          /* 0: for ever */
void wait_begin_as_set(struct wait *w, _Atomic int32_t *timeo_ms);   /* by SO_RCVTIMEO or SO_SNDTIMEO */
uint32_t signals_handled(void);            /* by this thread, so far */
/* A part is done: handlers that run later than `handled` was asked interrupt, SA_RESTART or not. */
void wait_partly(struct wait *w, uint32_t handled);
int wait_on(struct wait *w, const struct sock *s, struct direction *d, uint32_t seq);   /* 0: look again; -EINTR, -EAGAIN when the time is over, -ENETDOWN */
bool sleeper_in(_Atomic uint32_t *count, _Atomic uint32_t *life);   /* sleeper.c: counted until sleeper_out(), which takes the answer */
void sleeper_out(_Atomic uint32_t *count, bool noted);
bool spin(_Atomic uint32_t *word, uint32_t seen);              /* for a moment, if that has paid lately: has it changed? */
bool spin_for_answer(_Atomic uint32_t *word, uint32_t seen);   /* the same for a control call's answer */
int wait_on_word(struct wait *w, _Atomic uint32_t *word, uint32_t seen);   /* the same on another word */
int pin(const struct sock *s);             /* pin.c: a call on s begins; unpin() ends it. -EBADF: closed meanwhile */
void unpin(void);
int channel_hold(const struct sock *s);    /* the same for what outlasts a call: a counted hold, until channel_release() */
void channel_release(uint32_t channel);
int channel_dup(const struct sock *s, bool cloexec);          /* another descriptor of a socket that is held */
/* A system call that sleeps, unless a handler has run since *counter was `seen`; then -EINTR. Closes the gap between check and sleep. */
long sleep_call(long n, long a, long b, long c, long d, long e, long f, _Atomic uint32_t *counter, uint32_t seen);

/* ---- polling (bell.c, poll.c, epoll.c) ---- */
void bell_start(void);
uint32_t bell_new(void);                   /* 0: none to be had */
void bell_drop(uint32_t bell);
void bell_forget(uint32_t bell);           /* closes our eventfd of it */
int bell_eventfd(uint32_t bell);           /* asked of the engine when it is needed first; -1: it can't be had */
void bell_ring_own(uint32_t bell, int sleepers);              /* one of this process's: that many who sleep on its futex, or all on its eventfd */
int bell_watch(uint32_t bell, const struct sock *s);
uint32_t bell_of_thread(void);
struct watch_list { struct rpc_watch at[128]; uint32_t n; };
int bell_watch_thread(struct watch_list *l, const struct sock *s);   /* gathers, and asks for many at once; NULL: the rest */
void bell_drain(uint32_t bell);
void bells_forked(void);
int *bell_slot(int fd);                    /* where the number of a bell's eventfd is kept, or NULL */

int epoll_adopt(int fd);                   /* gives a kernel epoll descriptor a set: its number, or -errno */
int epoll_identify(int fd);                /* the set of one that came from elsewhere; -ENOENT: it is none, or has none */
void epoll_share(int fd);                  /* another process gets it */
void epoll_ref(uint32_t instance);
void epoll_unref(uint32_t instance);
bool epoll_virtual_ready(int fd, uint32_t *ret_bell);         /* for a poll that has an epoll descriptor in its set */
void epolls_before_fork(void);
void epolls_prepare(void);                 /* before a sandbox */

/* ---- io_uring (uring/) ---- */
void uring_ref(uint32_t ring);
void uring_unref(uint32_t ring);
bool uring_is(uint32_t ring, uint64_t inode);
int uring_poll_fd(int fd);                 /* of a ring's descriptor: what to poll for completions in its place, or -errno */
short uring_poll(int fd, int *ret_fd);     /* what it is ready for; *ret_fd as above, or -1 */
void urings_settle(void);                  /* before a look at such descriptors */
int *uring_slot(int fd);
void urings_forked(void);
bool uring_roused(const siginfo_t *info, void *context);      /* in the handler of SIGSYS: was that sent to wake a thread of a ring's? */

/* ---- peers that share a segment (direct.c) ---- */
void direct_wrote(const struct sock *own, uint32_t peer);     /* channel peer reads what we wrote */
void direct_read(const struct sock *own, uint32_t peer);      /* it wrote what we read */
void direct_left(const struct sock *own);                     /* a datagram of ours, for those who ask for edges; no bell may be the engine's */
/* Whoever moves octets past the engine owes the peer a wake until these two are over. */
void owe(const struct sock *s, struct direction *d);
void owe_no_more(const struct sock *s, struct direction *d);
void direct_ended(uint32_t peer);                             /* channel peer may find that we have closed: CHF_LEFT */
void direct_delivered(uint32_t peer);                         /* channel peer has a datagram of ours */
void direct_made_room(struct segment *inbox);                 /* for who sleeps: we have read one there */
void direct_stirred(const struct sock *s);                    /* whoever else waits for room with s looks again */
void direct_relieved(uint32_t sender);                        /* we have read one of its datagrams, and it waits for that */
int *ringer_slot(int fd);                  /* where the number of an eventfd of somebody's is kept, or NULL */
void ringers_forked(void);

/* ---- data ---- */
struct message {                           /* a send or a receive, whatever call it came from */
	struct iovec *iov; int count; size_t total;
	void *name; socklen_t name_len;    /* receive: capacity, then the real length */
	void *control; size_t control_len; /* the same */
	int flags, ret_flags;
	bool nonblock, cloexec;
	bool past_peek_off;                /* a look of ours: SO_PEEK_OFF is not for it */
	bool go_on;                        /* Unix streams: the call has something already */
	struct rpc_peek peek;              /* asked.c: a part of a peek, and how far that has come. room 0: it is none */
	pid_t pidfd_of;                    /* Unix sockets, of what was received: whose pidfd goes with it, 0: nobody's; -1: none */
	int *rights, n_rights;             /* Unix sockets: descriptors beside it; to receive: room for them, and their number */
	struct rpc_ticket *ticket;         /* send: filled if the engine gives one; NULL: not wanted */
	struct segment *awaits;            /* Unix sockets, send: the inbox that has our number among those who sleep; NULL: none */
	bool named;                        /* Unix sockets, received: the name came with the message */
};
void control_put(struct message *m, const uint8_t *block, size_t len);   /* control messages into what the program gave, where it can be written */
long stream_send(const struct sock *s, struct message *m);
long connect_wait(const struct sock *s, const struct sockaddr *addr, socklen_t len);   /* a connect that has begun: 0, or why not */
long stream_recv(const struct sock *s, struct message *m);
/* One look at a ring, from octet `from` of the message on: octets, or -EAGAIN, -EFAULT; what was taken may be 0. seq: tx.seq before it. */
long stream_put_some(const struct sock *s, const struct message *m, size_t from, uint32_t seq);
bool stream_ends(const struct sock *s);    /* has the peer closed, with no more to come than what there is? Told now. The socket is pinned */
long stream_take_some(const struct sock *s, const struct message *m, size_t from);
void stream_forget(const struct sock *s);
long dgram_send(const struct sock *s, struct message *m);     /* straight to the receiver where that may be, else engine_send (ticket.c) */
/* A Unix socket's, one try: octets, or a negative errno. */
long unix_letter_send(const struct sock *s, struct message *m);
void unix_letter_over(const struct sock *s, struct message *m);   /* sent, or given up: a reader need not wake us */
void tickets_forked(void);
long dgram_recv(const struct sock *s, struct message *m);
long dgram_take(const struct sock *s, struct message *m);     /* one look at the ring: -EAGAIN: there is none */
long engine_send(const struct sock *s, struct message *m);    /* RPC_SEND, waiting where the call may */
/* Into one piece, where a control call can't carry all: scratch_give(one->iov_base) afterwards. 0, -EFAULT, -EMSGSIZE, -ENOMEM. */
int message_gather(struct message *m, struct iovec *one);
/* What is wrong with a message whose data can't be read or is too long to go: an errno. */
int64_t engine_send_unread(const struct sock *s, const struct message *m);
int64_t engine_send_once(const struct sock *s, struct message *m, size_t skip);
int64_t engine_recv_once(const struct sock *s, struct message *m);
long peel_off(const struct sock *s, int32_t assoc, int flags);
/* sctp.c */
bool is_sctp(const struct sock *s);
bool is_mptcp(const struct sock *s);
bool is_udp(const struct sock *s);                           /* UDP or UDP-Lite: no raw socket of theirs */
bool is_asked(const struct sock *s);                          /* a stream that is sent to and read by control calls alone: asked.c */
long asked_recv(const struct sock *s, struct message *m);
long sctp_socket_recv(const struct sock *s, struct message *m);
bool sctp_option_connects(int level, int name);
long sctp_socket_connect(const struct sock *s, int name, const void *val, socklen_t len);
bool sctp_option_peels(int level, int name);
long sctp_socket_peel(const struct sock *s, int name, void *val, socklen_t *len);
#define MSG_CMSG_COMPAT ((int)0x80000000)                     /* of 32-bit programs */
long sock_sendmsg(const struct sock *s, const struct msghdr *msg, int flags);
long sock_recvmsg(const struct sock *s, struct msghdr *msg, int flags);
long sock_send(const struct sock *s, struct message *m);
long sock_recv(const struct sock *s, struct message *m);
bool message_writable(const struct message *m);                        /* all of it, as far as its ends say */
int message_there(const struct message *m, size_t len, bool writing);   /* 0 or -EFAULT: the memory of the first len octets */
ssize_t iov_total(const struct iovec *iov, int count);        /* or -EINVAL */
bool nonblocking(const struct sock *s, int flags);

/* ---- calls by socket, where there may be no number any more ---- */
long sock_bind(const struct sock *s, const struct sockaddr *addr, socklen_t len);
long sock_accept(const struct sock *s, struct sockaddr *addr, socklen_t *len, int flags);     /* never waits */
long sock_connect(const struct sock *s, const struct sockaddr *addr, socklen_t len, bool begins);   /* one step of it: -EINPROGRESS, -EALREADY */
long sock_listen(const struct sock *s, int backlog);
long zerocopy_map(void *addr, size_t len, int prot, int flags, off_t offset);   /* of a TCP socket: zerocopy.c */
long zerocopy_receive(const struct sock *s, void *val, socklen_t *len);         /* TCP_ZEROCOPY_RECEIVE */
long sock_getsockopt(const struct sock *s, int level, int name, void *val, socklen_t *len);
long sock_setsockopt(const struct sock *s, int level, int name, const void *val, socklen_t len);
long sock_ioctl(const struct sock *s, unsigned long request, void *arg);
bool is_socket(int fd);                    /* for the kernel */
void descriptors_leave(const struct msghdr *msg);      /* passing.c */
void descriptors_arrive(const struct msghdr *msg);
bool descriptors_left(void);                           /* one of ours has left this process: the end of what carries it may be its own */
void consumed(const struct sock *s, uint32_t octets);
uint32_t peek_skip(const struct sock *s, const struct message *m);   /* SO_PEEK_OFF: octets that this receive leaves out */
void peek_moves(const struct sock *s, const struct message *m, size_t n);   /* … and n were peeked at, or read */

/* ---- program, signals, libc ---- */
void *libc_symbol(const char *name);        /* libc's own function; NULL: it has none of that name */
int patch_all(void);                       /* entries of libc's functions lead to us */
int patch_brk(void);                       /* libc's malloc lives without it from now on */
void signal_start(void);
void sigsys_install(void);
long dispatch(long n, const long a[6], bool raw);             /* a system call by number; raw: from code that bypasses libc */
void process_start(void);
extern _Atomic uint32_t *process_mark;     /* 0 in a child of a fork that was not ours to see; NULL off any network */
void process_unseen(void);
static inline void process_look(void)      /* at the begin of every call */
{
	if (process_mark && atomic_load_explicit(process_mark, memory_order_relaxed) == 0) process_unseen();
}
int file_open(const char *path, int flags);                   /* descriptor of this host's view of the file; -ENOENT: not virtual; or why it can't be read */
#include "shim/calls.h"
