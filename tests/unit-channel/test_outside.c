/* Unix sockets that programs outside find, who may do to the kernel's sockets that stand for them whatever they like. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/inode.h"
#include "channel/atomic.h"
#include "fixture.h"

#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#endif
#define QUEUE_MAX 11          /* datagrams that wait in one socket's queue */

/* What the engine has; what belonged to a call it closes behind the answer. */
static int descriptors(struct fixture *f)
{
	char path[32];
	int n = 0;
	t_sync(&f->h2);
	snprintf(path, sizeof path, "/proc/%d/fd", (int)f->lab.engine);
	DIR *d = opendir(path);
	assert_non_null(d);
	while (readdir(d)) n++;
	closedir(d);
	return n;
}

/* One of ours and one of the kernel's, bound to a path that is gone at once: `place` has it for who sends there. */
struct place { struct tsock s; int kernel, outsider; };

static int64_t bound(struct tsock *s, const struct sockaddr_un *un, struct inode node, int kernel)
{
	struct sockaddr_storage with;
	size_t len = offsetof(struct sockaddr_un, sun_path) + strlen(un->sun_path) + 1;
	memcpy(&with, un, len);
	memcpy((char *)&with + len, &node, sizeof node);
	return t_pass(s, RPC_BIND, &with, len + sizeof node, &kernel, 1);
}

/* The outsider has connected, or has where to send to. */
static struct place place_at(struct tclient *c, int type)
{
	struct place p = {.s = t_socket(c, AF_UNIX, type), .kernel = socket(AF_UNIX, type, 0), .outsider = socket(AF_UNIX, type | SOCK_NONBLOCK, 0)};
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	char dir[] = "/tmp/outside-XXXXXX";
	struct stat st;
	assert_non_null(mkdtemp(dir));
	snprintf(un.sun_path, sizeof un.sun_path, "%s/s", dir);
	assert_int_equal(bind(p.kernel, (struct sockaddr *)&un, sizeof un), 0);
	assert_int_equal(stat(un.sun_path, &st), 0);
	assert_int_equal(bound(&p.s, &un, (struct inode){st.st_dev, st.st_ino}, p.kernel), 0);
	if (type != SOCK_DGRAM) assert_int_equal(t_call(&p.s, RPC_LISTEN, 5, 0, NULL, 0) | listen(p.kernel, 5), 0);
	assert_int_equal(connect(p.outsider, (struct sockaddr *)&un, sizeof un), 0);
	assert_int_equal(unlink(un.sun_path) | rmdir(dir), 0);
	return p;
}

static void place_end(struct place *p)
{
	t_close(&p->s);
	close(p->kernel);
	close(p->outsider);
	t_sync(p->s.c);
}

/* Whoever waits is there to be accepted, from the kernel's socket, and no longer when he has been. */
static void test_accept(void **state)
{
	struct fixture *f = *state;
	struct place p = place_at(&f->h1, SOCK_STREAM);
	struct rpc_request q = {.op = RPC_ACCEPT, .channel = p.s.channel, .generation = p.s.generation};
	struct rpc_reply reply;
	int fd = -1;
	assert_true(t_wait(&p.s, EPOLLIN));
	assert_int_equal(t_request(&f->h1, &q, NULL, 0, &reply, NULL, &fd), 0);
	assert_int_equal(reply.channel, 0);
	int c = accept(fd, NULL, NULL);
	assert_true(c >= 0);
	assert_int_equal(write(c, "x", 1), 1);
	assert_int_equal(read(p.outsider, &(char){0}, 1), 1);
	t_ring(&f->h1, p.s.channel);
	assert_int_equal(t_request(&f->h1, &q, NULL, 0, &reply, NULL, NULL), -EAGAIN);
	assert_int_equal(t_poll(&p.s) & EPOLLIN, 0);
	close(c);
	close(fd);
	place_end(&p);
}

/* A listener whose kernel's socket is accepted from, shut and closed past the engine. */
static void test_taken_away(void **state)
{
	struct fixture *f = *state;
	struct place p = place_at(&f->h1, SOCK_STREAM);
	int flags = fcntl(p.kernel, F_GETFL), c = accept(p.kernel, NULL, NULL);
	assert_int_equal(fcntl(p.kernel, F_SETFL, flags & ~O_NONBLOCK), 0);
	t_call(&p.s, RPC_ACCEPT, 0, 0, NULL, 0);
	assert_int_equal(shutdown(p.kernel, SHUT_RDWR), 0);
	t_sync(&f->h1);
	t_ring(&f->h1, p.s.channel);
	t_sync(&f->h2);
	assert_int_equal(t_call(&p.s, RPC_SHUTDOWN, SHUT_RDWR, 0, NULL, 0), 0);
	close(c);
	place_end(&p);
}

static int64_t received(struct tsock *s, char *ret, size_t size)
{
	struct rpc_request q = {.op = RPC_RECV, .channel = s->channel, .generation = s->generation, .arg = {MSG_DONTWAIT, (int64_t)size, 1000}};
	static uint8_t out[RPC_OUT_MAX];
	struct rpc_reply reply;
	struct rpc_recv h;
	int64_t n = t_request(s->c, &q, NULL, 0, &reply, out, NULL);
	if (n < 0) return n;
	memcpy(&h, out, sizeof h);
	memcpy(ret, out + sizeof h + h.name_len + h.control_len, MIN(h.data_len, size));
	return n;
}

/* A flood stays where it comes from, and none of it is lost or changes places; others are served meanwhile. */
static void test_flood(void **state)
{
	struct fixture *f = *state;
	struct place p = place_at(&f->h1, SOCK_DGRAM);
	int sent = 0, got = 0;
	char text[16];
	for (int rounds = 0; rounds < 50; rounds++) {
		for (; snprintf(text, sizeof text, "%d", sent), send(p.outsider, text, strlen(text), 0) > 0; sent++) {}
		assert_int_equal(errno, EAGAIN);
		t_sync(&f->h2);
		for (int i = 0; i < 3; i++, got++) {
			memset(text, 0, sizeof text);
			assert_true(received(&p.s, text, sizeof text - 1) > 0);
			assert_int_equal(atoi(text), got);
		}
	}
	assert_true(sent >= got + QUEUE_MAX);
	while (received(&p.s, text, sizeof text) > 0) got++;
	assert_int_equal(got, sent);
	place_end(&p);
}

/* What comes beside the messages is kept no longer than they are, also what nobody has asked for. */
static void test_descriptors(void **state)
{
	struct fixture *f = *state;
	struct place p = place_at(&f->h1, SOCK_DGRAM);
	int before = descriptors(f), on = 1, file = open("/", O_PATH);
	union { struct cmsghdr align; char octets[CMSG_SPACE(sizeof file)]; } control;
	struct iovec iov = {"x", 1};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	char octet;
	control.align = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof file), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
	memcpy(CMSG_DATA(&control.align), &file, sizeof file);
	setsockopt(p.kernel, SOL_SOCKET, SO_PASSPIDFD, &on, sizeof on);     /* kernels that have no such option send no such descriptors */
	for (int i = 0; i < 100; i++) {
		assert_int_equal(sendmsg(p.outsider, &m, 0), 1);
		assert_int_equal(received(&p.s, &octet, 1), 1);
	}
	assert_true(descriptors(f) <= before);
	for (int i = 0; i < QUEUE_MAX; i++) assert_int_equal(sendmsg(p.outsider, &m, 0), 1);
	t_sync(&f->h1);
	assert_int_equal(descriptors(f), before + QUEUE_MAX);
	place_end(&p);
	assert_true(descriptors(f) < before);
	close(file);
}

/* What is given for the kernel's Unix socket and is none is refused, and not kept; a socket of another family has no outside. */
static void test_strange_ones(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "/x"};
	struct tsock s = t_socket(&f->h1, AF_UNIX, SOCK_DGRAM), other = t_socket(&f->h1, AF_INET, SOCK_DGRAM);
	int before = descriptors(f), strange[4] = {epoll_create1(0), socket(AF_INET, SOCK_DGRAM, 0)};
	assert_int_equal(pipe(strange + 2), 0);
	for (size_t i = 0; i < ARRAY_SIZE(strange); i++) assert_int_equal(bound(&s, &un, (struct inode){1, 2}, strange[i]), -EINVAL);
	assert_int_equal(t_call(&s, RPC_GETPEERNAME, 0, 0, NULL, 0), -ENOTCONN);
	assert_int_equal(t_call(&other, RPC_OUTSIDE, OUTSIDE_LEAVES, 0, NULL, 0), -EOPNOTSUPP);
	for (int what = OUTSIDE_SENDS; what <= OUTSIDE_STAYS + 1; what++) assert_int_equal(t_call(&s, RPC_OUTSIDE, what, 0, NULL, 0), 0);
	assert_int_equal(descriptors(f), before);
	for (size_t i = 0; i < ARRAY_SIZE(strange); i++) close(strange[i]);
	t_close(&s);
	t_close(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_accept, fixture_new, fixture_free),
		cmocka_unit_test_setup_teardown(test_taken_away, fixture_new, fixture_free),
		cmocka_unit_test_setup_teardown(test_flood, fixture_new, fixture_free),
		cmocka_unit_test_setup_teardown(test_descriptors, fixture_new, fixture_free),
		cmocka_unit_test_setup_teardown(test_strange_ones, fixture_new, fixture_free),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
