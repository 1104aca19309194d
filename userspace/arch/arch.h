// The one header that knows the architecture; each has the same names. Its other half is bpf/arch.bpf.h.
#pragma once

#if defined(__x86_64__)
#include "arch/x86_64.h"
#else
#error "mlocktrace does not know where this architecture keeps kernel memory: write userspace/arch/ARCHITECTURE.h"
#endif
