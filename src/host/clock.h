/* The engine's clocks. */
#pragma once
#include "base/types.h"

time_ns clock_now(void);        /* CLOCK_MONOTONIC: the only one that anything waits by */
time_ns clock_real(void);       /* CLOCK_REALTIME: only for what programs are shown */
