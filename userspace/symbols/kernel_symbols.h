// The kernel's functions, from /proc/kallsyms.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "model/report.h"

namespace mlt {

class KernelSymbols {
 public:
  static KernelSymbols parse(std::string_view kallsyms);
  static KernelSymbols read();

  [[nodiscard]] Frame find(std::uint64_t address) const;
  /// False where addresses are hidden: kernel.kptr_restrict.
  [[nodiscard]] bool empty() const { return functions_.empty(); }

 private:
  struct Function {
    std::uint64_t address;
    std::string_view line;  // of *text_: "name" or "name\t[module]"
  };
  std::shared_ptr<const std::string> text_;
  std::vector<Function> functions_;  // by address
};

}  // namespace mlt
