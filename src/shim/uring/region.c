/*
 * A region of memory that waits take their terms from, so that io_uring_enter copies no argument: the program's own memory, or a part of the ring's file
 * that the program maps. It is registered while the ring is still disabled, so nobody waits yet.
 */
#include <sys/mman.h>
#include "shim/uring/uring.h"

static int region_check(const struct uring_region *d)
{
	uint64_t end;
	if (d->resv[0] || d->resv[1] || d->resv[2] || d->resv[3] || d->flags & ~(uint32_t)URING_REGION_USER) return -EINVAL;
	if (!(d->flags & URING_REGION_USER) != !d->user_addr) return -EFAULT;
	if (d->size == 0 || d->mmap_offset || d->id) return -EINVAL;
	if (d->size / PAGE > INT_MAX) return -E2BIG;
	if (d->user_addr % PAGE || d->size % PAGE) return -EINVAL;
	return __builtin_add_overflow(d->user_addr, d->size, &end) ? -EOVERFLOW : 0;
}

static int region_make(struct ring *g, struct uring_region *d, uint8_t **ret)
{
	int err = region_check(d);
	if (err < 0) return err;
	if (d->flags & URING_REGION_USER) {
		*ret = (uint8_t *)(uintptr_t)d->user_addr;
		return user_there(*ret, d->size) ? 0 : -EFAULT;
	}
	if (d->size > URING_OFF_PBUF_RING - URING_OFF_REGION) return -ENOMEM;
	d->mmap_offset = URING_OFF_REGION;
	return ring_memory_map(g, URING_OFF_REGION, d->size, (void **)ret);
}

long region_register(struct ring *g, const struct uring_region_reg *arg)
{
	struct uring_region_reg reg;
	struct uring_region d;
	uint8_t *at;
	if (g->region) return -EBUSY;
	if (user_get(reg, arg) != 0) return -EFAULT;
	struct uring_region *told = (struct uring_region *)(uintptr_t)reg.region;
	if (user_get(d, told) != 0) return -EFAULT;
	if (reg.resv[0] || reg.resv[1] || reg.flags & ~(uint64_t)URING_REGION_WAIT_ARG) return -EINVAL;
	if (reg.flags & URING_REGION_WAIT_ARG && !atomic_load(&g->disabled)) return -EINVAL;
	int err = region_make(g, &d, &at);
	if (err < 0) return err;
	g->region = at;
	g->region_is_ours = !(d.flags & URING_REGION_USER);
	g->region_mapped = d.size;
	g->region_size = reg.flags & URING_REGION_WAIT_ARG ? d.size : 0;
	return user_put(told, d);
}

void region_free(struct ring *g)
{
	if (g->region_is_ours) sys(SYS_munmap, g->region, g->region_mapped);
}
