/* The engine's shared memory: see memory.h. */
#include "host/memory.h"
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

/* After this nobody can change the size, so no access within it can fault for want of the file. */
static int memory_seal(int fd, uint64_t size)
{
	if (ftruncate(fd, (off_t)size) < 0) return -errno;
	return fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0 ? -errno : 0;
}

int memory_create(const char *name, uint64_t size, int *ret_fd, void **ret_map)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0) return -errno;
	int err = memory_seal(fd, size);
	void *map = MAP_FAILED;
	if (err == 0) {
		map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
		if (map == MAP_FAILED) err = -errno;
	}
	if (err < 0) {
		close(fd);
		return err;
	}
	*ret_fd = fd;
	*ret_map = map;
	return 0;
}

void memory_punch(int fd, uint64_t offset, uint64_t len)
{
	fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)len);
}

void memory_trim(void) { malloc_trim(0); }
