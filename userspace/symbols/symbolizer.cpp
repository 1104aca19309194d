#include "symbols/symbolizer.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

namespace mlt {

namespace {

bool is_file(const std::string& path, std::uint64_t inode) {
  struct stat file {};
  return stat(path.c_str(), &file) == 0 && file.st_ino == inode;
}

}  // namespace

std::shared_ptr<const ElfSymbols> Symbolizer::symbols_of(std::uint32_t pid, const MapsLine& line) {
  const auto [file, is_new] = files_.try_emplace({line.name, line.inode});
  if (!is_new) return file->second;
  // As the process sees the path; by the mapping where the file is gone (that takes a privilege more).
  auto symbols = ElfSymbols::read(fmt::format("/proc/{}/root{}", pid, line.name));
  if (!symbols) symbols = ElfSymbols::read(fmt::format("/proc/{}/map_files/{:x}-{:x}", pid, line.start, line.end));
  // The process is gone: as this one sees the path, where it is the same file.
  if (!symbols && is_file(line.name, line.inode)) symbols = ElfSymbols::read(line.name);
  if (symbols) file->second = std::make_shared<const ElfSymbols>(std::move(*symbols));
  return file->second;
}

void Symbolizer::see(std::uint32_t pid, std::uint16_t program, const std::vector<MapsLine>& maps) {
  std::vector<Code>& known = code_[{pid, program}];
  for (const MapsLine& line : maps) {
    if (line.name.empty() || line.permissions.find('x') == std::string::npos) continue;
    if (std::ranges::any_of(known, [&](const Code& code) { return code.line == line; })) continue;
    known.push_back({line, line.inode != 0 ? symbols_of(pid, line) : nullptr});
  }
}

void Symbolizer::forked(std::uint32_t pid, std::uint32_t parent) {
  parents_[pid] = {parent, programs_[parent]};
  programs_[pid] = 0;  // the number may have been another process'
}

const Symbolizer::Code* Symbolizer::code_at(Program program, std::uint64_t address) const {
  const auto found = code_.find(program);
  if (found == code_.end()) return nullptr;
  // The newest: the same addresses may be another library later.
  const std::vector<Code>& codes = found->second;
  const auto code = std::find_if(codes.rbegin(), codes.rend(), [&](const Code& other) {
    return address >= other.line.start && address < other.line.end;
  });
  return code != codes.rend() ? &*code : nullptr;
}

Frame Symbolizer::user(std::uint32_t pid, std::uint16_t program, std::uint64_t address) const {
  Frame frame;
  frame.address = address;
  Program running{pid, program};
  const Code* code = code_at(running, address);
  // Numbers of processes are used again, and so might be their own ancestors'.
  constexpr int kGenerations = 32;
  for (int i = 0; code == nullptr && i < kGenerations; ++i) {
    const auto parent = parents_.find(running.first);
    if (running.second != 0 || parent == parents_.end()) return frame;
    running = parent->second;
    code = code_at(running, address);
  }
  if (code == nullptr) return frame;
  frame.module = code->line.name;
  frame.offset = address - code->line.start + code->line.offset;
  if (const auto function = code->symbols ? code->symbols->find(frame.offset) : std::nullopt) {
    frame.function = function->function;
    frame.offset = function->offset;
  }
  return frame;
}

}  // namespace mlt
