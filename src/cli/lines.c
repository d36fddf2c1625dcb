/*
 * Reading lines: see lines.h. Signals are blocked but while we wait for input, so that none comes between a look at it and the sleep:
 *
 *     ppoll(input, until) with the signals open ──► octets ──► libedit, which asks for one at a time, or a buffer of our own
 *
 * libedit is loaded only for a terminal; without it the terminal's own line editing has to do.
 */
#include "cli/lines.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <histedit.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#define PROMPT "sockland> "
#define LINE_OCTETS_MAX ((size_t)1 << 20)
#define HISTORY_LINES 500

struct editor {
	EditLine *el;
	History *history;
	typeof(el_set) *set;
	typeof(el_gets) *gets;
	typeof(el_end) *end;
	typeof(el_line) *line;
	typeof(el_insertstr) *insert;
	typeof(history) *note;
	typeof(history_end) *forget;
};

struct lines {
	int from, until;
	bool terminal;
	enum line why;                 /* why there was no octet */
	struct editor editor;          /* el NULL: there is none */
	lines_word *word;
	void *word_user;
	mbstate_t shift;
	char *buf;
	size_t len, given, room;       /* given: octets of the line that was handed out */
};

static volatile sig_atomic_t interrupted, asked_to_end;
static struct lines *editing;          /* libedit's call for a character has no room for it */

static void on_signal(int signal)
{
	if (signal == SIGINT) interrupted = 1;
	else asked_to_end = signal;
}

int lines_interrupted(void) { return asked_to_end ? asked_to_end : interrupted ? SIGINT : 0; }
bool lines_terminal(const struct lines *l) { return l->terminal; }

void lines_complete(struct lines *l, lines_word *word, void *user)
{
	l->word = word;
	l->word_user = user;
}

/* ---- octets ---- */

/* LINE_READ: there is input, or its end. */
static enum line input_wait(const struct lines *l)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	struct pollfd p[2] = {{.fd = l->from, .events = POLLIN}, {.fd = l->until, .events = POLLIN}};
	sigset_t blocked, open;
	int n = 0;

	sigemptyset(&blocked);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) sigaddset(&blocked, signals[i]);
	sigprocmask(SIG_BLOCK, &blocked, &open);
	while (!interrupted && !asked_to_end && (n = ppoll(p, 2, NULL, &open)) < 0 && errno == EINTR) continue;
	sigprocmask(SIG_SETMASK, &open, NULL);
	if (asked_to_end || (n > 0 && p[1].revents)) return LINE_STOP;
	return interrupted ? LINE_INTERRUPTED : LINE_READ;
}

/* What is there, at most size octets; 0 when nothing is to come, and l->why. */
static size_t input_read(struct lines *l, char *to, size_t size)
{
	ssize_t n = -1;

	do l->why = input_wait(l);
	while (l->why == LINE_READ && (n = read(l->from, to, size)) < 0 && (errno == EINTR || errno == EAGAIN));
	if (l->why != LINE_READ) return 0;
	if (n <= 0) l->why = LINE_END;
	return n > 0 ? (size_t)n : 0;
}

/* ---- libedit ---- */

static char *editor_prompt(EditLine *el)
{
	static char prompt[] = PROMPT;

	(void)el;
	return prompt;
}

/* 1 character, 0 at the end, -1 when this line is given up. */
static int editor_character(EditLine *el, wchar_t *ret)
{
	char octet;

	(void)el;
	while (input_read(editing, &octet, 1) == 1) {
		size_t n = mbrtowc(ret, &octet, 1, &editing->shift);

		if (n <= 1) return 1;
		if (n == (size_t)-1) editing->shift = (mbstate_t){0};
	}
	errno = EINTR;
	return editing->why == LINE_END ? 0 : -1;
}

/* The i-th word that begins so. */
static const char *word_next(const char *before, const char *begun, size_t *i)
{
	const char *word;

	while ((word = editing->word(editing->word_user, before, (*i)++)) && strncmp(word, begun, strlen(begun)) != 0) continue;
	return word;
}

/* How many words begin so; what they have in common goes to `common`, as far as there is room. */
static size_t words_common(const char *before, const char *begun, char *common, size_t size)
{
	size_t n = 0, same;
	const char *word;

	for (size_t i = 0; (word = word_next(before, begun, &i)); n++) {
		if (n == 0) snprintf(common, size, "%s", word);
		for (same = 0; common[same] && common[same] == word[same]; same++) continue;
		common[same] = 0;
	}
	return n;
}

/* TAB: what all words that begin so go on with; when that is nothing, the words. */
static unsigned char editor_complete(EditLine *el, int key)
{
	const struct editor *e = &editing->editor;
	const LineInfo *at = e->line(el);
	char before[256], begun[64], common[64];
	const char *from = at->cursor, *word;
	size_t n;

	(void)key;
	while (from > at->buffer && !strchr(" \t", from[-1])) from--;
	if (!editing->word || (size_t)(from - at->buffer) >= sizeof before || (size_t)(at->cursor - from) >= sizeof begun) return CC_ERROR;
	snprintf(before, sizeof before, "%.*s", (int)(from - at->buffer), at->buffer);
	snprintf(begun, sizeof begun, "%.*s", (int)(at->cursor - from), from);
	n = words_common(before, begun, common, sizeof common - 1);
	if (n == 0) return CC_ERROR;
	if (n == 1) strcat(common, " ");
	if (common[strlen(begun)]) return e->insert(el, common + strlen(begun)) == 0 ? CC_REFRESH : CC_ERROR;
	putchar('\n');
	for (size_t i = 0; (word = word_next(before, begun, &i));) printf("%s  ", word);
	putchar('\n');
	fflush(stdout);
	return CC_REDISPLAY;
}

static void editor_open(struct lines *l)
{
	void *library = dlopen("libedit.so.2", RTLD_NOW);
	typeof(el_init) *init = library ? (typeof(el_init) *)dlsym(library, "el_init") : NULL;
	typeof(history_init) *remember = library ? (typeof(history_init) *)dlsym(library, "history_init") : NULL;
	struct editor *e = &l->editor;
	HistEvent event;

	if (!init || !remember) return;
	e->set = (typeof(el_set) *)dlsym(library, "el_set");
	e->gets = (typeof(el_gets) *)dlsym(library, "el_gets");
	e->end = (typeof(el_end) *)dlsym(library, "el_end");
	e->note = (typeof(history) *)dlsym(library, "history");
	e->forget = (typeof(history_end) *)dlsym(library, "history_end");
	e->line = (typeof(el_line) *)dlsym(library, "el_line");
	e->insert = (typeof(el_insertstr) *)dlsym(library, "el_insertstr");
	if (!e->set || !e->gets || !e->end || !e->note || !e->forget || !e->line || !e->insert) return;
	setlocale(LC_CTYPE, "");
	e->el = init("sockland", stdin, stdout, stderr);
	e->history = e->el ? remember() : NULL;
	if (!e->el) return;
	e->set(e->el, EL_EDITOR, "emacs");
	e->set(e->el, EL_PROMPT, editor_prompt);
	e->set(e->el, EL_GETCFN, editor_character);
	e->set(e->el, EL_ADDFN, "complete", "completes a word", editor_complete);
	e->set(e->el, EL_BIND, "^I", "complete", NULL);
	if (!e->history) return;
	e->note(e->history, &event, H_SETSIZE, HISTORY_LINES);
	e->set(e->el, EL_HIST, e->note, e->history);
}

static enum line editor_read(struct lines *l, const char **ret)
{
	HistEvent event;
	int n = 0;

	editing = l;
	l->why = LINE_END;
	/* Of its own accord libedit does so only after the prompt: a ^D that is typed at once would be the line discipline's, and lost. */
	l->editor.set(l->editor.el, EL_PREP_TERM, 1);
	*ret = l->editor.gets(l->editor.el, &n);
	if (!*ret || n <= 0) return fputc('\n', stdout), l->why == LINE_READ ? LINE_END : l->why;
	if (l->editor.history && strspn(*ret, " \t\n") < (size_t)n) l->editor.note(l->editor.history, &event, H_ENTER, *ret);
	return LINE_READ;
}

/* ---- lines ---- */

/* A whole line at the front of the buffer; or, at the end, what is left. NULL: more is needed. */
static char *line_whole(struct lines *l, bool end)
{
	char *stop = l->len > 0 ? memchr(l->buf, '\n', l->len) : NULL;

	if (!stop && (!end || l->len == 0)) return NULL;
	l->given = stop ? (size_t)(stop - l->buf) + 1 : l->len;
	l->buf[stop ? l->given - 1 : l->len] = 0;
	return l->buf;
}

/* Room for an octet more than is read: the NUL. */
static bool room_make(struct lines *l)
{
	char *more;

	if (l->room - l->len > 1) return true;
	if (l->room >= LINE_OCTETS_MAX) return false;
	more = realloc(l->buf, l->room + 4096);
	if (!more) return false;
	l->buf = more;
	l->room += 4096;
	return true;
}

static enum line plain_read(struct lines *l, const char **ret)
{
	size_t n;

	if (l->terminal) fputs(PROMPT, stdout), fflush(stdout);
	memmove(l->buf, l->buf + l->given, l->len - l->given);
	l->len -= l->given;
	l->given = 0;
	while (!(*ret = line_whole(l, false))) {
		if (!room_make(l)) return LINE_TOO_LONG;
		n = input_read(l, l->buf + l->len, l->room - l->len - 1);
		l->len += n;
		if (n > 0) continue;
		*ret = l->why == LINE_END ? line_whole(l, true) : NULL;
		if (l->terminal) fputc('\n', stdout);
		return *ret ? LINE_READ : l->why;
	}
	return LINE_READ;
}

enum line lines_read(struct lines *l, const char **ret)
{
	if (asked_to_end) return LINE_STOP;
	interrupted = 0;
	return l->editor.el ? editor_read(l, ret) : plain_read(l, ret);
}

/* What is started meanwhile must not read our commands. */
static int input_take(void)
{
	int from = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 10), null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (null >= 0) dup2(null, STDIN_FILENO), close(null);
	return from;
}

struct lines *lines_open(int until)
{
	struct lines *l = calloc(1, sizeof *l);
	struct sigaction note = {.sa_handler = on_signal};

	if (!l || !room_make(l)) return free(l), NULL;
	l->until = until;
	l->terminal = isatty(STDIN_FILENO);
	l->from = l->terminal ? STDIN_FILENO : input_take();
	if (l->terminal && isatty(STDOUT_FILENO)) editor_open(l);
	sigaction(SIGINT, &note, NULL);
	sigaction(SIGTERM, &note, NULL);
	sigaction(SIGHUP, &note, NULL);
	return l;
}

void lines_close(struct lines *l)
{
	if (l->editor.el) l->editor.end(l->editor.el);
	if (l->editor.history) l->editor.forget(l->editor.history);
	free(l->buf);
	free(l);
}
