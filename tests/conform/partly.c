/*
 * A call that has done a part of its work when something ends it: a handler (with SA_RESTART, too), a time limit, the other side, another thread. The part
 * is the answer, and the next call says what it was.
 */
#include "say.h"
#include <pthread.h>
#include <sys/sendfile.h>

enum call { RECV_ALL, PEEK_ALL, READV_LOWAT, SEND, WRITEV, SENDFILE, CALLS };
static const char *const call_text[] = { "recv MSG_WAITALL", "peek MSG_WAITALL", "readv with SO_RCVLOWAT", "send", "writev", "sendfile" };
enum end { HANDLER, RESTART, TIME, FIN, RESET, SHUT_READING, SHUT_WRITING, ENDS };
static const char *const end_text[] = { "a handler", "a handler with SA_RESTART", "time", "FIN", "reset", "SHUT_RD", "SHUT_WR" };

static char much[1 << 20];
static struct act { int fd[2]; enum end end; pthread_t caller; volatile bool over; } act;

static void on_signal(int sig) { (void)sig; }

static void pause_ms(long ms) { nanosleep(&(struct timespec){ 0, ms * 1000000 }, NULL); }

/* What happens to the call, a while after it began: signals come until it is over, so that none is lost before it sleeps. */
static void *ending(void *unused)
{
	struct linger hard = { 1, 0 };

	pause_ms(30);
	switch (act.end) {
	case HANDLER: case RESTART:
		for (; !act.over; pause_ms(10))
			pthread_kill(act.caller, SIGUSR1);
		break;
	case FIN: shutdown(act.fd[1], SHUT_WR); break;
	case RESET: setsockopt(act.fd[1], SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)); close(act.fd[1]); break;
	case SHUT_READING: shutdown(act.fd[0], SHUT_RD); break;
	case SHUT_WRITING: shutdown(act.fd[0], SHUT_WR); break;
	default: break;
	}
	return unused;
}

static long call(enum call c, int file)
{
	struct iovec two[2] = { { much, 40 }, { much + 40, 60 } }, half[2] = { { much, sizeof(much) / 2 }, { much, sizeof(much) / 2 } };
	off_t at = 0;

	switch (c) {
	case RECV_ALL: return recv(act.fd[0], much, 100, MSG_WAITALL);
	case PEEK_ALL: return recv(act.fd[0], much, 100, MSG_WAITALL | MSG_PEEK);
	case READV_LOWAT: return readv(act.fd[0], two, 2);
	case SEND: return send(act.fd[0], much, sizeof(much), 0);
	case WRITEV: return writev(act.fd[0], half, 2);
	default: return sendfile(act.fd[0], file, &at, sizeof(much));
	}
}

static void run(enum call c, enum end end, int family, int file)
{
	struct sigaction on = { .sa_handler = on_signal, .sa_flags = end == RESTART ? SA_RESTART : 0 };
	struct timeval time = { 0, 60000 };
	pthread_t thread;
	bool sends = c >= SEND;

	say_about("%s %s, ended by %s", family == AF_UNIX ? "unix" : family_text(family), call_text[c], end_text[end]);
	if (family == AF_UNIX)
		MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, act.fd));
	else
		tcp_pair(family, act.fd);
	sigaction(SIGUSR1, &on, NULL);
	if (end == TIME)
		MUST(setsockopt(act.fd[0], SOL_SOCKET, sends ? SO_SNDTIMEO : SO_RCVTIMEO, &time, sizeof(time)));
	if (sends)   /* so much is never taken at once */
		set_int(act.fd[0], SOL_SOCKET, SO_SNDBUF, 8192), set_int(act.fd[1], SOL_SOCKET, SO_RCVBUF, 8192);
	if (!sends) {
		MUST(send(act.fd[1], "abc", 3, 0));
		wait_for(act.fd[0], POLLIN);
	}
	if (c == READV_LOWAT)
		set_int(act.fd[0], SOL_SOCKET, SO_RCVLOWAT, 80);
	act.end = end;
	act.caller = pthread_self();
	act.over = false;
	MUST(-pthread_create(&thread, NULL, ending, NULL));
	long r = call(c, file);
	act.over = true;
	pthread_join(thread, NULL);
	if (sends)
		say("result", "%s", r < 0 ? say_errno(errno) : r < (long)sizeof(much) ? "a part" : "all");
	else
		say_rc("result", r);
	if (end == RESET)
		wait_for(act.fd[0], POLLERR);
	set_nonblocking(act.fd[0]);
	if (sends && end != HANDLER && end != RESTART && end != TIME)
		say_rc("next", send(act.fd[0], much, 1, 0));
	else if (!sends)
		say_rc("next", recv(act.fd[0], much, 100, 0));
	say_error("error", act.fd[0]);
	close(act.fd[0]);
	if (end != RESET)
		close(act.fd[1]);
}

int main(void)
{
	char name[] = "/tmp/partly.XXXXXX";
	int file;

	say_start();
	file = MUST(mkstemp(name));
	unlink(name);
	MUST(write(file, much, sizeof(much)));
	for (int c = 0; c < CALLS; c++)
		for (int end = 0; end < ENDS; end++) {
			if (c >= SEND && (end == FIN || end == SHUT_READING))
				continue;                   /* end no send */
			if (c < SEND && end == SHUT_WRITING)
				continue;                   /* and this no receive */
			if (c == SENDFILE && end == RESET)
				continue;                   /* in Linux it goes on by itself, and so takes the error */
			run((enum call)c, (enum end)end, end % 2 ? AF_INET6 : AF_INET, file);
			run((enum call)c, (enum end)end, AF_UNIX, file);
		}
	return 0;
}
