/* Is some open file still open somewhere? Its holder has put a lock of the open file description (F_OFD_SETLK) on an octet that is its own. */
#pragma once
#include "base/types.h"

/* Does an open file other than fd's hold a lock there, on the inode of fd's file? False also where the kernel knows no such locks. */
bool filelock_held(int fd, uint64_t octet);
