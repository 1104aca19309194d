// Names for the addresses of stacks. What a process has mapped is noted while it lives, and the symbols of its files
// are read then: at the end it may be gone.
//
// A process runs one program after the other: `program` is how often it has called execve since it is traced. What an
// address stands for in one of them says nothing of the others.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "model/report.h"
#include "proc/maps_file.h"
#include "symbols/elf_symbols.h"
#include "symbols/kernel_symbols.h"

namespace mlt {

class Symbolizer {
 public:
  /// Notes the code that `pid` has mapped now.
  void see(std::uint32_t pid, std::uint16_t program, const std::vector<MapsLine>& maps);

  /// What CodeWatch tells, in order.
  void mapped(std::uint32_t pid, const MapsLine& line) { see(pid, programs_[pid], {line}); }
  void executed(std::uint32_t pid) { ++programs_[pid]; }
  /// `pid` has the code of `parent` until it maps its own.
  void forked(std::uint32_t pid, std::uint32_t parent);

  void read_kernel() { kernel_ = KernelSymbols::read(); }

  [[nodiscard]] Frame user(std::uint32_t pid, std::uint16_t program, std::uint64_t address) const;
  [[nodiscard]] Frame kernel(std::uint64_t address) const { return kernel_.find(address); }

 private:
  struct Code {
    MapsLine line;
    std::shared_ptr<const ElfSymbols> symbols;  // none: could not be read
  };

  std::shared_ptr<const ElfSymbols> symbols_of(std::uint32_t pid, const MapsLine& line);
  using Program = std::pair<std::uint32_t, std::uint16_t>;  // of this process, this one
  [[nodiscard]] const Code* code_at(Program program, std::uint64_t address) const;

  std::map<Program, std::vector<Code>> code_;        // newest last
  std::map<std::uint32_t, std::uint16_t> programs_;  // that processes run now, as CodeWatch told it
  std::map<std::uint32_t, Program> parents_;         // by the forked process' number: what forked it
  std::map<std::pair<std::string, std::uint64_t>, std::shared_ptr<const ElfSymbols>> files_;  // by path and inode
  KernelSymbols kernel_;
};

}  // namespace mlt
