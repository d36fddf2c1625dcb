#include "host/filelock.h"
#include <fcntl.h>
#include <unistd.h>

bool filelock_held(int fd, uint64_t octet)
{
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t)octet, .l_len = 1};
	return fcntl(fd, F_OFD_GETLK, &l) == 0 && l.l_type != F_UNLCK;
}
