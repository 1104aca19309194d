// The program's own pages must not show up in what is measured, so all of them are faulted in first.
#include <alloca.h>
#include <sys/mman.h>
#include <time.h>

#include <charconv>

#include "workload.hpp"

extern "C" char __executable_start, _end;  // of the linker: the program's image, .bss included

namespace workload {
namespace {

struct Mapping {
  std::uintptr_t start = 0, end = 0;
  bool readable = false, writable = false;
  std::string_view name;
};

// One line of /proc/self/maps: "start-end perms offset device inode   name".
Mapping parse(std::string_view line) {
  Mapping mapping;
  const char* const last = line.data() + line.size();
  const auto start = std::from_chars(line.data(), last, mapping.start, 16);
  const auto end = std::from_chars(start.ptr + 1, last, mapping.end, 16);
  mapping.readable = end.ptr[1] == 'r';
  mapping.writable = end.ptr[2] == 'w';
  mapping.name = line.substr(line.find_last_of(' ') + 1);
  return mapping;
}

bool is_image(const Mapping& mapping) {
  return mapping.start >= reinterpret_cast<std::uintptr_t>(&__executable_start) &&
         mapping.start < reinterpret_cast<std::uintptr_t>(&_end);
}

template <class Each>
void for_each_own_mapping(Each each) {
  // Collected first: `each` must not run while the buffer of for_each_line, itself one of these mappings, is read.
  std::array<Mapping, 32> own;
  std::size_t count = 0;
  for_each_line("/proc/self/maps", [&](std::string_view line) {
    const Mapping mapping = parse(line);
    const bool mine =
        is_image(mapping) || mapping.name == "[heap]" || mapping.name == "[stack]" || mapping.name == "[vdso]";
    if (mine && mapping.readable && count < own.size()) own[count++] = mapping;
  });
  for (std::size_t i = 0; i < count; ++i) each(own[i]);
}

}  // namespace

void warm_program() {
  touch_stack(128 * 1024);
  for_each_own_mapping([](const Mapping& mapping) {
    for (std::uintptr_t at = mapping.start; at < mapping.end; at += page_size) {
      auto& byte = *reinterpret_cast<volatile char*>(at);
      const char value = byte;
      if (mapping.writable) byte = value;  // the private copy, too
    }
  });
  now_ns();  // the vDSO's data page
}

void keep_program_from_children() {
  for_each_own_mapping([](const Mapping& mapping) {
    if (!mapping.writable) return;
    ::madvise(reinterpret_cast<void*>(mapping.start), mapping.end - mapping.start, MADV_DONTFORK);
  });
}

[[gnu::noinline]] std::uintptr_t touch_stack(std::size_t bytes) {
  auto* const lowest = static_cast<volatile char*>(alloca(bytes));
  // Downwards, as calls do: the kernel extends the stack to the page that is touched.
  for (std::size_t offset = bytes; offset > 0; offset -= offset < page_size ? offset : page_size)
    lowest[offset - 1] = 1;
  lowest[0] = 1;
  return reinterpret_cast<std::uintptr_t>(lowest);
}

std::uintptr_t stack_start() {
  std::uintptr_t start = 0;
  for_each_line("/proc/self/maps", [&](std::string_view line) {
    const Mapping mapping = parse(line);
    if (mapping.name == "[stack]") start = mapping.start;
  });
  return start;
}

long faults_so_far() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_minflt + usage.ru_majflt;
}

long now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000L + now.tv_nsec;
}

void sleep_ns(long ns) {
  if (ns <= 0) return;
  timespec left{ns / 1'000'000'000L, ns % 1'000'000'000L};
  while (::nanosleep(&left, &left) != 0) {
  }
}

}  // namespace workload
