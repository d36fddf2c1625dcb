/* What a path leads to, as who resolved it found: the name of a Unix socket with a path. */
#pragma once
#include "base/types.h"

struct inode { uint64_t dev, ino; };
