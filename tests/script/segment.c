/* A segment line: "> ack psh len 100", "< syn seq 0 mss 1460 sackok". A word is a row here. */
#include "lang.h"
#include <stdio.h>
#include <string.h>

enum field { FIELD_NONE, FIELD_SEQ, FIELD_ACK, FIELD_LEN, FIELD_WIN, FIELD_URG, FIELD_MSS, FIELD_WSCALE, FIELD_TS, FIELD_ECR, FIELD_SACK,
	FIELD_SACKOK, FIELD_ECN,
	     FIELD_BAD, FIELD_TOS, FIELD_TTL, FIELD_NO };

static const struct { const char *name; uint8_t flags; enum field field; long max; } rows[] = {
	{"syn", SYN, FIELD_NONE, 0}, {"fin", FIN, FIELD_NONE, 0}, {"rst", RST, FIELD_NONE, 0}, {"psh", PSH, FIELD_NONE, 0}, {"ece", ECE, FIELD_NONE, 0},
	{"cwr", CWR, FIELD_NONE, 0}, {"ack", ACK, FIELD_ACK, 0xfffffffe}, {"urg", URG, FIELD_URG, 65535}, {"seq", 0, FIELD_SEQ, 0xfffffffe},
	{"len", 0, FIELD_LEN, 65000}, {"win", 0, FIELD_WIN, 65535}, {"mss", 0, FIELD_MSS, 65535}, {"wscale", 0, FIELD_WSCALE, 255},
	{"ts", 0, FIELD_TS, 0xffffffff},
	{"ecr", 0, FIELD_ECR, 0xffffffff}, {"sack", 0, FIELD_SACK, 0}, {"sackok", 0, FIELD_SACKOK, 0}, {"ect0", 0, FIELD_ECN, 2}, {"ect1", 0, FIELD_ECN, 1},
	{"ce", 0, FIELD_ECN, 3}, {"bad-checksum", 0, FIELD_BAD, 0}, {"tos", 0, FIELD_TOS, 254},
	{"ttl", 0, FIELD_TTL, 254}, {"no", 0, FIELD_NO, 0},
};

static bool take_sack(struct script_step *step, struct words *w)
{
	unsigned start, end, n = 0;
	int len;

	while (!words_over(w) && sscanf(w->word[w->at].text, "%u-%u%n", &start, &end, &len) == 2 && !w->word[w->at].text[len]) {
		if (n == ARRAY_SIZE(step->seg.sack)) return words_fail(w, "more than four blocks");
		step->seg.sack[n].start = start;
		step->seg.sack[n++].end = end;
		w->at++;
	}
	return n > 0 || words_fail(w, "a block such as 101-201 is missing behind this");
}

/* Fields with one number each. */
static bool take_number(struct script_step *step, enum field field, long max, struct words *w)
{
	struct seg *g = &step->seg;
	long n = 0;

	if (!words_take_number(w, max, &n)) return false;
	if (field == FIELD_LEN) g->len = (uint32_t)n;
	if (field == FIELD_WIN) g->wnd = n ? (uint32_t)n : NO_WINDOW;
	if (field == FIELD_URG) g->urg = (uint16_t)n;
	if (field == FIELD_MSS) g->mss = (uint16_t)n;
	if (field == FIELD_WSCALE) g->wscale = 1 + (int)n;
	if (field == FIELD_TOS) step->tos = (uint8_t)(1 + n);
	if (field == FIELD_TTL) step->ttl = (uint8_t)(1 + n);
	if (field == FIELD_ECR) g->ts_ecr = (uint32_t)n, step->ecr_given = true;
	return true;
}

/* What has to be missing. */
static bool take_absence(struct script_step *step, struct words *w)
{
	if (words_take_if(w, "mss")) return step->no_mss = true;
	if (words_take_if(w, "ts")) return step->no_ts = true;
	if (words_take_if(w, "wscale")) return step->no_wscale = true;
	if (words_take_if(w, "sack")) return step->no_sack = true;
	if (words_take_if(w, "psh")) return step->no_psh = true;
	return words_fail(w, "no mss, no ts, no wscale, no sack or no psh");
}

static bool take_field(struct script_step *step, enum field field, long max, struct words *w)
{
	struct seg *g = &step->seg;
	bool taken = false;
	long n = 0;

	if (field == FIELD_NONE) return true;
	if (field == FIELD_BAD) return g->bad_csum = true;
	if (field == FIELD_SACKOK) return g->sack_ok = true;
	if (field == FIELD_SACK) return take_sack(step, w);
	if (field == FIELD_NO) return take_absence(step, w);
	if (field == FIELD_ECN) return (g->ecn = (uint8_t)max) != 0;
	if (field == FIELD_SEQ && words_take_if(w, "any")) {
		g->seq = ANY;
		return step->seq_given = true;
	}
	if (field != FIELD_ACK && field != FIELD_TS && field != FIELD_SEQ) return take_number(step, field, max, w);
	if (field == FIELD_SEQ ? !words_take_number(w, max, &n) : !words_take_number_if(w, max, &n, &taken)) return false;
	if (field == FIELD_SEQ) g->seq = (seq32)n, step->seq_given = true;
	if (field == FIELD_ACK && taken) g->ack = (seq32)n, step->ack_given = true;
	if (field == FIELD_TS) g->ts_val = (uint32_t)n, g->ts = true;
	return true;
}

bool segment_parse(struct script_step *step, struct words *w)
{
	for (const char *word; (word = words_take(w));) {
		size_t i = 0;
		while (i < ARRAY_SIZE(rows) && strcmp(rows[i].name, word) != 0)
			i++;
		if (i == ARRAY_SIZE(rows)) return words_fail(w, "\"%s\" is no part of a segment", word);
		step->seg.flags |= rows[i].flags;
		if (!take_field(step, rows[i].field, rows[i].max, w)) return false;
	}
	return true;
}
