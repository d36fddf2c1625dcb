/*
 * The names that programs and libc find instead of libc's: each calls its handler and turns a negative result into errno. Symbols are attached
 * by assembler labels, so that libc's headers, with their macros and attributes, have no say in the definitions. The list of the
 * wrappers, for patching libc's own entries, comes from the same rows.
 */
#include "shim/exports.h"
#include <fcntl.h>
#include <stdlib.h>
#include "shim/shim.h"

static long answer(long r)
{
	if (r >= 0 || r < -4095) return r;
	errno = (int)-r;
	return -1;
}

/* What the fortified variants check before they do as the plain ones. */
static size_t fits(size_t wanted, size_t have)
{
	if (wanted > have) abort();
	return wanted;
}

/* libc keeps the kernel from changing the caller's timeout. */
#define copy_of(t) ((t) ? &(struct timespec){(t)->tv_sec, (t)->tv_nsec} : NULL)

#define X(name, type, params, call) \
	__attribute__((visibility("default"))) type lib_##name params __asm__(#name); \
	type lib_##name params { return (type)answer((process_look(), call)); }
NAMES(X)
#undef X
#define X(name, type, params, call) \
	__attribute__((visibility("default"))) type lib_##name params __asm__(#name); \
	type lib_##name params { return (type)-(process_look(), call); }
NAMES_POSITIVE(X)
#undef X

#define X(name, type, params, call) \
	__attribute__((visibility("default"))) type lib_##name params __asm__(#name); \
	type lib_##name params { return (type)(process_look(), call); }
NAMES_AIO(X)
#undef X

#define X(name, type, params, call) {#name, (void (*)(void))lib_##name},
const struct export exports[] = {NAMES(X) NAMES_POSITIVE(X) {NULL, NULL}};
#undef X
