/*
 * A look at the file that is about to be executed, for the shim's exec and for the launcher. Only what is needed is read: the first page, where
 * header, program headers and interpreter stand in every linker's output, the dynamic section, and the sections' names. What is not found there is
 * taken for fine, for the kernel and the loader judge the file after us. For a script, the interpreter that its first line names is looked at.
 */
#include "shim/elf.h"
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include "shim/sys.h"

#define LOOK 4096
#define DYNAMIC_MAX 256
#define SECTIONS_MAX 64
#define SECTION_NAMES_MAX 2048

struct look { int fd; size_t size; uint8_t at[LOOK]; };

static bool is_loader(const char *path)
{
	const char *base = strrchr(path, '/');
	base = base ? base + 1 : path;
	return strncmp(base, "ld-linux", 8) == 0 || strncmp(base, "ld.so", 5) == 0 || strncmp(base, "ld-2", 4) == 0;
}

/* Program header i; false behind the last one. */
static bool segment(const struct look *l, unsigned i, Elf64_Phdr *ret)
{
	Elf64_Ehdr h;
	memcpy(&h, l->at, sizeof h);
	uint64_t off = h.e_phoff + (uint64_t)i * sizeof *ret;
	if (i >= h.e_phnum) return false;
	if (h.e_phoff > l->size || off > l->size - sizeof *ret) return sys(SYS_pread64, l->fd, ret, sizeof *ret, off) == (long)sizeof *ret;
	memcpy(ret, l->at + off, sizeof *ret);
	return true;
}

/* Where in the file a virtual address lies; false: nowhere. */
static bool file_offset(const struct look *l, uint64_t vaddr, uint64_t *ret)
{
	Elf64_Phdr p;
	for (unsigned i = 0; segment(l, i, &p); i++) {
		if (p.p_type != PT_LOAD || vaddr < p.p_vaddr || vaddr - p.p_vaddr >= p.p_filesz) continue;
		*ret = p.p_offset + (vaddr - p.p_vaddr);
		return true;
	}
	return false;
}

/* AddressSanitizer's runtime, among the libraries that the program needs, must come before any other. */
static void look_needed(struct elf *e, const struct look *l, const Elf64_Phdr *dynamic)
{
	Elf64_Dyn d[DYNAMIC_MAX];
	uint64_t strings;
	bool have = false;
	long n = sys(SYS_pread64, l->fd, d, MIN(dynamic->p_filesz, sizeof d), dynamic->p_offset) / (long)sizeof *d;
	for (long i = 0; i < n; i++)
		if (d[i].d_tag == DT_STRTAB) have = file_offset(l, d[i].d_un.d_ptr, &strings);
	for (long i = 0; have && i < n; i++) {
		char name[sizeof e->sanitizer] = "";
		if (d[i].d_tag != DT_NEEDED || sys(SYS_pread64, l->fd, name, sizeof name - 1, strings + d[i].d_un.d_val) <= 0) continue;
		if (strncmp(name, "libasan.so", 10) == 0) memcpy(e->sanitizer, name, sizeof name);
	}
}

static void look_interpreter(struct elf *e, const struct look *l, const Elf64_Phdr *p)
{
	if (p->p_offset >= l->size) return;
	strncpy(e->interpreter, (const char *)l->at + p->p_offset, MIN(sizeof e->interpreter - 1, l->size - p->p_offset));
	if (!strstr(e->interpreter, "ld-linux")) e->trouble = "uses another C library than glibc";
}

/*
 * Go's programs are linked to glibc where they use it (cgo), and make their system calls themselves all the same. What is in every one of them, whoever
 * links it, and with whatever notes, is this section.
 */
static bool is_go(const struct look *l, const Elf64_Ehdr *h)
{
	static const char mark[] = ".go.buildinfo";
	Elf64_Shdr s[SECTIONS_MAX];
	char names[SECTION_NAMES_MAX];
	long n = sys(SYS_pread64, l->fd, s, MIN(h->e_shnum * sizeof *s, sizeof s), h->e_shoff) / (long)sizeof *s;
	if (h->e_shstrndx >= n) return false;
	const Elf64_Shdr *strings = &s[h->e_shstrndx];
	long size = sys(SYS_pread64, l->fd, names, MIN(strings->sh_size, sizeof names), strings->sh_offset);
	for (long i = 0; i < n; i++)
		if ((long)(s[i].sh_name + sizeof mark) <= size && memcmp(names + s[i].sh_name, mark, sizeof mark) == 0) return true;
	return false;
}

/* Only this argument of the call makes it fail where it exists: nothing is changed. */
static bool has_user_dispatch(void)
{
	return sys(SYS_prctl, 59 /* PR_SET_SYSCALL_USER_DISPATCH */, 1, 0, 0, ~0ul) == -EFAULT;
}

static void look_elf(struct elf *e, const char *path, const struct look *l)
{
	Elf64_Ehdr h;
	Elf64_Phdr p;
	bool is_static = true;
	memcpy(&h, l->at, sizeof h);
	if (h.e_ident[EI_CLASS] != ELFCLASS64 || h.e_machine != EM_X86_64) {
		e->trouble = "is for another machine or word size";
		return;
	}
	for (unsigned i = 0; segment(l, i, &p); i++) {
		if (p.p_type == PT_DYNAMIC) look_needed(e, l, &p);
		if (p.p_type != PT_INTERP) continue;
		is_static = false;
		look_interpreter(e, l, &p);
	}
	if (is_static && !is_loader(path)) e->trouble = "is statically linked";
	e->foreign = (e->trouble || is_go(l, &h)) && has_user_dispatch();
}

static size_t blanks(const struct look *l, size_t i)
{
	while (i < l->size && (l->at[i] == ' ' || l->at[i] == '\t')) i++;
	return i;
}

/* "#! /path/to/interpreter argument": as the kernel, all that follows is one argument. */
static bool look_script(struct elf *e, const struct look *l)
{
	size_t i = 2, n = 0;
	if (l->size < 3 || l->at[0] != '#' || l->at[1] != '!') return false;
	for (i = blanks(l, i); i < l->size && n < sizeof e->script_by - 1 && !strchr(" \t\n", l->at[i]); i++) e->script_by[n++] = (char)l->at[i];
	if (n == 0) return false;
	n = 0;
	for (i = blanks(l, i); i < l->size && n < sizeof e->script_argument - 1 && l->at[i] && l->at[i] != '\n'; i++) e->script_argument[n++] = (char)l->at[i];
	while (n > 0 && strchr(" \t", e->script_argument[n - 1])) e->script_argument[--n] = 0;
	return true;
}

/* 0 with the file open and its first page read, or a negative errno. */
static long look_open(struct look *l, int dir, const char *path, int flags)
{
	bool here = flags & AT_EMPTY_PATH && !*path;
	int nofollow = flags & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0;
	l->fd = (int)(here ? sys(SYS_fcntl, dir, F_DUPFD_CLOEXEC, 0) : sys(SYS_openat, dir, path, O_RDONLY | O_CLOEXEC | nofollow, 0));
	if (l->fd < 0) return l->fd;
	long n = sys(SYS_pread64, l->fd, l->at, sizeof l->at, 0);
	l->size = (size_t)MAX(n, 0);
	return 0;
}

void elf_look(struct elf *e, int dir, const char *path, int flags)
{
	struct look l;
	*e = (struct elf){0};
	if (look_open(&l, dir, path, flags) < 0) return;
	if (look_script(e, &l)) {
		sys(SYS_close, l.fd);
		path = e->script_by;
		if (look_open(&l, AT_FDCWD, path, 0) < 0) return;
	}
	if (l.size >= sizeof(Elf64_Ehdr) && memcmp(l.at, ELFMAG, SELFMAG) == 0) {
		look_elf(e, path, &l);
		e->has_caps = path != e->script_by && sys(SYS_fgetxattr, l.fd, "security.capability", NULL, 0) > 0;
	}
	sys(SYS_close, l.fd);
}
