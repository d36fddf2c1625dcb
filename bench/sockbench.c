/*
 * The four figures that tell most about a sockets system: a round trip of one octet over TCP and over UDP, one-way throughput in 64 KiB pieces, and
 * connections a second. The same program on the kernel and on sockland.
 *
 *     sockbench serve            answers on port 5001 until it is killed
 *     sockbench ADDRESS [SECS]   measures, about SECS (1) for each figure, and prints a line each
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PORT 5001
#define PIECE 65536

static char piece[PIECE];

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct sockaddr_in address(const char *text)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(PORT)};

	if (inet_pton(AF_INET, text, &a.sin_addr) != 1) errx(2, "%s: not an IPv4 address", text);
	return a;
}

static int open_socket(int type)
{
	int fd = socket(AF_INET, type, 0), one = 1;

	if (fd < 0) err(1, "socket");
	if (type == SOCK_STREAM) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	return fd;
}

/* ---- the other side ---- */

/* The first octet says what the connection is for: 'e' each octet comes back, 's' all are swallowed and counted, 'c' nothing. */
static void serve_connection(int fd)
{
	char what, octet;
	long long sum = 0;
	ssize_t n;

	if (read(fd, &what, 1) != 1) return;
	while (what == 'e' && read(fd, &octet, 1) == 1)
		if (write(fd, &octet, 1) != 1) return;
	while (what == 's' && (n = read(fd, piece, sizeof piece)) > 0) sum += n;
	if (what == 's' && write(fd, &sum, sizeof sum) < 0) warn("write");
}

static void serve_datagram(int fd)
{
	struct sockaddr_in from;
	socklen_t len = sizeof from;
	ssize_t n = recvfrom(fd, piece, sizeof piece, 0, (struct sockaddr *)&from, &len);

	if (n >= 0) sendto(fd, piece, (size_t)n, 0, (struct sockaddr *)&from, len);
}

static int serve(void)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	struct pollfd p[2] = {{open_socket(SOCK_STREAM), POLLIN, 0}, {open_socket(SOCK_DGRAM), POLLIN, 0}};

	for (int i = 0; i < 2; i++)
		if (bind(p[i].fd, (struct sockaddr *)&any, sizeof any) < 0) err(1, "bind");
	if (listen(p[0].fd, 128) < 0) err(1, "listen");
	for (;;) {
		if (poll(p, 2, -1) < 0) err(1, "poll");
		if (p[1].revents) serve_datagram(p[1].fd);
		if (p[0].revents) {
			int fd = accept(p[0].fd, NULL, NULL);

			serve_connection(fd);
			close(fd);
		}
	}
}

/* ---- measuring ---- */

static int connect_to(const struct sockaddr_in *to, char what)
{
	int fd = open_socket(SOCK_STREAM);

	for (int i = 0; connect(fd, (const struct sockaddr *)to, sizeof *to) < 0; i++) {
		if (i == 200) err(1, "connect");
		usleep(10000);             /* the server may not be there yet */
	}
	if (write(fd, &what, 1) != 1) err(1, "write");
	return fd;
}

static void measure_round_trip(const struct sockaddr_in *to, double seconds, int type)
{
	int fd = type == SOCK_STREAM ? connect_to(to, 'e') : open_socket(type);
	long n = 0;
	char octet = 'x';
	double start, end;

	if (type == SOCK_DGRAM && connect(fd, (const struct sockaddr *)to, sizeof *to) < 0) err(1, "connect");
	for (start = now(); (end = now()) - start < seconds; n++)
		if (write(fd, &octet, 1) != 1 || read(fd, &octet, 1) != 1) err(1, "round trip");
	printf("round trip, 1 octet, %s  %10.1f us\n", type == SOCK_STREAM ? "TCP" : "UDP", (end - start) / (double)n * 1e6);
	close(fd);
}

static void measure_throughput(const struct sockaddr_in *to, double seconds)
{
	int fd = connect_to(to, 's');
	long long sum = 0, got = 0;
	double start;

	for (start = now(); now() - start < seconds;) {
		ssize_t n = write(fd, piece, sizeof piece);

		if (n < 0) err(1, "write");
		sum += n;
	}
	shutdown(fd, SHUT_WR);
	if (read(fd, &got, sizeof got) != sizeof got || got != sum) errx(1, "sent %lld octets, %lld arrived", sum, got);
	printf("throughput, 64 KiB pieces  %10.1f MB/s\n", (double)sum / (now() - start) / 1e6);
	close(fd);
}

static void measure_connections(const struct sockaddr_in *to, double seconds)
{
	long n = 0;
	char octet;
	double start;

	for (start = now(); now() - start < seconds; n++) {
		int fd = connect_to(to, 'c');

		if (read(fd, &octet, 1) != 0) err(1, "end of connection");
		close(fd);
	}
	printf("connections                %10.0f /s\n", (double)n / (now() - start));
}

int main(int argc, char **argv)
{
	struct sockaddr_in to;
	double seconds;

	if (argc < 2) errx(2, "usage: sockbench serve | ADDRESS [SECONDS]");
	if (strcmp(argv[1], "serve") == 0) return serve();
	to = address(argv[1]);
	seconds = argc > 2 ? atof(argv[2]) : 1;
	measure_round_trip(&to, seconds, SOCK_STREAM);
	measure_round_trip(&to, seconds, SOCK_DGRAM);
	measure_throughput(&to, seconds);
	measure_connections(&to, seconds);
	return 0;
}
