/* Looking into ELF files, through one mapping and with every offset checked: the file is the user's, and may be anything. */
#include "cli/program.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

struct image { const uint8_t *at; size_t size; };

/* The octets [offset, offset + len), or NULL. */
static const void *image_range(const struct image *m, uint64_t offset, uint64_t len)
{
	return offset <= m->size && len <= m->size - offset ? m->at + offset : NULL;
}

/* A NUL-ended string at offset, or NULL. */
static const char *image_string(const struct image *m, uint64_t offset)
{
	return offset < m->size && memchr(m->at + offset, 0, m->size - offset) ? (const char *)m->at + offset : NULL;
}

static const Elf64_Phdr *segment(const struct image *m, const Elf64_Ehdr *h, unsigned i)
{
	const Elf64_Phdr *table = image_range(m, h->e_phoff, (uint64_t)h->e_phnum * sizeof *table);

	return table && h->e_phentsize == sizeof *table && i < h->e_phnum ? table + i : NULL;
}

/* Where in the file a virtual address lies, or UINT64_MAX. */
static uint64_t file_offset(const struct image *m, const Elf64_Ehdr *h, uint64_t vaddr)
{
	const Elf64_Phdr *s;

	for (unsigned i = 0; (s = segment(m, h, i)) != NULL; i++)
		if (s->p_type == PT_LOAD && vaddr >= s->p_vaddr && vaddr - s->p_vaddr < s->p_filesz) return s->p_offset + (vaddr - s->p_vaddr);
	return UINT64_MAX;
}

static void inspect_needed(struct program *p, const struct image *m, const Elf64_Ehdr *h, const Elf64_Phdr *dynamic)
{
	const Elf64_Dyn *d = image_range(m, dynamic->p_offset, dynamic->p_filesz);
	size_t n = dynamic->p_filesz / sizeof *d;
	uint64_t strings = UINT64_MAX;

	for (size_t i = 0; d && i < n; i++)
		if (d[i].d_tag == DT_STRTAB) strings = file_offset(m, h, d[i].d_un.d_ptr);
	for (size_t i = 0; d && strings < m->size && i < n; i++) {
		const char *name = d[i].d_tag == DT_NEEDED && d[i].d_un.d_val < m->size ? image_string(m, strings + d[i].d_un.d_val) : NULL;

		if (name && strncmp(name, "libasan.so", 10) == 0) snprintf(p->sanitizer, sizeof p->sanitizer, "%s", name);
	}
}

static void inspect_image(struct program *p, const struct image *m)
{
	const Elf64_Ehdr *h = image_range(m, 0, sizeof *h);
	const Elf64_Phdr *s;

	if (!image_range(m, 0, SELFMAG) || memcmp(m->at, ELFMAG, SELFMAG) != 0) return;
	p->is_elf = true;
	p->is_foreign = !h || h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_machine != EM_X86_64;
	if (p->is_foreign) return;
	p->is_static = true;
	for (unsigned i = 0; (s = segment(m, h, i)) != NULL; i++) {
		const char *interpreter = s->p_type == PT_INTERP ? image_string(m, s->p_offset) : NULL;

		if (s->p_type == PT_DYNAMIC) inspect_needed(p, m, h, s);
		if (!interpreter) continue;
		p->is_static = false;
		p->is_other_libc = !strstr(interpreter, "ld-linux");
		snprintf(p->interpreter, sizeof p->interpreter, "%s", interpreter);
	}
}

void program_inspect(struct program *p, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *at;

	*p = (struct program){.has_caps = getxattr(path, "security.capability", NULL, 0) > 0};
	if (fd < 0) return;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0) {
		at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (at != MAP_FAILED) {
			inspect_image(p, &(struct image){at, (size_t)st.st_size});
			munmap(at, (size_t)st.st_size);
		}
	}
	close(fd);
}

/* 0 when path is a file that may be executed. */
static int executable(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0) return -errno;
	if (!S_ISREG(st.st_mode)) return -EACCES;
	return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0 ? -errno : 0;
}

int program_find(const char *name, char *path, size_t size)
{
	const char *dir = getenv("PATH");
	int r, result = -ENOENT;

	if (strlen(name) >= size) return -ENAMETOOLONG;
	if (strchr(name, '/')) {
		strcpy(path, name);
		return executable(path);
	}
	for (dir = dir ? dir : "/bin:/usr/bin"; *name; dir++) {
		size_t len = strcspn(dir, ":");

		/* an empty element is the current directory */
		if ((size_t)snprintf(path, size, "%.*s%s%s", (int)len, dir, len ? "/" : "./", name) < size) {
			r = executable(path);
			if (r == 0) return 0;
			if (r == -EACCES) result = r;      /* remembered, as execvp does: a later directory may have it */
		}
		dir += len;
		if (!*dir) break;
	}
	return result;
}
