/*
 * Sockets one after another, and which epoll file each is put into: where its listener is or the last socket was, as most programs do, or into another, or
 * into none. No report may come of what a set does not have, and none be missed of what it has, whenever the octets came.
 */
#include "say_epoll.h"

struct server { int listener, own, other; socklen_t len; struct sockaddr_storage at; };   /* own: where the listener is */

static void server_start(struct server *v)
{
	v->listener = MUST(socket(AF_INET, SOCK_STREAM, 0));
	v->at = (struct sockaddr_storage){ .ss_family = AF_INET };
	v->len = sizeof(struct sockaddr_in);
	((struct sockaddr_in *)&v->at)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	MUST(bind(v->listener, (struct sockaddr *)&v->at, v->len));
	MUST(listen(v->listener, 8));
	MUST(getsockname(v->listener, (struct sockaddr *)&v->at, &v->len));
	v->own = MUST(epoll_create1(0));
	v->other = MUST(epoll_create1(0));
	MUST(ctl(v->own, EPOLL_CTL_ADD, v->listener, EPOLLIN, 1));
}

static void server_end(struct server *v) { CLOSE(v->listener, v->own, v->other); }

static int client_of(struct server *v)
{
	int fd = MUST(socket(AF_INET, SOCK_STREAM, 0));

	MUST(connect(fd, (struct sockaddr *)&v->at, v->len));
	return fd;
}

static int accept_said(struct server *v)
{
	say_wait("listener", v->own);
	return MUST(accept(v->listener, NULL, NULL));
}

/* What a set says of one connection whose socket is in set `in` and not in set `out`; early: before it was put there. */
static void one_life(struct server *v, int in, int out, unsigned events, bool early)
{
	int c = client_of(v), fd = accept_said(v);
	char octet;

	if (early) {
		send_one(c);
		say_wait("own, early", v->own);
		say_wait("other, early", v->other);
	}
	MUST(ctl(in, EPOLL_CTL_ADD, fd, events, 2));
	say_wait("in, put there", in);
	send_one(c);
	say_wait("in, an octet", in);
	say_wait("in, again", in);
	say_wait("out", out);
	MUST(read(fd, &octet, 1));
	say_wait("in, read", in);
	send_one(c);
	say_wait("in, one more", in);
	say_wait("out, one more", out);
	close(c);
	say_wait("in, closed", in);
	say_wait("out, closed", out);
	close(fd);
	say_wait("in, gone", in);
	say_wait("out, gone", out);
}

/* Often enough that whatever is learned from one is used, and given up where it is wrong. */
static void accepted(void)
{
	for (int edge = 0; edge < 2; edge++) {
		struct server v;

		server_start(&v);
		for (int i = 0; i < 60; i++) {
			bool same = i < 10 || i >= 50, early = i % 3 == 2;

			say_about("accepted %d into %s%s%s", i, same ? "the listener's set" : "another", edge ? ", edges" : "", early ? ", early" : "");
			one_life(&v, same ? v.own : v.other, same ? v.other : v.own, EPOLLIN | EPOLLRDHUP | (edge ? (unsigned)EPOLLET : 0u), early);
		}
		server_end(&v);
	}
}

static void accepted_into_none(void)
{
	struct server v;

	server_start(&v);
	for (int i = 0; i < 30; i++) {
		char octet;

		say_about("accepted into no set %d", i);
		int c = client_of(&v), fd = accept_said(&v);
		for (int j = 0; j < 3; j++) {
			send_one(c);
			say_wait("own", v.own);
			MUST(read(fd, &octet, 1));
		}
		CLOSE(c, fd);
		say_wait("own, closed", v.own);
	}
	server_end(&v);
}

/* Clients: the next socket() is put where the last one was, or elsewhere, before or after it connects. */
static void made(void)
{
	struct server v;
	int a, b;

	server_start(&v);
	a = MUST(epoll_create1(0));
	b = MUST(epoll_create1(0));
	for (int i = 0; i < 60; i++) {
		int set = i % 20 < 10 ? a : b, fd = MUST(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
		char octet;

		say_about("made %d", i);
		say_wait("a, new", a);
		say_wait("b, new", b);
		if (i % 2) {
			MUST(ctl(set, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLOUT, 3));
			say_wait("set, unconnected", set);
		}
		if (connect(fd, (struct sockaddr *)&v.at, v.len) < 0 && errno != EINPROGRESS)
			say("connect", "%s", say_errno(errno));
		int s = accept_said(&v);
		if (i % 2 == 0)
			MUST(ctl(set, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLOUT, 3));
		say_wait("set", set);
		send_one(s);
		say_wait("a", a);
		say_wait("b", b);
		MUST(read(fd, &octet, 1));
		if (i % 5 == 0)
			MUST(ctl(set, EPOLL_CTL_DEL, fd, 0, 0));
		send_one(s);
		say_wait("a, more", a);
		say_wait("b, more", b);
		CLOSE(fd, s);
	}
	CLOSE(a, b);
	server_end(&v);
}

/* A listener in one set and its connections in a child's: the parent's says nothing of them. */
static void accepted_by_a_child(void)
{
	struct server v;
	int turn[2], back[2];
	char octet;

	say_about("accepted by a child");
	server_start(&v);
	MUST(pipe(turn));
	MUST(pipe(back));
	pid_t pid = begin();
	if (pid == 0) {
		for (int i = 0; i < 20; i++) {
			hear(turn[0]);
			int fd = MUST(accept(v.listener, NULL, NULL));
			tell(back[1]);
			MUST(read(fd, &octet, 1));
			tell(back[1]);
			hear(turn[0]);
			close(fd);
		}
		leave();
	}
	for (int i = 0; i < 20; i++) {
		int c = client_of(&v);

		say_wait("listener", v.own);
		tell(turn[1]);
		hear(back[0]);
		send_one(c);
		hear(back[0]);
		say_wait("parent", v.own);
		close(c);
		tell(turn[1]);
	}
	end(pid);
	CLOSE(turn[0], turn[1], back[0], back[1]);
	server_end(&v);
}

int main(void)
{
	say_start();
	accepted();
	accepted_into_none();
	made();
	accepted_by_a_child();
	return 0;
}
