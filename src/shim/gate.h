/*
 * The one page from which the seccomp filter lets socket calls through: the launcher's filter and the shim agree on its address. The shim maps its
 * system-call instruction there; socket calls issued from anywhere else become SIGSYS.
 */
#pragma once
#define GATE_ADDR 0x3f0000ul
#define GATE_SIZE 0x1000ul
#define GATE_RET_DATA 0x534bu          /* SECCOMP_RET_DATA of our traps: SIGSYS with another si_errno goes to the program's handler */

/* Set by the launcher, kept and hidden from the program by the shim, put back at every exec. */
#define ENV_DOOR "SOCKLAND_DOOR"       /* number of the inherited door */
#define ENV_SHIM "SOCKLAND_SHIM"       /* path of libsockland.so; LD_PRELOAD names it too */
#define ENV_UNIX "SOCKLAND_UNIX"       /* "kernel" where sockets of AF_UNIX are the kernel's */
