/* Flapping links: see flap.h. */
#include "link/flap.h"
#include <errno.h>
#include "base/duration.h"
#include "link/words.h"

static bool read_stay(time_ns *ret, struct words *w)
{
	time_ns stay = words_peek(w) ? duration_parse(words_peek(w)) : -1;
	if (stay < FLAP_STAY_MIN || *ret) return false;
	*ret = stay;
	words_skip(w);
	return true;
}

static bool read_word(struct flap *f, struct words *w)
{
	if (words_take_word(w, "up")) return read_stay(&f->up_ns, w);
	if (words_take_word(w, "down")) {
		f->begins_down = !f->up_ns;
		return read_stay(&f->down_ns, w);
	}
	return words_take_word(w, "jitter") && words_take(&f->jitter, w, percent_units, 1);
}

int flap_parse(struct flap *ret, size_t n_words, char *const *words, size_t *ret_err_word)
{
	struct flap f = {0};
	struct words w = {words, n_words};
	while (w.left && read_word(&f, &w)) continue;
	*ret_err_word = n_words - w.left;
	if (w.left || !f.up_ns || !f.down_ns) return -EINVAL;
	*ret = f;
	return 0;
}

time_ns flap_stay(const struct flap *f, bool down, struct random *r)
{
	time_ns stay = down ? f->down_ns : f->up_ns;
	if (f->jitter > 0) stay += (time_ns)((double)stay * f->jitter * (2 * random_unit(r) - 1));
	return MAX(stay, FLAP_STAY_MIN);
}
