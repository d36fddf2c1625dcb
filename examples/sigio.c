/* A socket's owner gets SIGIO when something can be done with it, and SIGURG for urgent data, while it does something else. */
#include <fcntl.h>
#include <signal.h>
#include <time.h>

#include "must.h"

/* Waits, at most so many seconds, for one of two signals: both are blocked, so that none can come between looking and waiting. */
static const char *next_signal(const sigset_t *set, int seconds)
{
	struct timespec limit = {.tv_sec = seconds};
	int signal = sigtimedwait(set, NULL, &limit);

	return signal == SIGIO ? "SIGIO" : signal == SIGURG ? "SIGURG" : "no signal";
}

int main(void)
{
	int receiver = bound_socket(SOCK_DGRAM), sender = must(socket(AF_INET, SOCK_DGRAM, 0)), fd[2];
	struct sockaddr_in there = address_of(receiver);
	char text[100];
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	sigaddset(&set, SIGURG);
	must(sigprocmask(SIG_BLOCK, &set, NULL));
	must(fcntl(receiver, F_SETOWN, getpid()));
	must(fcntl(receiver, F_SETFL, must(fcntl(receiver, F_GETFL)) | O_ASYNC));
	printf("the owner is %s\n", must(fcntl(receiver, F_GETOWN)) == getpid() ? "me" : "another");
	printf("before anything came: %s\n", next_signal(&set, 0));
	must(sendto(sender, "news", 4, 0, (struct sockaddr *)&there, sizeof there));
	printf("after a datagram: %s", next_signal(&set, 5));
	printf(" for \"%.*s\"\n", must(recv(receiver, text, sizeof text, MSG_DONTWAIT)), text);

	tcp_pair(fd);
	must(fcntl(fd[1], F_SETOWN, getpid()));             /* SIGURG needs an owner, and no O_ASYNC */
	must(send(fd[0], "!", 1, MSG_OOB));
	printf("after urgent data: %s\n", next_signal(&set, 5));
	return 0;
}
