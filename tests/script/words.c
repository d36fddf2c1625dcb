/* The words of a line, and what they stand for. */
#include "lang.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const struct word_number errnos[] = {
	{"EAGAIN", 0, EAGAIN}, {"EPIPE", 0, EPIPE}, {"EINVAL", 0, EINVAL}, {"EISCONN", 0, EISCONN}, {"EALREADY", 0, EALREADY}, {"ENOTCONN", 0, ENOTCONN},
	{"ECONNRESET", 0, ECONNRESET}, {"ECONNREFUSED", 0, ECONNREFUSED}, {"ETIMEDOUT", 0, ETIMEDOUT}, {"EHOSTUNREACH", 0, EHOSTUNREACH},
	{"ENETUNREACH", 0, ENETUNREACH}, {"EINPROGRESS", 0, EINPROGRESS}, {"ENOPROTOOPT", 0, ENOPROTOOPT}, {"EPROTO", 0, EPROTO}, {"none", 0, 0}, {0},
};

const struct word_number tcp_states[] = {
	{"ESTABLISHED", 0, TCPS_ESTABLISHED}, {"SYN-SENT", 0, TCPS_SYN_SENT}, {"SYN-RECEIVED", 0, TCPS_SYN_RECEIVED}, {"FIN-WAIT-1", 0, TCPS_FIN_WAIT_1},
	{"FIN-WAIT-2", 0, TCPS_FIN_WAIT_2}, {"TIME-WAIT", 0, TCPS_TIME_WAIT}, {"CLOSED", 0, TCPS_CLOSED}, {"CLOSE-WAIT", 0, TCPS_CLOSE_WAIT},
	{"LAST-ACK", 0, TCPS_LAST_ACK}, {"LISTEN", 0, TCPS_LISTEN}, {"CLOSING", 0, TCPS_CLOSING}, {0},
};

const char *number_name(const struct word_number *rows, int number)
{
	for (; rows->name; rows++)
		if (rows->number == number) return rows->name;
	return "?";
}

bool words_fail(struct words *w, const char *format, ...)
{
	int i = MIN(MAX(w->at - 1, 0), MAX(w->n - 1, 0)), n = snprintf(w->script->error, SCRIPT_ERROR, "%d:%d: ", w->line, w->n ? w->word[i].column : 1);
	va_list args;

	va_start(args, format);
	vsnprintf(w->script->error + n, (size_t)(SCRIPT_ERROR - n), format, args);
	va_end(args);
	return false;
}

bool words_over(const struct words *w) { return w->at == w->n; }
const char *words_take(struct words *w) { return words_over(w) ? NULL : w->word[w->at++].text; }

bool words_take_if(struct words *w, const char *word)
{
	if (words_over(w) || strcmp(w->word[w->at].text, word) != 0) return false;
	w->at++;
	return true;
}

bool words_take_number(struct words *w, long max, long *ret)
{
	const char *text = words_take(w);
	char *end;
	long n;

	if (!text) return words_fail(w, "a number is missing behind this");
	n = strtol(text, &end, 10);
	if (*end || end == text) return words_fail(w, "\"%s\" is no number", text);
	if (n < 0 || n > max) return words_fail(w, "%ld is not in 0 to %ld", n, max);
	*ret = n;
	return true;
}

/* A number, if the next word begins like one. */
bool words_take_number_if(struct words *w, long max, long *ret, bool *ret_taken)
{
	*ret_taken = !words_over(w) && w->word[w->at].text[0] >= '0' && w->word[w->at].text[0] <= '9';
	return !*ret_taken || words_take_number(w, max, ret);
}

bool words_take_time(struct words *w, time_ns *ret)
{
	static const struct { const char *name; time_ns ns; } units[] = {{"us", NS_PER_US}, {"ms", NS_PER_MS}, {"s", NS_PER_S}, {"min", 60 * NS_PER_S}};
	const char *text = words_take(w);
	char *end;
	long n;

	if (!text) return words_fail(w, "a time such as 200ms is missing behind this");
	n = strtol(text, &end, 10);
	for (size_t i = 0; i < ARRAY_SIZE(units) && end != text && n >= 0 && n <= 1000000; i++) {
		if (strcmp(end, units[i].name) != 0) continue;
		*ret = (time_ns)n * units[i].ns;
		return true;
	}
	return words_fail(w, "\"%s\" is no time such as 200ms, 3s, 10min", text);
}

bool words_take_named(struct words *w, const struct word_number *rows, const char *what, const struct word_number **ret)
{
	const char *text = words_take(w);

	if (!text) return words_fail(w, "%s is missing behind this", what);
	for (; rows->name; rows++) {
		if (strcmp(rows->name, text) != 0) continue;
		*ret = rows;
		return true;
	}
	return words_fail(w, "\"%s\" is no %s", text, what);
}
