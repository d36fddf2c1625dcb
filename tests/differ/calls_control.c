/* ioctl and fcntl, with requests, numbers and owners of every kind; and what becomes of descriptors that others have, too. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "calls.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define BAD ((void *)1)

/* Those that tell a number: how much is unread or unsent, who owns. What TCP has not had acknowledged is a matter of timers. */
void do_ioctl_number(struct program *p)
{
	static const struct { unsigned long request; const char *text; } some[] = {
		{FIONREAD, "FIONREAD"}, {SIOCOUTQ, "SIOCOUTQ"}, {SIOCOUTQNSD, "SIOCOUTQNSD"}, {SIOCATMARK, "SIOCATMARK"}, {FIOGETOWN, "FIOGETOWN"},
		{SIOCGPGRP, "SIOCGPGRP"}, {FIOQSIZE, "FIOQSIZE"}, {FIGETBSZ, "FIGETBSZ"}, {TCGETS, "TCGETS"}, {TIOCGWINSZ, "TIOCGWINSZ"}, {0x89e0, "SIOCUNIXFILE"},
	};
	int slot = slot_any(p), value[32] = {-7};
	size_t i = number(&p->n, COUNT(some));
	uint32_t which = number(&p->n, 12);
	say(p, "ioctl(%d, %s, %s)", slot, some[i].text, which == 0 ? "none" : which == 1 ? "bad" : "");
	int r = ioctl(p->fd[slot], some[i].request, which == 0 ? NULL : which == 1 ? BAD : value);
	bool timed = some[i].request == SIOCOUTQ && type_of(p->fd[slot]) == SOCK_STREAM;
	if (some[i].request == 0x89e0 && r >= 0) r = close(r);
	say_result(p, r);
	if (r == 0 && which > 1 && !timed) say(p, " %d", value[0] == getpid() ? 1 : value[0]);
}

/* Interfaces by name and by number; addresses, of which lo's alone is everywhere. */
void do_ioctl_interface(struct program *p)
{
	static const struct { unsigned long request; const char *text; } some[] = {
		{SIOCGIFINDEX, "SIOCGIFINDEX"}, {SIOCGIFNAME, "SIOCGIFNAME"}, {SIOCGIFFLAGS, "SIOCGIFFLAGS"}, {SIOCGIFMTU, "SIOCGIFMTU"},
		{SIOCGIFHWADDR, "SIOCGIFHWADDR"}, {SIOCGIFADDR, "SIOCGIFADDR"}, {SIOCGIFNETMASK, "SIOCGIFNETMASK"}, {SIOCGIFBRDADDR, "SIOCGIFBRDADDR"},
		{SIOCGIFDSTADDR, "SIOCGIFDSTADDR"}, {SIOCGIFMETRIC, "SIOCGIFMETRIC"}, {SIOCGIFTXQLEN, "SIOCGIFTXQLEN"}, {SIOCGIFMAP, "SIOCGIFMAP"},
		{SIOCGIFCOUNT, "SIOCGIFCOUNT"}, {SIOCSIFFLAGS, "SIOCSIFFLAGS"}, {SIOCSIFMTU, "SIOCSIFMTU"}, {SIOCSIFADDR, "SIOCSIFADDR"}, {SIOCGARP, "SIOCGARP"},
		{SIOCADDRT, "SIOCADDRT"}, {SIOCGSTAMP, "SIOCGSTAMP"}, {SIOCGSTAMPNS, "SIOCGSTAMPNS"}, {0x89ff, "0x89ff"}, {0x12345678, "0x12345678"},
	};
	static const char *const names[] = {"lo", "lo", "lo", "", "nosuch", "lo:1", "lo:", "sixteen octets 0", "l o"};
	union { struct ifreq q; uint8_t room[256]; } u;      /* a route is longer than an interface */
	struct ifreq *q = &u.q;
	int slot = slot_any(p);
	size_t i = number(&p->n, COUNT(some)), j = number(&p->n, COUNT(names));
	memset(&u, 0, sizeof u);
	memcpy(q->ifr_name, names[j], strlen(names[j]) < sizeof q->ifr_name ? strlen(names[j]) : sizeof q->ifr_name);
	if (p->rights && (some[i].request == SIOCSIFFLAGS || some[i].request == SIOCSIFMTU || some[i].request == SIOCSIFADDR || some[i].request == SIOCADDRT)) return;
	if (some[i].request == SIOCGIFNAME) q->ifr_ifindex = (int)number(&p->n, 2) * 98 + 1;
	say(p, "ioctl(%d, %s, \"%s\")", slot, some[i].text, names[j]);
	int r = ioctl(p->fd[slot], some[i].request, q);
	say_result(p, r);
	if (r < 0 || some[i].request == SIOCGSTAMP || some[i].request == SIOCGSTAMPNS || some[i].request == SIOCGIFTXQLEN) return;
	for (size_t k = IFNAMSIZ; k < IFNAMSIZ + 8; k++) say(p, "%s%02x", k == IFNAMSIZ ? " " : "", u.room[k]);
}

/* O_NONBLOCK goes off and on again, so that the calls that follow do not wait. */
void do_nonblocking(struct program *p)
{
	int slot = slot_any(p), off = 0, on = 1;
	uint8_t octet;
	bool by_ioctl = chance(&p->n, 50);
	say(p, "blocking(%d)", slot);
	say_result(p, by_ioctl ? ioctl(p->fd[slot], FIONBIO, &off) : fcntl(p->fd[slot], F_SETFL, 0));
	say(p, " %#x", fcntl(p->fd[slot], F_GETFL));
	say_result(p, recv(p->fd[slot], &octet, 1, MSG_DONTWAIT | MSG_PEEK));
	say_result(p, by_ioctl ? ioctl(p->fd[slot], FIONBIO, &on) : fcntl(p->fd[slot], F_SETFL, O_NONBLOCK | (chance(&p->n, 30) ? O_APPEND | O_NOATIME : 0)));
	say(p, " %#x", fcntl(p->fd[slot], F_GETFL));
}

/* A number that is the same in every run. */
static long owner_named(long owner) { return owner == getpid() ? 1 : owner == -getpgrp() ? -1 : owner == -getpid() ? -2 : owner; }

/* Owners: this process, its group, nobody, one that is not there. Signals that would come are left as nothing: no O_ASYNC. */
void do_owner(struct program *p)
{
	const int owners[] = {getpid(), 0, -getpgrp(), 1 << 29, INT32_MIN};
	struct f_owner_ex ex = {.type = (int)number(&p->n, 5) - 1, .pid = getpid()}, got = {.type = 77};
	int slot = slot_any(p), which = (int)number(&p->n, 7), owner = owners[number(&p->n, COUNT(owners))], fd = p->fd[slot];
	say(p, "owner(%d, %d, %ld)", slot, which, owner_named(owner));
	if (which == 0) say_result(p, fcntl(fd, F_SETOWN, owner));
	if (which == 1) say_result(p, ioctl(fd, FIOSETOWN, &owner));
	if (which == 2) say(p, " type %d", ex.type), say_result(p, fcntl(fd, F_SETOWN_EX, &ex));
	if (which == 3) say_result(p, ioctl(fd, SIOCSPGRP, &owner));
	if (which == 4) say_result(p, fcntl(fd, F_SETSIG, owner == getpid() ? SIGUSR1 : owner ? 99 : 0));
	if (which == 5) say_result(p, fcntl(fd, F_SETOWN_EX, BAD));
	if (which == 6) say_result(p, fcntl(fd, F_GETOWN_EX, &got) < 0 ? -1 : (long)got.type);
	say(p, " now %ld signal %d", owner_named(fcntl(fd, F_GETOWN)), fcntl(fd, F_GETSIG));
}

void do_fcntl_odd(struct program *p)
{
	static const struct { int command; long arg; const char *text; } some[] = {
		{F_DUPFD, -1, "F_DUPFD -1"}, {F_DUPFD, 1 << 30, "F_DUPFD far"}, {F_DUPFD_CLOEXEC, -1, "F_DUPFD_CLOEXEC -1"}, {F_GETFD, 0, "F_GETFD"},
		{F_GETPIPE_SZ, 0, "F_GETPIPE_SZ"}, {F_SETPIPE_SZ, 4096, "F_SETPIPE_SZ"}, {F_GET_SEALS, 0, "F_GET_SEALS"}, {F_ADD_SEALS, 1, "F_ADD_SEALS"},
		{F_GETLEASE, 0, "F_GETLEASE"}, {F_SETLEASE, F_RDLCK, "F_SETLEASE"}, {F_NOTIFY, 0, "F_NOTIFY"}, {F_GETLK, 1, "F_GETLK bad"}, {9999, 0, "9999"},
		{F_SETSIG, -1, "F_SETSIG -1"}, {F_SETSIG, 65, "F_SETSIG 65"}, {1027, 0, "F_DUPFD_QUERY"},
	};
	int slot = slot_any(p);
	size_t i = number(&p->n, COUNT(some));
	say(p, "fcntl(%d, %s)", slot, some[i].text);
	say_result(p, fcntl(p->fd[slot], some[i].command, some[i].arg));
}

/* ---- those whom others have, too ---- */

/* A child that closes, shuts or reads what its parent has: the same, seen from here. */
void do_fork(struct program *p)
{
	int slot = slot_any(p), other = slot_any(p), which = (int)number(&p->n, 4), status = 0;
	if (ends_by_itself(p)) return;
	say(p, "fork(%d, %d, %d)", slot, other, which);
	pid_t child = fork();
	if (child == 0) {
		uint8_t octet = 0;
		long r = which == 0   ? close(p->fd[slot])
			 : which == 1 ? shutdown(p->fd[slot], SHUT_WR)
			 : which == 2 ? recv(p->fd[slot], &octet, 1, MSG_DONTWAIT)
				      : send(p->fd[slot], "child", 5, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (which == 0) close(p->fd[other]);
		_exit(r < 0 ? errno & 127 : octet & 127);
	}
	if (child > 0) waitpid(child, &status, 0);
	say_result(p, child < 0 ? -1 : WEXITSTATUS(status));
}

/* All that a program has, by numbers: the range begins behind what its process had before. */
void do_close_range(struct program *p)
{
	int slot = slot_any(p), which = (int)number(&p->n, 4), fd = p->fd[slot];
	if (fd < 0 || ends_by_itself(p)) return;
	say(p, "close_range(%d, %d)", slot, which);
	int r = which == 0   ? close_range((unsigned)fd, (unsigned)fd, 0)
		: which == 1 ? close_range((unsigned)fd, (unsigned)fd, CLOSE_RANGE_CLOEXEC)
		: which == 2 ? close_range((unsigned)fd + 1, (unsigned)fd, 0)
			     : close_range((unsigned)fd, (unsigned)fd, 0x40);
	say_result(p, r);
	if (which == 0) p->fd[slot] = -1;
	else say(p, " %d", fcntl(fd, F_GETFD));
}
