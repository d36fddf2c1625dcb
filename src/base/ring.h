/* Byte queue in private memory: grows by doubling up to a limit, can be read at an offset without consuming (TCP's send buffer). */
#pragma once
#include "base/types.h"

struct ring { uint8_t *buf; uint32_t cap, start, len; };

void ring_init(struct ring *r);
void ring_free(struct ring *r);
int ring_append(struct ring *r, const void *data, size_t len);           /* all or -ENOMEM */
void ring_peek(const struct ring *r, size_t offset, void *to, size_t len); /* offset + len must be <= r->len */
void ring_consume(struct ring *r, size_t len);                           /* len <= r->len; frees memory when it runs empty */
