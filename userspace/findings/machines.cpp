// Virtual machines, seen from the host. Whether a guest's memory is meant to be locked, its process does not tell; that
// it is swapped in does tell that it is not.
#include "findings/rules.h"

namespace mlt::rules {

Found guest_memory_swapped(const Process& process, const Case&) {
  // Others begin with "qemu-", too: what emulates single programs, and tools for images of disks.
  const bool is_machine =
      process.comm.starts_with("qemu-system") || process.comm == "qemu-kvm" || process.comm == "kvm";
  if (!is_machine || !process.swap || process.swap->in.value_or(0) == 0) return {};
  Sighting seen{Severity::warning, {{"pages", figure(*process.swap->in)}}, ""};
  add_known(seen, "time_ns", process.swap->in_ns);
  add_known(seen, "locked_bytes", process.locks.locked_bytes.end);
  return seen;
}

}  // namespace mlt::rules
