/*
 * Runs a command behind a seccomp filter like those that programs meet in places of less trust:
 *
 *     sandbox COMMAND [ARG…]              where networking is refused: EPERM to socket (except AF_UNIX), bind, connect, listen, accept, sendto,
 *                                         get/setsockopt, getsockname, getpeername, ptrace, unshare, setns, io_uring_setup and to clone with a namespace flag
 *     sandbox --docker COMMAND [ARG…]     what `docker run` without options refuses: EPERM to the calls of DOCKER_REFUSES, to namespaces, to AF_VSOCK and
 *                                         to most personalities; ENOSYS to what is newer than the profile
 *     sandbox --no-dispatch COMMAND …     EINVAL to prctl(PR_SET_SYSCALL_USER_DISPATCH), as from a kernel before 5.11
 *
 * In the first two clone3 is ENOSYS, so that libc falls back to clone, whose flags a filter can read. Docker's profile is moby's
 * profiles/seccomp/default.json; its containers' other limits (capabilities, a read-only /proc/sys) are less than what an ordinary user has to do
 * without.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(value) BPF_STMT(BPF_RET | BPF_K, (value))
#define REFUSE(nr) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (nr), 0, 1), RETURN(SECCOMP_RET_ERRNO | EPERM)
#define NAMESPACES (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)
#define BEGIN \
	LOAD(arch), \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0), \
	RETURN(SECCOMP_RET_KILL_PROCESS), \
	LOAD(nr)
/* They load an argument in place of the number, and are the last to look. */
#define CLONES \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_clone3, 0, 1), \
	RETURN(SECCOMP_RET_ERRNO | ENOSYS), \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_clone, 0, 3), \
	LOAD(args[0]), \
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, NAMESPACES, 0, 1), \
	RETURN(SECCOMP_RET_ERRNO | EPERM), \
	RETURN(SECCOMP_RET_ALLOW)

static struct sock_filter no_network[] = {
	BEGIN,
	REFUSE(__NR_bind), REFUSE(__NR_connect), REFUSE(__NR_listen), REFUSE(__NR_accept), REFUSE(__NR_accept4), REFUSE(__NR_sendto),
	REFUSE(__NR_getsockopt), REFUSE(__NR_setsockopt), REFUSE(__NR_getsockname), REFUSE(__NR_getpeername), REFUSE(__NR_ptrace),
	REFUSE(__NR_unshare), REFUSE(__NR_setns), REFUSE(__NR_io_uring_setup),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_socket, 0, 4),
	LOAD(args[0]),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_UNIX, 0, 1),
	RETURN(SECCOMP_RET_ALLOW),
	RETURN(SECCOMP_RET_ERRNO | EPERM),
	CLONES,
};

/* All that x86-64 has and a container with docker's usual capabilities is not allowed. */
#define DOCKER_REFUSES(X) \
	X(_sysctl) X(acct) X(add_key) X(afs_syscall) X(bpf) X(clock_settime) X(create_module) X(delete_module) X(fanotify_init) X(finit_module) X(fsconfig) \
	X(fsmount) X(fsopen) X(fspick) X(get_kernel_syms) X(get_mempolicy) X(getpmsg) X(init_module) X(io_uring_enter) X(io_uring_register) \
	X(io_uring_setup) X(ioperm) X(iopl) X(kcmp) X(kexec_file_load) X(kexec_load) X(keyctl) X(lookup_dcookie) X(mbind) X(migrate_pages) X(mount) \
	X(mount_setattr) X(move_mount) X(move_pages) X(nfsservctl) X(open_by_handle_at) X(open_tree) X(perf_event_open) X(pidfd_getfd) X(pivot_root) \
	X(process_madvise) X(putpmsg) X(query_module) X(quotactl) X(quotactl_fd) X(reboot) X(request_key) X(security) X(set_mempolicy) X(setdomainname) \
	X(sethostname) X(setns) X(settimeofday) X(swapoff) X(swapon) X(sysfs) X(syslog) X(tuxcall) X(umount2) X(unshare) X(uselib) X(userfaultfd) X(ustat) \
	X(vhangup) X(vserver)
#define NEWEST 450            /* set_mempolicy_home_node, which it refuses; numbers behind are not in the profile */

#define X(name) REFUSE(__NR_##name),
static struct sock_filter docker[] = {
	BEGIN,
	BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, NEWEST, 0, 1),
	RETURN(SECCOMP_RET_ERRNO | ENOSYS),
	REFUSE(NEWEST),
	DOCKER_REFUSES(X)
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_socket, 0, 4),
	LOAD(args[0]),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_VSOCK, 0, 1),
	RETURN(SECCOMP_RET_ERRNO | EPERM),
	RETURN(SECCOMP_RET_ALLOW),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_personality, 0, 8),
	LOAD(args[0]),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 5, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 8, 4, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x20000, 3, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x20008, 2, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0xffffffff, 1, 0),
	RETURN(SECCOMP_RET_ERRNO | EPERM),
	RETURN(SECCOMP_RET_ALLOW),
	CLONES,
};
#undef X

static struct sock_filter no_dispatch[] = {
	BEGIN,
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_prctl, 0, 3),
	LOAD(args[0]),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 59, 0, 1),
	RETURN(SECCOMP_RET_ERRNO | EINVAL),
	RETURN(SECCOMP_RET_ALLOW),
};

int main(int argc, char **argv)
{
	bool in_docker = argc > 1 && strcmp(argv[1], "--docker") == 0;
	struct sock_fprog program = {sizeof no_network / sizeof *no_network, no_network};
	bool without = argc > 1 && strcmp(argv[1], "--no-dispatch") == 0;
	char **command = argv + 1 + (in_docker || without);

	if (in_docker) program = (struct sock_fprog){sizeof docker / sizeof *docker, docker};
	if (without) program = (struct sock_fprog){sizeof no_dispatch / sizeof *no_dispatch, no_dispatch};
	if (!*command) {
		fprintf(stderr, "usage: sandbox [--docker|--no-dispatch] COMMAND [ARG...]\n");
		return 2;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0) {
		perror("sandbox");
		return 2;
	}
	execvp(*command, command);
	perror(*command);
	return 127;
}
