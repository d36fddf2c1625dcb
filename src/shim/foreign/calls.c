/*
 * A foreign program's calls, by number. Most go where calls of libc's syscall() go. Those about threads, masks and stacks are about what we keep for
 * the thread, and some know the program by a path that would lead to its loader.
 */
#include <fcntl.h>
#include <stdio.h>
#include "shim/foreign/foreign.h"
#include "shim/newprog.h"

#define ARCH_SET_FS 0x1002
#define ARCH_GET_FS 0x1003
#define EXE_PATH_MAX 32

typedef long special_fn(struct foreign *t, ucontext_t *uc, const long a[6]);

static long call_fork(struct foreign *t, ucontext_t *uc, const long a[6]) { return (void)a, foreign_fork(t, uc); }
static long call_exit(struct foreign *t, ucontext_t *uc, const long a[6]) { (void)uc; foreign_exit(t, (int)a[0]); }
static long call_sigprocmask(struct foreign *t, ucontext_t *uc, const long a[6]) { return (void)t, foreign_sigprocmask(uc, a); }
static long call_sigaltstack(struct foreign *t, ucontext_t *uc, const long a[6]) { return foreign_sigaltstack(t, uc, a); }

/* Not to be had, as before Linux 5.3: programs then use clone. */
static long call_clone3(struct foreign *t, ucontext_t *uc, const long a[6]) { return (void)t, (void)uc, (void)a, -ENOSYS; }

static long call_tid_address(struct foreign *t, ucontext_t *uc, const long a[6])
{
	(void)uc;
	t->clear_tid = (int *)a[0];
	return sys(SYS_gettid);
}

static long call_arch_prctl(struct foreign *t, ucontext_t *uc, const long a[6])
{
	(void)uc;
	if (a[0] == ARCH_GET_FS) return user_put((uint64_t *)a[1], t->program_tls);
	if (a[0] != ARCH_SET_FS) return sys(SYS_arch_prctl, a[0], a[1]);
	if ((uint64_t)a[1] >> 47) return -EPERM;
	t->program_tls = (uint64_t)a[1];
	return 0;
}

/* ---- /proc/self/exe ---- */

static bool is_exe(long at)
{
	char path[EXE_PATH_MAX] = "", own[EXE_PATH_MAX];
	for (size_t i = 0; i < sizeof path - 1; i++)
		if (user_get(path[i], (const char *)at + i) != 0 || !path[i]) break;
	snprintf(own, sizeof own, "/proc/%d/exe", shim.pid);
	return strcmp(path, "/proc/self/exe") == 0 || strcmp(path, own) == 0;
}

static long exe_link(long to, long size)
{
	size_t n = MIN(strlen(foreign_path), (size_t)size);
	if ((int)size <= 0) return -EINVAL;
	return user_copy((void *)to, foreign_path, n) == 0 ? (long)n : -EFAULT;
}

static long call_readlink(struct foreign *t, ucontext_t *uc, const long a[6])
{
	(void)t, (void)uc;
	return is_exe(a[0]) ? exe_link(a[1], a[2]) : sys(SYS_readlink, a[0], a[1], a[2]);
}

static long call_readlinkat(struct foreign *t, ucontext_t *uc, const long a[6])
{
	(void)t, (void)uc;
	return is_exe(a[1]) ? exe_link(a[2], a[3]) : sys(SYS_readlinkat, a[0], a[1], a[2], a[3]);
}

/* Which argument of a call is a path that it follows to the file, plus 1. */
static const uint8_t path_at[] = {
	[SYS_open] = 1, [SYS_openat] = 2, [SYS_execve] = 1, [SYS_execveat] = 2, [SYS_stat] = 1, [SYS_newfstatat] = 2, [SYS_statx] = 2,
	[SYS_access] = 1, [SYS_faccessat] = 2, [SYS_faccessat2] = 2,
};

static long call_plain(long n, const long a[6])
{
	long b[6];
	char open[NEWPROG_OPEN_MAX];
	memcpy(b, a, sizeof b);
	size_t at = n >= 0 && n < (long)ARRAY_SIZE(path_at) ? path_at[n] : 0;
	if (at != 0 && is_exe(a[at - 1])) {
		snprintf(open, sizeof open, NEWPROG_OPEN "%d", foreign_open);
		b[at - 1] = (long)(foreign_open >= 0 ? open : foreign_path);
	}
	return dispatch(n, b, false);
}

/* This is libc's fstat, too, see view.c. */
static long call_newfstatat(struct foreign *t, ucontext_t *uc, const long a[6])
{
	(void)t, (void)uc;
	return a[3] & AT_EMPTY_PATH && table_peek((int)a[0]) == FD_HIDDEN ? -EBADF : call_plain(SYS_newfstatat, a);
}

static special_fn *const special[] = {
	[SYS_clone] = foreign_clone, [SYS_clone3] = call_clone3, [SYS_fork] = call_fork, [SYS_vfork] = call_fork, [SYS_exit] = call_exit,
	[SYS_set_tid_address] = call_tid_address, [SYS_arch_prctl] = call_arch_prctl, [SYS_rt_sigprocmask] = call_sigprocmask,
	[SYS_sigaltstack] = call_sigaltstack, [SYS_readlink] = call_readlink, [SYS_readlinkat] = call_readlinkat,
	[SYS_newfstatat] = call_newfstatat, [SYS_rseq] = foreign_rseq,
};

long foreign_call(struct foreign *t, ucontext_t *uc, long n, const long a[6])
{
	special_fn *f = n >= 0 && n < (long)ARRAY_SIZE(special) ? special[n] : NULL;
	return f ? f(t, uc, a) : call_plain(n, a);
}
