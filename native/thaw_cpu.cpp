#include "thaw_cpu.h"

int thaw_cpu_abi_version(void) { return 1; }
