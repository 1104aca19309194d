# shellcheck shell=bash
# The kernels that everything here is tested and measured on, oldest first: names
# of scripts/vm.
# shellcheck disable=SC2034  # used by the scripts that read this file

# Debian's for cloud machines: series of its releases and their backports, and the
# newest kernel that there is.
KERNELS_PLAIN=(5.10 6.1 6.12 6.18 latest)
# PREEMPT_RT: spin locks sleep, interrupt handlers are threads.
KERNELS_RT=(6.1-rt)
KERNELS_ALL=("${KERNELS_PLAIN[@]}" "${KERNELS_RT[@]}")

# Without this one the project counts as untested; what tracing may cost is
# written down for it.
KERNEL_REFERENCE=6.1

# In guests of these, expedited grace periods let a tracer end sooner: it waits for
# one after each program that it detaches.  6.1 waits for grace periods of RCU tasks,
# and takes longer with them; so does 6.12.
KERNELS_EXPEDITED=(6.18 latest)
