#include "symbols/kernel_symbols.h"

#include <algorithm>

#include "proc/text_file.h"

namespace mlt {

KernelSymbols KernelSymbols::parse(std::string_view kallsyms) {
  KernelSymbols symbols;
  symbols.text_ = std::make_shared<const std::string>(kallsyms);
  // "ffffffff81000000 T name", and of a module "\t[module]" after it.
  for (const std::string_view line : split_lines(*symbols.text_)) {
    const std::size_t blank = line.find(' ');
    if (blank == std::string_view::npos || line.size() < blank + 4) continue;
    const char type = line[blank + 1];
    if (type != 't' && type != 'T' && type != 'w' && type != 'W') continue;
    const auto address = parse_number(line.substr(0, blank), 16);
    if (address && *address != 0) symbols.functions_.push_back({*address, line.substr(blank + 3)});
  }
  std::ranges::stable_sort(symbols.functions_, {}, &Function::address);
  return symbols;
}

KernelSymbols KernelSymbols::read() { return parse(read_text_file("/proc/kallsyms").value_or("")); }

Frame KernelSymbols::find(std::uint64_t address) const {
  Frame frame;
  frame.module = "[kernel]";
  frame.address = address;
  const auto next = std::ranges::upper_bound(functions_, address, {}, &Function::address);
  if (next == functions_.begin()) return frame;
  const Function& function = *std::prev(next);
  const std::size_t tab = function.line.find('\t');
  frame.function = function.line.substr(0, tab);
  if (tab != std::string_view::npos) frame.module = function.line.substr(tab + 1);
  frame.offset = address - function.address;
  return frame;
}

}  // namespace mlt
