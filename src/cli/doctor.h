/* sockland show doctor: what this machine denies, and what still works. */
#pragma once
#include "base/types.h"

int doctor(bool json);             /* an exit status: 1 when sockland cannot work here at all */
