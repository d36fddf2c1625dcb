/*
 * A buffer for a call that must hold data in between: one to a thread, kept, and another for the time of the call when that one is in use already,
 * because a signal handler is in a call of its own.
 */
#include <pthread.h>
#include <sys/mman.h>
#include "shim/shim.h"

static uint8_t *pages(void)
{
	long p = sys(SYS_mmap, NULL, SCRATCH_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return p < 0 && p > -4096 ? NULL : (uint8_t *)p;
}

static pthread_key_t key;

static void thread_end(void *at)
{
	sys(SYS_munmap, at, SCRATCH_SIZE);
	self.scratch = NULL;
}

void scratch_start(void) { pthread_key_create(&key, thread_end); }

uint8_t *scratch_take(void)
{
	if (self.scratch_taken) return pages();
	self.scratch_taken = true;
	atomic_signal_fence(memory_order_seq_cst);
	if (!self.scratch && (self.scratch = pages())) pthread_setspecific(key, self.scratch);
	if (!self.scratch) self.scratch_taken = false;
	return self.scratch;
}

void scratch_give(uint8_t *at)
{
	if (at && at == self.scratch) self.scratch_taken = false;
	else if (at) sys(SYS_munmap, at, SCRATCH_SIZE);
}
