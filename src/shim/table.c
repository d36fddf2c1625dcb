/*
 * Whose a descriptor is. One word for each number, read without a lock:
 *
 *     63        32 31      16 15       0
 *     | generation | index    | kind   |
 *
 * Unknown is the state of what was inherited, or came by SCM_RIGHTS: it is looked at once (fstat; for a socket, the engine is asked by
 * inode). The open file itself lives in the kernel, so nothing here is counted on to be complete: a channel's generation is compared on every
 * look, and a netlink socket's inode too, because libc closes those with a system call of its own that nobody sees.
 *
 * A close says first that the descriptor is closing, and only after the kernel's close that it is unknown: between the two it is nobody's, and
 * another thread that looks at it waits, and finds no socket that would be gone the next moment.
 */
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include "shim/ended.h"
#include "shim/internal.h"
#include "shim/netpath.h"
#include "shim/setting.h"
#include "shim/shim.h"

#define TABLE_SIZE (1 << 20)

static _Atomic uint64_t *entries;          /* TABLE_SIZE of them; pages are touched lazily */
static _Atomic uint64_t *refs;             /* by channel: its generation << 32 | descriptors of this process */
static _Atomic uint32_t *inodes;           /* of netlink anchors */
static _Atomic uint32_t *consumed_of;      /* by channel: octets read since the engine was told */
static _Atomic int high;

static uint64_t entry_of(enum fd_kind kind, uint32_t index, uint32_t generation) { return kind | (uint64_t)index << 16 | (uint64_t)generation << 32; }
static enum fd_kind kind_of(uint64_t entry) { return (enum fd_kind)(entry & 0xffff); }
static uint32_t index_of(uint64_t entry) { return (uint32_t)(entry >> 16) & 0xffff; }
static uint32_t generation_of(uint64_t entry) { return (uint32_t)(entry >> 32); }

static void *lazy(size_t size)
{
	long p = sys(SYS_mmap, NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return p < 0 && p > -4096 ? NULL : (void *)p;
}

int table_start(void)
{
	refs = lazy(CHANNEL_MAX * sizeof *refs);
	consumed_of = lazy(CHANNEL_MAX * sizeof *consumed_of);
	inodes = lazy(TABLE_SIZE * sizeof *inodes);
	entries = lazy(TABLE_SIZE * sizeof *entries);
	return entries && refs && inodes && consumed_of ? 0 : -ENOMEM;
}

static uint64_t entry_get(int fd) { return fd >= 0 && fd < TABLE_SIZE && entries ? atomic_load_explicit(&entries[fd], memory_order_acquire) : FD_KERNEL; }

/* A count belongs to one generation of the channel: what nobody saw close does not spoil it for the next one. */
static void refs_add(uint64_t e)
{
	uint64_t was = atomic_load(&refs[index_of(e)]), now;
	do now = generation_of(was) == generation_of(e) ? was + 1 : (uint64_t)generation_of(e) << 32 | 1;
	while (!atomic_compare_exchange_weak(&refs[index_of(e)], &was, now));
}

static void refs_drop(uint64_t e)
{
	uint64_t was = atomic_load(&refs[index_of(e)]);
	while (generation_of(was) == generation_of(e) && !atomic_compare_exchange_weak(&refs[index_of(e)], &was, was - 1)) {}
}

static void entry_counted(uint64_t e)
{
	if (kind_of(e) == FD_CHANNEL) refs_add(e);
	if (kind_of(e) == FD_EPOLL) epoll_ref(index_of(e));
	if (kind_of(e) == FD_URING) uring_ref(index_of(e));
}

static void entry_let_go(uint64_t e)
{
	if (kind_of(e) == FD_CHANNEL) refs_drop(e);
	if (kind_of(e) == FD_EPOLL) epoll_unref(index_of(e));
	if (kind_of(e) == FD_URING) uring_unref(index_of(e));
}

static bool entry_reach(int fd)
{
	if (fd < 0 || fd >= TABLE_SIZE || !entries) return false;
	int top = atomic_load(&high);
	while (fd >= top && !atomic_compare_exchange_weak(&high, &top, fd + 1)) {}
	return true;
}

/* Takes the old entry out and lets go of what it referred to. */
static void entry_set(int fd, uint64_t e)
{
	if (!entry_reach(fd)) return;
	entry_counted(e);
	entry_let_go(atomic_exchange(&entries[fd], e));
}

/* The same, if nobody has changed it since it was seen. */
static bool entry_replace(int fd, uint64_t seen, uint64_t e)
{
	if (!entry_reach(fd)) return false;
	entry_counted(e);
	bool replaced = atomic_compare_exchange_strong(&entries[fd], &seen, e);
	entry_let_go(replaced ? seen : e);
	return replaced;
}

void table_set_kernel(int fd) { entry_set(fd, FD_KERNEL); }
/* What more is to be known of some of the kernel's. */
#define MARKED (FD_KERNEL | 1 << 16)
#define TELLS_ENDS (FD_KERNEL | 2 << 16)
#define NETTABLE (FD_KERNEL | 3 << 16)
#define NETTABLE_READ (FD_KERNEL | 4 << 16)
void table_mark(int fd) { entry_set(fd, MARKED); }
bool table_is_marked(int fd) { return entry_get(fd) == MARKED; }
bool table_tells_ends(int fd) { return entry_get(fd) == TELLS_ENDS; }
void table_set_nettable(int fd) { entry_set(fd, NETTABLE); }
bool table_reads_nettable(int fd, bool *ret_again)
{
	uint64_t e = entry_get(fd);
	*ret_again = e == NETTABLE_READ;
	if (e == NETTABLE) entry_replace(fd, NETTABLE, NETTABLE_READ);
	return e == NETTABLE || e == NETTABLE_READ;
}
void table_set_setting(int fd) { entry_set(fd, FD_SETTING); }
void table_set_hidden(int fd) { entry_set(fd, FD_HIDDEN); }
void table_set_epoll(int fd, uint32_t instance) { entry_set(fd, entry_of(FD_EPOLL, instance, 0)); }
void table_set_uring(int fd, uint32_t ring) { entry_set(fd, entry_of(FD_URING, ring, 0)); }
void table_forget(int fd)
{
	if (entry_get(fd) != FD_UNKNOWN) entry_set(fd, FD_UNKNOWN);
}

bool table_channel(int fd, struct sock *s)
{
	uint64_t e = entry_get(fd);
	if (kind_of(e) != FD_CHANNEL) return false;
	*s = (struct sock){fd, index_of(e), generation_of(e), arena_channel(shim.arena, index_of(e))};
	return true;
}

/* What others put straight into our ring comes too late from now on, and ours says no more all. Where other processes have it, too, the engine sees its end. */
static void last_closing(struct channel *c, uint32_t generation)
{
	if (shared_get32(&c->generation) == generation && !(shared_get32(&c->flags) & CHF_SHARED))
		atomic_fetch_or(&c->flags, CHF_CLOSING);
}

void table_closing(int fd)
{
	critical_enter();   /* a handler of the program's that came now would wait for us */
	uint64_t e = entry_get(fd);
	if (kind_of(e) == FD_UNKNOWN && fd >= table_high()) return;
	entry_set(fd, FD_CLOSING);
	if (kind_of(e) != FD_CHANNEL || table_refs(index_of(e)) != 0) return;
	pin_closing(fd, index_of(e));
	last_closing(arena_channel(shim.arena, index_of(e)), generation_of(e));
}

void table_closed(int fd)
{
	if (kind_of(entry_get(fd)) == FD_CLOSING) entry_replace(fd, FD_CLOSING, FD_UNKNOWN);
	critical_leave();
}

/* What other threads were closing when we forked. */
void table_forked(void)
{
	for (int fd = 0; fd < table_high(); fd++)
		if (kind_of(entry_get(fd)) == FD_CLOSING) entry_set(fd, FD_UNKNOWN);
}

/* Another thread closes it: whose it is then shows in a moment. */
static uint64_t entry_settled(int fd)
{
	static const struct timespec moment = {.tv_nsec = 20000};
	uint64_t e;
	while (kind_of(e = entry_get(fd)) == FD_CLOSING) {
		if (shim.sandboxed) __builtin_ia32_pause();
		else sys(SYS_nanosleep, &moment, NULL);
	}
	return e;
}

void table_copy(int from, int to)
{
	uint64_t e = entry_get(from);
	if (kind_of(e) == FD_CHANNEL && shim.arena) atomic_fetch_or(&arena_channel(shim.arena, index_of(e))->flags, CHF_SHARED);
	if (kind_of(e) == FD_CHANNEL && atomic_load(&inodes[from]) != 0) atomic_store(&inodes[to], atomic_load(&inodes[from]));
	entry_set(to, kind_of(e) == FD_HIDDEN || kind_of(e) == FD_CLOSING ? FD_UNKNOWN : e);
	netdir_copied(from, to);
}
int table_high(void) { return atomic_load(&high); }
uint32_t table_refs(uint32_t index) { return (uint32_t)atomic_load(&refs[index]); }
uint32_t table_epoll(int fd) { return index_of(entry_get(fd)); }
uint32_t table_uring(int fd) { return index_of(entry_get(fd)); }
enum fd_kind table_peek(int fd) { return kind_of(entry_get(fd)); }

void table_forget_uring(uint32_t ring)
{
	for (int fd = 0; fd < table_high(); fd++)
		if (entry_get(fd) == entry_of(FD_URING, ring, 0)) entry_replace(fd, entry_of(FD_URING, ring, 0), FD_UNKNOWN);
}

static bool inode_of(int fd, uint64_t *ret)
{
	struct stat st;
	if (sys(SYS_fstat, fd, &st) != 0 || !S_ISSOCK(st.st_mode)) return false;
	*ret = st.st_ino;
	return true;
}

static uint64_t channel_entry(int fd, uint32_t index, uint32_t generation)
{
	uint64_t inode;
	if (arena_channel(shim.arena, index)->domain == AF_NETLINK && !shim.sandboxed && inode_of(fd, &inode))
		atomic_store(&inodes[fd], (uint32_t)inode);
	return entry_of(FD_CHANNEL, index, generation);
}

int table_set_channel(int fd, uint32_t index, uint32_t generation)
{
	if (fd >= TABLE_SIZE) return -EMFILE;
	entry_set(fd, channel_entry(fd, index, generation));
	return 0;
}

/*
 * A first look. The answer for what cannot be told (no such descriptor, sandbox) is not kept, nor is one about a descriptor that was closed
 * while we looked: its number may be another's already.
 */
static uint64_t identify(int fd)
{
	struct stat st, again;
	uint64_t e = FD_KERNEL;
	if (fd < 0 || fd >= TABLE_SIZE || shim.sandboxed || sys(SYS_fstat, fd, &st) != 0) return FD_KERNEL;
	if (S_ISSOCK(st.st_mode) && attach() == 0) {
		struct call c = {.op = RPC_IDENTIFY, .arg = {(int64_t)st.st_ino}};
		if (control(&c) >= 0) e = channel_entry(fd, c.channel, c.generation);
	}
	if (setting_is(fd, &st)) e = FD_SETTING;
	if (nettable_is(fd, &st)) e = NETTABLE_READ;
	int set = (st.st_mode & S_IFMT) == 0 ? epoll_identify(fd) : -1;   /* a file without a kind: epoll's, an eventfd … */
	if (set > 0) e = entry_of(FD_EPOLL, (uint32_t)set, 0);
	else if ((st.st_mode & S_IFMT) == 0 && ended_tells(fd)) e = TELLS_ENDS;
	if (!entry_replace(fd, FD_UNKNOWN, e)) return entry_settled(fd);
	if (sys(SYS_fstat, fd, &again) == 0 && again.st_ino == st.st_ino && again.st_dev == st.st_dev) return e;
	entry_replace(fd, e, FD_UNKNOWN);
	return FD_KERNEL;
}

/* Does the entry still say what the descriptor is? */
static bool entry_stale(int fd, uint64_t e, const struct channel *c)
{
	uint64_t inode;
	if (shared_get32((_Atomic uint32_t *)&c->generation) != generation_of(e)) return !engine_dead();
	if (c->domain != AF_NETLINK || shim.sandboxed) return false;
	return !inode_of(fd, &inode) || (uint32_t)inode != atomic_load(&inodes[fd]);
}

/* A ring's descriptor that the program has closed past us: the number may be another's by now. */
static bool uring_stale(int fd, uint64_t e)
{
	struct stat st;
	return sys(SYS_fstat, fd, &st) != 0 || !uring_is(index_of(e), st.st_ino);
}

enum fd_kind table_kind(int fd, struct sock *s)
{
	if (!shim.active || spawned()) return FD_KERNEL;
	uint64_t e = entry_settled(fd);
	if (kind_of(e) == FD_UNKNOWN) e = identify(fd);
	if (kind_of(e) == FD_CHANNEL ? entry_stale(fd, e, arena_channel(shim.arena, index_of(e))) : kind_of(e) == FD_URING && uring_stale(fd, e)) {
		table_forget(fd);
		e = identify(fd);
	}
	if (kind_of(e) != FD_CHANNEL) return kind_of(e);
	*s = (struct sock){fd, index_of(e), generation_of(e), arena_channel(shim.arena, index_of(e))};
	if (atomic_load_explicit(&shim.client, memory_order_relaxed) == 0) attach();
	return FD_CHANNEL;
}

uint32_t table_consumed(uint32_t index, uint32_t octets)
{
	if (octets != UINT32_MAX) return atomic_fetch_add(&consumed_of[index], octets) + octets;
	return atomic_exchange(&consumed_of[index], 0);
}

void table_share_all(void)
{
	if (!shim.arena) return;
	for (int fd = 0; fd < table_high(); fd++) {
		uint64_t e = entry_get(fd);
		if (kind_of(e) == FD_CHANNEL) atomic_fetch_or(&arena_channel(shim.arena, index_of(e))->flags, CHF_SHARED);
	}
}

void table_identify_all(void)
{
	struct sock s;
	for (int fd = 0; fd < 1024; fd++) table_kind(fd, &s);
}
