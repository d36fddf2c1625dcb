/*
 * Tags of registered files and buffers: a completion that says when the resource is out of use, which is when it has left its table and the last request
 * on it has ended. The completion lies ready from the beginning, as a request that nobody issues, so that it cannot fail for want of memory.
 */
#include "shim/uring/uring.h"

/* value 0: none. */
int tag_new(struct ring *g, uint64_t value, struct request **ret)
{
	struct request *tag = NULL;
	ring_lock(g);
	if (value != 0 && (tag = request_new(g))) {
		tag->sqe.user_data = value;
		tag->users = 1;
	}
	ring_unlock(g);
	*ret = tag;
	return value != 0 && !tag ? -ENOMEM : 0;
}

void tag_hold(struct request *tag)
{
	if (tag) tag->users++;
}

void tag_drop(struct request *tag)
{
	if (!tag || --tag->users > 0) return;
	tag->ring->counted++;
	cq_end_with(tag);
}

/* What was never registered ends without a word. */
void tag_forget(struct request *tag)
{
	if (!tag) return;
	ring_lock(tag->ring);
	request_free(tag);
	ring_unlock(tag->ring);
}

void tag_end(struct request *tag)
{
	if (!tag) return;
	struct ring *g = tag->ring;
	ring_lock(g);
	tag_drop(tag);
	ring_unlock(g);
}
