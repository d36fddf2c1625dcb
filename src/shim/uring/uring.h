/*
 * io_uring, carried out by the shim. The kernel's own ring would take socket calls past us, and many machines refuse it; so the ring that a program
 * gets is a memory file of the same layout, and its two system calls, which the filter traps, lead here.
 *
 *     setup.c     io_uring_setup: the memory            ring.c      rings by number; how one ends
 *     enter.c     io_uring_enter: submit, then wait     submit.c    entries become requests: chains, drains
 *     request.c   a request's life, to its end          cq.c        completions, and whoever waits for them
 *     park.c      requests that wait for readiness      blocking.c  the few that can only be waited for in a thread
 *     timer.c     timeouts                              cancel.c    taking requests back
 *     sqpoll.c    a thread that submits by itself       forked.c    what a child has of its parent's rings
 *     files.c     the files that requests are on        groups.c    provided buffers
 *     buffers.c   registered ones; clone.c              tags.c      resources that say when they are out of use
 *     resize.c    queues of other sizes                 personality.c  as whom
 *     region.c    memory that waits take terms from     restrict.c  what an enabled ring may do
 *     register.c  io_uring_register                     ops.c       a row an operation; op_*.c are what they do
 *
 * A request is tried at once, never waiting; if it would have to, it is parked with the file held, and the ring's one thread tries it again when
 * the file is ready. A request belongs to whoever has taken it off its list. ring.lock guards the lists, the completion queue, timers and what is
 * registered; no operation runs under it.
 */
#pragma once
#include <limits.h>
#include <sched.h>
#include "shim/shim.h"
#include "shim/uring/abi.h"

struct ring;
struct request;

/* What a request is on. held: it stays open whatever the program closes. */
struct file { bool virtual, held, is_ring; int fd, number; struct sock sock; struct request *tag; };   /* number: what the program calls it */

struct personality { uint16_t id; uint32_t uid, gid; };       /* id 0: none */

#define PARKED LONG_MIN        /* issue(): somebody else completes it */

enum op_flag {
	OP_FILE = 1,           /* sqe.fd is a file */
	OP_IN = 2, OP_OUT = 4, /* -EAGAIN: wait until it can be read, or written */
	OP_SELECTS = 8,        /* may take a provided buffer */
	OP_RING = 16,          /* sqe.fd may be a ring */
	OP_ROUSED = 64,        /* its block() can be taken back */
	OP_COUNTED = 256,      /* who takes it back is told how many there were, as by the kernel of these: 1 */
	OP_IOPOLL = 128,       /* allowed on a ring of IORING_SETUP_IOPOLL */
	OP_PRIO = 32,          /* has a use for sqe.ioprio */
};
struct op { unsigned flags; int (*prepare)(struct request *); long (*issue)(struct request *), (*block)(struct request *); };
const struct op *op_of(unsigned opcode);               /* NULL: there is none */

enum where { AT_WORK, IN_PARK, IN_TIMERS, IN_LINE, IN_SLEEP };
struct request {
	struct request *next;              /* on the list where it is */
	struct request *link;              /* the rest of its chain */
	struct request **back, *beside;    /* once parked: what points to it in ring.parked; the next one on its channel, or in ring.asleep */
	uint32_t round;                    /* of the thread's, in which it was tried last */
	struct request *limit;             /* its LINK_TIMEOUT, or, of one of those, what it limits */
	struct ring *ring;
	const struct op *op;
	struct io_uring_sqe sqe;           /* the program's entry, as it was when it was taken */
	enum where where;
	struct file file;
	unsigned events;                   /* to wait for when it can't be done at once; 0: it never waits */
	uint64_t seen, told;               /* readiness_seen() before the last attempt; before a multishot poll's last report */
	bool drains;                       /* waits for all before it */
	bool failed;                       /* its chain ends with it */
	struct personality as;             /* whom, if id is not 0 */
	bool invalid;                      /* result says why; it is not to be issued */
	bool nowait;                       /* -EAGAIN is its result */
	bool in_kernel_set;                /* a member of ring.kernel_set */
	bool polled;                       /* POLL_FIRST has been heeded */
	int result;
	unsigned flags;                    /* of the completion */
	/* data */
	struct msghdr msg;
	struct iovec *iov, iov_here[4];
	size_t iov_mapped;
	struct sockaddr_storage name;
	size_t done;
	struct iovec fixed_buffer;         /* the registered one, if `fixed` */
	struct request *buffer_tag;
	bool fixed;
	uint32_t users;                    /* of a tag: the table, and the requests on the resource */
	void *extra;                       /* a copy of what the entry points to, of extra_size octets */
	size_t extra_size;
	/* asleep */
	_Atomic int sleeper;               /* the thread that sleeps in its name */
	_Atomic bool roused;
	uint64_t ticket;
	/* timers */
	time_ns deadline, period;
	uint64_t target;
	uint32_t rounds;
};

#define FILES_MAX 32768u
#define BUFFERS_MAX 16384u
#define GROUPS_MAX 256u
/* Provided buffers: a stack of ours, or a ring in the program's memory, whose head is ours alone. */
struct buffer_group { uint16_t id; bool used, is_ring, incremental; uint32_t mask, head, count, room; size_t mapped; struct io_uring_buf *at; };
struct file_table { struct file *at; uint32_t n, range_from, range_to, hint; };   /* hint: where the search for an empty slot begins */
struct buffer { struct iovec v; struct request *tag; };
struct buffer_table { struct buffer *at; uint32_t n; };
struct restrictions { bool given; uint8_t flags_allowed, flags_required; uint64_t sqe_ops, register_ops; };

/* What forked relatives have in common. */
struct ring_shared {
	_Atomic uint32_t sq_lock, cq_lock;         /* 0, or the process that holds it: taken inside ring.submitting and ring.lock */
	_Atomic uint32_t sq_taken, cq_posted;      /* what we have told of sq_head and cq_tail: theirs are only written */
	_Atomic uint32_t cq_seq, cq_waiters;
	_Atomic uint32_t sq_wake, sq_poller;       /* sq_poller: the process whose thread polls for entries */
};

struct ring {
	struct lock lock, submitting, starting;    /* starting: the thread */
	struct lock selecting;                     /* over an attempt that has a provided buffer in hand */
	_Atomic uint32_t refs, descriptors;        /* refs: descriptors, calls, and the ring's thread */
	bool used, ended, memory_is_theirs;        /* memory_is_theirs: the queues lie in the program's (IORING_SETUP_NO_MMAP) */
	uint64_t inode;
	int watch;                                 /* of its file's closing */
	int memory;                                /* its file, opened by us */
	uint32_t setup_flags, sq_entries, cq_entries, sqe_size, cqe_size;
	_Atomic int issuer;                        /* the one thread that may submit; 0: any */
	_Atomic bool disabled;
	/* memory that the program shares */
	uint8_t *rings;
	size_t rings_size, sqes_size;              /* of our mappings */
	_Atomic uint32_t *sq_head, *sq_tail, *sq_flags, *sq_dropped, *sq_array, *cq_head, *cq_tail, *cq_overflow, *cq_flags;
	uint8_t *sqes, *cqes;
	/* completions */
	struct ring_shared *shared;
	/* the thread that polls for entries */
	time_ns sq_idle;
	int sq_cpu;                                /* where it is to run; -1: anywhere */
	uint64_t counted;                          /* completions that are not a timeout's */
	struct request *overflow, **overflow_end;
	_Atomic bool polled;
	int ready;                                 /* eventfd for those who poll the ring; -1: none yet */
	int eventfd;                               /* the program's, held; -1 */
	bool eventfd_async;
	/* requests */
	struct request *chunks, *free;
	struct request *runnable, **runnable_end, *deferred, **deferred_end;
	uint32_t outstanding;
	bool never_drains, drains_next;            /* drains_next: what follows a request that drains does so, too */
	struct request *timers;                    /* by deadline */
	struct request *expired;                   /* timeouts that are to end at once */
	struct request *parked;                    /* all that have been, until they end */
	uint32_t round;
	struct request **parked_on;                /* by channel: the first one */
	struct request *blocking, **blocking_end;  /* for a thread to take */
	struct request *asleep;                    /* these, and those that a thread has taken */
	_Atomic uint64_t tickets;
	uint32_t *watched;                         /* by channel: the generation that the bell watches */
	uint32_t parked_virtual, blocked_threads;
	uint32_t bell;
	int kernel_set, wake;                      /* epoll descriptor of held files; eventfd that wakes the thread */
	_Atomic bool has_thread;
	/* registered */
	struct file_table files;
	struct buffer_table buffers;
	struct buffer_group *groups;
	uint32_t worker_limits[2];
	cpu_set_t worker_cpus;                     /* where threads for what blocks are to run, if there are any */
	struct personality personalities[64];
	uint16_t last_personality;
	struct restrictions restrictions;
	int clock;                                 /* of the waits */
	uint8_t *region;                           /* of arguments of waits */
	size_t region_size, region_mapped;         /* region_size: as far as waits may look */
	bool region_is_ours;
};

#define PAGE 4096u
static inline size_t whole_pages(size_t n) { return (n + PAGE - 1) & ~(size_t)(PAGE - 1); }

void *uring_pages(size_t size);                            /* NULL: no memory */
static inline void eventfd_add(int fd)
{
	uint64_t one = 1;
	sys(SYS_write, fd, &one, sizeof one);
}

/* setup.c, resize.c */
#define RING_LAYOUT_FLAGS (IORING_SETUP_SQE128 | IORING_SETUP_CQE32 | URING_SETUP_NO_SQARRAY)
struct ring *ring_of_ours(void);                            /* NULL: no memory */
int ring_entries_choose(uint32_t entries, struct io_uring_params *p);       /* 0 or -EINVAL */
int ring_layout(struct ring *g, struct io_uring_params *p);                 /* gives the queues their sizes and tells of them in *p */
long ring_resize(struct ring *g, struct io_uring_params *arg);
void ring_watch(struct ring *g);
int ring_memory_map(struct ring *g, uint64_t offset, size_t size, void **ret);   /* a part of the ring's file, which grows for it (setup.c) */

/* ring.c */
struct ring *ring_new(void);
struct ring *ring_hold(int fd, bool registered, long *ret_err);   /* ring_release() ends that */
struct ring *ring_enter(int fd, bool registered, long *ret_err);  /* the same, and what is on it goes on, too, whoever closes it: ring_leave() */
void ring_leave(void *ring);
struct ring *ring_hold_index(uint32_t index);
void ring_release(struct ring *g);
int ring_install(struct ring *g, int fd);                  /* the program's descriptor of it */
void rings_sweep(void);                                    /* those whose descriptor was closed past us */
int rings_watch_fd(void);                                  /* readable when one was; -1: not to be had */
uint32_t ring_index(const struct ring *g);
uint32_t rings_top(void);                                  /* no ring has a higher index */
long registered_ring_add(int slot, int fd);                /* of this thread; slot -1: any */
long registered_ring_remove(unsigned slot);
static inline void ring_lock(struct ring *g)
{
	lock_enter(&g->lock);
}
static inline void ring_unlock(struct ring *g)
{
	lock_leave(&g->lock);
}

void ring_lists_start(struct ring *g);                     /* empty */

/* forked.c */
int shared_make(struct ring *g);
void shared_lock(_Atomic uint32_t *lock);                  /* in a critical section */
void shared_unlock(_Atomic uint32_t *lock);
void ring_forked(struct ring *g, uint32_t calls);          /* in the child, whose one thread is in as many calls on it */

/* cq.c; under ring.lock */
void cq_post(struct ring *g, uint64_t user_data, int result, unsigned flags);
void cq_end_with(struct request *r);                       /* posts its completion, and frees it */
bool cq_post_if_room(struct ring *g, uint64_t user_data, int result, unsigned flags);
uint32_t cq_ready(const struct ring *g);
/* patience: until then only all that is wanted will do, afterwards a single one does; 0: there is no such time. handled: self.handled before the call. */
struct cq_terms { uint32_t wanted, handled; time_ns deadline, patience; };
long cq_wait(struct ring *g, const struct cq_terms *t);
extern __thread bool uring_asynchronous;                   /* we are a thread of the ring's */

/* request.c */
struct request *request_new(struct ring *g);               /* under ring.lock; NULL: no memory */
void request_free(struct request *r);                      /* under ring.lock */
#define REQUEST_CHUNK 64                                    /* the first of a chunk only links the chunks */
void requests_unmap(struct request *chunk);
int extra_take(struct request *r, const void *from, size_t size);
void request_complete(struct request *r, long result);
bool request_more(struct request *r, long result, unsigned flags);  /* one completion of several; false: this has to be the last */
void request_issue(struct request *r);
void ring_run(struct ring *g);                             /* what has become runnable */
void request_start(struct request *r);                     /* the head of a chain, by whoever submits it */
void limit_start(struct request *r);                       /* under ring.lock: r is about to be left to others */
void list_add(struct request **list, struct request *r);
bool list_remove(struct request **list, struct request *r);

/* submit.c, enter.c */
long ring_submit(struct ring *g, uint32_t count);

/* sqpoll.c */
int sqpoll_check(const struct io_uring_params *p);
int sqpoll_start(struct ring *g, const struct io_uring_params *p);
void sqpoll_wake(struct ring *g);
bool sqpoll_lives(const struct ring *g);
int sqpoll_wait(struct ring *g);                           /* for room: 0 or -EINTR */

/* park.c */
bool request_park(struct request *r);                      /* true: something has changed, it is to be tried again */
uint64_t readiness_seen(const struct sock *s);             /* to be asked before an attempt */
bool request_unpark(struct request *r);                    /* under ring.lock: ours now? */
void park_forget(struct request *r);                       /* under ring.lock: it has ended */
typedef bool park_match(const struct request *r, const void *arg);
struct request *park_take(struct ring *g, park_match *match, const void *arg);   /* the first parked one that matches, ours now; or NULL */
int park_thread(struct ring *g);                           /* 0: there is one, or -errno */
void park_wake(struct ring *g);
int uring_thread(void *(*fn)(void *), void *arg);
void park_end(struct ring *g);

/* blocking.c */
long request_block(struct request *r);                     /* op.block() in a thread: PARKED, or -errno */
long request_sleep(struct request *r, const long call[7]); /* in block(), where the operation is OP_ROUSED: a system call that can be ended */
bool request_rouse(struct request *r);                     /* under ring.lock: ends that */
void request_await_sleep(struct ring *g, uint64_t ticket); /* until the request of that ticket sleeps */

/* timer.c; under ring.lock */
bool timers_remove(struct request *r);
time_ns timers_next(const struct ring *g);
void timers_fire(struct ring *g);                          /* not under ring.lock */
void timers_counted(struct ring *g);

/* cancel.c */
struct cancel { uint64_t user_data; unsigned flags; uint8_t opcode; struct file file; };
int cancel_check(unsigned flags);
int cancel_file(struct ring *g, struct cancel *c, int fd);
long cancel_by(struct ring *g, const struct cancel *c);
void cancel_all(struct ring *g);

/* files.c */
int file_get(int fd, struct file *f);                      /* as the program's table says, not held */
int file_hold(struct file *f);
void file_release(struct file *f);
int file_of_request(struct request *r);
short file_poll(const struct file *f, short events);
long files_register(struct ring *g, const int *fds, const uint64_t *tags, uint32_t n);
long files_unregister(struct ring *g);
long files_update(struct ring *g, uint32_t offset, const int *fds, const uint64_t *tags, uint32_t n);
long files_range(struct ring *g, uint32_t from, uint32_t len);
long files_install(struct ring *g, uint32_t slot, int fd);  /* slot as in sqe.file_index; takes fd */
long files_put(struct ring *g, uint32_t slot, struct file *f);   /* the same of a file that is held */
long files_remove(struct ring *g, uint32_t index);
long file_number(const struct file *f, bool cloexec);
int file_fixed(struct ring *g, uint32_t index, struct file *ret);

/* tags.c */
int tag_new(struct ring *g, uint64_t value, struct request **ret);
void tag_hold(struct request *tag);                        /* under ring.lock, as tag_drop(); NULL allowed in all */
void tag_drop(struct request *tag);
void tag_end(struct request *tag);                         /* tag_drop(), not under the lock */
void tag_forget(struct request *tag);

/* buffers.c, clone.c */
long buffers_register(struct ring *g, const struct iovec *iov, const uint64_t *tags, uint32_t n);
long buffers_update(struct ring *g, uint32_t offset, const struct iovec *iov, const uint64_t *tags, uint32_t n);
long buffers_unregister(struct ring *g);
void buffer_table_free(struct buffer_table *t);
int buffer_fixed(struct request *r, unsigned index);       /* do the request's pieces lie in it? 0 or -errno */
long buffers_clone(struct ring *g, const struct uring_clone *arg);

/* restrict.c */
long restrictions_register(struct ring *g, const struct io_uring_restriction *at, unsigned n);
bool restrictions_allow_register(const struct ring *g, unsigned opcode);
bool restrictions_allow_entry(const struct ring *g, const struct io_uring_sqe *e);

/* personality.c */
long personality_add(struct ring *g);
long personality_remove(struct ring *g, unsigned id);
int personality_of(struct request *r);                     /* 0 or -EINVAL */
int personality_take_up(const struct request *r, struct personality *ret_before);   /* 0, until personality_lay_down(), or -EPERM */
void personality_lay_down(const struct personality *before);

/* region.c */
long region_register(struct ring *g, const struct uring_region_reg *arg);
void region_free(struct ring *g);

/* groups.c */
long group_provide(struct ring *g, uint16_t id, uint64_t addr, uint32_t len, uint32_t n, uint16_t bid);
long group_remove(struct ring *g, uint16_t id, uint32_t n);
long group_ring_register(struct ring *g, const struct uring_group_reg *reg);
long group_status(struct ring *g, uint32_t id, uint32_t *ret_head);
long group_ring_unregister(struct ring *g, uint16_t id);
void groups_free(struct ring *g);
/*
 * The next buffers of the request's group, `len` octets at most (0: all that there is room for): how many, or -errno. selecting is held in any case, from
 * then to buffers_settle(), which is told how many octets went there; what has got none stays. It answers whether there are more.
 */
int buffers_select(struct request *r, size_t len, struct iovec *to, int max);
bool buffers_settle(struct request *r, long n, const struct iovec *from);

/* op_*.c */
#define OPS(X) \
	X(nop) X(poll_add) X(poll_remove) X(timeout) X(timeout_remove) X(link_timeout) X(async_cancel) X(msg_ring) X(files_update) X(epoll_ctl) \
	X(futex_wait) X(futex_wake) X(futex_waitv) X(waitid) X(epoll_wait) X(read_multishot) X(readv_fixed) X(writev_fixed) X(fixed_fd_install) X(pipe) \
	X(fsetxattr) X(setxattr) X(fgetxattr) X(getxattr) \
	X(provide_buffers) X(remove_buffers) X(readv) X(writev) X(read) X(write) X(read_fixed) X(write_fixed) X(sendmsg) X(recvmsg) X(send) X(recv) \
	X(send_zc) X(sendmsg_zc) X(accept) X(connect) X(socket) X(bind) X(listen) X(shutdown) X(cmd) X(close) X(fsync) X(sync_range) X(fallocate) X(fadvise) \
	X(madvise) X(ftruncate) X(openat) X(openat2) X(statx) X(renameat) X(unlinkat) X(mkdirat) X(symlinkat) X(linkat) X(splice) X(tee)
#define X(name) \
	int prepare_##name(struct request *r); \
	long issue_##name(struct request *r);
OPS(X)
#undef X
long block_open(struct request *r);
long block_read(struct request *r);
long block_write(struct request *r);
long block_futex_wait(struct request *r);
long block_futex_waitv(struct request *r);
long block_waitid(struct request *r);
long block_epoll_wait(struct request *r);
long block_poll_add(struct request *r);
long block_splice(struct request *r);
long block_tee(struct request *r);
/* op_io.c: the pieces of a request's data, which its msg refers to */
int iov_take(struct request *r, const struct iovec *from, uint32_t n);
void iov_one(struct request *r, uint64_t addr, size_t len);
void iov_advance(struct request *r, size_t n);
size_t iov_length(const struct request *r);
/* op_msg.c, op_msg_ring.c */
long msg_ring_send(const struct io_uring_sqe *e);
long file_send(const struct file *f, const struct msghdr *m, int flags);
long file_recv(const struct file *f, struct msghdr *m, int flags);
