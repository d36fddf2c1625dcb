/* Signals for what comes (O_ASYNC): of sockets of each kind, SIGIO and one of the program's choice, to the process and to a thread. */
#include "say.h"

enum kind { TCP, UDP, STREAM, DGRAM, SEQPACKET, KINDS };
static const char *const kind_text[] = { "tcp", "udp", "unix stream", "unix dgram", "unix seqpacket" };

static void pair(enum kind k, int fd[2])
{
	static const int types[] = { [STREAM] = SOCK_STREAM, [DGRAM] = SOCK_DGRAM, [SEQPACKET] = SOCK_SEQPACKET };

	if (k == TCP)
		tcp_pair(AF_INET, fd);
	else if (k == UDP)
		udp_pair(AF_INET6, fd);
	else
		MUST(socketpair(AF_UNIX, types[k], 0, fd));
}

static sigset_t set;

static void drain(void)
{
	while (sigtimedwait(&set, NULL, &(struct timespec){ 0, 0 }) > 0) {}
}

/* The next signal, which must come; what else has come by then is taken, too. */
static void say_signal(const char *name, int fd, bool whole)
{
	struct timespec most = { 5, 0 };
	siginfo_t info = { 0 };
	int sig = sigtimedwait(&set, &info, &most);
	if (sig == SIGRTMIN && whole)
		say(name, "SIGRTMIN, code %d, band %#lx, fd %d", info.si_code, info.si_band, info.si_fd == fd);
	else
		say(name, "%s", sig == SIGIO ? "SIGIO" : sig == SIGRTMIN ? "SIGRTMIN" : say_errno(errno));
	drain();
}

static void run(enum kind k, bool own_signal, bool by_ioctl)
{
	struct f_owner_ex owner = { F_OWNER_TID, gettid() };
	int fd[2], on = 1;
	char in[8];

	say_about("%s%s%s", kind_text[k], own_signal ? ", F_SETSIG" : "", by_ioctl ? ", FIOASYNC" : "");
	pair(k, fd);
	say_rc("owner", own_signal ? fcntl(fd[0], F_SETOWN_EX, &owner) : fcntl(fd[0], F_SETOWN, getpid()));
	if (own_signal)
		say_rc("F_SETSIG", fcntl(fd[0], F_SETSIG, SIGRTMIN));
	say_rc("on", by_ioctl ? ioctl(fd[0], FIOASYNC, &on) : fcntl(fd[0], F_SETFL, O_ASYNC));
	for (int i = 0; i < 3; i++) {
		say_rc("send", send(fd[1], "abc", 3, 0));
		say_signal("comes", fd[0], true);
		if (i > 0)      /* a second one comes before the first was read */
			say_rc("recv", recv(fd[0], in, sizeof(in), 0));
	}
	if (k != UDP && k != DGRAM) {
		close(fd[1]);
		say_signal("the other end goes", fd[0], false);
	} else
		close(fd[1]);
	close(fd[0]);
	drain();
}

int main(void)
{
	say_start();
	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	sigaddset(&set, SIGRTMIN);
	MUST(sigprocmask(SIG_BLOCK, &set, NULL));
	for (int k = 0; k < KINDS; k++)
		for (int how = 0; how < 4; how++)
			run((enum kind)k, how & 1, how >> 1);
	return 0;
}
