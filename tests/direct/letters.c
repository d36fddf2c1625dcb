/*
 * Checked datagrams of Unix sockets from many senders to one, while what keeps them from the receiver's inbox (src/channel/inbox.h) comes and goes:
 * letters SEED SECONDS SENDERS
 *
 * Each sender has a socket that is connected and one that is not, and numbers what it sends by each: all must come, once, whole, and in its order. Some go with a
 * descriptor; now and then a sender sets an option, and the receiver wants credentials for a while, or looks at what comes next before it takes it. Beside them a
 * child sends and is killed in the middle, again and again. In the end nothing takes room of any send buffer.
 */
#include "../accept/accept.h"
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#define SENDERS_MAX 16
#define LENGTH_MAX 6000
#define PATIENCE_S 30
#define LAST UINT32_MAX

struct letter { uint32_t sender, number, len; };                   /* before the octets. sender SENDERS_MAX * 2: one that is killed */

static struct sockaddr_un receiver = {.sun_family = AF_UNIX};
static socklen_t receiver_len;
static uint64_t random_state;

static uint32_t below(uint32_t n)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(random_state >> 33) % n;
}

static unsigned char octet_of(const struct letter *l, uint32_t i) { return (unsigned char)((l->sender + l->number * 31 + i) * 0x9e3779b1u >> 24); }

/* ---- senders ---- */

static struct msghdr message_of(unsigned char *buf, const struct letter *l, struct iovec *iov, unsigned char control[CMSG_SPACE(sizeof(int))], int passed)
{
	struct msghdr m = {.msg_iov = iov, .msg_iovlen = 1};
	struct cmsghdr h = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof passed)};
	memcpy(buf, l, sizeof *l);
	for (uint32_t i = 0; i < l->len; i++) buf[sizeof *l + i] = octet_of(l, i);
	*iov = (struct iovec){buf, sizeof *l + l->len};
	if (passed < 0) return m;
	memcpy(control, &h, sizeof h);
	memcpy(control + CMSG_LEN(0), &passed, sizeof passed);
	m.msg_control = control;
	m.msg_controllen = CMSG_SPACE(sizeof passed);
	return m;
}

/* Some wait in the call, some by poll. One that is not connected hears of no room by that. */
static void letter_send(int fd, const struct letter *l, bool connected, int passed)
{
	unsigned char buf[sizeof *l + LENGTH_MAX], control[CMSG_SPACE(sizeof(int))];
	struct iovec iov;
	struct msghdr m = message_of(buf, l, &iov, control, passed);
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	bool polls = connected && below(4) == 0;
	if (!connected) m.msg_name = &receiver, m.msg_namelen = receiver_len;
	for (;;) {
		ssize_t n = sendmsg(fd, &m, polls ? MSG_DONTWAIT : 0);
		if (n == (ssize_t)iov.iov_len) return;
		if (n >= 0 || errno != EAGAIN || !polls) fail("sender %u: %zd: %s", l->sender, n, strerror(errno));
		if (poll(&p, 1, PATIENCE_S * 1000) != 1) fail("sender %u: waits for room for ever", l->sender);
	}
}

static int sender_socket(bool connected)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	if (fd < 0) fail("socket: %s", strerror(errno));
	if (below(2) && bind(fd, (struct sockaddr *)&receiver, sizeof(sa_family_t)) < 0) fail("bind: %s", strerror(errno));
	if (connected && connect(fd, (struct sockaddr *)&receiver, receiver_len) < 0) fail("connect: %s", strerror(errno));
	return fd;
}

static void expect_read(int fd)
{
	int out = 0;
	for (int i = 0; i < PATIENCE_S * 100; i++) {
		if (ioctl(fd, SIOCOUTQ, &out) < 0) fail("SIOCOUTQ: %s", strerror(errno));
		if (out == 0) return;
		usleep(10000);
	}
	fail("%d octets stay in a send buffer", out);
}

static void sender(uint32_t who, time_t end)
{
	int fd[2] = {sender_socket(false), sender_socket(true)}, passed = open("/dev/null", O_RDONLY);
	uint32_t sent[2] = {0};
	random_state += who;
	while (time(NULL) < end) {
		int i = (int)below(2);
		struct letter l = {who * 2 + (uint32_t)i, sent[i]++, below(8) ? below(200) : below(LENGTH_MAX)};
		letter_send(fd[i], &l, i == 1, below(50) == 0 ? passed : -1);
		if (below(300) == 0 && setsockopt(fd[i], SOL_SOCKET, SO_SNDBUF, &(int){(int)below(60000) + 60000}, sizeof(int)) < 0) fail("SO_SNDBUF");
	}
	for (uint32_t i = 0; i < 2; i++) letter_send(fd[i], &(struct letter){who * 2 + i, LAST, 0}, i == 1, -1);
	for (int i = 0; i < 2; i++) expect_read(fd[i]);
	exit(0);
}

static void killed(void)
{
	int fd = sender_socket(false);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (uint32_t n = 0;; n++) letter_send(fd, &(struct letter){SENDERS_MAX * 2, n, below(100)}, false, -1);
}

static void killer(time_t end)
{
	while (time(NULL) < end) {
		pid_t pid = fork();
		if (pid == 0) killed();
		usleep(20000 + below(20000));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	exit(0);
}

/* ---- the receiver ---- */

static void rights_close(struct msghdr *m)
{
	for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h)) {
		int fd;
		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS) continue;
		memcpy(&fd, CMSG_DATA(h), sizeof fd);
		close(fd);
	}
}

static struct letter letter_take(int fd, int flags)
{
	static unsigned char buf[sizeof(struct letter) + LENGTH_MAX];
	unsigned char control[256];
	struct iovec iov = {buf, sizeof buf};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
	struct letter l;
	ssize_t n = recvmsg(fd, &m, flags);
	if (n < (ssize_t)sizeof l) fail("a datagram of %zd octets: %s", n, strerror(errno));
	rights_close(&m);
	memcpy(&l, buf, sizeof l);
	if ((size_t)n != sizeof l + l.len) fail("%zd octets instead of %zu", n, sizeof l + l.len);
	for (uint32_t i = 0; i < l.len; i++)
		if (buf[sizeof l + i] != octet_of(&l, i)) fail("a wrong octet at %u of %u", i, l.len);
	return l;
}

/* What a look says comes next is what comes. */
static struct letter letter_next(int fd)
{
	int first = 0;
	if (below(20)) return letter_take(fd, 0);
	struct letter seen = letter_take(fd, MSG_PEEK);
	if (ioctl(fd, FIONREAD, &first) < 0 || (size_t)first != sizeof seen + seen.len) fail("FIONREAD says %d of a datagram of %zu", first, sizeof seen + seen.len);
	struct letter l = letter_take(fd, 0);
	if (memcmp(&l, &seen, sizeof l) != 0) fail("number %u of %u was seen, and number %u of %u is read", seen.number, seen.sender, l.number, l.sender);
	return l;
}

static uint64_t receive(int fd, uint32_t lines)
{
	uint32_t next[SENDERS_MAX * 2] = {0}, ended = 0;
	uint64_t n = 0;
	int credentials = 0;
	struct pollfd p = {.fd = fd, .events = POLLIN};
	for (; ended < lines; n++) {
		if (poll(&p, 1, PATIENCE_S * 1000) != 1) fail("nothing comes any more, and %u of %u have not ended", lines - ended, lines);
		struct letter l = letter_next(fd);
		if (below(200) == 0 && setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &(int){credentials = !credentials}, sizeof(int)) < 0) fail("SO_PASSCRED");
		if (l.sender == SENDERS_MAX * 2) continue;
		if (l.sender >= lines) fail("there is no sender %u", l.sender);
		if (l.number == LAST) ended++;
		else if (l.number != next[l.sender]++) fail("number %u of %u comes instead of %u", l.number, l.sender, next[l.sender] - 1);
	}
	return n;
}

int main(int argc, char **argv)
{
	uint32_t senders = argc == 4 ? (uint32_t)atoi(argv[3]) : 0;
	if (senders < 1 || senders > SENDERS_MAX) fail("usage: letters SEED SECONDS SENDERS");
	int to = socket(AF_UNIX, SOCK_DGRAM, 0), status;
	time_t end = time(NULL) + atoi(argv[2]);
	random_state = (uint64_t)atoll(argv[1]);
	receiver_len = (socklen_t)offsetof(struct sockaddr_un, sun_path) + 1 + (socklen_t)sprintf(receiver.sun_path + 1, "letters-%d", (int)getpid());
	if (bind(to, (struct sockaddr *)&receiver, receiver_len) < 0) fail("bind: %s", strerror(errno));
	for (uint32_t i = 0; i < senders; i++)
		if (fork() == 0) sender(i, end);
	if (fork() == 0) killer(end);
	printf("%llu letters\n", (unsigned long long)receive(to, senders * 2));
	for (uint32_t i = 0; i < senders + 1; i++) {
		while (recv(to, &status, sizeof status, MSG_DONTWAIT) >= 0) {}       /* of those that were killed */
		if (wait(&status) < 0 || status != 0) fail("a sender ended with %#x", (unsigned)status);
	}
	return 0;
}
