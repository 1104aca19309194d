// Names for the addresses of stacks. What a process has mapped is noted while it lives, and the symbols of its files
// are read then: at the end it may be gone.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "analysis/report.h"
#include "proc/maps_file.h"
#include "symbols/elf_symbols.h"
#include "symbols/kernel_symbols.h"

namespace mlt {

class Symbolizer {
 public:
  /// Notes the code that `pid` has mapped now.
  void see(std::uint32_t pid, const std::vector<MapsLine>& maps);
  /// Notes that `pid` was forked from `parent`, whose code it has until it maps its own.
  void forked(std::uint32_t pid, std::uint32_t parent) { parents_[pid] = parent; }
  void read_kernel() { kernel_ = KernelSymbols::read(); }

  [[nodiscard]] Frame user(std::uint32_t pid, std::uint64_t address) const;
  [[nodiscard]] Frame kernel(std::uint64_t address) const { return kernel_.find(address); }

 private:
  struct Code {
    MapsLine line;
    std::shared_ptr<const ElfSymbols> symbols;  // none: could not be read
  };

  std::shared_ptr<const ElfSymbols> symbols_of(std::uint32_t pid, const MapsLine& line);
  [[nodiscard]] const Code* code_at(std::uint32_t pid, std::uint64_t address) const;

  std::map<std::uint32_t, std::vector<Code>> code_;  // newest last
  std::map<std::uint32_t, std::uint32_t> parents_;
  std::map<std::pair<std::string, std::uint64_t>, std::shared_ptr<const ElfSymbols>> files_;  // by path and inode
  KernelSymbols kernel_;
};

}  // namespace mlt
