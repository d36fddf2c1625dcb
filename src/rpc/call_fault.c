/* The words of call faults: see call_fault.h. A word is a row. */
#include "rpc/call_fault.h"
#include <errno.h>
#include "base/duration.h"
#include "link/words.h"

#define ERRNO_MAX 133
#define NUMBER_MAX 1e15
#define DELAY_MAX_NS (3600 * (time_ns)NS_PER_S)

static const char *const calls[FAULT_CALLS] = {"socket", "bind", "listen", "connect", "accept", "send", "recv"};

/* "connect,accept" */
static bool read_calls(uint32_t *ret, const char *word)
{
	uint32_t mask = 0;
	if (strcmp(word, "all") == 0) {
		*ret = FAULT_BIT(FAULT_CALLS) - 1;
		return true;
	}
	for (const char *at = word;; at++) {
		size_t len = strcspn(at, ","), call = 0;
		while (call < FAULT_CALLS && (strlen(calls[call]) != len || strncmp(calls[call], at, len) != 0)) call++;
		if (call == FAULT_CALLS) return false;
		mask |= FAULT_BIT(call);
		at += len;
		if (!*at) break;
	}
	*ret = mask;
	return true;
}

static bool set_action(struct call_fault *f, enum fault_action a)
{
	if (f->action != FAULT_NONE) return false;
	f->action = a;
	return true;
}

static bool read_number(uint64_t *ret, struct words *w, const struct unit *units)
{
	double v;
	if (!words_take(&v, w, units, NUMBER_MAX)) return false;
	*ret = (uint64_t)v;
	return true;
}

static bool read_errno(struct call_fault *f, struct words *w)
{
	const char *name = words_peek(w);
	for (int err = 1; name && err <= ERRNO_MAX; err++) {
		const char *known = strerrorname_np(err);
		if (!known || strcmp(known, name) != 0) continue;
		words_skip(w);
		f->err = err;
		return set_action(f, FAULT_ERRNO);
	}
	return false;
}

static bool read_short(struct call_fault *f, struct words *w) { return read_number(&f->octets, w, size_units) && f->octets > 0 && set_action(f, FAULT_SHORT); }

static bool read_delay(struct call_fault *f, struct words *w)
{
	time_ns delay = words_peek(w) ? duration_parse(words_peek(w)) : -1;
	if (delay < 0 || delay > DELAY_MAX_NS) return false;
	words_skip(w);
	f->delay_ns = delay;
	return set_action(f, FAULT_DELAY);
}

static bool read_reset(struct call_fault *f, struct words *w)
{
	(void)w;
	return set_action(f, FAULT_RESET);
}

static bool read_p(struct call_fault *f, struct words *w) { return words_take(&f->p, w, percent_units, 1); }
static bool read_first(struct call_fault *f, struct words *w) { return read_number(&f->first, w, no_units) && f->first > 0; }
static bool read_every(struct call_fault *f, struct words *w) { return read_number(&f->every, w, no_units) && f->every > 0; }
static bool read_after(struct call_fault *f, struct words *w) { return f->has_after = read_number(&f->after, w, size_units); }

static bool read_port(struct call_fault *f, struct words *w)
{
	double v;
	if (!words_take(&v, w, no_units, UINT16_MAX) || v < 1) return false;
	f->port = (uint16_t)v;
	return true;
}

static const struct { const char *name; bool (*read)(struct call_fault *, struct words *); } vocabulary[] = {
	{"errno", read_errno}, {"short", read_short}, {"delay", read_delay}, {"reset", read_reset},
	{"p", read_p}, {"first", read_first}, {"every", read_every}, {"after", read_after}, {"port", read_port},
};

static bool read_word(struct call_fault *f, struct words *w)
{
	for (size_t row = 0; row < ARRAY_SIZE(vocabulary); row++)
		if (words_take_word(w, vocabulary[row].name)) return vocabulary[row].read(f, w);
	return false;
}

/* What only connections have is for the calls on them. */
static bool is_sound(const struct call_fault *f)
{
	const uint32_t moving = FAULT_BIT(FAULT_SEND) | FAULT_BIT(FAULT_RECV);
	bool moves = f->action == FAULT_SHORT || f->action == FAULT_RESET || f->has_after;
	return f->action != FAULT_NONE && !(moves && f->calls & ~moving);
}

int call_fault_parse(struct call_fault *ret, size_t n_words, char *const *words, size_t *ret_err_word)
{
	struct call_fault f = {.p = 1};
	struct words w = {words, n_words};
	bool good = w.left && read_calls(&f.calls, words_peek(&w));
	if (good) words_skip(&w);
	while (good && w.left) good = read_word(&f, &w);
	*ret_err_word = n_words - w.left;
	if (good && f.action != FAULT_NONE && !is_sound(&f)) *ret_err_word = 0;     /* such calls can't have that */
	if (!good || !is_sound(&f)) return -EINVAL;
	*ret = f;
	return 0;
}
