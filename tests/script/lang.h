/*
 * A language for TCP tests segment by segment, on virtual time. A script is one connection's story, a line a step; it is played over IPv4 and over
 * IPv6 on the bench of tests/unit-tcp, where the script is the program and the peer.
 *
 *     # RFC 9293 §3.8.6.1 (MUST-36): a closed window is probed, though nothing comes from the peer.
 *     established mss 1000           we listened, the peer connected; connected …: the other way round
 *     < ack win 0                    the peer sends
 *     send 100                       the program calls
 *     expect no segment for 199ms    nothing leaves
 *     wait 1ms
 *     > ack seq 0                    this leaves, and the next line sees what comes after it
 *
 * Numbers are relative, 0 is the SYN, for both sides. What a segment line leaves out:
 *
 *     seq     the octet after all that its sender has sent in order      len    0
 *     ack N   bare "ack": all that the other has sent in order           win    65535 from the peer, anything from us
 *
 * so that an honest conversation needs no numbers, and a wrong one of ours fails. Flags are exact, but for PSH, which is asked for by "psh" or "no psh". What a
 * script did not expect, and has not told to forget, fails it at its end. Every line of the language is a row in parse.c.
 */
#pragma once
#include "../unit-tcp/bench.h"

enum { SCRIPT_LINES = 200, SCRIPT_WORDS = 32, SCRIPT_ERROR = 160 };

struct script_step;
struct words;
struct play;
struct sock;

struct verb {
	const char *name;
	/* Takes the words behind the name; false with words.error set. NULL: there are none. */
	bool (*parse)(struct script_step *step, struct words *w);
	void (*run)(struct play *p, const struct script_step *step);
};

struct script_step {
	const struct verb *verb;
	int line;
	struct seg seg;
	bool seq_given, ack_given, ecr_given, no_mss, no_ts, no_wscale, no_sack, no_psh;
	uint8_t tos, ttl;                     /* 1 + what is wanted; 0: anything */
	long n, gives;                        /* a number; what the call returns: ≥ 0 or a negative errno */
	int flags;
	time_ns ns;
	const struct word_number *named, *option;
	char text[64];
};

struct script {
	const char *path;
	bool ipv4, ipv6;                      /* over which it is played */
	int n_steps;
	struct script_step steps[SCRIPT_LINES];
	char error[SCRIPT_ERROR];             /* "LINE:COLUMN: what", of the first mistake */
};

/* Words that stand for numbers: errnos, options, states. The last has no name. */
struct word_number { const char *name; int level, number; };

/* The words of a line not yet taken. */
struct words {
	struct script *script;
	int line, n, at;
	struct { const char *text; int column; } word[SCRIPT_WORDS];
};

/* A play: where it stands. */
struct play {
	struct bench *b;
	const struct script *script;
	bool tells;                           /* what comes of each step, instead of judging it */
	time_ns began;
	bool closed;                          /* by the program */
	seq32 peer, ours;
	uint32_t ts_seen;                     /* the last timestamp of ours */
	size_t sent;                          /* octets that send took */
};

bool script_parse(struct script *s, const char *text);       /* false: s->error */
void script_play(const struct script *s, bool v6);           /* within a cmocka test */

/*
 * Plays without judging, and prints a line for each packet that left and for each call that answered: the microsecond, the line of the script, then
 * "> HEX" or "= ANSWER". tests/script/hunt compares that with what the kernel did.
 */
void script_tell(const struct script *s, bool v6);

/* play.c, for both */
void play_saw(struct play *p, uint32_t len);                 /* b->last, with so much text */
struct sock *play_subject(const struct play *p);             /* the connection, or the listener before there is one */

/* tell.c */
void tell_answer(const struct play *p, const struct script_step *step, const char *answer);
void tell_info(const struct play *p, const struct script_step *step);
void tell_recv(struct play *p, const struct script_step *step);

/* words.c */
bool words_fail(struct words *w, const char *format, ...) __attribute__((format(printf, 2, 3)));   /* at the word before; false */
bool words_over(const struct words *w);
const char *words_take(struct words *w);                     /* NULL: none is left */
bool words_take_if(struct words *w, const char *word);
bool words_take_number(struct words *w, long max, long *ret);
bool words_take_number_if(struct words *w, long max, long *ret, bool *ret_taken);
bool words_take_time(struct words *w, time_ns *ret);
bool words_take_named(struct words *w, const struct word_number *rows, const char *what, const struct word_number **ret);

/* segment.c */
bool segment_parse(struct script_step *step, struct words *w);

extern const struct verb verbs[];
extern const struct word_number errnos[], tcp_states[], script_options[], info_fields[];

#define TSO_BYTES 65280               /* what the kernel's TUN device takes */
const char *number_name(const struct word_number *rows, int number);
