/* SO_LINGER with a time, over a link with delay: close waits for the peer's acknowledgement, and no longer than it was told. linger server | linger PEER */
#include "check.h"
#include <time.h>

static long now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static struct sockaddr_in address(const char *text)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(7000)};
	CHECK(inet_pton(AF_INET, text, &a.sin_addr) == 1);
	return a;
}

/* Takes connections, and reads nothing of the second. */
static int serve(void)
{
	struct sockaddr_in a = address("0.0.0.0");
	int l = socket(AF_INET, SOCK_STREAM, 0), small = 4096, kept;
	CHECK(setsockopt(l, SOL_SOCKET, SO_RCVBUF, &small, sizeof small) == 0);
	CHECK(bind(l, (struct sockaddr *)&a, sizeof a) == 0 && listen(l, 5) == 0);
	puts("listening");
	fflush(stdout);
	CHECK(accept(l, NULL, NULL) >= 0);
	kept = accept(l, NULL, NULL);
	CHECK(kept >= 0);
	pause();
	return 0;
}

static long closing_takes(const char *peer, int seconds, size_t octets, int nonblock)
{
	static char data[400000];
	struct sockaddr_in a = address(peer);
	struct linger linger = {1, seconds};
	int s = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(connect(s, (struct sockaddr *)&a, sizeof a) == 0);
	CHECK(setsockopt(s, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) == 0);
	CHECK(send(s, data, octets, MSG_DONTWAIT) > 0);
	if (nonblock) CHECK(fcntl(s, F_SETFL, O_NONBLOCK) == 0);
	long before = now_ms();
	CHECK(close(s) == 0);
	return now_ms() - before;
}

int main(int argc, char **argv)
{
	CHECK(argc == 2);
	if (strcmp(argv[1], "server") == 0) return serve();
	long took = closing_takes(argv[1], 20, 10, 0);
	CHECK(took >= 150 && took < 15000);      /* a way there and back is 200 ms */
	took = closing_takes(argv[1], 1, 400000, 1);
	CHECK(took >= 900 && took < 15000);      /* more than the peer takes: the second is waited for */
	return 0;
}
