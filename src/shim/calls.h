/*
 * The list of calls, once. HANDLERS: a system call and its handler, with the kernel's own signature; from it come the declarations and the
 * dispatch by number (SIGSYS, syscall()). NAMES: a function of libc and what it does in terms of handlers; from it come the exported
 * symbols and the list of entries to patch. Included by shim.h.
 */
#pragma once
#include <linux/capability.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>

#define HANDLERS(X) \
	X(socket, (int domain, int type, int protocol)) \
	X(socketpair, (int domain, int type, int protocol, int *pair)) \
	X(bind, (int fd, const struct sockaddr *addr, socklen_t len)) \
	X(listen, (int fd, int backlog)) \
	X(accept, (int fd, struct sockaddr *addr, socklen_t *len)) \
	X(accept4, (int fd, struct sockaddr *addr, socklen_t *len, int flags)) \
	X(connect, (int fd, const struct sockaddr *addr, socklen_t len)) \
	X(getsockname, (int fd, struct sockaddr *addr, socklen_t *len)) \
	X(getpeername, (int fd, struct sockaddr *addr, socklen_t *len)) \
	X(getsockopt, (int fd, int level, int name, void *val, socklen_t *len)) \
	X(setsockopt, (int fd, int level, int name, const void *val, socklen_t len)) \
	X(shutdown, (int fd, int how)) \
	X(sendto, (int fd, const void *buf, size_t len, int flags, const struct sockaddr *addr, socklen_t addr_len)) \
	X(recvfrom, (int fd, void *buf, size_t len, int flags, struct sockaddr *addr, socklen_t *addr_len)) \
	X(sendmsg, (int fd, const struct msghdr *msg, int flags)) \
	X(recvmsg, (int fd, struct msghdr *msg, int flags)) \
	X(sendmmsg, (int fd, struct mmsghdr *vec, unsigned n, int flags)) \
	X(recvmmsg, (int fd, struct mmsghdr *vec, unsigned n, int flags, struct timespec *timeout)) \
	X(read, (int fd, void *buf, size_t len)) \
	X(write, (int fd, const void *buf, size_t len)) \
	X(readv, (int fd, const struct iovec *iov, int n)) \
	X(writev, (int fd, const struct iovec *iov, int n)) \
	X(pread64, (int fd, void *buf, size_t len, off_t at)) \
	X(pwrite64, (int fd, const void *buf, size_t len, off_t at)) \
	X(preadv, (int fd, const struct iovec *iov, int n, off_t pos, long high)) \
	X(pwritev, (int fd, const struct iovec *iov, int n, off_t pos, long high)) \
	X(preadv2, (int fd, const struct iovec *iov, int n, off_t pos, long high, int flags)) \
	X(pwritev2, (int fd, const struct iovec *iov, int n, off_t pos, long high, int flags)) \
	X(sendfile, (int out, int in, off_t *offset, size_t count)) \
	X(splice, (int in, off_t *in_offset, int out, off_t *out_offset, size_t len, unsigned flags)) \
	X(close, (int fd)) \
	X(close_range, (unsigned first, unsigned last, int flags)) \
	X(dup, (int fd)) \
	X(dup2, (int fd, int to)) \
	X(dup3, (int fd, int to, int flags)) \
	X(fcntl, (int fd, int cmd, long arg)) \
	X(ioctl, (int fd, unsigned long request, void *arg)) \
	X(poll, (struct pollfd *fds, nfds_t n, int timeout_ms)) \
	X(ppoll, (struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask, size_t mask_size)) \
	X(select, (int n, fd_set *in, fd_set *out, fd_set *except, struct timeval *timeout)) \
	X(pselect6, (int n, fd_set *in, fd_set *out, fd_set *except, struct timespec *timeout, const struct sigset_arg *mask)) \
	X(epoll_create, (int size)) \
	X(epoll_create1, (int flags)) \
	X(epoll_ctl, (int epfd, int op, int fd, struct epoll_event *event)) \
	X(epoll_wait, (int epfd, struct epoll_event *events, int max, int timeout_ms)) \
	X(epoll_pwait, (int epfd, struct epoll_event *events, int max, int timeout_ms, const sigset_t *mask, size_t mask_size)) \
	X(epoll_pwait2, (int epfd, struct epoll_event *events, int max, const struct timespec *timeout, const sigset_t *mask, \
			 size_t mask_size)) \
	X(mmap, (void *addr, size_t len, int prot, int flags, int fd, off_t offset)) \
	X(open, (const char *path, int flags, mode_t mode)) \
	X(openat, (int dir, const char *path, int flags, mode_t mode)) \
	X(fstat, (int fd, struct stat *ret)) \
	X(newfstatat, (int dir, const char *path, struct stat *ret, int flags)) \
	X(statx, (int dir, const char *path, int flags, unsigned mask, struct statx *ret)) \
	X(fgetxattr, (int fd, const char *name, void *value, size_t size)) \
	X(faccessat, (int dir, const char *path, int wanted)) \
	X(faccessat2, (int dir, const char *path, int wanted, int flags)) \
	X(readlinkat, (int dir, const char *path, char *to, size_t size)) \
	X(getdents64, (int dir, void *to, size_t size)) \
	X(chdir, (const char *path)) \
	X(fchdir, (int dir)) \
	X(uname, (struct utsname *ret)) \
	X(rt_sigaction, (int sig, const struct kernel_sigaction *act, struct kernel_sigaction *old, size_t mask_size)) \
	X(rt_sigprocmask, (int how, const uint64_t *set, uint64_t *old, size_t mask_size)) \
	X(rt_sigsuspend, (const uint64_t *mask, size_t mask_size)) \
	X(rt_sigtimedwait, (const uint64_t *set, siginfo_t *info, const struct timespec *timeout, size_t mask_size)) \
	X(execve, (const char *path, char *const *argv, char *const *envp)) \
	X(execveat, (int dir, const char *path, char *const *argv, char *const *envp, int flags)) \
	X(prctl, (int op, unsigned long a, unsigned long b, unsigned long c, unsigned long d)) \
	X(prlimit64, (pid_t pid, unsigned resource, const struct rlimit *limit, struct rlimit *old)) \
	X(setrlimit, (unsigned resource, const struct rlimit *limit)) \
	X(getrlimit, (unsigned resource, struct rlimit *ret)) \
	X(capget, (struct __user_cap_header_struct *header, struct __user_cap_data_struct *ret)) \
	X(capset, (struct __user_cap_header_struct *header, const struct __user_cap_data_struct *data)) \
	X(seccomp, (unsigned op, unsigned flags, void *arg)) \
	X(io_submit, (unsigned long context, long n, struct iocb **list)) \
	X(io_getevents, (unsigned long context, long min, long max, struct io_event *events, struct timespec *timeout)) \
	X(io_pgetevents, (unsigned long context, long min, long max, struct io_event *events, struct timespec *timeout, void *mask)) \
	X(io_uring_setup, (unsigned entries, void *params)) \
	X(io_uring_enter, (int fd, unsigned count, unsigned wanted, unsigned flags, const void *arg, size_t size)) \
	X(io_uring_register, (int fd, unsigned opcode, void *arg, unsigned n)) \
	X(wait4, (pid_t pid, int *status, int options, struct rusage *usage)) \
	X(waitid, (int which, pid_t id, siginfo_t *info, int options, struct rusage *usage)) \
	X(fork, (void)) \
	X(vfork, (void)) \
	X(clone, (unsigned long flags, void *stack, int *parent_tid, int *child_tid, unsigned long tls))

/* The kernel's struct sigaction and the last argument of pselect6. */
struct kernel_sigaction { void (*handler)(int); unsigned long flags; void (*restorer)(void); uint64_t mask; };
struct sigset_arg { const sigset_t *mask; size_t size; };

struct iocb;
struct io_event;
#define X(name, params) long do_##name params;
HANDLERS(X)
#undef X

/* The kernel's mask is the first 64 of libc's 1024 bits. */
#define KERNEL_MASK 8
#define NOCANCEL(call) ({ self.nocancel++; long nocancel_result = (call); self.nocancel--; nocancel_result; })

/* name in libc, result, parameters, what it does */
#define NAMES(X) \
	X(socket, int, (int domain, int type, int protocol), do_socket(domain, type, protocol)) \
	X(__socket, int, (int domain, int type, int protocol), do_socket(domain, type, protocol)) \
	X(socketpair, int, (int domain, int type, int protocol, int *pair), do_socketpair(domain, type, protocol, pair)) \
	X(bind, int, (int fd, const struct sockaddr *addr, socklen_t len), do_bind(fd, addr, len)) \
	X(listen, int, (int fd, int backlog), do_listen(fd, backlog)) \
	X(accept, int, (int fd, struct sockaddr *addr, socklen_t *len), do_accept4(fd, addr, len, 0)) \
	X(accept4, int, (int fd, struct sockaddr *addr, socklen_t *len, int flags), do_accept4(fd, addr, len, flags)) \
	X(connect, int, (int fd, const struct sockaddr *addr, socklen_t len), do_connect(fd, addr, len)) \
	X(__connect, int, (int fd, const struct sockaddr *addr, socklen_t len), do_connect(fd, addr, len)) \
	X(getsockname, int, (int fd, struct sockaddr *addr, socklen_t *len), do_getsockname(fd, addr, len)) \
	X(getpeername, int, (int fd, struct sockaddr *addr, socklen_t *len), do_getpeername(fd, addr, len)) \
	X(getsockopt, int, (int fd, int level, int name, void *val, socklen_t *len), do_getsockopt(fd, level, name, val, len)) \
	X(setsockopt, int, (int fd, int level, int name, const void *val, socklen_t len), do_setsockopt(fd, level, name, val, len)) \
	X(shutdown, int, (int fd, int how), do_shutdown(fd, how)) \
	X(send, ssize_t, (int fd, const void *buf, size_t len, int flags), do_sendto(fd, buf, len, flags, NULL, 0)) \
	X(__send, ssize_t, (int fd, const void *buf, size_t len, int flags), do_sendto(fd, buf, len, flags, NULL, 0)) \
	X(recv, ssize_t, (int fd, void *buf, size_t len, int flags), do_recvfrom(fd, buf, len, flags, NULL, NULL)) \
	X(__recv, ssize_t, (int fd, void *buf, size_t len, int flags), do_recvfrom(fd, buf, len, flags, NULL, NULL)) \
	X(__recv_chk, ssize_t, (int fd, void *buf, size_t len, size_t cap, int flags), \
	  do_recvfrom(fd, buf, fits(len, cap), flags, NULL, NULL)) \
	X(sendto, ssize_t, (int fd, const void *buf, size_t len, int flags, const struct sockaddr *addr, socklen_t addr_len), \
	  do_sendto(fd, buf, len, flags, addr, addr_len)) \
	X(recvfrom, ssize_t, (int fd, void *buf, size_t len, int flags, struct sockaddr *addr, socklen_t *addr_len), \
	  do_recvfrom(fd, buf, len, flags, addr, addr_len)) \
	X(__recvfrom_chk, ssize_t, (int fd, void *buf, size_t len, size_t cap, int flags, struct sockaddr *addr, socklen_t *addr_len), \
	  do_recvfrom(fd, buf, fits(len, cap), flags, addr, addr_len)) \
	X(sendmsg, ssize_t, (int fd, const struct msghdr *msg, int flags), do_sendmsg(fd, msg, flags)) \
	X(recvmsg, ssize_t, (int fd, struct msghdr *msg, int flags), do_recvmsg(fd, msg, flags)) \
	X(sendmmsg, int, (int fd, struct mmsghdr *vec, unsigned n, int flags), do_sendmmsg(fd, vec, n, flags)) \
	X(__sendmmsg, int, (int fd, struct mmsghdr *vec, unsigned n, int flags), do_sendmmsg(fd, vec, n, flags)) \
	X(recvmmsg, int, (int fd, struct mmsghdr *vec, unsigned n, int flags, struct timespec *timeout), \
	  do_recvmmsg(fd, vec, n, flags, timeout)) \
	X(read, ssize_t, (int fd, void *buf, size_t len), do_read(fd, buf, len)) \
	X(__read, ssize_t, (int fd, void *buf, size_t len), do_read(fd, buf, len)) \
	X(__read_nocancel, ssize_t, (int fd, void *buf, size_t len), NOCANCEL(do_read(fd, buf, len))) \
	X(__read_chk, ssize_t, (int fd, void *buf, size_t len, size_t cap), do_read(fd, buf, fits(len, cap))) \
	X(write, ssize_t, (int fd, const void *buf, size_t len), do_write(fd, buf, len)) \
	X(__write, ssize_t, (int fd, const void *buf, size_t len), do_write(fd, buf, len)) \
	X(__write_nocancel, ssize_t, (int fd, const void *buf, size_t len), NOCANCEL(do_write(fd, buf, len))) \
	X(readv, ssize_t, (int fd, const struct iovec *iov, int n), do_readv(fd, iov, n)) \
	X(writev, ssize_t, (int fd, const struct iovec *iov, int n), do_writev(fd, iov, n)) \
	X(pread, ssize_t, (int fd, void *buf, size_t len, off_t at), do_pread64(fd, buf, len, at)) \
	X(pread64, ssize_t, (int fd, void *buf, size_t len, off_t at), do_pread64(fd, buf, len, at)) \
	X(__pread_chk, ssize_t, (int fd, void *buf, size_t len, off_t at, size_t cap), do_pread64(fd, buf, fits(len, cap), at)) \
	X(__pread64_chk, ssize_t, (int fd, void *buf, size_t len, off_t at, size_t cap), do_pread64(fd, buf, fits(len, cap), at)) \
	X(pwrite, ssize_t, (int fd, const void *buf, size_t len, off_t at), do_pwrite64(fd, buf, len, at)) \
	X(pwrite64, ssize_t, (int fd, const void *buf, size_t len, off_t at), do_pwrite64(fd, buf, len, at)) \
	X(preadv, ssize_t, (int fd, const struct iovec *iov, int n, off_t pos), do_preadv(fd, iov, n, pos, 0)) \
	X(preadv64, ssize_t, (int fd, const struct iovec *iov, int n, off_t pos), do_preadv(fd, iov, n, pos, 0)) \
	X(pwritev, ssize_t, (int fd, const struct iovec *iov, int n, off_t pos), do_pwritev(fd, iov, n, pos, 0)) \
	X(pwritev64, ssize_t, (int fd, const struct iovec *iov, int n, off_t pos), do_pwritev(fd, iov, n, pos, 0)) \
	X(preadv2, ssize_t, (int fd, const struct iovec *iov, int n, off_t pos, int flags), do_preadv2(fd, iov, n, pos, 0, flags)) \
	X(preadv64v2, ssize_t, (int fd, const struct iovec *iov, int n, off_t pos, int flags), do_preadv2(fd, iov, n, pos, 0, flags)) \
	X(pwritev2, ssize_t, (int fd, const struct iovec *iov, int n, off_t pos, int flags), do_pwritev2(fd, iov, n, pos, 0, flags)) \
	X(pwritev64v2, ssize_t, (int fd, const struct iovec *iov, int n, off_t pos, int flags), do_pwritev2(fd, iov, n, pos, 0, flags)) \
	X(sendfile, ssize_t, (int out, int in, off_t *offset, size_t count), do_sendfile(out, in, offset, count)) \
	X(sendfile64, ssize_t, (int out, int in, off_t *offset, size_t count), do_sendfile(out, in, offset, count)) \
	X(splice, ssize_t, (int in, off_t *in_offset, int out, off_t *out_offset, size_t len, unsigned flags), \
	  do_splice(in, in_offset, out, out_offset, len, flags)) \
	X(wait, pid_t, (int *status), do_wait4(-1, status, 0, NULL)) \
	X(__wait, pid_t, (int *status), do_wait4(-1, status, 0, NULL)) \
	X(waitpid, pid_t, (pid_t pid, int *status, int options), do_wait4(pid, status, options, NULL)) \
	X(__waitpid, pid_t, (pid_t pid, int *status, int options), do_wait4(pid, status, options, NULL)) \
	X(wait3, pid_t, (int *status, int options, struct rusage *usage), do_wait4(-1, status, options, usage)) \
	X(wait4, pid_t, (pid_t pid, int *status, int options, struct rusage *usage), do_wait4(pid, status, options, usage)) \
	X(waitid, int, (int which, id_t id, siginfo_t *info, int options), do_waitid(which, (pid_t)id, info, options, NULL)) \
	X(close, int, (int fd), do_close(fd)) \
	X(__close, int, (int fd), do_close(fd)) \
	X(__close_nocancel, int, (int fd), NOCANCEL(do_close(fd))) \
	X(close_range, int, (unsigned first, unsigned last, int flags), do_close_range(first, last, flags)) \
	X(closefrom, void, (int first), do_close_range((unsigned)(first < 0 ? 0 : first), UINT32_MAX, 0)) \
	X(dup, int, (int fd), do_dup(fd)) \
	X(dup2, int, (int fd, int to), do_dup2(fd, to)) \
	X(__dup2, int, (int fd, int to), do_dup2(fd, to)) \
	X(dup3, int, (int fd, int to, int flags), do_dup3(fd, to, flags)) \
	X(fcntl, int, (int fd, int cmd, long arg), do_fcntl(fd, cmd, arg)) \
	X(__fcntl, int, (int fd, int cmd, long arg), do_fcntl(fd, cmd, arg)) \
	X(fcntl64, int, (int fd, int cmd, long arg), do_fcntl(fd, cmd, arg)) \
	X(ioctl, int, (int fd, unsigned long request, void *arg), do_ioctl(fd, request, arg)) \
	X(poll, int, (struct pollfd *fds, nfds_t n, int timeout_ms), do_poll(fds, n, timeout_ms)) \
	X(__poll, int, (struct pollfd *fds, nfds_t n, int timeout_ms), do_poll(fds, n, timeout_ms)) \
	X(__poll_chk, int, (struct pollfd *fds, nfds_t n, int timeout_ms, size_t cap), \
	  do_poll(fds, fits(n, cap / sizeof *fds), timeout_ms)) \
	X(ppoll, int, (struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask), \
	  do_ppoll(fds, n, copy_of(timeout), mask, KERNEL_MASK)) \
	X(__ppoll_chk, int, (struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask, size_t cap), \
	  do_ppoll(fds, fits(n, cap / sizeof *fds), copy_of(timeout), mask, KERNEL_MASK)) \
	X(select, int, (int n, fd_set *in, fd_set *out, fd_set *except, struct timeval *timeout), do_select(n, in, out, except, timeout)) \
	X(__select, int, (int n, fd_set *in, fd_set *out, fd_set *except, struct timeval *timeout), do_select(n, in, out, except, timeout)) \
	X(pselect, int, (int n, fd_set *in, fd_set *out, fd_set *except, const struct timespec *timeout, const sigset_t *mask), \
	  do_pselect6(n, in, out, except, copy_of(timeout), &(struct sigset_arg){mask, KERNEL_MASK})) \
	X(epoll_create, int, (int size), do_epoll_create(size)) \
	X(epoll_create1, int, (int flags), do_epoll_create1(flags)) \
	X(epoll_ctl, int, (int epfd, int op, int fd, struct epoll_event *event), do_epoll_ctl(epfd, op, fd, event)) \
	X(epoll_wait, int, (int epfd, struct epoll_event *events, int max, int timeout_ms), do_epoll_wait(epfd, events, max, timeout_ms)) \
	X(epoll_pwait, int, (int epfd, struct epoll_event *events, int max, int timeout_ms, const sigset_t *mask), \
	  do_epoll_pwait(epfd, events, max, timeout_ms, mask, KERNEL_MASK)) \
	X(epoll_pwait2, int, (int epfd, struct epoll_event *events, int max, const struct timespec *timeout, const sigset_t *mask), \
	  do_epoll_pwait2(epfd, events, max, timeout, mask, KERNEL_MASK)) \
	X(open, int, (const char *path, int flags, mode_t mode), do_open(path, flags, mode)) \
	X(open64, int, (const char *path, int flags, mode_t mode), do_open(path, flags, mode)) \
	X(__open, int, (const char *path, int flags, mode_t mode), do_open(path, flags, mode)) \
	X(__open64, int, (const char *path, int flags, mode_t mode), do_open(path, flags, mode)) \
	X(__open_nocancel, int, (const char *path, int flags, mode_t mode), NOCANCEL(do_open(path, flags, mode))) \
	X(__open64_nocancel, int, (const char *path, int flags, mode_t mode), NOCANCEL(do_open(path, flags, mode))) \
	X(__open_2, int, (const char *path, int flags), do_open(path, flags, 0)) \
	X(__open64_2, int, (const char *path, int flags), do_open(path, flags, 0)) \
	X(openat, int, (int dir, const char *path, int flags, mode_t mode), do_openat(dir, path, flags, mode)) \
	X(openat64, int, (int dir, const char *path, int flags, mode_t mode), do_openat(dir, path, flags, mode)) \
	X(__openat_2, int, (int dir, const char *path, int flags), do_openat(dir, path, flags, 0)) \
	X(__openat64_2, int, (int dir, const char *path, int flags), do_openat(dir, path, flags, 0)) \
	X(fstat, int, (int fd, struct stat *ret), do_fstat(fd, ret)) \
	X(fstat64, int, (int fd, struct stat *ret), do_fstat(fd, ret)) \
	X(__fxstat, int, (int version, int fd, struct stat *ret), ((void)version, do_fstat(fd, ret))) \
	X(__fxstat64, int, (int version, int fd, struct stat *ret), ((void)version, do_fstat(fd, ret))) \
	X(fgetxattr, ssize_t, (int fd, const char *name, void *value, size_t size), do_fgetxattr(fd, name, value, size)) \
	X(stat, int, (const char *path, struct stat *ret), do_newfstatat(AT_FDCWD, path, ret, 0)) \
	X(stat64, int, (const char *path, struct stat *ret), do_newfstatat(AT_FDCWD, path, ret, 0)) \
	X(__xstat, int, (int version, const char *path, struct stat *ret), ((void)version, do_newfstatat(AT_FDCWD, path, ret, 0))) \
	X(__xstat64, int, (int version, const char *path, struct stat *ret), ((void)version, do_newfstatat(AT_FDCWD, path, ret, 0))) \
	X(lstat, int, (const char *path, struct stat *ret), do_newfstatat(AT_FDCWD, path, ret, AT_SYMLINK_NOFOLLOW)) \
	X(lstat64, int, (const char *path, struct stat *ret), do_newfstatat(AT_FDCWD, path, ret, AT_SYMLINK_NOFOLLOW)) \
	X(__lxstat, int, (int version, const char *path, struct stat *ret), ((void)version, do_newfstatat(AT_FDCWD, path, ret, AT_SYMLINK_NOFOLLOW))) \
	X(__lxstat64, int, (int version, const char *path, struct stat *ret), \
	  ((void)version, do_newfstatat(AT_FDCWD, path, ret, AT_SYMLINK_NOFOLLOW))) \
	X(fstatat, int, (int dir, const char *path, struct stat *ret, int flags), do_newfstatat(dir, path, ret, flags)) \
	X(fstatat64, int, (int dir, const char *path, struct stat *ret, int flags), do_newfstatat(dir, path, ret, flags)) \
	X(__fxstatat, int, (int version, int dir, const char *path, struct stat *ret, int flags), ((void)version, do_newfstatat(dir, path, ret, flags))) \
	X(__fxstatat64, int, (int version, int dir, const char *path, struct stat *ret, int flags), \
	  ((void)version, do_newfstatat(dir, path, ret, flags))) \
	X(statx, int, (int dir, const char *path, int flags, unsigned mask, struct statx *ret), do_statx(dir, path, flags, mask, ret)) \
	X(access, int, (const char *path, int wanted), do_faccessat2(AT_FDCWD, path, wanted, 0)) \
	X(faccessat, int, (int dir, const char *path, int wanted, int flags), do_faccessat2(dir, path, wanted, flags)) \
	X(readlink, ssize_t, (const char *path, char *to, size_t size), do_readlinkat(AT_FDCWD, path, to, size)) \
	X(readlinkat, ssize_t, (int dir, const char *path, char *to, size_t size), do_readlinkat(dir, path, to, size)) \
	X(__readlink_chk, ssize_t, (const char *path, char *to, size_t size, size_t cap), do_readlinkat(AT_FDCWD, path, to, fits(size, cap))) \
	X(__readlinkat_chk, ssize_t, (int dir, const char *path, char *to, size_t size, size_t cap), do_readlinkat(dir, path, to, fits(size, cap))) \
	X(getdents64, ssize_t, (int dir, void *to, size_t size), do_getdents64(dir, to, size)) \
	X(chdir, int, (const char *path), do_chdir(path)) \
	X(fchdir, int, (int dir), do_fchdir(dir)) \
	X(uname, int, (struct utsname *ret), do_uname(ret)) \
	X(sigaction, int, (int sig, const struct sigaction *act, struct sigaction *old), libc_sigaction(sig, act, old)) \
	X(__sigaction, int, (int sig, const struct sigaction *act, struct sigaction *old), libc_sigaction(sig, act, old)) \
	X(sigprocmask, int, (int how, const sigset_t *set, sigset_t *old), libc_sigmask(how, set, old)) \
	X(sigsuspend, int, (const sigset_t *mask), do_rt_sigsuspend((const uint64_t *)mask, KERNEL_MASK)) \
	X(__sigsuspend, int, (const sigset_t *mask), do_rt_sigsuspend((const uint64_t *)mask, KERNEL_MASK)) \
	X(sigtimedwait, int, (const sigset_t *set, siginfo_t *info, const struct timespec *timeout), libc_sigtimedwait(set, info, timeout)) \
	X(sigwaitinfo, int, (const sigset_t *set, siginfo_t *info), libc_sigtimedwait(set, info, NULL)) \
	X(execve, int, (const char *path, char *const *argv, char *const *envp), do_execve(path, argv, envp)) \
	X(execveat, int, (int dir, const char *path, char *const *argv, char *const *envp, int flags), \
	  do_execveat(dir, path, argv, envp, flags)) \
	X(fexecve, int, (int fd, char *const *argv, char *const *envp), do_execveat(fd, "", argv, envp, AT_EMPTY_PATH)) \
	X(capget, int, (struct __user_cap_header_struct *header, struct __user_cap_data_struct *ret), do_capget(header, ret)) \
	X(capset, int, (struct __user_cap_header_struct *header, const struct __user_cap_data_struct *data), do_capset(header, data)) \
	X(mmap, void *, (void *addr, size_t len, int prot, int flags, int fd, off_t offset), do_mmap(addr, len, prot, flags, fd, offset)) \
	X(mmap64, void *, (void *addr, size_t len, int prot, int flags, int fd, off_t offset), do_mmap(addr, len, prot, flags, fd, offset)) \
	X(prctl, int, (int op, unsigned long a, unsigned long b, unsigned long c, unsigned long d), do_prctl(op, a, b, c, d)) \
	X(setrlimit, int, (int resource, const struct rlimit *limit), do_prlimit64(0, (unsigned)resource, limit, NULL)) \
	X(setrlimit64, int, (int resource, const struct rlimit *limit), do_prlimit64(0, (unsigned)resource, limit, NULL)) \
	X(getrlimit, int, (int resource, struct rlimit *ret), do_getrlimit((unsigned)resource, ret)) \
	X(getrlimit64, int, (int resource, struct rlimit *ret), do_getrlimit((unsigned)resource, ret)) \
	X(__getrlimit, int, (int resource, struct rlimit *ret), do_getrlimit((unsigned)resource, ret)) \
	X(prlimit, int, (pid_t pid, int resource, const struct rlimit *limit, struct rlimit *old), \
	  do_prlimit64(pid, (unsigned)resource, limit, old)) \
	X(prlimit64, int, (pid_t pid, int resource, const struct rlimit *limit, struct rlimit *old), \
	  do_prlimit64(pid, (unsigned)resource, limit, old)) \
	X(syscall, long, (long n, long a, long b, long c, long d, long e, long f), dispatch(n, (const long[6]){a, b, c, d, e, f}, false))

/* The same, but the errno is the result. */
#define NAMES_POSITIVE(X) \
	X(pthread_sigmask, int, (int how, const sigset_t *set, sigset_t *old), libc_sigmask(how, set, old))

long libc_sigaction(int sig, const struct sigaction *act, struct sigaction *old);
long libc_sigmask(int how, const sigset_t *set, sigset_t *old);
long libc_sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *timeout);

/* libaio's, which answer the negative errno itself. They stand nowhere in libc. */
#define NAMES_AIO(X) \
	X(io_submit, int, (unsigned long context, long n, struct iocb **list), do_io_submit(context, n, list)) \
	X(io_getevents, int, (unsigned long context, long min, long max, struct io_event *events, struct timespec *timeout), \
	  do_io_getevents(context, min, max, events, timeout)) \
	X(io_pgetevents, int, (unsigned long context, long min, long max, struct io_event *events, struct timespec *timeout, sigset_t *mask), \
	  do_io_pgetevents(context, min, max, events, timeout, mask ? &(struct sigset_arg){mask, KERNEL_MASK} : NULL))
