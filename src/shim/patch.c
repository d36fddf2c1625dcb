/*
 * Libc calls its own functions past the symbol table (stdio, getaddrinfo, getifaddrs, syslog …). So the first octets of each function in exports.c
 * are overwritten, in this process's private copy of libc, with a jump to our wrapper; hidden aliases share the address and are caught with it.
 *
 *     read:   ff 25 00 00 00 00   jmp *0(%rip)
 *             .quad lib_read
 *
 * What was there is never called again: the shim makes its own system calls. So nothing has to be disassembled or moved. All of this happens in the
 * first constructor of the process, before a second thread exists.
 */
#include <sys/mman.h>
#include "shim/exports.h"
#include "shim/shim.h"

#define JUMP_SIZE 14
#define PAGE 4096ul
#define EXPORTS_MAX 256

static void jump_write(uint8_t *at, void (*to)(void))
{
	static const uint8_t jump[] = {0xff, 0x25, 0, 0, 0, 0};
	memcpy(at, jump, sizeof jump);
	memcpy(at + sizeof jump, &to, sizeof to);
}

static bool is_patched(const uint8_t *at) { return at[0] == 0xff && at[1] == 0x25; }   /* an alias of one done already */

/* All entries lie in one stretch of libc's text, so its protection is changed twice and no more. */
struct stretch { uintptr_t from, to; };

static struct stretch stretch_of(uint8_t *at[], size_t n)
{
	struct stretch s = {UINTPTR_MAX, 0};
	for (size_t i = 0; i < n; i++) {
		if (!at[i]) continue;
		s.from = MIN(s.from, (uintptr_t)at[i] & ~(PAGE - 1));
		s.to = MAX(s.to, ((uintptr_t)at[i] + JUMP_SIZE + PAGE - 1) & ~(PAGE - 1));
	}
	return s;
}

static int brk_refused(void *to)
{
	(void)to;
	errno = ENOMEM;
	return -1;
}

int patch_brk(void)
{
	uint8_t *at = libc_symbol("brk");
	struct stretch s = stretch_of(&at, 1);
	int r = !at ? -ENOENT : (int)sys(SYS_mprotect, s.from, s.to - s.from, PROT_READ | PROT_WRITE | PROT_EXEC);
	if (r != 0) return r;
	jump_write(at, (void (*)(void))brk_refused);
	return (int)sys(SYS_mprotect, s.from, s.to - s.from, PROT_READ | PROT_EXEC);
}

int patch_all(void)
{
	uint8_t *at[EXPORTS_MAX];
	size_t n = 0;
	for (const struct export *e = exports; e->name && n < EXPORTS_MAX; e++) {
		at[n] = libc_symbol(e->name);
		if ((void (*)(void))at[n] == e->wrapper) at[n] = NULL;
		n++;
	}
	struct stretch s = stretch_of(at, n);
	int r = s.to == 0 ? -ENOENT : (int)sys(SYS_mprotect, s.from, s.to - s.from, PROT_READ | PROT_WRITE | PROT_EXEC);
	if (r != 0) return r;
	for (size_t i = 0; i < n; i++)
		if (at[i] && !is_patched(at[i])) jump_write(at[i], exports[i].wrapper);
	return (int)sys(SYS_mprotect, s.from, s.to - s.from, PROT_READ | PROT_EXEC);
}
