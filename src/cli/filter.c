/*
 * The second net under the programs (the first is the shim's symbols and patches): a socket call issued from anywhere but the shim's gate page
 * becomes SIGSYS, which the shim turns into its own call. The launcher installs it once, before the first exec; filters survive exec, and so there
 * is never a second one whose idea of the gate could differ.
 *
 *     x86-64   socket-family call, instruction pointer outside the gate -> SIGSYS     anything else -> allowed
 *     i386     socket-family call                                       -> SIGSYS     anything else -> allowed (no shim of that kind exists)
 *     x32      any call                                                 -> SIGSYS
 *
 * read, write, close, openat and the like are never trapped: ld.so makes them in every new program before a handler can exist.
 */
#include "cli/filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "shim/gate.h"

#define X32_BIT 0x40000000u
#define TRAP (SECCOMP_RET_TRAP | (GATE_RET_DATA & SECCOMP_RET_DATA))

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define LOAD_HIGH(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field) + 4)
#define IF_EQUAL(k, then, otherwise) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (k), (then), (otherwise))
#define IF_AT_LEAST(k, then, otherwise) BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, (k), (then), (otherwise))
#define RETURN(what) BPF_STMT(BPF_RET | BPF_K, (what))

/* Numbers of the i386 table, which this build's headers do not have. */
enum { I386_SOCKETCALL = 102, I386_RECVMMSG = 337, I386_SENDMMSG = 345, I386_SOCKET = 359, I386_SHUTDOWN = 373, I386_IO_URING_SETUP = 425 };
_Static_assert(SYS_socket == 41 && SYS_getsockopt == 55, "socket to getsockopt stand side by side");
_Static_assert(SYS_io_uring_register == SYS_io_uring_setup + 2, "and so do io_uring's three");

/* Jump distances count the instructions between; the labels on the right are what they lead to. */
static const struct sock_filter program[] = {
	/*  0 */ LOAD(arch),
	/*  1 */ IF_EQUAL(AUDIT_ARCH_X86_64, 10, 0),            /* 12 */
	/*  2 */ IF_EQUAL(AUDIT_ARCH_I386, 0, 8),               /* 3, 11: trap */
	/*  3 */ LOAD(nr),
	/*  4 */ IF_EQUAL(I386_SOCKETCALL, 6, 0),
	/*  5 */ IF_EQUAL(I386_RECVMMSG, 5, 0),
	/*  6 */ IF_EQUAL(I386_SENDMMSG, 4, 0),
	/*  7 */ IF_EQUAL(I386_IO_URING_SETUP, 3, 0),
	/*  8 */ IF_AT_LEAST(I386_SHUTDOWN + 1, 1, 0),          /* 10 */
	/*  9 */ IF_AT_LEAST(I386_SOCKET, 1, 0),                /* 11 */
	/* 10 */ RETURN(SECCOMP_RET_ALLOW),
	/* 11 */ RETURN(TRAP),
	/* 12 */ LOAD(nr),
	/* 13 */ IF_AT_LEAST(SYS_socket, 0, 7),                 /* 21: allow */
	/* 14 */ IF_AT_LEAST(SYS_getsockopt + 1, 0, 7),         /* 15, 22 */
	/* 15 */ IF_AT_LEAST(X32_BIT, 12, 0),                   /* 28: trap */
	/* 16 */ IF_EQUAL(SYS_accept4, 5, 0),
	/* 17 */ IF_EQUAL(SYS_recvmmsg, 4, 0),
	/* 18 */ IF_EQUAL(SYS_sendmmsg, 3, 0),
	/* 19 */ IF_AT_LEAST(SYS_io_uring_setup, 0, 1),         /* 21 */
	/* 20 */ IF_AT_LEAST(SYS_io_uring_register + 1, 0, 1),  /* 21, 22 */
	/* 21 */ RETURN(SECCOMP_RET_ALLOW),
	/* 22 */ LOAD_HIGH(instruction_pointer),
	/* 23 */ IF_EQUAL(GATE_ADDR >> 32, 0, 4),               /* 28 */
	/* 24 */ LOAD(instruction_pointer),
	/* 25 */ IF_AT_LEAST(GATE_ADDR, 0, 2),                  /* 28 */
	/* In a system call the instruction pointer stands behind the instruction: the page's last one may end at its edge. */
	/* 26 */ IF_AT_LEAST(GATE_ADDR + GATE_SIZE + 1, 1, 0),  /* 28 */
	/* 27 */ RETURN(SECCOMP_RET_ALLOW),
	/* 28 */ RETURN(TRAP),
};

int filter_install(void)
{
	const struct sock_fprog p = {sizeof program / sizeof *program, (struct sock_filter *)program};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return -errno;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p) < 0 ? -errno : 0;
}
