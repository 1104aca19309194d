// fentry, fexit and iterator programs need the number of the kernel's type of the function that they hook, and one that
// calls a function of the kernel that of this. libbpf finds it by reading all types of the kernel again; here it is
// known already.
#pragma once

#include <bpf/libbpf.h>

#include <vector>

#include "kernel/probe_kernel.h"

namespace mlt {

/// While this lives, objects that are opened and loaded get the numbers from `ids`, which must live as long.
class TracingPrograms {
 public:
  explicit TracingPrograms(const FunctionIds& ids);
  ~TracingPrograms();
  TracingPrograms(const TracingPrograms&) = delete;
  TracingPrograms& operator=(const TracingPrograms&) = delete;

 private:
  std::vector<int> handlers_;
};

}  // namespace mlt
