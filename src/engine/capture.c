/*
 * Captures: what a tap on the net's links sees goes to a command line as a pcapng stream.
 *
 *     link --tap--> view? --block--> buffer (1 MiB) --at the end of each turn--> socketpair --> sockland cap
 *
 * Nothing waits: what does not fit in the buffer is counted, and the next block that fits says how many were missed before it. The engine makes the
 * pair itself and sends with MSG_DONTWAIT, so that no flag which the reader sets on its end can stop us. When the reader shuts its direction, it gets
 * what waits, how many were missed since, and the end; when it is gone, the capture ends.
 *
 * A frame of a link is shown once, where it leaves an end, and once more where it is dropped on arrival. An interface shows what its host would
 * see, and what the link dropped on its way there. Of a switch every frame is shown where it enters.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "engine/private.h"
#include "host/pcapng.h"

#define BUFFER_SIZE ((size_t)1 << 20)
#define CAPTURES_MAX 64
#define NAME_MAX_HERE 96

/* One end of a cable: an interface of the capture, by its place in views[]. */
struct view { const struct net_link *cable; unsigned end; };

enum capture_of { CAPTURE_INTERFACE, CAPTURE_LINK, CAPTURE_SWITCH };
struct capture {
	struct source source;
	struct list node;
	enum capture_of of;
	int fd;
	struct account *account;           /* with fd */
	uint8_t *buf;
	size_t start, len;
	uint64_t missed;
	bool ending;
	size_t n_views;
	struct view views[];
};

/* ---- the stream ---- */

/* What the reader takes now; false when it is gone. */
static bool flush(struct capture *c)
{
	while (c->len > 0) {
		ssize_t n = send(c->fd, c->buf + c->start, c->len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0) return errno == EAGAIN;
		c->start += (size_t)n;
		c->len -= (size_t)n;
	}
	c->start = 0;
	return true;
}

/* Room behind what waits; *ret_size octets. */
static uint8_t *room(struct capture *c, size_t *ret_size)
{
	if (c->start > BUFFER_SIZE / 2) {
		memmove(c->buf, c->buf + c->start, c->len);
		c->start = 0;
	}
	*ret_size = BUFFER_SIZE - c->start - c->len;
	return c->buf + c->start + c->len;
}

static uint16_t linktype_of(const struct netif *nif) { return nif && nif->kind != NETIF_ETHERNET ? PCAPNG_RAW_IP : PCAPNG_ETHERNET; }

/* The link type of all its frames. */
static uint16_t write_head(struct capture *c)
{
	char name[NAME_MAX_HERE];
	size_t size;
	uint16_t linktype = PCAPNG_ETHERNET;
	uint8_t *to = room(c, &size);
	c->len += pcapng_section(to, size, "sockland");
	for (size_t i = 0; i < c->n_views; i++) {
		const struct netif *nif = net_link_netif(c->views[i].cable, c->views[i].end);
		linktype = linktype_of(nif);
		net_link_end_text(c->views[i].cable, c->views[i].end, name, sizeof name);
		to = room(c, &size);
		c->len += pcapng_interface(to, size, linktype, name, nif && linktype == PCAPNG_ETHERNET ? &nif->mac : NULL);
	}
	return linktype;
}

static void write_end(struct engine *e, struct capture *c)
{
	size_t size;
	uint8_t *to = room(c, &size);
	if (c->missed) c->len += pcapng_statistics(to, size, 0, e->now + e->real_offset, c->missed);
	c->missed = 0;
}

/* What the link did, for people to read; NULL when nothing. */
static const char *comment_of(const struct net_frame *f, char *buf, size_t size)
{
	if (f->dropped == DROP_NONE && f->did == 0) return NULL;
	snprintf(buf, size, "%s%s%s%s%s%s", f->dropped != DROP_NONE ? "dropped: " : "", f->dropped != DROP_NONE ? drop_text(f->dropped) : "link:",
		 f->did & FRAME_DUPLICATE ? " duplicate" : "", f->did & FRAME_CORRUPTED ? " bit flipped" : "", f->did & FRAME_REORDERED ? " reordered" : "",
		 f->did & FRAME_MARKED ? " marked" : "");
	return buf;
}

static void write_frame(struct engine *e, struct capture *c, uint32_t view, const struct net_frame *f)
{
	char comment[160];
	size_t size;
	uint8_t *to = room(c, &size);
	const struct pcapng_packet p = {.interface = view, .when = f->when + e->real_offset, .data = f->p->data, .len = f->p->len, .inbound = !f->sent,
					.comment = comment_of(f, comment, sizeof comment), .missed = c->missed};
	size_t n = pcapng_packet(to, size, &p);
	c->missed = n ? 0 : c->missed + 1;
	c->len += n;
}

/* ---- what is seen ---- */

static bool is_shown(const struct capture *c, const struct view *v, const struct net_frame *f)
{
	bool here = f->end == v->end, dropped = f->dropped != DROP_NONE;
	if (f->link != v->cable) return false;
	/* A loopback's frames leave and arrive at the same end. */
	if (net_link_ends(f->link) == 1) return dropped || !f->sent;
	if (c->of == CAPTURE_INTERFACE) return here || (dropped && f->sent);
	if (c->of == CAPTURE_LINK) return here && (dropped || f->sent);
	return dropped || (here && f->sent);
}

void captures_tap(void *engine, const struct net_frame *f)
{
	struct engine *e = engine;
	list_each(struct capture, c, &e->captures, node)
		for (uint32_t i = 0; i < c->n_views; i++) {
			if (c->ending || !is_shown(c, &c->views[i], f)) continue;
			write_frame(e, c, i, f);
			break;
		}
}

bool captures_watch(void *engine, const struct net_link *cable)
{
	struct engine *e = engine;
	list_each(struct capture, c, &e->captures, node)
		for (size_t i = 0; i < c->n_views; i++)
			if (!c->ending && c->views[i].cable == cable) return true;
	return false;
}

/* ---- what a name means ---- */

static struct capture *capture_new(enum capture_of of, size_t views_max)
{
	struct capture *c = calloc(1, sizeof *c + views_max * sizeof *c->views);
	if (!c) return NULL;
	c->of = of;
	c->fd = -1;
	c->source.kind = SOURCE_CAPTURE;
	list_init(&c->source.ready);
	list_init(&c->node);
	return c;
}

static struct capture *of_interface(struct net *n, const char *name)
{
	char text[NAME_MAX_HERE];
	for (struct net_link *l = net_link_next(n, NULL); l; l = net_link_next(n, l))
		for (unsigned end = 0; end < net_link_ends(l); end++) {
			if (!net_link_netif(l, end)) continue;
			net_link_end_text(l, end, text, sizeof text);
			if (strcmp(text, name) != 0) continue;
			struct capture *c = capture_new(CAPTURE_INTERFACE, 1);
			if (c) c->views[c->n_views++] = (struct view){l, end};
			return c;
		}
	return NULL;
}

static struct capture *of_link(const struct net_link *l)
{
	struct capture *c = capture_new(CAPTURE_LINK, 2);
	for (unsigned end = 0; c && end < net_link_ends(l); end++) c->views[c->n_views++] = (struct view){l, end};
	return c;
}

/* The far end of every cable that is plugged into it. */
static struct capture *of_switch(struct net *n, const struct net_link *sw)
{
	size_t links = 0;
	for (struct net_link *l = net_link_next(n, NULL); l; l = net_link_next(n, l)) links++;
	struct capture *c = capture_new(CAPTURE_SWITCH, links);
	for (struct net_link *l = net_link_next(n, NULL); c && l; l = net_link_next(n, l))
		for (unsigned end = 0; end < net_link_ends(l); end++)
			if (net_link_switch(l, end) == sw) c->views[c->n_views++] = (struct view){l, 1 - end};
	return c;
}

static struct capture *of_name(struct engine *e, const char *name)
{
	struct capture *c = of_interface(e->net, name);
	struct net_link *l = c ? NULL : net_find_link(e->net, name);
	if (!l) return c;
	return net_link_is_switch(l) ? of_switch(e->net, l) : of_link(l);
}

/* ---- life ---- */

static void capture_free(struct engine *e, struct capture *c)
{
	list_remove(&c->node);
	direct_look_again(e);
	list_remove(&c->source.ready);
	if (c->fd >= 0) {
		account_move(e, c->account, NULL, STOCK_FDS, 1);
		loop_remove(&e->loop, c->fd);
		close(c->fd);
	}
	free(c->buf);
	free(c);
}

static int capture_open(struct engine *e, struct capture *c, struct account *a, int *ret_theirs)
{
	int pair[2];
	c->buf = malloc(BUFFER_SIZE);
	if (!c->buf) return -ENOMEM;
	if (!account_may(e, a, STOCK_FDS, 1)) return -ENFILE;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) return -errno;
	c->fd = pair[0];
	c->account = a;
	account_move(e, NULL, a, STOCK_FDS, 1);
	/* Edge-triggered: room again, or a hang-up. */
	int err = loop_add(&e->loop, c->fd, EPOLLOUT | EPOLLRDHUP | EPOLLET, &c->source);
	if (err < 0) close(pair[1]);
	else *ret_theirs = pair[1];
	return err;
}

int64_t serve_capture(struct call *k)
{
	struct engine *e = k->e;
	struct text t = {(char *)k->out, RPC_TEXT_MAX, 0};
	size_t n = 0;
	int theirs = -1;
	list_each(struct capture, c, &e->captures, node) n++;
	if (n >= CAPTURES_MAX) return -EMFILE;
	k->in[k->q->in_len - 1] = 0;
	struct capture *c = of_name(e, (const char *)k->in);
	if (!c) {
		text_add(&t, "no interface (HOST:IF) or link named %s\n", (const char *)k->in);
		k->reply.out_len = (uint32_t)t.len;
		return -ENOENT;
	}
	int err = capture_open(e, c, k->c->account, &theirs);
	if (err < 0) {
		capture_free(e, c);
		return err;
	}
	list_append(&e->captures, &c->node);
	direct_look_again(e);
	call_pass(k, theirs, true);
	return write_head(c);
}

static void capture_move(struct engine *e, struct capture *c)
{
	bool there = flush(c);
	if (there && c->ending && c->len == 0 && c->missed) {
		write_end(e, c);
		there = flush(c);
	}
	if (!there || (c->ending && c->len == 0)) capture_free(e, c);
}

void capture_ready(struct engine *e, struct source *s)
{
	struct capture *c = container_of(s, struct capture, source);
	char octet;
	if (recv(c->fd, &octet, 1, MSG_DONTWAIT | MSG_PEEK) == 0) c->ending = true;
	capture_move(e, c);
}

void captures_flush(struct engine *e) { list_each(struct capture, c, &e->captures, node) capture_move(e, c); }

void captures_free(struct engine *e)
{
	captures_flush(e);
	list_each(struct capture, c, &e->captures, node) capture_free(e, c);
}
