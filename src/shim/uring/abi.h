/* What <linux/io_uring.h> has, and what kernels newer than some headers have added: numbers only, under names of our own. */
#pragma once
#include <linux/io_uring.h>

enum { URING_FTRUNCATE = 55, URING_BIND = 56, URING_LISTEN = 57, URING_OPS = 58 };                /* io_uring_op */
enum { URING_SETUP_NO_SQARRAY = 1 << 16 };                                                        /* io_uring_setup */
enum { URING_ENTER_REGISTERED = IORING_ENTER_REGISTERED_RING, URING_REGISTER_USE_REGISTERED = 1u << 31 };
enum { URING_SIOCINQ, URING_SIOCOUTQ, URING_GETSOCKOPT, URING_SETSOCKOPT };                        /* URING_CMD on sockets */
enum { URING_TIMEOUT_MULTISHOT = 1 << 6, URING_ACCEPT_DONTWAIT = 1 << 1, URING_ACCEPT_POLL_FIRST = 1 << 2 };
