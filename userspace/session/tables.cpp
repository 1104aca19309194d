#include "session/tables.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <type_traits>
#include <utility>

#include "model/block_counts.h"
#include "model/vma_counts.h"

namespace mlt {

namespace {

// Past this many threads the small ones are summed up: nobody reads on, and a churning process has millions.
constexpr std::size_t kThreadsKept = 4096;

// Places that have been used. Nearly all have not: eight at a time.
std::vector<std::uint32_t> list_taken(PlaceStates states, std::size_t entries) {
  std::vector<std::uint32_t> places;
  std::uint32_t place = 0;
  for (std::uint64_t eight = 0; place + 8 <= entries; place += 8) {
    std::memcpy(&eight, &states[place], sizeof(eight));
    for (std::uint32_t i = 0; eight != 0 && i < 8; ++i) {
      if (states[place + i] == MLT_PLACE_TAKEN) places.push_back(place + i);
    }
  }
  for (; place < entries; ++place) {
    if (states[place] == MLT_PLACE_TAKEN) places.push_back(place);
  }
  return places;
}

}  // namespace

Result<Tables> Tables::map(const TableMaps& maps, const RareMaps& rare,
                           std::span<std::uint8_t, MLT_CLAIM_KINDS * MLT_PLACES_MAX> states) {
  Tables tables;
  Status status;
  const auto open = [&status](auto& table, const bpf_map* map) {
    auto opened = std::remove_reference_t<decltype(table)>::open(map);
    if (opened)
      table = std::move(*opened);
    else
      status = tl::unexpected(opened.error());
  };
  open(tables.blocks_, maps.blocks);
  open(tables.tails_, maps.tails);
  open(tables.vmas_, maps.vmas);
  open(tables.procs_, maps.procs);
  open(tables.calls_, maps.calls);
  if (!status) return tl::unexpected(status.error());
  tables.keepers_ = bpf_map__fd(rare.keepers);
  tables.errors_ = bpf_map__fd(rare.errors);
  tables.acts_ = bpf_map__fd(rare.acts);
  tables.acts_made_ = rare.acts_made;
  tables.states_ = states.data();
  return tables;
}

std::uint32_t Tables::id_of(std::uint32_t index) {
  const auto [place, inserted] = ids_.try_emplace(index, next_id_);
  if (inserted) ++next_id_;
  return place->second;
}

std::uint32_t Tables::pid_of(std::uint32_t index) { return index < procs_.size() ? visible_pid(procs_[index]) : 0; }

Tables::Places Tables::used() const {
  return {list_taken(states_of(MLT_CLAIM_BLOCK), blocks_.size()), list_taken(states_of(MLT_CLAIM_VMA), vmas_.size()),
          list_taken(states_of(MLT_CLAIM_PROC), procs_.size())};
}

PlaceStates Tables::states_of(mlt_claim kind) const {
  return PlaceStates(states_ + kind * MLT_PLACES_MAX, MLT_PLACES_MAX);
}

template <typename Record>
void Tables::give_back(Record& record, mlt_claim kind, std::uint32_t place) {
  memset(&record, 0, sizeof(record));
  __atomic_store_n(&states_of(kind)[place], static_cast<std::uint8_t>(MLT_PLACE_GIVEN_BACK), __ATOMIC_RELEASE);
}

std::unordered_map<std::uint32_t, Tables::List> Tables::tails() {
  std::unordered_map<std::uint32_t, List> of_block;
  for (const std::uint32_t place : list_taken(states_of(MLT_CLAIM_TAIL), tails_.size())) {
    if (tails_[place].block != 0) of_block[tails_[place].block].push_back(place);
  }
  return of_block;
}

std::unordered_map<std::uint32_t, Tables::List> Tables::calls() {
  std::unordered_map<std::uint32_t, List> of_process;
  for (const std::uint32_t place : list_taken(states_of(MLT_CLAIM_CALL), calls_.size())) {
    if (calls_[place].proc != 0) of_process[calls_[place].proc].push_back(place);
  }
  return of_process;
}

FaultTotals Tables::totals_of(std::uint32_t block, const List& tails) {
  const mlt_block now = blocks_[block];
  std::vector<mlt_tail> apart;
  apart.reserve(tails.size());
  for (const std::uint32_t place : tails) apart.push_back(tails_[place]);
  return mlt::totals_of(now, apart);
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

void Tables::add(Taken& taken, const mlt_block& block, const FaultTotals& totals) {
  taken.by_class[block.class_id].add(totals);
  const bool own = (block.flags & MLT_BLOCK_SHARED) == 0 &&
                   (taken.by_thread.size() < kThreadsKept || taken.by_thread.contains(block.tid));
  taken.by_thread[own ? block.tid : 0].add(totals);
}

// Most processes have nothing but what their threads that live have.
void Tables::add(ProcessCounts& process, Taken live) {
  if (process.by_class.empty() && process.by_vma.empty()) {
    process.by_class = std::move(live.by_class);
    process.by_thread = std::move(live.by_thread);
    process.by_vma = std::move(live.by_vma);
    process.by_vma.shrink_to_fit();
    return;
  }
  for (const auto& [class_id, totals] : live.by_class) process.by_class[class_id].add(totals);
  for (const auto& [tid, totals] : live.by_thread) process.by_thread[tid].add(totals);
  for (const mlt_vma& record : live.by_vma) add_vma(process.by_vma, record);
}

ProcessCounts Tables::take(std::uint32_t index, const List& calls) {
  ProcessCounts process;
  process.id = id_of(index);
  process.proc = procs_[index];
  for (const std::uint32_t place : calls) {
    const mlt_call_count& count = calls_[place];
    mlt::add(process.calls[static_cast<mlt_call>(count.call)], count.total);
  }
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
  List retired;
  for (const std::uint32_t index : places.blocks) {
    if ((blocks_[index].flags & MLT_BLOCK_RETIRED) != 0) retired.push_back(index);
  }
  if (!retired.empty()) {
    auto tails_of = tails();
    for (const std::uint32_t index : retired) fold_block(index, tails_of[index]);
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
  auto calls_of = calls();
  for (const std::uint32_t index : gone) {
    if (free_process(index, in_use, calls_of[index])) free_acts(std::move(acts_on[index]));
  }
  return places;
}

// Adds a block that nobody writes any more to its process, and gives it back.
void Tables::fold_block(std::uint32_t index, const List& tails) {
  mlt_block& retired = blocks_[index];
  add(retired_[retired.proc], retired, totals_of(index, tails));
  for (const std::uint32_t place : tails) give_back(tails_[place], MLT_CLAIM_TAIL, place);
  give_back(retired, MLT_CLAIM_BLOCK, index);
}

void Tables::fold_vma(std::uint32_t index) {
  mlt_vma& retired = vmas_[index];
  add_vma(retired_[retired.proc].by_vma, retired);
  give_back(retired, MLT_CLAIM_VMA, index);
}

// `in_use`: records of processes that have a block or a mapping, listed since this one was gone.
bool Tables::free_process(std::uint32_t index, const std::unordered_set<std::uint32_t>& in_use, const List& calls) {
  // Somebody holds its address space still, and what is given up with it is its: next time.
  if (procs_[index].spaces != 0) return false;
  // Blocks that are left are of threads whose end the kernel has not announced yet: next time. Or they were shared by
  // the whole process: then the record stays, for they cannot be told from those of its place's next owner.
  if (in_use.contains(index)) return false;
  gone_.push_back(take(index, calls));
  for (const std::uint32_t place : calls) give_back(calls_[place], MLT_CLAIM_CALL, place);
  for (const auto& [tgid, keeper] : gone_.back().keepers) {
    const std::uint64_t key = std::uint64_t{index} << 32 | tgid;
    bpf_map_delete_elem(keepers_, &key);
  }
  for (const ErrorCount& error : gone_.back().errors) bpf_map_delete_elem(errors_, &error.key);
  retired_.erase(index);
  ids_.erase(index);
  give_back(procs_[index], MLT_CLAIM_PROC, index);
  return true;
}

/// Of the process that was freed last.
void Tables::free_acts(std::vector<ActCount> acts) {
  for (const ActCount& one : acts) bpf_map_delete_elem(acts_, &one.key);
  gone_.back().acts = std::move(acts);
}

void Tables::collect_retired() { take_retired(); }

Counts Tables::counts() { return counts(false); }

Counts Tables::last_counts() && { return counts(true); }

Counts Tables::counts(bool is_last) {
  const Places places = take_retired();
  auto tails_of = tails();
  auto calls_of = calls();
  std::map<std::uint32_t, Taken> live;
  for (const std::uint32_t place : places.blocks) {
    const mlt_block& block = blocks_[place];
    if (block.task != 0) add(live[block.proc], block, totals_of(place, tails_of[place]));
  }
  for (const std::uint32_t place : places.vmas) {
    if (vmas_[place].task != 0) add_vma(live[vmas_[place].proc].by_vma, vmas_[place]);
  }
  if (is_last) {
    blocks_ = {};
    vmas_ = {};
    tails_ = {};
  }
  auto acts_on = acts();
  Counts counts;
  counts.processes.reserve(gone_.size() + places.procs.size());
  if (is_last)
    std::ranges::move(gone_, std::back_inserter(counts.processes));
  else
    counts.processes = gone_;
  counts.acts = std::move(acts_on[0]);
  for (const std::uint32_t index : places.procs) {
    if (procs_[index].tgid == 0) continue;
    ProcessCounts& process = counts.processes.emplace_back(take(index, calls_of[index]));
    if (auto counted = live.extract(index)) add(process, std::move(counted.mapped()));
    process.acts = std::move(acts_on[index]);
  }
  return counts;
}

}  // namespace mlt
