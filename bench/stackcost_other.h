/*
 * Another stack's end of a wire, without any type of either: both have a struct netif, and functions of the same names. So it is a module of its own,
 * loaded when it is there (stackcost_lwip.c).
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct other_ops {
	/* Its interface, 10.0.0.2, whose frames go to give. The other calls, and what give does, are between lock and unlock. */
	void (*start)(const uint8_t mac[6], void (*give)(void *arg, const void *frame, size_t len), void *arg);
	void (*lock)(void);
	void (*unlock)(void);
	void (*take)(const void *frame, size_t len);
	void (*connect)(uint16_t port);       /* to 10.0.0.1 */
	void (*listen)(uint16_t port);
	bool (*is_connected)(void);
	void (*send)(void);                   /* as much as it takes now */
	uint64_t (*came)(void);               /* octets so far */
	void (*stop)(void);                   /* the connection is dropped */
};
