/*
 * A look at the file that is about to be executed. Only its first page is read: header, program headers and interpreter stand there in
 * every linker's output; what is not found there is taken for fine, for the kernel and the loader judge the file after us. For a script, the
 * interpreter that its first line names is looked at.
 */
#include "shim/elf.h"
#include <elf.h>
#include <fcntl.h>
#include <linux/types.h>
#include "shim/shim.h"

#define LOOK 4096

static bool is_loader(const char *path)
{
	const char *base = strrchr(path, '/');
	base = base ? base + 1 : path;
	return strncmp(base, "ld-linux", 8) == 0 || strncmp(base, "ld.so", 5) == 0 || strncmp(base, "ld-2", 4) == 0;
}

static void look_elf(struct elf *e, const char *path, const uint8_t *at, size_t size)
{
	Elf64_Ehdr h;
	Elf64_Phdr p;
	memcpy(&h, at, sizeof h);
	if (h.e_ident[EI_CLASS] != ELFCLASS64 || h.e_machine != EM_X86_64) {
		e->trouble = "is for another machine or word size";
		return;
	}
	for (unsigned i = 0; i < h.e_phnum; i++) {
		uint64_t off = h.e_phoff + (uint64_t)i * sizeof p;
		if (h.e_phoff > size || off > size - sizeof p) return;
		memcpy(&p, at + off, sizeof p);
		if (p.p_type != PT_INTERP) continue;
		if (p.p_offset >= size) return;
		strncpy(e->interpreter, (const char *)at + p.p_offset, MIN(sizeof e->interpreter - 1, size - p.p_offset));
		if (!strstr(e->interpreter, "ld-linux")) e->trouble = "uses another C library than glibc";
		return;
	}
	if (!is_loader(path)) e->trouble = "is statically linked";
}

static long read_start(int dir, const char *path, int flags, uint8_t *to)
{
	int fd = dir;
	bool here = flags & AT_EMPTY_PATH && !*path;
	if (!here) fd = (int)sys(SYS_openat, dir, path, O_RDONLY | O_CLOEXEC | (flags & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0), 0);
	if (fd < 0) return fd;
	long n = sys(SYS_pread64, fd, to, LOOK, 0);
	if (!here) sys(SYS_close, fd);
	return n;
}

/* "#! /path/to/interpreter argument": the path into to. */
static bool script_interpreter(const uint8_t *at, size_t size, char *to, size_t cap)
{
	size_t i = 2, n = 0;
	if (size < 3 || at[0] != '#' || at[1] != '!') return false;
	while (i < size && (at[i] == ' ' || at[i] == '\t')) i++;
	while (i < size && n < cap - 1 && !strchr(" \t\n", at[i])) to[n++] = (char)at[i++];
	to[n] = 0;
	return n > 0;
}

void elf_look(struct elf *e, int dir, const char *path, int flags)
{
	uint8_t at[LOOK];
	char interpreter[256];
	*e = (struct elf){0};
	long n = read_start(dir, path, flags, at);
	if (n > 0 && script_interpreter(at, (size_t)n, interpreter, sizeof interpreter)) {
		path = interpreter;
		dir = AT_FDCWD;
		n = read_start(dir, path, 0, at);
	}
	if (n < (long)sizeof(Elf64_Ehdr) || memcmp(at, ELFMAG, SELFMAG) != 0) return;
	look_elf(e, path, at, (size_t)n);
	if (path != interpreter && dir == AT_FDCWD) e->has_caps = sys(SYS_getxattr, path, "security.capability", NULL, 0) > 0;
}
