/*
 * The files that requests are on: what a descriptor of the program's stands for at the moment, held open where a request waits or the program has
 * registered it. A socket of ours is held by its channel (pin.c keeps its anchor); a file of the kernel's by a hidden descriptor.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include "shim/uring/uring.h"

int file_get(int fd, struct file *f)
{
	struct sock s;
	*f = (struct file){.fd = fd, .number = fd};
	switch (fd < 0 ? FD_HIDDEN : table_kind(fd, &s)) {
	case FD_HIDDEN: return -EBADF;
	case FD_CHANNEL:
		f->virtual = true;
		f->sock = s;
		return 0;
	case FD_URING: f->is_ring = true; return 0;
	default: return 0;
	}
}

int file_hold(struct file *f)
{
	if (f->held || f->number < 0) return 0;
	if (f->virtual) {
		if (channel_hold(&f->sock) != 0) return -EBADF;
	} else {
		int fd = f->is_ring ? uring_poll_fd(f->number) : f->fd;
		fd = fd < 0 ? fd : (int)sys(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 0);
		if (fd < 0) return fd;
		f->fd = hide_fd(fd, false);
	}
	f->held = true;
	return 0;
}

void file_release(struct file *f)
{
	tag_end(f->tag);
	f->tag = NULL;
	if (!f->held) return;
	f->held = false;
	if (f->virtual) channel_release(f->sock.index);
	else hidden_close(&f->fd);
}

/* Of a request that is not held yet. What is registered is held for it once more, since the program may take it out. */
int file_of_request(struct request *r)
{
	int err;
	if (!(r->sqe.flags & IOSQE_FIXED_FILE)) err = file_get(r->sqe.fd, &r->file);
	else err = file_fixed(r->ring, (uint32_t)r->sqe.fd, &r->file);
	if (err == 0 && r->file.is_ring && !(r->op->flags & OP_RING)) err = -EINVAL;
	return err;
}

short file_poll(const struct file *f, short events)
{
	struct pollfd p = {f->fd, events, 0};
	struct timespec now = {0, 0};
	const short always = POLLERR | POLLHUP;
	int ready_fd;
	if (f->virtual) return (short)(engine_dead() ? always | POLLIN : (short)sock_events(&f->sock)) & (short)(events | always);
	if (f->is_ring && !f->held) return uring_poll(f->fd, &ready_fd) & events;
	long r = sys(SYS_ppoll, &p, 1, &now, NULL, 0);
	return r < 0 || p.revents & POLLNVAL ? POLLNVAL : p.revents;
}

/* ---- registered ---- */

static size_t table_size(uint32_t n) { return n * sizeof(struct file); }

/* A copy in *ret, with a hold of its own. */
int file_fixed(struct ring *g, uint32_t index, struct file *ret)
{
	int err = -EBADF;
	*ret = (struct file){.number = -1};
	ring_lock(g);
	if (index < g->files.n && g->files.at[index].held) {
		*ret = g->files.at[index];
		ret->held = false;
		err = file_hold(ret);
		if (err < 0) ret->tag = NULL;
		tag_hold(ret->tag);
	}
	ring_unlock(g);
	return err;
}

/* -1 leaves a slot empty. */
static int slot_set(struct ring *g, struct file *slot, int fd, uint64_t tag)
{
	struct file f;
	if (fd == -1) return tag != 0 ? -EINVAL : 0;
	int err = file_get(fd, &f);
	if (err == 0 && f.is_ring) err = -EBADF;
	if (err == 0) err = file_hold(&f);
	if (err == 0 && (err = tag_new(g, tag, &f.tag)) < 0) file_release(&f);
	if (err == 0) *slot = f;
	return err;
}

/* The i-th that the program names. tags NULL: none has a tag. */
static int slot_get(const int *fds, const uint64_t *tags, uint32_t i, int *ret_fd, uint64_t *ret_tag)
{
	*ret_tag = 0;
	if (tags && user_get(*ret_tag, tags + i) != 0) return -EFAULT;
	return user_get(*ret_fd, fds + i);
}

static void table_free(struct file_table *t)
{
	for (uint32_t i = 0; i < t->n; i++) file_release(&t->at[i]);
	if (t->at) sys(SYS_munmap, t->at, table_size(t->n));
}

static void table_forget_tags(struct file_table *t)
{
	for (uint32_t i = 0; i < t->n; i++) {
		tag_forget(t->at[i].tag);
		t->at[i].tag = NULL;
	}
}

/* fds NULL: all slots are empty. */
long files_register(struct ring *g, const int *fds, const uint64_t *tags, uint32_t n)
{
	struct file_table t = {.n = n, .range_to = n};
	uint64_t tag;
	int err = 0, fd;
	if (g->files.at) return -EBUSY;
	if (n == 0) return -EINVAL;
	if (n > FILES_MAX) return -EMFILE;
	if (!(t.at = uring_pages(table_size(n)))) return -ENOMEM;
	for (uint32_t i = 0; i < n && fds && err == 0; i++) {
		err = slot_get(fds, tags, i, &fd, &tag);
		if (err == 0) err = slot_set(g, &t.at[i], fd, tag);
	}
	if (err < 0) {
		table_forget_tags(&t);
		table_free(&t);
		return err;
	}
	ring_lock(g);
	g->files = t;
	ring_unlock(g);
	return 0;
}

long files_unregister(struct ring *g)
{
	ring_lock(g);
	struct file_table t = g->files;
	g->files = (struct file_table){0};
	ring_unlock(g);
	if (!t.at) return -ENXIO;
	table_free(&t);
	return 0;
}

/* Takes over `f`, held or empty; *f is then what was there. */
static int slot_swap(struct ring *g, uint32_t index, struct file *f)
{
	ring_lock(g);
	bool there = index < g->files.n;
	if (there) {
		struct file old = g->files.at[index];
		g->files.at[index] = *f;
		g->files.hint = f->held ? index + 1 : index;
		*f = old;
	}
	ring_unlock(g);
	return there ? 0 : -EINVAL;
}

/* What was there goes in any case, as in the kernel. */
static int slot_update(struct ring *g, uint32_t index, int fd, uint64_t tag)
{
	struct file f = {.number = -1}, none = {.number = -1};
	if (fd == IORING_REGISTER_FILES_SKIP) return tag != 0 ? -EINVAL : 0;
	if (fd == -1 && tag != 0) return -EINVAL;
	slot_swap(g, index, &none);
	file_release(&none);
	int err = slot_set(g, &f, fd, tag);
	if (err == 0) err = slot_swap(g, index, &f);
	file_release(&f);
	return err;
}

long files_update(struct ring *g, uint32_t offset, const int *fds, const uint64_t *tags, uint32_t n)
{
	uint32_t i = 0, end;
	uint64_t tag;
	int err = 0, fd;
	if (!g->files.at) return -ENXIO;
	if (__builtin_add_overflow(offset, n, &end)) return -EOVERFLOW;
	if (end > g->files.n) return -EINVAL;
	for (; i < n && err == 0; i++) {
		err = slot_get(fds, tags, i, &fd, &tag);
		if (err == 0) err = slot_update(g, offset + i, fd, tag);
		if (err < 0) break;
	}
	return i > 0 ? (long)i : err;
}

long files_range(struct ring *g, uint32_t from, uint32_t len)
{
	uint32_t to;
	if (__builtin_add_overflow(from, len, &to)) return -EOVERFLOW;
	if (to > g->files.n) return -EINVAL;
	ring_lock(g);
	g->files.range_from = from;
	g->files.range_to = to;
	g->files.hint = from;
	ring_unlock(g);
	return 0;
}

/* ---- direct descriptors ---- */

/* Onwards from where the last one was put or taken, then from the beginning. */
static long slot_find(struct ring *g)
{
	struct file_table *t = &g->files;
	long found = -ENFILE;
	ring_lock(g);
	uint32_t from = t->hint >= t->range_from && t->hint < t->range_to ? t->hint : t->range_from;
	for (uint32_t i = 0; i < t->range_to - t->range_from && found < 0; i++) {
		uint32_t at = from + i < t->range_to ? from + i : from + i - (t->range_to - t->range_from);
		if (!t->at[at].held) found = at;
	}
	ring_unlock(g);
	return found;
}

/* Takes `f`, which is held. Where it is put: 0 for a slot that was named, else its number. */
long files_put(struct ring *g, uint32_t slot, struct file *f)
{
	bool any = slot == IORING_FILE_INDEX_ALLOC;
	long at = any ? slot_find(g) : g->files.at ? (long)slot - 1 : -ENXIO;
	int err = at == -ENXIO || at == -ENFILE ? (int)at : slot_swap(g, (uint32_t)at, f);
	file_release(f);
	return err < 0 ? err : any ? at : 0;
}

long files_install(struct ring *g, uint32_t slot, int fd)
{
	struct file f = {.number = -1};
	int err = slot_set(g, &f, fd, 0);
	do_close(fd);
	return err < 0 ? err : files_put(g, slot, &f);
}

/* A descriptor of the program's on what is registered. */
long file_number(const struct file *f, bool cloexec)
{
	long to = f->virtual ? channel_dup(&f->sock, cloexec) : sys(SYS_fcntl, f->fd, cloexec ? F_DUPFD_CLOEXEC : F_DUPFD, 0);
	if (to < 0) return to;
	if (f->virtual) table_set_channel((int)to, f->sock.index, f->sock.generation);
	else table_forget((int)to);
	return to;
}

long files_remove(struct ring *g, uint32_t index)
{
	struct file f = {.number = -1};
	if (!g->files.at) return -ENXIO;
	int err = slot_swap(g, index, &f);
	if (err < 0) return err;
	if (!f.held) return -EBADF;
	file_release(&f);
	return 0;
}
