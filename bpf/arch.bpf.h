/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The one header that knows the architecture; each has the same names. */
#ifndef MLT_ARCH_BPF_H
#define MLT_ARCH_BPF_H

#if defined(__TARGET_ARCH_x86)
#include "arch/x86_64.bpf.h"
#else
#error "mlocktrace does not know this architecture's registers and page tables: write bpf/arch/ARCHITECTURE.bpf.h"
#endif

#endif
