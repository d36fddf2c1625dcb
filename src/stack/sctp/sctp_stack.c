/* SCTP of one host: what its associations share, and its end. */
#include <errno.h>
#include <stdlib.h>
#include "stack/sctp/assoc.h"
#include "stack/socket/family.h"

int sctp_new(struct stack *s)
{
	struct sctp_stack *st = calloc(1, sizeof *st);

	if (!st) return -ENOMEM;
	st->stack = s;
	hash_init(&st->flows);
	list_init(&st->endpoints);
	s->sctp = st;
	return 0;
}

/* Associations that outlived their programs go without a word: with the last one goes the socket. */
void sctp_free(struct stack *s)
{
	struct sock *found;

	do {
		found = NULL;
		list_each(struct sock, sk, &s->socks, node) {
			if (sk->ops != &sctp_ops) continue;
			found = sk;
			break;
		}
		if (found) assoc_free(list_first(&sctp_of(found)->assocs, struct assoc, node));
	} while (found);
	hash_free(&s->sctp->flows);
	free(s->sctp);
	s->sctp = NULL;
}
