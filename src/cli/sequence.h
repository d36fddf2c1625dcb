/*
 * What one direction of a captured TCP connection did: its segments, and what the other end said of them. Sequence numbers count from the first one seen,
 * times in seconds from the first frame.
 */
#pragma once
#include "base/types.h"

enum mark { MARK_DATA, MARK_AGAIN, MARK_LOST, MARK_SACK, MARKS };
struct span { double t; int64_t from, to; };                     /* a segment's octets, or a block's */
struct spans { struct span *at; size_t n; };
struct step { double t; int64_t ack, window; };                  /* what was acknowledged then, and how far the sender may go */
struct note { double t; int64_t seq; char flag; };               /* S, F or R */

struct sequence {
	struct spans marks[MARKS];
	struct step *steps; size_t n_steps;
	struct note *notes; size_t n_notes;
	char from[64], to[64];                                   /* "10.1.0.1:80" */
	double duration;
	int64_t highest;
};

/*
 * Reads a capture of `sockland cap`, and of it the connection that carried most, in the direction in which it did, as seen at one end of a link: at the
 * end where that left, if it is there. filter NULL: every frame counts. 0, -ENOMEM, -EPROTO: no such capture, -ENOENT: no connection in it.
 */
int sequence_read(struct sequence *ret, const uint8_t *capture, size_t len, const char *filter);
void sequence_free(struct sequence *s);
