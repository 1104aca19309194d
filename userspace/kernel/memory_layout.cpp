#include "kernel/memory_layout.h"

#include <elf.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "arch/arch.h"
#include "proc/text_file.h"
#include "util/fd.h"

namespace mlt {

namespace {

constexpr std::uint64_t kNoPhysical = ~std::uint64_t{0};

Result<std::vector<KernelSegment>> read_segments() {
  const Fd file(open("/proc/kcore", O_RDONLY | O_CLOEXEC));
  if (!file) return fail("cannot open /proc/kcore", errno);
  Elf64_Ehdr header{};
  if (pread(file.get(), &header, sizeof(header), 0) != sizeof(header)) return fail("cannot read /proc/kcore", errno);
  std::vector<Elf64_Phdr> headers(header.e_phnum);
  const std::size_t size = headers.size() * sizeof(Elf64_Phdr);
  if (pread(file.get(), headers.data(), size, static_cast<off_t>(header.e_phoff)) != static_cast<ssize_t>(size))
    return fail("cannot read /proc/kcore", errno);
  std::vector<KernelSegment> segments;
  for (const Elf64_Phdr& segment : headers) {
    if (segment.p_type == PT_LOAD) segments.push_back({segment.p_vaddr, segment.p_paddr, segment.p_memsz});
  }
  return segments;
}

bool has_word(std::string_view text, std::string_view word) {
  for (std::size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    const bool begins = at == 0 || text[at - 1] == ' ';
    const std::size_t end = at + word.size();
    if (begins && (end == text.size() || text[end] == ' ' || text[end] == '\n')) return true;
  }
  return false;
}

}  // namespace

MemoryLayout memory_layout(std::span<const KernelSegment> segments, std::string_view cpu_flags,
                           std::string_view vm_flags) {
  const KernelSegment* ram = nullptr;    // the lowest
  const KernelSegment* pages = nullptr;  // its struct pages: the lowest too
  for (const KernelSegment& segment : segments) {
    if (segment.address >= arch::kTextStart) continue;
    if (segment.physical != kNoPhysical) {
      if (ram == nullptr || segment.physical < ram->physical) ram = &segment;
    } else if (segment.size < arch::kVmallocLeast && (pages == nullptr || segment.address < pages->address)) {
      pages = &segment;
    }
  }
  if (ram == nullptr || pages == nullptr) return {};
  MemoryLayout layout;
  layout.page_offset = ram->address - ram->physical;
  layout.vmemmap = pages->address / arch::kBaseAlignment * arch::kBaseAlignment;
  layout.levels = arch::page_levels([&](std::string_view flag) { return has_word(cpu_flags, flag); });
  layout.soft_dirty = has_word(vm_flags, "sd");
  return layout;
}

Result<MemoryLayout> read_memory_layout() {
  const auto segments = read_segments();
  if (!segments) return tl::unexpected(segments.error());
  const auto cpu = read_text_file("/proc/cpuinfo");
  // A mapping is soft-dirty until somebody has cleared it.
  const auto smaps = read_text_file("/proc/self/smaps");
  const MemoryLayout layout = memory_layout(*segments, cpu.value_or(""), smaps.value_or(""));
  if (layout.levels == 0) return fail("/proc/kcore does not tell where the kernel keeps page tables");
  return layout;
}

}  // namespace mlt
