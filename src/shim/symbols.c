/*
 * Where libc's own functions are. The loader's dlsym would do, but not in the first constructor of a process: dlopen of a library that has not
 * been initialised yet initialises it, with no arguments and no environment. So libc's symbol table is searched here, by its GNU hash:
 *
 *     | n buckets | first symbol | bloom words | shift | bloom … | bucket … | chain … |
 *
 * A bucket names the first symbol of its chain; the chain has one hash a symbol, its lowest bit set on the last.
 */
#include <elf.h>
#include <link.h>
#include "shim/shim.h"

struct table { const Elf64_Sym *symbols; const char *names; const uint32_t *hash; uintptr_t base; };

static bool is_libc(const char *path)
{
	size_t n = strlen(path);
	return n >= 9 && strcmp(path + n - 9, "libc.so.6") == 0 && (n == 9 || path[n - 10] == '/');
}

static int table_find(struct dl_phdr_info *info, size_t size, void *ret)
{
	struct table *t = ret;
	(void)size;
	if (!info->dlpi_name || !is_libc(info->dlpi_name)) return 0;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		if (info->dlpi_phdr[i].p_type != PT_DYNAMIC) continue;
		for (const Elf64_Dyn *d = (const Elf64_Dyn *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr); d->d_tag != DT_NULL; d++) {
			if (d->d_tag == DT_SYMTAB) t->symbols = (const Elf64_Sym *)d->d_un.d_ptr;
			if (d->d_tag == DT_STRTAB) t->names = (const char *)d->d_un.d_ptr;
			if (d->d_tag == DT_GNU_HASH) t->hash = (const uint32_t *)d->d_un.d_ptr;
		}
	}
	t->base = info->dlpi_addr;
	return 1;
}

static uint32_t hash_of(const char *name)
{
	uint32_t h = 5381;
	for (; *name; name++) h = h * 33 + (uint8_t)*name;
	return h;
}

static void *symbol_find(const struct table *t, const char *name)
{
	uint32_t buckets = t->hash[0], first = t->hash[1], bloom = t->hash[2], wanted = hash_of(name);
	const uint32_t *bucket = t->hash + 4 + bloom * 2, *chain = bucket + buckets;
	uint32_t i = bucket[wanted % buckets];
	for (; i >= first; i++) {
		uint32_t h = chain[i - first];
		if ((h | 1) == (wanted | 1) && strcmp(t->names + t->symbols[i].st_name, name) == 0 && t->symbols[i].st_value != 0)
			return (void *)(t->base + t->symbols[i].st_value);
		if (h & 1) break;
	}
	return NULL;
}

void *libc_symbol(const char *name)
{
	static struct table libc;
	if (!libc.hash) dl_iterate_phdr(table_find, &libc);
	return libc.hash && libc.symbols && libc.names ? symbol_find(&libc, name) : NULL;
}
