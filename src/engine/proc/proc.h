/*
 * /proc/net as a host sees it: Linux's columns, from what its stack knows. Programs find them by RPC_FILE (engine/file.c).
 *
 *     netif.c    interfaces, addresses, neighbours     group.c    multicast groups
 *     socket.c   TCP, UDP, raw and echo sockets        other.c    sockets of the other families, and how many there are of each
 *     route.c    both routing tables                   unix.c     what the kernel's list of Unix sockets lacks and has too much
 *     snmp.c netstat.c     what was counted            text.c     what they have in common
 *     sysfs.c    /sys/class/net                        tree.c     which files and directories there are
 *     mroute.c   multicast routing                     protocols.c   protocols, and how many sockets each has
 *
 * Read first: proc_net(5), and what a Linux shows: programs count columns and some count spaces.
 */
#pragma once
#include <sys/types.h>
#include "engine/private.h"

#define FILE_PATH_MAX 256

struct proc_file { const char *name; void (*write)(struct stack *, struct page *); };
extern const struct proc_file proc_netif_files[], proc_route_files[], proc_socket_files[], proc_other_files[], proc_snmp_files[], proc_netstat_files[],
	proc_protocols_files[], proc_group_files[], proc_mroute_files[];   /* end with name NULL */

void proc_unix(const struct engine *e, size_t host, struct page *p);
const struct proc_file *proc_find(const char *name);      /* NULL: there is none */
void proc_each(struct text *t, void (*each)(struct text *, mode_t kind, const char *name));

/* Two lines: names, and numbers under them. */
struct column { const char *name; unsigned long long n; };
void proc_columns(struct text *t, const char *group, const struct column *c, size_t n);
/* A line filled up with spaces to its width, as Linux does in some of its lists. The page has taken it. */
void proc_line(struct page *p, int width, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* What stands for a socket's address in memory: a number that tells sockets apart, and nothing else. */
unsigned long proc_pointer(const struct sock *sk);
void proc_addr6(char buf[33], const struct addr *a);     /* 32 digits */
/* Four octets of an address as Linux prints them: those of the wire, read as a number of this machine. i: 12 for IPv4 */
uint32_t proc_word(const struct addr *a, size_t i);
static inline unsigned long proc_hundredths(time_ns t) { return (unsigned long)(t / (10 * NS_PER_MS)); }
