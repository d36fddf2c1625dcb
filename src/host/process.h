/* The engine as a process among others: what it keeps of what it was started with. */
#pragma once
#include <sys/types.h>
#include "base/types.h"

/* A name, a session of its own (so that ^C reaches programs only), no signals that kill by accident, as many descriptors as are allowed. */
void process_settle(const char *name);
uint64_t process_descriptors(void);                    /* how many that is */
void process_fill_standard(void);                      /* standard streams that are closed become /dev/null, so that no descriptor of ours is 0, 1 or 2 */
void process_quiet(void);                              /* standard streams become /dev/null */
void process_keep_only(int *fds, size_t n);            /* closes every other descriptor above 2; sorts fds */
int process_peer(int fd, uid_t *ret_uid, pid_t *ret_pid);   /* who made the other end of an AF_UNIX socket; negative errno */
bool process_is_path(int fd);                          /* opened with O_PATH: it keeps an inode, and nothing open */
bool process_socket_inode(int fd, ino_t *ret);         /* of an open socket; false: it is none */
bool process_is_socket(int fd);                        /* asked without getsockopt, which a sandbox may refuse */
uint64_t process_token(void);                           /* a number that no other process has had or will have */
struct process_ids { uid_t uid[3]; gid_t gid[3]; uint64_t caps; };   /* real, effective, saved; effective capabilities, none in another user namespace */
uint64_t process_may_open(pid_t pid);                  /* its RLIMIT_NOFILE; all ones where the kernel does not tell */
int process_ids(pid_t pid, struct process_ids *ret);    /* negative errno */
bool process_has_group(pid_t pid, gid_t first, gid_t last);   /* one from first to last, its effective or a supplementary one */
int process_started(pid_t pid, uint64_t *ret);         /* when it started, in the kernel's ticks: with pid it names a process for ever. Negative errno */
