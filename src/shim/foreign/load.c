/*
 * Loading a foreign program. exec starts ld.so with this library for its program, so that our libc is there before anything else:
 *
 *     ld.so --argv0 NAME libsockland.so PATH ARGUMENT…     ► foreign_entry, with argv = NAME PATH ARGUMENT…
 *
 * It maps PATH and its interpreter, if it has one, as the kernel does, builds the first stack anew (NAME ARGUMENT…, the environment without our
 * variables, the auxiliary vector with what is the program's) and goes there. Memory that our libc takes comes from mmap only: brk is the program's.
 */
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include "shim/foreign/foreign.h"
#include "shim/internal.h"
#include "shim/newprog.h"

#define PAGE 4096ul
#define PAGE_DOWN(x) ((x) & ~(PAGE - 1))
#define PAGE_UP(x) PAGE_DOWN((x) + PAGE - 1)
#define PHDRS_MAX 64
#define PATH_LONGEST 4096
#define COMM_MAX 16

char foreign_path[PATH_LONGEST];
int foreign_open = -1;

struct image { int fd; Elf64_Ehdr h; Elf64_Phdr p[PHDRS_MAX]; uint64_t base, phdrs, entry; char interpreter[PATH_LONGEST]; };

static _Noreturn void give_up(const char *path, const char *why)
{
	dprintf(2, "sockland: %s: %s\n", path, why);
	for (;;) sys(SYS_exit_group, 127);
}

/* ---- mapping, as the kernel's load_elf_binary ---- */

static bool image_read(struct image *m, const char *path)
{
	m->fd = (int)sys(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	if (m->fd < 0 || sys(SYS_pread64, m->fd, &m->h, sizeof m->h, 0) != (long)sizeof m->h || memcmp(m->h.e_ident, ELFMAG, SELFMAG) != 0) return false;
	if (m->h.e_phnum == 0 || m->h.e_phnum > PHDRS_MAX || m->h.e_phentsize != sizeof *m->p) return false;
	long size = (long)(m->h.e_phnum * sizeof *m->p);
	if (sys(SYS_pread64, m->fd, m->p, size, m->h.e_phoff) != size) return false;
	for (const Elf64_Phdr *p = m->p; p < m->p + m->h.e_phnum; p++)
		if (p->p_type == PT_INTERP) sys(SYS_pread64, m->fd, m->interpreter, MIN(p->p_filesz, sizeof m->interpreter - 1), p->p_offset);
	return true;
}

static bool extent(const struct image *m, uint64_t *from, uint64_t *to, uint64_t *align)
{
	*from = UINT64_MAX, *to = 0, *align = PAGE;
	for (const Elf64_Phdr *p = m->p; p < m->p + m->h.e_phnum; p++) {
		if (p->p_type != PT_LOAD) continue;
		*from = MIN(*from, PAGE_DOWN(p->p_vaddr));
		*to = MAX(*to, PAGE_UP(p->p_vaddr + p->p_memsz));
		*align = MAX(*align, p->p_align);
	}
	return *from < *to && (*align & (*align - 1)) == 0;
}

/* Room for all of it: where it says, or anywhere. */
static bool image_place(struct image *m)
{
	uint64_t from, to, align;
	if (!extent(m, &from, &to, &align)) return false;
	bool fixed = m->h.e_type == ET_EXEC;
	uint64_t size = to - from + (fixed ? 0 : align);
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (fixed ? MAP_FIXED_NOREPLACE : 0);
	long at = sys(SYS_mmap, fixed ? from : 0, size, PROT_NONE, flags, -1, 0);
	if (at < 0 && at > -4096) return false;
	m->base = fixed ? 0 : (((uint64_t)at + align - 1) & ~(align - 1)) - from;
	return !fixed || (uint64_t)at == from;
}

static int protection(uint32_t flags) { return (flags & PF_R ? PROT_READ : 0) | (flags & PF_W ? PROT_WRITE : 0) | (flags & PF_X ? PROT_EXEC : 0); }

/* Behind what the file has: zeroes, up to the page's end (loaders count on that) and in pages of their own. */
static bool segment_map(const struct image *m, const Elf64_Phdr *p)
{
	uint64_t at = m->base + p->p_vaddr, start = PAGE_DOWN(at), file_end = at + p->p_filesz, end = PAGE_UP(at + p->p_memsz);
	int prot = protection(p->p_flags);
	long r = start;
	if (p->p_filesz > 0) r = sys(SYS_mmap, start, file_end - start, prot, MAP_PRIVATE | MAP_FIXED, m->fd, p->p_offset - (at - start));
	if (r != (long)start) return false;
	uint64_t zero = p->p_filesz > 0 ? PAGE_UP(file_end) : start;
	if (p->p_filesz > 0 && p->p_memsz > p->p_filesz && prot & PROT_WRITE) memset((void *)file_end, 0, zero - file_end);
	if (end <= zero) return true;
	return sys(SYS_mmap, zero, end - zero, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == (long)zero;
}

static void image_load(struct image *m, const char *path)
{
	if (!image_read(m, path)) give_up(path, "cannot be read as a program");
	if (!image_place(m)) give_up(path, "its addresses are taken");
	for (const Elf64_Phdr *p = m->p; p < m->p + m->h.e_phnum; p++) {
		if (p->p_type == PT_LOAD && !segment_map(m, p)) give_up(path, "cannot be mapped");
		if (p->p_type == PT_LOAD && m->h.e_phoff - p->p_offset < p->p_filesz) m->phdrs = m->base + p->p_vaddr + (m->h.e_phoff - p->p_offset);
	}
	m->entry = m->base + m->h.e_entry;
}

/* ---- the first stack ---- */

static uint64_t auxiliary(uint64_t type, uint64_t value, const struct image *program, const struct image *interpreter, const char *path)
{
	switch (type) {
	case AT_PHDR: return program->phdrs;
	case AT_PHENT: return sizeof(Elf64_Phdr);
	case AT_PHNUM: return program->h.e_phnum;
	case AT_BASE: return interpreter ? interpreter->base : 0;
	case AT_ENTRY: return program->entry;
	case AT_EXECFN: return (uint64_t)path;
	default: return value;
	}
}

struct vectors { int argc; char **argv, **envp; Elf64_auxv_t *aux; };

static struct vectors vectors_of(uint64_t *stack)
{
	struct vectors v = {.argc = (int)stack[0], .argv = (char **)(stack + 1)};
	char **p = v.envp = v.argv + v.argc + 1;
	while (*p) p++;
	v.aux = (Elf64_auxv_t *)(p + 1);
	return v;
}

static size_t vectors_size(const struct vectors *v)
{
	const Elf64_auxv_t *a = v->aux;
	while (a->a_type != AT_NULL) a++;
	return (size_t)(v->argc + 2) + newprog_count(v->envp) + 1 + 2 * (size_t)(a + 1 - v->aux);
}

/* argv[1], which is the path, is left out. */
static void vectors_write(uint64_t *to, const struct vectors *v, const struct image *program, const struct image *interpreter)
{
	*to++ = (uint64_t)v->argc - 1;
	*to++ = (uint64_t)v->argv[0];
	for (int i = 2; i < v->argc; i++) *to++ = (uint64_t)v->argv[i];
	*to++ = 0;
	for (char **e = v->envp; *e; e++) *to++ = (uint64_t)*e;
	*to++ = 0;
	const Elf64_auxv_t *a = v->aux - 1;
	do {
		a++;
		*to++ = a->a_type;
		*to++ = auxiliary(a->a_type, a->a_un.a_val, program, interpreter, v->argv[1]);
	} while (a->a_type != AT_NULL);
}

/* As the kernel starts a program: nothing in the registers. */
static _Noreturn void go(struct foreign *t, const uint64_t *stack, uint64_t entry)
{
	tls_set(0);
	t->selector = SELECTOR_BLOCK;
	__asm__ volatile("mov %0, %%rsp\n\txor %%edx, %%edx\n\txor %%ebp, %%ebp\n\tjmp *%1" : : "r"(stack), "r"(entry) : "memory", "rdx");
	__builtin_unreachable();
}

/* What /proc/self/exe and ps say. */
static void name_as(const struct image *program, const char *path)
{
	char link[NEWPROG_OPEN_MAX];
	snprintf(link, sizeof link, NEWPROG_OPEN "%d", program->fd);
	long n = sys(SYS_readlink, link, foreign_path, sizeof foreign_path - 1);
	if (n <= 0) strncpy(foreign_path, path, sizeof foreign_path - 1);
	char name[COMM_MAX];
	bool came_open = newprog_descriptor(path) >= 0;
	const char *called = came_open ? foreign_path : path, *base = strrchr(called, '/'), *gone = came_open ? strstr(called, " (deleted)") : NULL;
	base = base ? base + 1 : called;
	snprintf(name, sizeof name, "%.*s", gone ? (int)(gone - base) : COMM_MAX, base);
	sys(SYS_prctl, PR_SET_NAME, name);
}

/* One that came open, for no path leads to it, stays open: it may want to start itself again. */
static void program_keep(const struct image *program, const char *path)
{
	int held = newprog_descriptor(path);
	if (held < 0) {
		sys(SYS_close, program->fd);
		return;
	}
	sys(SYS_close, held);
	foreign_open = hide_fd(program->fd, false);
}

/* Its images stay out of the frame that the program's stack begins below. */
static struct image program_image, interpreter_image;

__attribute__((used)) static _Noreturn void foreign_main(uint64_t *stack)
{
	struct vectors v = vectors_of(stack);
	struct image *interpreter = NULL;
	if (v.argc < 2) give_up("libsockland.so", "is preloaded by sockland, and no program");
	shim_start(v.argc, v.argv, v.envp);
	if (!shim.active) give_up(v.argv[1], "is on no network");
	v.aux = auxiliary_vector;
	const char *path = v.argv[1];
	image_load(&program_image, path);
	if (program_image.interpreter[0]) image_load(interpreter = &interpreter_image, program_image.interpreter);
	name_as(&program_image, path);
	program_keep(&program_image, path);
	if (interpreter) sys(SYS_close, interpreter->fd);
	tls_start();
	patch_brk();
	foreign_enter_install();
	struct foreign *t = foreign_new();
	if (!t || foreign_begin(t) != 0) give_up(path, "cannot be started here");
	shim.foreign = true;
	uint64_t *first = (uint64_t *)(((uintptr_t)__builtin_alloca(vectors_size(&v) * sizeof *first + 16) + 15) & ~15ul);
	vectors_write(first, &v, &program_image, interpreter);
	go(t, first, (interpreter ? interpreter : &program_image)->entry);
}

__asm__(".text\n\t.globl foreign_entry\n\t.type foreign_entry,@function\nforeign_entry:\n"
	"\txor %ebp,%ebp\n\tmov %rsp,%rdi\n\tand $-16,%rsp\n\tcall foreign_main\n\thlt\n\t.size foreign_entry,.-foreign_entry\n");
