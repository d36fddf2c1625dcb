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

static void jump_write(uint8_t *at, void (*to)(void))
{
	static const uint8_t jump[] = {0xff, 0x25, 0, 0, 0, 0};
	memcpy(at, jump, sizeof jump);
	memcpy(at + sizeof jump, &to, sizeof to);
}

static int entry_patch(uint8_t *at, void (*to)(void))
{
	uint8_t *page = (uint8_t *)((uintptr_t)at & ~(PAGE - 1));
	size_t len = (size_t)(at + JUMP_SIZE - page);
	if (at[0] == 0xff && at[1] == 0x25) return 0;   /* an alias of one done already */
	int r = (int)sys(SYS_mprotect, page, len, PROT_READ | PROT_WRITE | PROT_EXEC);
	if (r != 0) return r;
	jump_write(at, to);
	return (int)sys(SYS_mprotect, page, len, PROT_READ | PROT_EXEC);
}

int patch_all(void)
{
	for (const struct export *e = exports; e->name; e++) {
		uint8_t *at = libc_symbol(e->name);
		if (!at || (void (*)(void))at == e->wrapper) continue;
		int r = entry_patch(at, e->wrapper);
		if (r != 0) return r;
	}
	return 0;
}
