#include "symbols/elf_symbols.h"

#include <cxxabi.h>
#include <fcntl.h>
#include <gelf.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "util/fd.h"

namespace mlt {

namespace {

using ElfFile = std::unique_ptr<Elf, decltype([](Elf* elf) { elf_end(elf); })>;

}  // namespace

std::string demangle(const char* name) {
  int status = 0;
  const std::unique_ptr<char, decltype([](char* text) { free(text); })> text(
      abi::__cxa_demangle(name, nullptr, nullptr, &status));
  return status == 0 && text ? text.get() : name;
}

std::optional<ElfSymbols> ElfSymbols::read(const std::string& path) {
  elf_version(EV_CURRENT);
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return std::nullopt;
  const ElfFile elf(elf_begin(fd.get(), ELF_C_READ_MMAP, nullptr));
  if (!elf || elf_kind(elf.get()) != ELF_K_ELF) return std::nullopt;
  ElfSymbols symbols;
  std::size_t headers = 0;
  elf_getphdrnum(elf.get(), &headers);
  for (std::size_t i = 0; i < headers; ++i) {
    GElf_Phdr header;
    if (gelf_getphdr(elf.get(), static_cast<int>(i), &header) == nullptr || header.p_type != PT_LOAD) continue;
    symbols.segments_.push_back({header.p_offset, header.p_filesz, header.p_vaddr});
  }
  for (Elf_Scn* section = elf_nextscn(elf.get(), nullptr); section != nullptr;
       section = elf_nextscn(elf.get(), section)) {
    GElf_Shdr header;
    if (gelf_getshdr(section, &header) == nullptr) continue;
    if ((header.sh_type != SHT_SYMTAB && header.sh_type != SHT_DYNSYM) || header.sh_entsize == 0) continue;
    Elf_Data* data = elf_getdata(section, nullptr);
    if (data == nullptr) continue;
    for (std::size_t i = 0; i < header.sh_size / header.sh_entsize; ++i) {
      GElf_Sym symbol;
      if (gelf_getsym(data, static_cast<int>(i), &symbol) == nullptr) continue;
      const int type = GELF_ST_TYPE(symbol.st_info);
      if ((type != STT_FUNC && type != STT_GNU_IFUNC) || symbol.st_shndx == SHN_UNDEF || symbol.st_value == 0) continue;
      const char* name = elf_strptr(elf.get(), header.sh_link, symbol.st_name);
      if (name == nullptr || *name == '\0') continue;
      symbols.functions_.push_back({symbol.st_value, symbol.st_size, symbols.names_.size()});
      symbols.names_.append(name).push_back('\0');
    }
  }
  std::ranges::stable_sort(symbols.functions_, {}, &Function::address);
  return symbols;
}

std::optional<ElfSymbols::Found> ElfSymbols::find(std::uint64_t file_offset) const {
  const auto segment = std::ranges::find_if(
      segments_, [&](const Segment& s) { return file_offset >= s.offset && file_offset - s.offset < s.size; });
  if (segment == segments_.end()) return std::nullopt;
  const std::uint64_t address = file_offset - segment->offset + segment->address;
  const auto next = std::ranges::upper_bound(functions_, address, {}, &Function::address);
  if (next == functions_.begin()) return std::nullopt;
  const Function& function = *std::prev(next);
  const std::uint64_t offset = address - function.address;
  // Written in assembly some have no size: what follows is theirs.
  if (function.size != 0 && offset >= function.size) return std::nullopt;
  return Found{demangle(names_.data() + function.name), offset};
}

}  // namespace mlt
