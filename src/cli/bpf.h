/* Capture filters, in libpcap's language. libpcap is loaded only when there is one: it brings a dozen libraries, which no other verb should wait for. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/types.h"

struct bpf;

/* For frames of a link type. NULL after a message. */
struct bpf *bpf_compile(const char *expression, int linktype);
bool bpf_matches(const struct bpf *b, const uint8_t *frame, uint32_t len);
