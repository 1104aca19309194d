#include "analysis/trigger.h"

#include <linux/mman.h>
#include <sys/mman.h>

#include <algorithm>
#include <limits>
#include <span>

#include "analysis/vma_flags.h"
#include "model/names.h"
#include "model/vma_counts.h"

namespace mlt {

namespace {

constexpr std::uint32_t causes(std::initializer_list<mlt_cause> list) {
  std::uint32_t bits = 0;
  for (const mlt_cause cause : list) bits |= std::uint32_t{1} << cause;
  return bits;
}

// Nothing is there yet, or not any more; of a file, it is then the page of the file that is written to first.
constexpr std::uint32_t kGone =
    causes({MLT_CAUSE_UNKNOWN, MLT_CAUSE_FIRST_TOUCH, MLT_CAUSE_STACK, MLT_CAUSE_FILE_MAP, MLT_CAUSE_ZERO_PAGE,
            MLT_CAUSE_MKWRITE, MLT_CAUSE_UFFD_MISSING, MLT_CAUSE_HUGETLB, MLT_CAUSE_COW});
// The same of a mapping that is new. No call grows a stack.
constexpr std::uint32_t kMapped =
    (kGone & ~causes({MLT_CAUSE_STACK})) | causes({MLT_CAUSE_FILE_READ, MLT_CAUSE_SPECIAL_MAP});
constexpr std::uint32_t kHeap = causes({MLT_CAUSE_UNKNOWN, MLT_CAUSE_FIRST_TOUCH, MLT_CAUSE_ZERO_PAGE});
// The kernel may take the pages from now on, or does so now.
constexpr std::uint32_t kReclaimed =
    causes({MLT_CAUSE_UNKNOWN, MLT_CAUSE_SWAP_IN, MLT_CAUSE_FILE_MAP, MLT_CAUSE_FILE_READ});
// Of a page that only one side has kept some kernels say no more than that its entry was read-only.
constexpr std::uint32_t kForked = causes({MLT_CAUSE_COW, MLT_CAUSE_WRITE_ENABLE});
constexpr std::uint32_t kNothing = 0;

// The headers of Debian 12 lack the newest.
constexpr std::uint64_t kDontneedLocked = 24;

std::uint32_t causes_of_advice(std::uint64_t advice) {
  switch (advice) {
    case MADV_DONTNEED:
    case MADV_FREE:
    case kDontneedLocked: return kGone;
    case MADV_REMOVE: return kGone | causes({MLT_CAUSE_FILE_READ});
    case MADV_COLD:
    case MADV_PAGEOUT: return kReclaimed;
    case MADV_MERGEABLE: return causes({MLT_CAUSE_KSM});
    default: return kNothing;
  }
}

std::uint32_t causes_of_protection(std::uint64_t protection) {
  // What could not be touched before can be now; and what could be written to is read-only, then not any more.
  return causes({MLT_CAUSE_WRITE_ENABLE}) | (protection == PROT_NONE ? kNothing : kMapped);
}

std::uint32_t causes_of(const mlt_event_call& call) {
  switch (call.head.call) {
    case MLT_CALL_MMAP:
    case MLT_CALL_MREMAP: return kMapped;
    case MLT_CALL_BRK: return kHeap;
    case MLT_CALL_EXECVE: return kMapped | causes({MLT_CAUSE_STACK});
    case MLT_CALL_MPROTECT: return causes_of_protection(call.args[2]);
    case MLT_CALL_MADVISE: return causes_of_advice(call.args[2]);
    case MLT_CALL_MUNLOCK:
    case MLT_CALL_MUNLOCKALL: return kReclaimed;
    case MLT_CALL_FORK: return kForked;
    default: return kNothing;
  }
}

bool is_of_everything(const mlt_event_call& call) {
  return call.head.call == MLT_CALL_FORK || call.head.call == MLT_CALL_EXECVE || call.head.call == MLT_CALL_MUNLOCKALL;
}

struct Addresses {
  std::uint64_t start = 0;
  std::uint64_t end = 0;
};

// Where pages fault after the call.
Addresses addresses_of(const mlt_event_call& call) {
  const auto& args = call.args;
  const auto ret = static_cast<std::uint64_t>(call.ret);
  switch (call.head.call) {
    case MLT_CALL_MMAP: return {ret, ret + args[1]};
    // Pages move with their mapping, unless it stays and is empty: only what it grew by is new.
    case MLT_CALL_MREMAP:
      if ((args[3] & MREMAP_DONTUNMAP) != 0) return {args[0], args[0] + args[1]};
      return {ret + std::min(args[1], args[2]), ret + args[2]};
    // The end of the heap; where it was before, the call does not tell.
    case MLT_CALL_BRK: return {ret - 1, ret};
    default: return {args[0], args[0] + args[1]};
  }
}

bool is_private_file(const mlt_vma& vma) { return vma.kind == MLT_VMA_FILE && (vma.flags & kVmShared) == 0; }
bool is_private_memory(const mlt_vma& vma) {
  const bool is_anonymous = vma.kind == MLT_VMA_ANONYMOUS || vma.kind == MLT_VMA_HEAP || vma.kind == MLT_VMA_STACK;
  return is_anonymous && (vma.flags & kVmShared) == 0;
}

// Pages of memory are copied because a fork has made them shared, and for nothing else that a call does: what is mapped
// has no page to copy yet. Of a private mapping of a file the pages of the file are copied: its first writes.
bool is_possible_in(const mlt_event_call& call, mlt_cause cause, const mlt_vma& vma) {
  if (call.head.call == MLT_CALL_FORK) return is_private_memory(vma);
  return cause != MLT_CAUSE_COW || is_private_file(vma);
}

mlt_event_call as_call(const mlt_event& event) {
  mlt_event_call call{};
  call.head = event;
  return call;
}

// Of the faults, those that such a call can have led to.
std::uint64_t explained_by(const mlt_event_call& call, const FaultsSeen& seen) {
  std::uint64_t faults = 0;
  for (const mlt_vma& vma : seen.by_vma) {
    if (leads_to(call, seen.cause, vma)) faults += std::span(vma.completed)[seen.cause];
  }
  return faults;
}

bool explains_most(const mlt_event_call& call, const FaultsSeen& seen) {
  return seen.faults != 0 && explained_by(call, seen) * 2 >= seen.faults;
}

bool is_better(const mlt_event_call& call, const mlt_event_call& than) {
  if (is_of_everything(call) != is_of_everything(than)) return is_of_everything(than);
  if (extent(call) != extent(than)) return extent(call) > extent(than);
  return call.head.ns < than.head.ns;
}

}  // namespace

std::optional<mlt_event_call> possible_trigger(const mlt_event& event) {
  switch (event.kind) {
    case MLT_EVENT_FORK:
    case MLT_EVENT_EXEC: return as_call(event);
    case MLT_EVENT_CALL:
    case MLT_EVENT_MAPPING: break;
    default: return std::nullopt;
  }
  const auto& call = reinterpret_cast<const mlt_event_call&>(event);
  if (is_error(call.ret) || causes_of(call) == kNothing) return std::nullopt;
  return call;
}

std::uint64_t extent(const mlt_event_call& call) {
  if (is_of_everything(call)) return std::numeric_limits<std::uint64_t>::max();
  const Addresses addresses = addresses_of(call);
  return addresses.end - addresses.start;
}

bool leads_to(const mlt_event_call& call, mlt_cause cause, const mlt_vma& vma) {
  if ((causes_of(call) >> cause & 1) == 0 || !is_possible_in(call, cause, vma)) return false;
  if (is_of_everything(call)) return true;
  const auto [start, end] = addresses_of(call);
  return start < end && start < end_of(vma) && end > vma.start;
}

bool only_fork_explains(const FaultsSeen& seen) {
  mlt_event_call fork{};
  fork.head.call = MLT_CALL_FORK;
  return seen.cause == MLT_CAUSE_COW && explains_most(fork, seen);
}

void TriggerCalls::keep(Kind& kind, const mlt_event_call& call) {
  constexpr std::size_t kKept = 8;
  const auto place = std::ranges::find_if(kind.widest, [&](const auto& kept) { return is_better(call, kept); });
  kind.widest.insert(place, call);
  if (kind.widest.size() > kKept) kind.widest.pop_back();
}

void TriggerCalls::add(const mlt_event_call& call) {
  Kind& kind = by_call_[call.head.call];
  keep(kind, call);
  ++kind.told;
  if (!is_of_everything(call)) kind.bytes += extent(call);
}

void TriggerCalls::add(const TriggerCalls& other) {
  add_calls(other);
  add_amount(other);
}

void TriggerCalls::add_calls(const TriggerCalls& other) {
  for (const auto& [number, kind] : other.by_call_) {
    for (const mlt_event_call& call : kind.widest) keep(by_call_[number], call);
  }
}

void TriggerCalls::add_amount(const TriggerCalls& later) {
  for (const auto& [number, kind] : later.by_call_) {
    by_call_[number].told += kind.told;
    by_call_[number].bytes += kind.bytes;
  }
}

// A fault brings a page at least: calls about less memory than was faulted in have not led to most of it. But of calls
// that come in rows one in ten milliseconds is told (MLT_TELL_NS, bpf/lock.bpf.c), and of those that are not nobody
// knows how large they were.
bool TriggerCalls::suffices(const Kind& kind, const FaultsSeen& seen) {
  constexpr std::uint64_t kPage = 4096;
  constexpr std::uint64_t kRowNs = 20'000'000;
  const bool come_in_rows = kind.told >= seen.duration_ns / kRowNs;
  return come_in_rows || kind.bytes / kPage >= seen.faults / 2;
}

std::optional<mlt_event_call> TriggerCalls::explain(const FaultsSeen& seen) const {
  std::optional<mlt_event_call> best;
  for (const auto& [number, kind] : by_call_) {
    for (const mlt_event_call& call : kind.widest) {
      if (!explains_most(call, seen)) continue;
      const bool is_measured = !is_of_everything(call) && number != MLT_CALL_BRK;
      if (is_measured && !suffices(kind, seen)) continue;
      if (!best || is_better(call, *best)) best = call;
    }
  }
  return best;
}

void Forks::add(const mlt_event_call& fork, std::uint32_t child_proc) {
  constexpr std::size_t kKept = 16;
  forks_.push_back({fork, child_proc, false});
  if (forks_.size() <= kKept) return;
  // What explains least: one whose child is gone.
  const auto gone = std::ranges::find_if(forks_, &Fork::child_left);
  forks_.erase(gone == forks_.end() ? forks_.begin() : gone);
}

void Forks::child_left(std::uint32_t child_proc) {
  for (Fork& fork : forks_) {
    if (fork.child_proc == child_proc) fork.child_left = true;
  }
}

std::optional<mlt_event_call> Forks::explain(const FaultsSeen& seen) const {
  const Fork* best = nullptr;
  for (const Fork& fork : forks_) {
    if (!explains_most(fork.call, seen)) continue;
    if (best == nullptr || best->child_left || !fork.child_left) best = &fork;
  }
  return best == nullptr ? std::nullopt : std::optional(best->call);
}

}  // namespace mlt
