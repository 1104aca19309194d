#include "session/tables.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace mlt {

namespace {

// The upper half of a key of mlt_claims: see MLT_CLAIM_* in bpf/core.bpf.h.
constexpr std::uint64_t kClaimBlock = 2;
constexpr std::uint64_t kClaimProc = 3;

// Past this many threads the small ones are summed up: nobody reads on, and a churning process has millions.
constexpr std::size_t kThreadsKept = 4096;

Result<Mapping> map_table(const bpf_map* map) {
  const std::size_t page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const std::size_t value = (bpf_map__value_size(map) + 7) / 8 * 8;
  const std::size_t size = (value * bpf_map__max_entries(map) + page - 1) / page * page;
  Mapping mapping(bpf_map__fd(map), size);
  if (!mapping) return fail(std::string("cannot map the table ") + bpf_map__name(map), errno);
  return mapping;
}

FaultTotals totals_of(const mlt_block& block) {
  FaultTotals totals;
  totals.minor = block.minor;
  totals.major = block.major;
  totals.errors = block.errors;
  totals.retries = block.retries;
  totals.untimed = block.untimed;
  totals.latency.merge(block.minor + block.major - block.untimed, block.sum_ns, block.min_ns, block.max_ns,
                       block.buckets);
  return totals;
}

}  // namespace

Result<Tables> Tables::map(const bpf_map* blocks, const bpf_map* procs, const bpf_map* claims) {
  Tables tables;
  auto block_memory = map_table(blocks);
  if (!block_memory) return tl::unexpected(block_memory.error());
  auto proc_memory = map_table(procs);
  if (!proc_memory) return tl::unexpected(proc_memory.error());
  tables.block_memory_ = std::move(*block_memory);
  tables.proc_memory_ = std::move(*proc_memory);
  tables.block_entries_ = bpf_map__max_entries(blocks);
  tables.proc_entries_ = bpf_map__max_entries(procs);
  tables.claims_ = bpf_map__fd(claims);
  return tables;
}

mlt_block& Tables::block(std::uint32_t index) const { return static_cast<mlt_block*>(block_memory_.data())[index]; }

mlt_proc& Tables::proc(std::uint32_t index) const { return static_cast<mlt_proc*>(proc_memory_.data())[index]; }

std::uint32_t Tables::id_of(std::uint32_t index) {
  const auto [place, inserted] = ids_.try_emplace(index, next_id_);
  if (inserted) ++next_id_;
  return place->second;
}

Tables::Places Tables::claimed() const {
  Places places;
  std::uint64_t key = 0;
  std::uint64_t* previous = nullptr;
  for (std::uint64_t next = 0; bpf_map_get_next_key(claims_, previous, &next) == 0; previous = &key) {
    key = next;
    const auto index = static_cast<std::uint32_t>(next);
    if (next >> 32 == kClaimBlock && index < block_entries_) places.blocks.push_back(index);
    if (next >> 32 == kClaimProc && index < proc_entries_) places.procs.push_back(index);
  }
  // The walk begins anew when the key it stands on is removed.
  for (auto* list : {&places.blocks, &places.procs}) {
    std::ranges::sort(*list);
    const auto rest = std::ranges::unique(*list);
    list->erase(rest.begin(), rest.end());
  }
  return places;
}

void Tables::add(Taken& taken, const mlt_block& block) {
  const FaultTotals totals = totals_of(block);
  taken.by_class[block.class_id].add(totals);
  const bool own = (block.flags & MLT_BLOCK_SHARED) == 0 &&
                   (taken.by_thread.size() < kThreadsKept || taken.by_thread.contains(block.tid));
  taken.by_thread[own ? block.tid : 0].add(totals);
}

ProcessCounts Tables::take(std::uint32_t index) {
  ProcessCounts process;
  process.id = id_of(index);
  process.proc = proc(index);
  if (const auto found = retired_.find(index); found != retired_.end()) {
    process.by_class = found->second.by_class;
    process.by_thread = found->second.by_thread;
  }
  return process;
}

void Tables::collect_retired() {
  // Which processes are gone must be known before the blocks are listed: none is claimed for them afterwards.
  std::vector<std::uint32_t> gone;
  for (const std::uint32_t index : claimed().procs) {
    if (proc(index).gone == 1) gone.push_back(index);
  }
  for (const std::uint32_t index : claimed().blocks) {
    if ((block(index).flags & MLT_BLOCK_RETIRED) != 0) fold(index);
  }
  for (const std::uint32_t index : gone) free_process(index);
}

// Adds a block that nobody writes any more to its process, and gives it back.
void Tables::fold(std::uint32_t index) {
  mlt_block& retired = block(index);
  add(retired_[retired.proc], retired);
  memset(&retired, 0, sizeof(retired));
  __atomic_store_n(&retired.flags, MLT_BLOCK_FREE, __ATOMIC_RELEASE);
}

void Tables::free_process(std::uint32_t index) {
  // Blocks that are left are of threads whose end the kernel has not announced yet: next time. Or they were shared by
  // the whole process: then the record stays, for they cannot be told from those of its place's next owner.
  const auto blocks = claimed().blocks;
  if (std::ranges::any_of(blocks,
                          [&](std::uint32_t place) { return block(place).task != 0 && block(place).proc == index; }))
    return;
  gone_.push_back(take(index));
  retired_.erase(index);
  ids_.erase(index);
  mlt_proc& record = proc(index);
  memset(&record, 0, sizeof(record));
  __atomic_store_n(&record.gone, MLT_PROC_FREE, __ATOMIC_RELEASE);
}

Counts Tables::counts() {
  collect_retired();
  const Places places = claimed();
  std::map<std::uint32_t, Taken> live;
  for (const std::uint32_t place : places.blocks) {
    if (block(place).task != 0) add(live[block(place).proc], block(place));
  }
  Counts counts;
  counts.processes = gone_;
  for (const std::uint32_t index : places.procs) {
    if (proc(index).tgid == 0) continue;
    ProcessCounts process = take(index);
    for (const auto& [class_id, totals] : live[index].by_class) process.by_class[class_id].add(totals);
    for (const auto& [tid, totals] : live[index].by_thread) process.by_thread[tid].add(totals);
    counts.processes.push_back(std::move(process));
  }
  return counts;
}

}  // namespace mlt
