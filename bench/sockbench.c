/*
 * The program that bench/run measures with: the same on the kernel and on sockland.
 *
 *     sockbench serve PLACE…                            answers at the places until it is killed; prints its processes when it is ready
 *     sockbench PLACE WHAT SIZE SECONDS [PID…]          measures: operations, octets, nanoseconds, and nanoseconds of processor that it and PIDs took
 *     sockbench keep PLACE N, sockbench hold PLACE N    N connections that do nothing
 *     sockbench exec SECONDS                            programs started, one after another, and nanoseconds
 *
 * PLACE is tcp:ADDRESS:PORT, udp:ADDRESS:PORT, or PATH after unix:, seqpacket: or unixgram:; a service stands at each of the next ports, too (sockbench.h).
 * WHAT is echo, echo-epoll (round trips of SIZE octets), stream (one way, SIZE octets a call) or connect (and accept, and close).
 */
#include "sockbench.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

static struct place inet_place(int type, const char *text)
{
	struct place p = {.type = type};
	struct sockaddr_in *in = (struct sockaddr_in *)&p.addr;
	char address[64];
	unsigned short port;

	if (sscanf(text, "%63[^:]:%hu", address, &port) != 2 || inet_pton(AF_INET, address, &in->sin_addr) != 1) errx(2, "%s: not ADDRESS:PORT", text);
	in->sin_family = AF_INET;
	in->sin_port = htons(port);
	p.len = sizeof *in;
	return p;
}

static struct place unix_place(int type, const char *path)
{
	struct place p = {.type = type, .len = sizeof(struct sockaddr_un)};
	struct sockaddr_un *un = (struct sockaddr_un *)&p.addr;

	un->sun_family = AF_UNIX;
	snprintf(un->sun_path, sizeof un->sun_path, "%s", path);
	return p;
}

struct place place_parse(const char *text)
{
	if (strncmp(text, "tcp:", 4) == 0) return inet_place(SOCK_STREAM, text + 4);
	if (strncmp(text, "udp:", 4) == 0) return inet_place(SOCK_DGRAM, text + 4);
	if (strncmp(text, "unix:", 5) == 0) return unix_place(SOCK_STREAM, text + 5);
	if (strncmp(text, "seqpacket:", 10) == 0) return unix_place(SOCK_SEQPACKET, text + 10);
	if (strncmp(text, "unixgram:", 9) == 0) return unix_place(SOCK_DGRAM, text + 9);
	errx(2, "%s: not tcp:ADDRESS:PORT, udp:ADDRESS:PORT, unix:PATH, seqpacket:PATH or unixgram:PATH", text);
}

bool place_has_peers(const struct place *p) { return p->type != SOCK_DGRAM || p->addr.ss_family == AF_UNIX; }

struct place place_of(const struct place *base, enum service s)
{
	struct place p = *base;
	struct sockaddr_in *in = (struct sockaddr_in *)&p.addr;
	struct sockaddr_un *un = (struct sockaddr_un *)&p.addr;
	size_t len = strlen(un->sun_path);

	if (p.addr.ss_family == AF_INET) in->sin_port = htons((uint16_t)(ntohs(in->sin_port) + s));
	else snprintf(un->sun_path + len, sizeof un->sun_path - len, ".%d", s);
	return p;
}

int place_bind(const struct place *p)
{
	int fd = socket(p->addr.ss_family, p->type, 0), one = 1;

	if (fd < 0) err(1, "socket");
	if (p->addr.ss_family == AF_UNIX) unlink(((const struct sockaddr_un *)&p->addr)->sun_path);
	else setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(fd, (const struct sockaddr *)&p->addr, p->len) < 0) err(1, "bind");
	if (p->type != SOCK_DGRAM && listen(fd, 1024) < 0) err(1, "listen");
	return fd;
}

int place_connect(const struct place *p)
{
	int fd = socket(p->addr.ss_family, p->type, 0);

	if (fd < 0) err(1, "socket");
	/* The server connects to us, too. */
	if (p->type == SOCK_DGRAM && place_has_peers(p) && bind(fd, &(struct sockaddr){.sa_family = AF_UNIX}, sizeof(sa_family_t)) < 0) err(1, "bind");
	if (connect(fd, (const struct sockaddr *)&p->addr, p->len) < 0) err(1, "connect");
	return fd;
}

void read_all(int fd, void *to, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = read(fd, (char *)to + done, len - done);

		if (n <= 0) err(1, n < 0 ? "read" : "the connection ended early");
		done += (size_t)n;
	}
}

void write_all(int fd, const void *from, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = write(fd, (const char *)from + done, len - done);

		if (n < 0) err(1, "write");
		done += (size_t)n;
	}
}

uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int start_programs(double seconds)
{
	char *const argv[] = {(char *)"true", NULL};
	extern char **environ;
	uint64_t start = now(), n = 0, end = start + (uint64_t)(seconds * 1e9);

	for (; now() < end; n++) {
		int status;
		pid_t pid;

		errno = posix_spawn(&pid, "/bin/true", NULL, NULL, argv, environ);
		if (errno != 0 || waitpid(pid, &status, 0) != pid || status != 0) err(1, "/bin/true");
	}
	printf("%llu 0 %llu 0\n", (unsigned long long)n, (unsigned long long)(now() - start));
	return 0;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (strcmp(verb, "serve") == 0 && argc > 2) return serve(argc - 2, argv + 2);
	if (strcmp(verb, "keep") == 0 && argc == 4) return keep(argv[2], atoi(argv[3]));
	if (strcmp(verb, "hold") == 0 && argc == 4) return hold(argv[2], atoi(argv[3]));
	if (strcmp(verb, "exec") == 0 && argc == 3) return start_programs(atof(argv[2]));
	if (argc >= 5) return measure(verb, argv[2], (size_t)atol(argv[3]), atof(argv[4]), argc - 5, argv + 5);
	errx(2, "usage: sockbench serve PLACE... | PLACE WHAT SIZE SECONDS [PID...] | keep PLACE N | hold PLACE N | exec SECONDS");
}
