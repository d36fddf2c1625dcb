/*
 * What <linux/io_uring.h> has, and what kernels newer than some headers have added: under names of our own, so that a header which has them, too, is
 * no trouble.
 */
#pragma once
#include <linux/io_uring.h>

/* enum io_uring_op */
enum {
	URING_READ_MULTISHOT = 49, URING_WAITID = 50, URING_FUTEX_WAIT = 51, URING_FUTEX_WAKE = 52, URING_FUTEX_WAITV = 53, URING_FIXED_FD_INSTALL = 54,
	URING_FTRUNCATE = 55, URING_BIND = 56, URING_LISTEN = 57, URING_EPOLL_WAIT = 59, URING_READV_FIXED = 60, URING_WRITEV_FIXED = 61, URING_PIPE = 62,
	URING_OPS = 63,
};

/* enum io_uring_register_op */
enum {
	URING_PBUF_STATUS = 26, URING_CLOCK = 29, URING_CLONE_BUFFERS = 30, URING_SEND_MSG_RING = 31, URING_RESIZE_RINGS = 33, URING_MEM_REGION = 34,
	URING_REGISTER_OPS = 36,
};
enum { URING_REGISTER_USE_REGISTERED = 1u << 31 };

/* io_uring_setup, io_uring_enter, features */
enum { URING_SETUP_NO_MMAP = 1 << 14, URING_SETUP_REGISTERED_FD_ONLY = 1 << 15, URING_SETUP_NO_SQARRAY = 1 << 16, URING_SETUP_HYBRID_IOPOLL = 1 << 17 };
enum { URING_ENTER_REGISTERED = IORING_ENTER_REGISTERED_RING };
enum { URING_ENTER_ABS_TIMER = 1 << 5, URING_ENTER_EXT_ARG_REG = 1 << 6, URING_ENTER_NO_IOWAIT = 1 << 7 };
enum { URING_FEAT_REG_REG_RING = 1 << 13, URING_FEAT_RECVSEND_BUNDLE = 1 << 14, URING_FEAT_MIN_TIMEOUT = 1 << 15, URING_FEAT_NO_IOWAIT = 1 << 17 };

/* flags of operations and of completions */
enum { URING_SIOCINQ, URING_SIOCOUTQ, URING_GETSOCKOPT, URING_SETSOCKOPT };                        /* URING_CMD on sockets */
enum { URING_TIMEOUT_MULTISHOT = 1 << 6, URING_ACCEPT_DONTWAIT = 1 << 1, URING_ACCEPT_POLL_FIRST = 1 << 2 };
enum { URING_RECVSEND_BUNDLE = 1 << 4, URING_SEND_VECTORIZED = 1 << 5 };
enum { URING_NOP_RESULT = 1 << 0, URING_NOP_FILE = 1 << 1, URING_NOP_FIXED_FILE = 1 << 2, URING_NOP_FIXED_BUFFER = 1 << 3, URING_NOP_TASK_WORK = 1 << 4 };
enum { URING_MSG_PASS_FLAGS = 1 << 1, URING_INSTALL_NO_CLOEXEC = 1 << 0, URING_CQE_BUF_MORE = 1 << 4 };
enum { URING_PBUF_MMAP = 1 << 0, URING_PBUF_INCREMENTAL = 1 << 1, URING_PBUF_SHIFT = 16 };
#define URING_OFF_PBUF_RING 0x80000000ull
#define URING_OFF_REGION 0x20000000ull

/* IORING_REGISTER_CLONE_BUFFERS */
struct uring_clone { uint32_t src_fd, flags, src_off, dst_off, nr, pad[3]; };
enum { URING_CLONE_SRC_REGISTERED = 1 << 0, URING_CLONE_DST_REPLACE = 1 << 1 };

/* IORING_REGISTER_MEM_REGION, and what a wait finds in it */
struct uring_region_reg { uint64_t region, flags, resv[2]; };
struct uring_region { uint64_t user_addr, size; uint32_t flags, id; uint64_t mmap_offset, resv[4]; };
struct uring_wait { struct __kernel_timespec ts; uint32_t min_wait_usec, flags; uint64_t sigmask; uint32_t sigmask_size, pad[3]; uint64_t pad2[2]; };
enum { URING_REGION_WAIT_ARG = 1 << 0, URING_REGION_USER = 1 << 0, URING_WAIT_TS = 1 << 0 };

/* IORING_REGISTER_PBUF_RING as it is now, PBUF_STATUS, CLOCK */
struct uring_group_reg { uint64_t ring_addr; uint32_t ring_entries; uint16_t bgid, flags; uint64_t resv[3]; };
struct uring_group_status { uint32_t buf_group, head, resv[8]; };
struct uring_clock { uint32_t clockid, resv[3]; };
