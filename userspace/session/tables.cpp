#include "session/tables.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <numeric>
#include <utility>

#include "model/vma_counts.h"

namespace mlt {

namespace {

// Past this many threads the small ones are summed up: nobody reads on, and a churning process has millions.
constexpr std::size_t kThreadsKept = 4096;

FaultTotals totals_of(const mlt_block& shared) {
  // Its thread may be counting: a fault may be in `minor` and not in its bucket yet. What the histogram says of itself
  // must be true all the same.
  const mlt_block block = shared;
  const std::uint64_t timed = std::accumulate(std::begin(block.buckets), std::end(block.buckets), std::uint64_t{0});
  FaultTotals totals;
  totals.minor = block.minor;
  totals.major = block.major;
  totals.errors = block.errors;
  totals.retries = block.retries;
  totals.untimed = block.untimed;
  totals.latency.merge(timed, block.sum_ns, block.min_ns, block.max_ns, block.buckets);
  return totals;
}

}  // namespace

Result<Tables> Tables::map(const bpf_map* blocks, const bpf_map* vmas, const bpf_map* procs, const RareMaps& rare,
                           const UsedPlaces& used) {
  Tables tables;
  auto block_table = MappedTable<mlt_block>::open(blocks);
  if (!block_table) return tl::unexpected(block_table.error());
  auto vma_table = MappedTable<mlt_vma>::open(vmas);
  if (!vma_table) return tl::unexpected(vma_table.error());
  auto proc_table = MappedTable<mlt_proc>::open(procs);
  if (!proc_table) return tl::unexpected(proc_table.error());
  tables.blocks_ = std::move(*block_table);
  tables.vmas_ = std::move(*vma_table);
  tables.procs_ = std::move(*proc_table);
  tables.keepers_ = bpf_map__fd(rare.keepers);
  tables.errors_ = bpf_map__fd(rare.errors);
  tables.acts_ = bpf_map__fd(rare.acts);
  tables.acts_made_ = rare.acts_made;
  tables.used_ = used;
  return tables;
}

std::uint32_t Tables::id_of(std::uint32_t index) {
  const auto [place, inserted] = ids_.try_emplace(index, next_id_);
  if (inserted) ++next_id_;
  return place->second;
}

std::uint32_t Tables::pid_of(std::uint32_t index) { return index < procs_.size() ? visible_pid(procs_[index]) : 0; }

Tables::Places Tables::used() const {
  const auto list = [](const std::uint8_t* flags, std::uint32_t entries) {
    std::vector<std::uint32_t> places;
    for (std::uint32_t place = 0; place < entries; ++place) {
      if (flags[place] != 0) places.push_back(place);
    }
    return places;
  };
  return {list(used_.blocks, blocks_.size()), list(used_.vmas, vmas_.size()), list(used_.procs, procs_.size())};
}

// Calls `visit` with each entry of a hash map.
template <typename Key, typename Value, typename Visit>
void for_each_entry(int map, Visit visit) {
  Key key{};
  Key* previous = nullptr;
  for (Key next{}; bpf_map_get_next_key(map, previous, &next) == 0; previous = &key) {
    key = next;
    Value value{};
    if (bpf_map_lookup_elem(map, &key, &value) == 0) visit(key, value);
  }
}

// The key of a keeper has the place of the process record in its upper half.
std::map<std::uint32_t, mlt_keeper> Tables::keepers_of(std::uint32_t index) const {
  std::map<std::uint32_t, mlt_keeper> keepers;
  for_each_entry<std::uint64_t, mlt_keeper>(keepers_, [&](std::uint64_t key, const mlt_keeper& keeper) {
    if (key >> 32 == index) keepers[keeper.tgid] = keeper;
  });
  return keepers;
}

std::vector<ErrorCount> Tables::errors_of(std::uint32_t index) const {
  std::vector<ErrorCount> errors;
  for_each_entry<mlt_error_key, mlt_error>(errors_, [&](const mlt_error_key& key, const mlt_error& error) {
    if (key.proc == index) errors.push_back({key, error});
  });
  return errors;
}

// What was not counted yet is under way.
std::map<std::uint32_t, std::vector<ActCount>> Tables::acts() const {
  std::map<std::uint32_t, std::vector<ActCount>> acts;
  if (__atomic_load_n(acts_made_, __ATOMIC_RELAXED) == 0) return acts;
  ActCount one;
  const mlt_act_key* previous = nullptr;
  for (mlt_act_key next{}; bpf_map_get_next_key(acts_, previous, &next) == 0; previous = &one.key) {
    one.key = next;
    if (bpf_map_lookup_elem(acts_, &one.key, &one.act) == 0 && one.act.last_ns != 0) acts[one.key.proc].push_back(one);
  }
  return acts;
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
  process.proc = procs_[index];
  if (process.proc.still_locked != 0) process.keepers = keepers_of(index);
  if (process.proc.failed != 0) process.errors = errors_of(index);
  if (const auto found = retired_.find(index); found != retired_.end()) {
    process.by_class = found->second.by_class;
    process.by_thread = found->second.by_thread;
    process.by_vma = found->second.by_vma;
  }
  return process;
}

void Tables::note_gone() {
  noted_gone_.clear();
  for (const std::uint32_t index : used().procs) {
    if (procs_[index].gone == 1) noted_gone_.push_back(index);
  }
}

bool Tables::awaits_threads() {
  return std::ranges::any_of(used().procs, [&](std::uint32_t place) { return misses_ends(procs_[place]); });
}

void Tables::keep_gone() { noted_gone_.clear(); }

Tables::Places Tables::take_retired() {
  // Known before the blocks are listed: none is taken for them afterwards.
  const std::vector<std::uint32_t> gone = std::exchange(noted_gone_, {});
  alive_.clear();
  for (const std::uint32_t index : used().procs) {
    const mlt_proc& record = procs_[index];
    if (record.tgid != 0 && record.exit_ns == 0)
      alive_.push_back({visible_pid(record), static_cast<std::uint16_t>(record.execs)});
  }
  Places places = used();
  for (const std::uint32_t index : places.blocks) {
    if ((blocks_[index].flags & MLT_BLOCK_RETIRED) != 0) fold_block(index);
  }
  for (const std::uint32_t index : places.vmas) {
    if ((vmas_[index].state & MLT_BLOCK_RETIRED) != 0) fold_vma(index);
  }
  if (gone.empty()) return places;
  std::unordered_set<std::uint32_t> in_use;
  for (const std::uint32_t index : places.blocks) {
    if (blocks_[index].task != 0) in_use.insert(blocks_[index].proc);
  }
  for (const std::uint32_t index : places.vmas) {
    if (vmas_[index].task != 0) in_use.insert(vmas_[index].proc);
  }
  auto acts_on = acts();
  for (const std::uint32_t index : gone) {
    if (free_process(index, in_use)) free_acts(std::move(acts_on[index]));
  }
  return places;
}

// Adds a block that nobody writes any more to its process, and gives it back.
void Tables::fold_block(std::uint32_t index) {
  mlt_block& retired = blocks_[index];
  add(retired_[retired.proc], retired);
  memset(&retired, 0, sizeof(retired));
  __atomic_store_n(&retired.flags, MLT_BLOCK_FREE, __ATOMIC_RELEASE);
}

void Tables::fold_vma(std::uint32_t index) {
  mlt_vma& retired = vmas_[index];
  add_vma(retired_[retired.proc].by_vma, retired);
  memset(&retired, 0, sizeof(retired));
  __atomic_store_n(&retired.state, MLT_BLOCK_FREE, __ATOMIC_RELEASE);
}

// `in_use`: records of processes that have a block or a mapping, listed since this one was gone.
bool Tables::free_process(std::uint32_t index, const std::unordered_set<std::uint32_t>& in_use) {
  // Somebody holds its address space still, and what is given up with it is its: next time.
  if (procs_[index].spaces != 0) return false;
  // Blocks that are left are of threads whose end the kernel has not announced yet: next time. Or they were shared by
  // the whole process: then the record stays, for they cannot be told from those of its place's next owner.
  if (in_use.contains(index)) return false;
  gone_.push_back(take(index));
  for (const auto& [tgid, keeper] : gone_.back().keepers) {
    const std::uint64_t key = std::uint64_t{index} << 32 | tgid;
    bpf_map_delete_elem(keepers_, &key);
  }
  for (const ErrorCount& error : gone_.back().errors) bpf_map_delete_elem(errors_, &error.key);
  retired_.erase(index);
  ids_.erase(index);
  mlt_proc& record = procs_[index];
  memset(&record, 0, sizeof(record));
  __atomic_store_n(&record.gone, MLT_PROC_FREE, __ATOMIC_RELEASE);
  return true;
}

/// Of the process that was freed last.
void Tables::free_acts(std::vector<ActCount> acts) {
  for (const ActCount& one : acts) bpf_map_delete_elem(acts_, &one.key);
  gone_.back().acts = std::move(acts);
}

void Tables::collect_retired() { take_retired(); }

Counts Tables::counts() {
  const Places places = take_retired();
  std::map<std::uint32_t, Taken> live;
  for (const std::uint32_t place : places.blocks) {
    if (blocks_[place].task != 0) add(live[blocks_[place].proc], blocks_[place]);
  }
  for (const std::uint32_t place : places.vmas) {
    if (vmas_[place].task != 0) add_vma(live[vmas_[place].proc].by_vma, vmas_[place]);
  }
  auto acts_on = acts();
  Counts counts;
  counts.processes = gone_;
  counts.acts = std::move(acts_on[0]);
  for (const std::uint32_t index : places.procs) {
    if (procs_[index].tgid == 0) continue;
    ProcessCounts process = take(index);
    for (const auto& [class_id, totals] : live[index].by_class) process.by_class[class_id].add(totals);
    for (const auto& [tid, totals] : live[index].by_thread) process.by_thread[tid].add(totals);
    for (const mlt_vma& record : live[index].by_vma) add_vma(process.by_vma, record);
    process.acts = std::move(acts_on[index]);
    counts.processes.push_back(std::move(process));
  }
  return counts;
}

}  // namespace mlt
