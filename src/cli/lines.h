/* Lines of commands: from a terminal, edited with libedit where it is there, or from a pipe or file. */
#pragma once
#include "base/types.h"

enum line { LINE_READ, LINE_END, LINE_INTERRUPTED, LINE_STOP, LINE_TOO_LONG };   /* STOP: a signal asks us to end, or `until` became readable */

struct lines;

/* Takes standard input; when that is no terminal, /dev/null is in its place from now on. until: a descriptor to watch, or -1. NULL: no memory. */
struct lines *lines_open(int until);
/* What TAB completes: the i-th word that may follow `before`, the line so far but for the word that is being typed; NULL after the last. Valid until the
 * next call. */
typedef const char *lines_word(void *user, const char *before, size_t i);
void lines_complete(struct lines *l, lines_word *word, void *user);
/* *ret is valid until the next call, and has no line end. SIGINT, SIGTERM and SIGHUP are answered here and elsewhere ignored. */
enum line lines_read(struct lines *l, const char **ret);
int lines_interrupted(void);           /* SIGINT when it came since the last lines_read; a signal that asks us to end; 0 */
bool lines_terminal(const struct lines *l);
void lines_close(struct lines *l);
