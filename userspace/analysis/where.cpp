#include "analysis/where.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <numeric>
#include <span>
#include <string_view>
#include <tuple>

#include "analysis/vma_flags.h"
#include "model/fault_class.h"
#include "model/vma_counts.h"

namespace mlt {

namespace {

std::string_view name_of(const mlt_vma& vma) { return {vma.name, strnlen(vma.name, sizeof(vma.name))}; }

std::string_view last_part(std::string_view path) { return path.substr(path.rfind('/') + 1); }

// The kernel's copy of the name may be cut, and the path goes on with " (deleted)" when the file was removed.
bool is_path_of(const MapsLine& line, const mlt_vma& vma) {
  const std::string_view name = name_of(vma);
  if (line.inode == 0 || name.empty() || !last_part(line.name).starts_with(name)) return false;
  return line.inode == vma.inode_number || (line.start < end_of(vma) && line.end > vma.start);
}

std::string file_name(const mlt_vma& vma, const std::vector<MapsLine>& maps) {
  const auto found = std::ranges::find_if(maps, [&](const MapsLine& line) { return is_path_of(line, vma); });
  return found == maps.end() ? std::string(name_of(vma)) : found->name;
}

std::string special_name(const mlt_vma& vma, const std::vector<MapsLine>& maps) {
  const auto found = std::ranges::find_if(
      maps, [&](const MapsLine& line) { return line.inode == 0 && line.start < end_of(vma) && line.end > vma.start; });
  return found == maps.end() ? "[kernel mapping]" : found->name;
}

VmaFaults build_vma_faults(const mlt_vma& vma, const std::vector<MapsLine>& maps) {
  VmaFaults faults;
  faults.start = vma.start;
  faults.end = end_of(vma);
  faults.name = vma_name(vma, maps);
  faults.offset = vma.pgoff * 4096;
  faults.permissions = permissions_of(vma);
  faults.locked = lock_state_of(vma);
  faults.shm_locked = (vma.state & MLT_VMA_UNEVICTABLE) != 0 && name_of(vma).starts_with("SYSV");
  const std::span causes(vma.completed);
  faults.cause = static_cast<mlt_cause>(std::ranges::max_element(causes) - causes.begin());
  faults.minor = completed_faults(vma) - vma.major;
  faults.major = vma.major;
  faults.errors = vma.errors;
  faults.time_ns = vma.time_ns;
  faults.max_ns = vma.max_ns;
  return faults;
}

// What the process has and no mapping.
VmaFaults remainder(const ProcessCounts& process, const std::vector<VmaFaults>& list) {
  FaultTotals all;
  for (const auto& [id, totals] : process.by_class) all.add(totals);
  VmaFaults known;
  for (const VmaFaults& faults : list) {
    known.minor += faults.minor;
    known.major += faults.major;
    known.errors += faults.errors;
    known.time_ns += faults.time_ns;
  }
  VmaFaults rest;
  rest.locked = MLT_LOCK_UNKNOWN;
  // While the trace goes on one of the two may be a fault ahead.
  const auto more = [](std::uint64_t a, std::uint64_t b) { return a > b ? a - b : 0; };
  rest.minor = more(all.minor, known.minor);
  rest.major = more(all.major, known.major);
  rest.errors = more(all.errors, known.errors);
  rest.time_ns = more(all.latency.sum(), known.time_ns);
  return rest;
}

// ---- Stacks

// Who reads on? And each frame has to be looked up.
constexpr std::size_t kStacksKept = 500;

using Addresses = std::vector<std::uint64_t>;

// No code is in the first page, and none where one of the highest eight bits is set, with five levels of page tables
// either.
bool can_be_code(std::uint64_t address) { return address >= 4096 && address >> 56 == 0; }

// The first address is the instruction's. To the others the kernel follows frame pointers, and code that keeps
// something else in that register leads it astray.
Addresses user_part(const Addresses& stack) {
  if (stack.empty()) return {};
  return {stack.begin(), std::find_if_not(stack.begin() + 1, stack.end(), can_be_code)};
}

struct Place {
  const StackCount* stack = nullptr;
  std::uint64_t faults = 0;
  std::uint64_t time_ns = 0;
  std::array<std::uint64_t, MLT_CAUSE_NR> by_cause{};
};

}  // namespace

std::vector<Frame> without_tracer(const std::vector<Frame>& stack) {
  std::vector<Frame> frames;
  bool entered_tracer = false;
  for (const Frame& frame : stack) {
    const bool is_again = entered_tracer && !frames.empty() && frames.back().function == frame.function;
    entered_tracer = frame.function.starts_with("bpf_trampoline_");
    if (frame.function == "handle_mm_fault")
      frames.clear();
    else if (!entered_tracer && !is_again)
      frames.push_back(frame);
  }
  return frames;
}

std::string permissions_of(const mlt_vma& vma) {
  const auto letter = [&](std::uint64_t flag, char set) { return (vma.flags & flag) != 0 ? set : '-'; };
  return {letter(kVmRead, 'r'), letter(kVmWrite, 'w'), letter(kVmExec, 'x'), (vma.flags & kVmShared) != 0 ? 's' : 'p'};
}

mlt_lock_state lock_state_of(const mlt_vma& vma) {
  if ((vma.flags & kVmLocked) == 0) return MLT_UNLOCKED;
  return (vma.flags & kVmLockOnFault) != 0 ? MLT_LOCKED_ON_FAULT : MLT_LOCKED;
}

std::string vma_name(const mlt_vma& vma, const std::vector<MapsLine>& maps) {
  switch (vma.kind) {
    case MLT_VMA_FILE: return file_name(vma, maps);
    case MLT_VMA_HEAP: return "[heap]";
    case MLT_VMA_STACK: return "[stack]";
    case MLT_VMA_SPECIAL: return special_name(vma, maps);
    case MLT_VMA_OTHER: return "[another address space]";
    default: return vma.name[0] == '\0' ? "anonymous" : fmt::format("[anon:{}]", name_of(vma));
  }
}

std::vector<StackFaults> build_stacks(const ProcessCounts& process, std::uint32_t pid, const Symbolizer& symbols) {
  std::map<std::tuple<mlt_origin, std::uint16_t, Addresses, Addresses>, Place> by_place;
  for (const StackCount& stack : process.stacks) {
    const FaultClass fault_class = class_of(stack.class_id);
    Place& place = by_place[{fault_class.origin, stack.program, stack.kernel, user_part(stack.user)}];
    place.stack = &stack;
    place.faults += stack.faults;
    place.time_ns += stack.time_ns;
    place.by_cause.at(fault_class.cause) += stack.faults;
  }
  std::vector<Place> places;
  places.reserve(by_place.size());
  for (const auto& [key, place] : by_place) places.push_back(place);
  std::ranges::stable_sort(places, std::greater{}, &Place::faults);
  std::vector<StackFaults> list;
  for (const Place& place : places) {
    const bool whole = list.size() < kStacksKept;
    if (list.size() <= kStacksKept) {
      StackFaults& faults = list.emplace_back();
      faults.origin = class_of(place.stack->class_id).origin;
      faults.cause = static_cast<mlt_cause>(std::ranges::max_element(place.by_cause) - place.by_cause.begin());
    }
    list.back().faults += place.faults;
    list.back().time_ns += place.time_ns;
    if (!whole) continue;
    std::vector<Frame> kernel;
    for (const std::uint64_t address : place.stack->kernel) kernel.push_back(symbols.kernel(address));
    list.back().kernel = without_tracer(kernel);
    for (const std::uint64_t address : user_part(place.stack->user))
      list.back().user.push_back(symbols.user(pid, place.stack->program, address));
  }
  return list;
}

std::vector<VmaFaults> build_by_vma(const ProcessCounts& process, const std::vector<MapsLine>& maps) {
  std::vector<VmaFaults> list;
  for (const mlt_vma& vma : process.by_vma) {
    if (completed_faults(vma) + vma.errors != 0) list.push_back(build_vma_faults(vma, maps));
  }
  std::ranges::stable_sort(list, std::greater{}, &VmaFaults::completed);
  if (VmaFaults rest = remainder(process, list); rest.completed() + rest.errors != 0) list.push_back(std::move(rest));
  return list;
}

}  // namespace mlt
