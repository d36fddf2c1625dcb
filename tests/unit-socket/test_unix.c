/* Unix sockets in the core: names and whose they are, queues and who pays for them, what is in flight. Their calls are compared with the kernel's in tests/conform. */
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/un.h>
#include "stack/unix/unix.h"
#include "world.h"

static struct name abstract(const char *text)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct name n = {.len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(text))};

	memcpy(un.sun_path + 1, text, strlen(text));
	memcpy(&n.ss, &un, sizeof un);
	return n;
}

/* A path with the inode that it leads to. */
static struct name path(const char *text, uint64_t ino)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct inode node = {.dev = 1, .ino = ino};
	struct name n = {.len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(text) + 1)};

	strcpy(un.sun_path, text);
	memcpy(&n.ss, &un, n.len);
	memcpy((char *)&n.ss + n.len, &node, sizeof node);
	n.len += (socklen_t)sizeof node;
	return n;
}

static struct sock *made(struct stack *s, int type)
{
	struct sock *sk = sock_make(s, AF_UNIX, type, 0);

	unix_act_as(sk, &(struct unix_caller){.effective = {.pid = 7, .uid = 8, .gid = 9}, .real = {.pid = 7, .uid = 8, .gid = 9}});
	return sk;
}

static struct sock *listening(struct stack *s, int type, struct name n, int backlog)
{
	struct sock *sk = made(s, type);

	assert_int_equal(do_bind(sk, n), 0);
	assert_int_equal(sock_listen(sk, backlog), 0);
	return sk;
}

static void pair(struct stack *s, int type, struct sock *fd[2])
{
	struct sock *l = listening(s, type, abstract("pair"), 1);

	fd[0] = made(s, type);
	assert_int_equal(do_connect(fd[0], abstract("pair")), 0);
	assert_int_equal(sock_accept(l, &fd[1]), 0);
	sock_close(l);
}

static void test_names(void **state)
{
	struct world *w = *state;
	struct sock *a = made(w->a, SOCK_DGRAM), *b = made(w->b, SOCK_DGRAM), *c = made(w->a, SOCK_DGRAM), *d = made(w->a, SOCK_STREAM);

	assert_int_equal(do_bind(a, abstract("x")), 0);
	assert_int_equal(do_bind(c, abstract("x")), -EADDRINUSE);
	assert_int_equal(do_bind(a, abstract("y")), -EINVAL);
	assert_int_equal(do_bind(b, abstract("x")), 0);         /* another host's */
	assert_int_equal(do_bind(d, abstract("x")), 0);         /* another type's */
	assert_name(local_name(a), abstract("x"));
	assert_int_equal(do_connect(c, abstract("y")), -ECONNREFUSED);
	sock_close(a);
	assert_int_equal(do_bind(c, abstract("x")), 0);
}

/* Paths lead to inodes, whatever they are called, and past the host's border when the hosts share them. */
static void test_paths(void **state)
{
	struct world *w = *state;
	struct sock *l = listening(w->a, SOCK_STREAM, path("/one", 5), 3), *c = made(w->b, SOCK_STREAM), *other, *dgram = made(w->a, SOCK_DGRAM);
	char buf[8];

	assert_int_equal(do_connect(c, path("/two", 5)), -EREMOTE);
	sock_close(l);
	unix_share_paths(w->b, w->a);
	l = listening(w->a, SOCK_STREAM, path("/one", 5), 3);
	assert_int_equal(do_connect(dgram, path("/one", 5)), -EPROTOTYPE);
	assert_int_equal(do_connect(c, path("/one", 6)), -EREMOTE);
	assert_int_equal(do_connect(c, path("/two", 5)), 0);
	assert_int_equal(sock_accept(l, &other), 0);
	assert_ptr_equal(other->stack, w->a);
	assert_int_equal(do_send(c, "abc", 3), 3);
	assert_int_equal(do_recv(other, buf, sizeof buf, 0), 3);
	struct name shown = peer_name(c), want = path("/one", 5);
	want.len -= (socklen_t)sizeof(struct inode);
	assert_int_equal(shown.len, want.len);
	assert_memory_equal(&shown.ss, &want.ss, want.len);
}

static void test_backlog(void **state)
{
	struct world *w = *state;
	struct sock *l = listening(w->a, SOCK_SEQPACKET, abstract("l"), 1), *c[3], *a;

	for (int i = 0; i < 3; i++) {
		c[i] = made(w->a, SOCK_SEQPACKET);
		assert_int_equal(do_connect(c[i], abstract("l")), i < 2 ? 0 : -EAGAIN);
	}
	assert_int_equal(sock_accept(l, &a), 0);
	assert_int_equal(do_connect(c[2], abstract("l")), 0);
	sock_close(l);                                          /* with two in its queue */
	assert_int_equal(do_send(c[0], "x", 1), 1);
	assert_int_equal(do_send(c[1], "x", 1), -ECONNRESET);
	assert_int_equal(do_send(c[1], "x", 1), -EPIPE);
}

/* A sender pays until its octets are read; who closes gives nothing back that isn't his. */
static void test_accounts(void **state)
{
	struct world *w = *state;
	struct sock *fd[2];
	static char buf[100000];
	ssize_t n, total = 0;

	pair(w->a, SOCK_STREAM, fd);
	assert_int_equal(set_int(fd[0], SOL_SOCKET, SO_SNDBUF, 20000), 0);
	while ((n = do_send(fd[0], buf, 5000)) > 0) total += n;
	assert_int_equal(n, -EAGAIN);
	assert_true(total >= 20000 && total <= 60000);
	assert_false(sock_poll(fd[0]) & EPOLLOUT);
	assert_int_equal(do_recv(fd[1], buf, sizeof buf, 0), total);
	assert_true(sock_poll(fd[0]) & EPOLLOUT);
	assert_int_equal(do_send(fd[0], buf, 10), 10);
	sock_close(fd[0]);                                      /* what it sent is still there */
	assert_int_equal(do_recv(fd[1], buf, sizeof buf, 0), 10);
	assert_int_equal(do_recv(fd[1], buf, sizeof buf, 0), 0);
}

static void test_queue_limit(void **state)
{
	struct world *w = *state;
	struct sock *to = made(w->a, SOCK_DGRAM), *from = made(w->a, SOCK_DGRAM);
	char buf[8];
	int fit = 0;

	assert_int_equal(do_bind(to, abstract("to")), 0);
	assert_int_equal(do_connect(from, abstract("to")), 0);
	while (do_send(from, "x", 1) == 1) fit++;
	assert_int_equal(fit, 11);                              /* max_dgram_qlen + 1 */
	assert_false(sock_poll(from) & EPOLLOUT);
	assert_int_equal(do_recv(to, buf, sizeof buf, 0), 1);
	assert_true(sock_poll(from) & EPOLLOUT);
	sock_close(to);
	assert_int_equal(do_send(from, "x", 1), -ECONNREFUSED);
	assert_int_equal(do_send(from, "x", 1), -ENOTCONN);
}

/* ---- in flight ---- */

static int freed;

static void count_free(struct sock_rights *r)
{
	freed++;
	free(r);
}

static void send_rights(struct sock *sk, const char *text)
{
	struct sock_rights *r = malloc(sizeof *r);
	struct sock_msg m = {.data = (void *)text, .len = strlen(text), .rights = r};

	*r = (struct sock_rights){.refs = 1, .free = count_free};
	assert_int_equal(sock_send(sk, &m), strlen(text));
	sock_rights_unref(r);
}

static ssize_t recv_rights(struct sock *sk, int flags, bool *ret_came)
{
	char buf[16];
	struct sock_msg m = {.data = buf, .len = sizeof buf, .flags = flags};
	ssize_t n = sock_recv(sk, &m);

	*ret_came = m.rights != NULL;
	sock_rights_unref(m.rights);
	return n;
}

static void test_rights(void **state)
{
	struct world *w = *state;
	struct sock *fd[2];
	bool came;

	freed = 0;
	pair(w->a, SOCK_STREAM, fd);
	send_rights(fd[0], "abc");
	assert_int_equal(recv_rights(fd[1], MSG_PEEK, &came), 3);
	assert_true(came);
	assert_int_equal(freed, 0);                             /* a peek leaves them */
	assert_int_equal(recv_rights(fd[1], 0, &came), 3);
	assert_true(came);
	assert_int_equal(freed, 1);
	send_rights(fd[0], "de");
	send_rights(fd[0], "fg");
	assert_int_equal(recv_rights(fd[1], 0, &came), 2);      /* never past one that carried some */
	sock_close(fd[1]);
	assert_int_equal(freed, 3);                             /* unread ones go with the queue */
}

/* The host has something against these: Linux says so once there is room, and before it looks who would receive them. */
static void test_rights_refused(void **state)
{
	struct world *w = *state;
	struct sock_rights r = {.refs = 1, .err = -ETOOMANYREFS};
	struct sock_msg m = {.data = "x", .len = 1, .rights = &r};
	struct sock *fd[2];

	pair(w->a, SOCK_STREAM, fd);
	assert_int_equal(sock_send(fd[0], &m), -ETOOMANYREFS);
	m.unread = true;
	assert_int_equal(sock_send(fd[0], &m), -ETOOMANYREFS);
	assert_int_equal(sock_poll(fd[1]) & EPOLLIN, 0);
	assert_int_equal(sock_shutdown(fd[0], SHUT_WR), 0);
	assert_int_equal(sock_send(fd[0], &m), -EPIPE);
	fd[0] = made(w->a, SOCK_DGRAM);
	m.unread = false;
	assert_int_equal(sock_send(fd[0], &m), -ETOOMANYREFS);
	m.len = (size_t)1 << 20;
	assert_int_equal(sock_send(fd[0], &m), -EMSGSIZE);
	assert_int_equal(r.refs, 1);
}

static void test_credentials(void **state)
{
	struct world *w = *state;
	struct sock *fd[2];
	struct ucred u = {0}, mine = {.pid = 7, .uid = 8, .gid = 9};
	socklen_t len = sizeof u;
	struct sock_msg m;

	pair(w->a, SOCK_SEQPACKET, fd);
	assert_int_equal(sock_getsockopt(fd[1], SOL_SOCKET, SO_PEERCRED, &u, &len), 0);
	assert_memory_equal(&u, &mine, sizeof u);
	assert_int_equal(set_int(fd[1], SOL_SOCKET, SO_PASSCRED, 1), 0);
	assert_int_equal(do_send(fd[0], "x", 1), 1);
	assert_int_equal(do_recvmsg(fd[1], 0, &m), 1);
	assert_int_equal(control_of(&m, SOL_SOCKET, SCM_CREDENTIALS, &u, sizeof u), sizeof u);
	assert_memory_equal(&u, &mine, sizeof u);
}

static int from_outside(struct sock *to, const char *text, struct sock_rights *r, bool cut)
{
	const struct sockaddr_un from = {.sun_family = AF_UNIX, .sun_path = "/there"};
	const struct unix_outside_message m = {.from = &from, .from_len = offsetof(struct sockaddr_un, sun_path) + 7, .data = text, .len = (uint32_t)strlen(text),
					       .rights = r, .cred = {.pid = 1, .uid = 2, .gid = 3}, .cut = cut};

	return unix_outside_may_send(to) ? unix_outside_send(to, &m) : -EAGAIN;
}

static int told;

static void tell(void *host, struct sock *sk) { (void)host, (void)sk, told++; }

/* One message read is room for one of those who wait; after the last, who was told before may have given up. */
static void test_room_for_one(void **state)
{
	struct world *w = *state;
	struct host_ops ops = *w->a->ops;
	const struct host_ops *before = w->a->ops;
	struct sock *to = made(w->a, SOCK_DGRAM), *from[3];
	char buf[8];

	assert_int_equal(do_bind(to, abstract("to")), 0);
	while (from_outside(to, "one", NULL, false) == 0) {}
	for (int i = 0; i < 3; i++) {
		from[i] = made(w->a, SOCK_DGRAM);
		from[i]->user = from[i];
		assert_int_equal(do_connect(from[i], abstract("to")), 0);
		assert_int_equal(do_send(from[i], "own", 3), -EAGAIN);
		assert_int_equal(do_connect(from[i], (struct name){.ss.ss_family = AF_UNSPEC, .len = sizeof(sa_family_t)}), 0);
	}
	ops.ready = tell;
	w->a->ops = &ops;
	told = 0;
	do_recv(to, buf, sizeof buf, 0);
	assert_int_equal(told, 1);
	for (int i = 0; i < 8; i++) do_recv(to, buf, sizeof buf, 0);
	assert_int_equal(told, 3);
	w->a->ops = before;
}

/* Those who are none of the network's: their datagrams take places in the queue like all others, and are charged to nobody. */
static void test_outside_datagrams(void **state)
{
	struct world *w = *state;
	struct sock *to = made(w->a, SOCK_DGRAM), *from = made(w->a, SOCK_DGRAM), *l = listening(w->a, SOCK_STREAM, abstract("l"), 1);
	struct sockaddr_storage name;
	char buf[8];
	struct sock_msg m = {.data = buf, .len = sizeof buf, .name = &name, .name_len = sizeof name, .flags = MSG_DONTWAIT};
	int fit = 0;

	assert_int_equal(do_bind(to, path("/here", 5)), 0);
	assert_int_equal(from_outside(to, "first", NULL, true), 0);
	assert_int_equal(do_connect(from, path("/here", 5)), 0);
	assert_int_equal(do_send(from, "own", 3), 3);
	while (from_outside(to, "more", NULL, false) == 0) fit++;
	assert_int_equal(fit, 9);                               /* with the two before, max_dgram_qlen + 1 */
	assert_int_equal(do_send(from, "own", 3), -EAGAIN);
	assert_int_equal(sock_recv(to, &m), 5);
	assert_int_equal(m.flags, MSG_CTRUNC);
	assert_string_equal(((struct sockaddr_un *)&name)->sun_path, "/there");
	assert_int_equal(m.name_len, offsetof(struct sockaddr_un, sun_path) + 7);
	assert_int_equal(from_outside(to, "again", NULL, false), 0);
	assert_int_equal(do_connect(to, path("/here", 5)), 0);
	for (int i = 0; i < 5; i++) do_recv(to, buf, sizeof buf, 0);
	assert_int_equal(from_outside(to, "a stranger", NULL, false), -EAGAIN);
	assert_int_equal(from_outside(l, "a stream", NULL, false), -EAGAIN);
	unix_outside_waits(l, true);
	assert_true(sock_poll(l) & EPOLLIN);
	unix_outside_waits(l, false);
	assert_false(sock_poll(l) & EPOLLIN);
}

/* As Linux says by SIOCOUTQ. */
static void test_charge(void **state)
{
	static const uint32_t all[][2] = {{0, 768}, {192, 768}, {193, 1280}, {704, 1280}, {705, 2304}, {3776, 4352}, {3777, 8448}, {7873, 16640}, {16064, 16640},
					  {16065, 20736}, {32000, 33024}, {65536, 69888}, {100000, 102656}, {106000, 135424}, {200000, 200960}};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) assert_int_equal(unix_charge(all[i][0]), all[i][1]);
}

/* For a host that carries octets past the stack: when it may, and what comes back of them. */
static void test_past(void **state)
{
	struct world *w = *state;
	struct sock *fd[2] = {made(w->a, SOCK_STREAM), made(w->a, SOCK_STREAM)}, *alone = made(w->a, SOCK_STREAM), *other[2];
	const struct iovec past[2] = {{"pa", 2}, {"st", 2}};
	char buf[16];
	int queued;

	unix_pair(fd[0], fd[1]);
	assert_ptr_equal(unix_other_end(fd[0]), fd[1]);
	assert_ptr_equal(unix_other_end(fd[1]), fd[0]);
	assert_null(unix_other_end(alone));
	assert_true(unix_goes_past(fd[0], fd[1]) && unix_goes_past(fd[1], fd[0]) && unix_is_read(fd[0], fd[1]));
	/* What was taken back comes before what is sent then, and is its sender's to pay for. */
	assert_int_equal(unix_recall(fd[0], fd[1], past), 0);
	assert_int_equal(do_send(fd[0], "sent", 4), 4);
	assert_false(unix_is_read(fd[0], fd[1]));
	assert_int_equal(sock_ioctl(fd[0], SIOCOUTQ, &queued, sizeof queued), 0);
	assert_int_equal(queued, 2 * unix_charge(4));
	assert_int_equal(do_recv(fd[1], buf, sizeof buf, 0), 8);
	assert_memory_equal(buf, "pastsent", 8);
	/* Of messages each one by itself; of datagrams those that are connected to each other. */
	for (int type = SOCK_DGRAM; type <= SOCK_SEQPACKET; type += SOCK_SEQPACKET - SOCK_DGRAM) {
		other[0] = made(w->a, type), other[1] = made(w->a, type);
		assert_null(unix_other_end(other[0]));
		unix_pair(other[0], other[1]);
		assert_ptr_equal(unix_other_end(other[0]), other[1]);
		assert_int_equal(unix_recall(other[0], other[1], past) | unix_recall(other[0], other[1], past), 0);
		assert_int_equal(do_recv(other[1], buf, sizeof buf, 0), 4);
		assert_false(unix_is_read(other[0], other[1]));
		assert_int_equal(do_recv(other[1], buf, sizeof buf, 0), 4);
		assert_true(unix_is_read(other[0], other[1]));
	}
	/* Each option and each half concerns the ways that it touches. */
	assert_int_equal(set_int(fd[0], SOL_SOCKET, SO_PEEK_OFF, 0), 0);
	assert_true(unix_goes_past(fd[0], fd[1]) && !unix_goes_past(fd[1], fd[0]));
	assert_int_equal(set_int(fd[0], SOL_SOCKET, SO_PEEK_OFF, -1), 0);
	assert_int_equal(set_int(fd[0], SOL_SOCKET, SO_PASSCRED, 1), 0);
	assert_false(unix_goes_past(fd[0], fd[1]) || unix_goes_past(fd[1], fd[0]));
	assert_int_equal(set_int(fd[0], SOL_SOCKET, SO_PASSCRED, 0), 0);
	assert_int_equal(sock_shutdown(fd[0], SHUT_WR), 0);
	assert_true(!unix_goes_past(fd[0], fd[1]) && unix_goes_past(fd[1], fd[0]));
	/* Unread octets reset, wherever they lie. */
	fd[0]->lent = 1;
	sock_close(fd[0]);
	assert_int_equal(sock_take_error(fd[1]), ECONNRESET);
	assert_null(unix_other_end(fd[1]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(test_names),
		WORLD_TEST(test_paths),
		WORLD_TEST(test_backlog),
		WORLD_TEST(test_accounts),
		WORLD_TEST(test_room_for_one), WORLD_TEST(test_outside_datagrams),
		cmocka_unit_test(test_charge),
		WORLD_TEST(test_queue_limit),
		WORLD_TEST(test_rights), WORLD_TEST(test_rights_refused),
		WORLD_TEST(test_credentials),
		WORLD_TEST(test_past),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
