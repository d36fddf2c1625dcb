/*
 * Control calls: one text there, one back, answered at once (rpc.h). A short one lies on the process's desk in the arena (channel/desk.h), any other
 * goes as a message over its own SEQPACKET pair. One call at a time: a lock of the process. Both are made when one is first needed, by a HELLO through
 * the inherited door; a forked child makes its own in the same way, so a program that never touches a socket costs nothing here.
 */
#include <poll.h>
#include <sys/mman.h>
#include "channel/desk.h"
#include "shim/internal.h"
#include "shim/shim.h"

static struct lock lock;
static uint8_t *reply_buffer;              /* sizeof(struct rpc_reply) + RPC_OUT_MAX */

static int buffer_ready(void)
{
	if (reply_buffer) return 0;
	long p = sys(SYS_mmap, NULL, sizeof(struct rpc_reply) + RPC_OUT_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p < 0 && p > -4096) return (int)p;
	reply_buffer = (uint8_t *)p;
	return 0;
}

/* Sandboxed programs (sshd's) may write and read but not sendmsg and recvmsg; the message is put together first. */
static long send_plain(int fd, const struct msghdr *m)
{
	size_t n = 0;
	for (size_t i = 0; i < m->msg_iovlen; i++) {
		if (n + m->msg_iov[i].iov_len > RPC_OUT_MAX) return -EMSGSIZE;
		if (user_copy(reply_buffer + n, m->msg_iov[i].iov_base, m->msg_iov[i].iov_len) != 0) return -EFAULT;
		n += m->msg_iov[i].iov_len;
	}
	return sys(SYS_write, fd, reply_buffer, n);
}

static long message_send(int fd, struct iovec *iov, int n, const int *passed, int n_passed)
{
	struct msghdr m = {.msg_iov = iov, .msg_iovlen = (size_t)n};
	union { struct cmsghdr h; char room[CMSG_SPACE(sizeof(int) * RPC_RIGHTS_MAX)]; } ctl;
	if (n_passed > 0) {
		size_t len = sizeof *passed * (size_t)n_passed;
		ctl.h = (struct cmsghdr){.cmsg_len = CMSG_LEN(len), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
		memcpy(CMSG_DATA(&ctl.h), passed, len);
		m.msg_control = &ctl;
		m.msg_controllen = CMSG_SPACE(len);
	}
	for (;;) {
		long r = shim.sandboxed && n_passed == 0 ? send_plain(fd, &m) : gate(SYS_sendmsg, fd, &m, MSG_NOSIGNAL);
		if (r != -EINTR) return r;
	}
}

static void fds_take(struct call *c, struct msghdr *m)
{
	int *to = c->rights ? c->rights : c->fds, room = c->rights ? c->n_rights : RPC_FDS_MAX, taken = 0;
	for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h)) {
		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS) continue;
		int n = (int)((h->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		for (int i = 0; i < n && taken < room; i++) memcpy(&to[taken++], CMSG_DATA(h) + (size_t)i * sizeof(int), sizeof(int));
	}
	*(c->rights ? &c->n_rights : &c->fd_count) = taken;
	c->fds_lost = m->msg_flags & MSG_CTRUNC;
}

/* The answer, in reply_buffer; its length. */
static long message_receive(int fd, struct call *c)
{
	char ctl[CMSG_SPACE(sizeof(int) * RPC_RIGHTS_MAX)];
	struct iovec iov = {reply_buffer, sizeof(struct rpc_reply) + RPC_OUT_MAX};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctl, .msg_controllen = sizeof ctl};
	long r;
	do {
		if (!c->want_fd) r = sys(SYS_read, fd, reply_buffer, iov.iov_len);
		else r = gate(SYS_recvmsg, fd, &m, c->cloexec ? MSG_CMSG_CLOEXEC : 0);
	} while (r == -EINTR);
	if (r > 0 && c->want_fd) fds_take(c, &m);
	return r;
}

/* Its length; 0: none will come. */
static long message_answer(struct call *c)
{
	long n = message_receive(shim.control, c);
	return MAX(n, 0L);
}

/* Does the engine have us as its client, with a desk? */
static bool is_heard(void) { return desk_is_of(shim.arena, shim.desk, atomic_load_explicit(&shim.client, memory_order_relaxed)); }

/*
 * Once for each sleep, whoever comes first. A doorbell that the engine does not hear (a parent's, or that of a client whom it has ended) tells nobody else: in
 * that sleep, if it is still the same after, the engine could not have let go of ours.
 */
void engine_wake(void)
{
	uint64_t one = 1, asleep = shared_load64(&shim.arena->asleep);
	if (!(asleep & 1)) return;
	long n = sys(SYS_write, shim.doorbell, &one, sizeof one);
	if (n == sizeof one && is_heard()) arena_rang(shim.arena, asleep);
}

/* ---- on the desk ---- */

/* Of an answer that brings a descriptor we know before that it can't come there. */
static bool fits_desk(const struct call *c, const struct iovec *iov, int n)
{
	size_t left = DESK_ROOM;
	for (int i = 0; i < n; left -= iov[i++].iov_len)
		if (iov[i].iov_len > left) return false;
	if (c->rights || (c->want_fd && c->spare == 0)) return false;
	return is_heard();
}

static long desk_put(const struct iovec *iov, int n)
{
	uint8_t *to = arena_desk(shim.arena, shim.desk)->text;
	for (int i = 0; i < n; to += iov[i++].iov_len)
		if (user_copy(to, iov[i].iov_base, iov[i].iov_len) != 0) return -EFAULT;
	return to - arena_desk(shim.arena, shim.desk)->text;
}

static bool desk_wait(uint32_t seen)
{
	if (!spin_for_answer(&arena_desk(shim.arena, shim.desk)->answered, seen))
		while (!desk_is_answered(shim.arena, shim.desk, seen) && !engine_dead()) desk_sleep(shim.arena, shim.desk, seen, futex_shared);
	return !engine_dead() && is_heard();
}

/* As message_answer(); or -EFAULT. */
static long desk_exchange(const struct iovec *iov, int n, struct call *c)
{
	uint32_t seen;
	long len = desk_put(iov, n);
	if (len < 0) return len;
	if (desk_ask(shim.arena, shim.desk, (uint32_t)len, &seen)) engine_wake();
	if (!desk_wait(seen)) return 0;
	len = (long)desk_answer_len(shim.arena, shim.desk);
	if (len == 0) return message_answer(c);
	memcpy(reply_buffer, arena_desk(shim.arena, shim.desk)->text, (size_t)len);
	return len;
}

static long message_exchange(struct iovec *iov, int n, struct call *c)
{
	long sent = message_send(shim.control, iov, n, c->want_fd ? NULL : c->rights, c->want_fd ? 0 : c->n_rights);
	if (sent < 0) return sent == -EFAULT || sent == -EMSGSIZE || (c->rights && sent != -EPIPE && sent != -ECONNRESET) ? sent : 0;
	return message_answer(c);
}

static int64_t cut(void)
{
	atomic_store(&shim.cut, true);
	return -ENETDOWN;
}

/* Sends a call and takes its answer; the lock is held. */
static int64_t exchange(struct call *c)
{
	struct rpc_request q = {.op = c->op, .arg = {c->arg[0], c->arg[1], c->arg[2]}, .spare = c->spare};
	struct rpc_reply p;
	struct iovec iov[5 + 64];
	int n = 0;
	if (c->sock) q.channel = c->sock->index, q.generation = c->sock->generation;
	iov[n++] = (struct iovec){&q, sizeof q};
	for (int i = 0; i < 4 && c->in[i].iov_len; i++) iov[n++] = c->in[i];
	if (c->more_count > 64) return -EMSGSIZE;
	for (int i = 0; i < c->more_count; i++) iov[n++] = c->more[i];
	for (int i = 1; i < n; i++) q.in_len += (uint32_t)iov[i].iov_len;
	long got = fits_desk(c, iov, n) ? desk_exchange(iov, n, c) : message_exchange(iov, n, c);
	if (got < 0) return got;
	if (got < (long)sizeof p) return cut();
	memcpy(&p, reply_buffer, sizeof p);
	c->channel = p.channel;
	c->generation = p.generation;
	c->out_len = MIN(p.out_len, (size_t)got - sizeof p);
	if (c->out && user_copy(c->out, reply_buffer + sizeof p, MIN(c->out_len, c->out_cap)) != 0) return -EFAULT;
	return p.result;
}

static int arena_map(int fd, uint64_t size)
{
	if (shim.arena) return 0;
	long p = sys(SYS_mmap, NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (p < 0 && p > -4096) return (int)p;
	sys(SYS_madvise, p, size, MADV_DONTDUMP);
	shim.arena = (struct arena *)p;
	return shim.arena->magic == ARENA_MAGIC && shim.arena->version == ARENA_VERSION ? 0 : -EPROTO;
}

/* ---- who we are ---- */

struct ids { uint32_t uid[3], gid[3]; };

static struct ids ids_told;       /* what the engine has seen of ours */

static struct ids ids_now(void)
{
	struct ids i = {0};
	sys(SYS_getresuid, &i.uid[0], &i.uid[1], &i.uid[2]);
	sys(SYS_getresgid, &i.gid[0], &i.gid[1], &i.gid[2]);
	return i;
}

static int hello_take(struct call *c, const struct rpc_hello *h, int64_t result)
{
	if (result < 0) return (int)result;
	if (c->fd_count < 2 || c->out_len < sizeof *h || h->client == 0) return -EPROTO;
	int r = arena_map(c->fds[0], h->arena_size);
	sys(SYS_close, c->fds[0]);
	hidden_close(&shim.doorbell);   /* after fork the parent's, which the engine hears only as long as the parent lives */
	shim.doorbell = hide_fd(c->fds[1], false);
	if (r != 0) return r;
	shim.host = h->host;
	shim.desk = h->desk;
	shim.privileged = h->privileged;
	memcpy(shim.host_name, h->host_name, sizeof shim.host_name - 1);
	memcpy(shim.unix_tag, h->unix_tag, sizeof shim.unix_tag);
	atomic_store(&shim.client, h->client);
	return 0;
}

/* For the longest calls: where this is refused, they are too long. */
static void buffer_enlarge(int fd)
{
	int size = RPC_BUFFER / 2;
	if (!shim.sandboxed) gate(SYS_setsockopt, fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

static int hello(void)
{
	int pair[2];
	struct rpc_hello h = {0};
	if (shim.door < 0) return -ENETDOWN;
	int r = buffer_ready();
	if (r == 0) r = (int)gate(SYS_socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair);
	if (r != 0) return r;
	hidden_close(&shim.control);
	shim.control = hide_fd(pair[0], false);
	buffer_enlarge(shim.control);
	struct call c = {.op = RPC_HELLO, .in = {{shim.program, strlen(shim.program)}}, .out = &h, .out_cap = sizeof h, .want_fd = true, .cloexec = true};
	ids_told = ids_now();
	/* Our end of what the engine gets must be closed before we wait, or its death would not wake us. */
	int theirs = pair[1];
	struct rpc_request q = {.op = RPC_HELLO, .in_len = (uint32_t)c.in[0].iov_len, .arg = {sys(SYS_getpid), sys(SYS_getuid), sys(SYS_getgid)}};
	struct iovec iov[2] = {{&q, sizeof q}, c.in[0]};
	long sent = message_send(shim.door, iov, 2, &theirs, 1);
	sys(SYS_close, theirs);
	if (sent < 0) return -ENETDOWN;
	long got = message_receive(shim.control, &c);
	struct rpc_reply p = {.result = -ENETDOWN};
	if (got >= (long)sizeof p) {
		memcpy(&p, reply_buffer, sizeof p);
		c.out_len = MIN(p.out_len, (size_t)got - sizeof p);
		memcpy(&h, reply_buffer + sizeof p, MIN(c.out_len, sizeof h));
	}
	return hello_take(&c, &h, p.result);
}

int attach(void)
{
	if (atomic_load_explicit(&shim.client, memory_order_relaxed) != 0) return 0;
	if (!shim.active || spawned()) return -ENETDOWN;
	lock_enter(&lock);
	int r = atomic_load(&shim.client) != 0 ? 0 : hello();
	lock_leave(&lock);
	return r;
}

/* Calls after which a peer can see who has made them. */
static bool shows_who(const struct call *c)
{
	if (c->op == RPC_PAIR) return true;
	return c->sock && c->sock->c->domain == AF_UNIX && (c->op == RPC_CONNECT || c->op == RPC_LISTEN || c->op == RPC_SEND);
}

/* Programs change their ids without us; the lock is held. */
static int64_t who_tell(void)
{
	struct ids now = ids_now();
	struct call look = {.op = RPC_WHO};
	if (memcmp(&now, &ids_told, sizeof now) == 0) return 0;
	ids_told = now;
	return exchange(&look);
}

int64_t control(struct call *c)
{
	int64_t r = attach();
	if (r != 0) return r;
	if (engine_dead()) return -ENETDOWN;
	lock_enter(&lock);
	r = shows_who(c) ? who_tell() : 0;
	if (r == 0) r = exchange(c);
	lock_leave(&lock);
	return r;
}

int64_t control_simple(uint32_t op, const struct sock *s, int64_t a, int64_t b, int64_t c)
{
	struct call call = {.op = op, .sock = s, .arg = {a, b, c}};
	return control(&call);
}

void control_lock(void) { lock_take(&lock); }
void control_unlock(void) { lock_drop(&lock); }

void control_forked(void)
{
	atomic_store(&lock.word, 0);
	hidden_close(&shim.control);
	atomic_store(&shim.client, 0);
	shim.desk = 0;
	atomic_store(&shim.cut, false);
}

void refused(const char *text, int err)
{
	struct call c = {.op = RPC_REFUSED, .arg = {err}, .in = {{(void *)text, strlen(text)}}};
	if (shim.active && !spawned()) control(&c);
}

void handed_over(const struct sock *s)
{
	arena_mark_dirty(shim.arena, s->index);
	if (arena_ring(shim.arena, shared_get32(&s->c->state) & CHS_LOCAL)) engine_wake();
}

bool engine_is_late(void) { return shim.arena && !arena_synced(shim.arena); }

void engine_catch_up(void)
{
	if (engine_is_late()) control_simple(RPC_SYNC, NULL, 0, 0, 0);
}

bool rest_is_late(void) { return shim.arena && !arena_synced_locally(shim.arena); }

void rest_arrives(void)
{
	if (rest_is_late()) control_simple(RPC_SYNC, NULL, 0, 0, 0);
}

bool look_again(bool *looked)
{
	if (*looked) return false;
	engine_catch_up();
	return *looked = true;
}

/* Sockets that this process has closed: what their ends make of the others' is settled before one of these is used. */
static _Atomic uint64_t closes_rung;       /* with the last of them; 0: all are settled */

void rung_by_close(void)
{
	if (!shim.arena) return;
	if (arena_ring(shim.arena, true)) engine_wake();
	atomic_store(&closes_rung, shared_get64(&shim.arena->rung));
}

void closes_settle(void)
{
	uint64_t rung = atomic_load_explicit(&closes_rung, memory_order_relaxed);
	if (rung == 0) return;
	if (shared_get64(&shim.arena->done) < rung) engine_catch_up();
	atomic_compare_exchange_strong(&closes_rung, &rung, 0);
}
