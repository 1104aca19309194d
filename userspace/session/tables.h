// Reads the tables that the BPF programs fill: process records, fault blocks, mappings.
#pragma once

#include <map>
#include <span>
#include <unordered_map>
#include <unordered_set>

#include "model/counts.h"
#include "session/mapped_table.h"
#include "util/result.h"

struct bpf_map;

namespace mlt {

/// What is mapped.
struct TableMaps {
  const bpf_map* blocks = nullptr;
  const bpf_map* tails = nullptr;
  const bpf_map* vmas = nullptr;
  const bpf_map* procs = nullptr;
  const bpf_map* calls = nullptr;
};

/// enum mlt_place_state of each place of a table. A walk over all places would map all of their memory.
using PlaceStates = std::span<std::uint8_t, MLT_PLACES_MAX>;

/// What is looked at entry by entry, and only where there is one.
struct RareMaps {
  const bpf_map* keepers = nullptr;
  const bpf_map* errors = nullptr;
  const bpf_map* acts = nullptr;
  const __u64* acts_made = nullptr;  // so many entries so far
};

class Tables {
 public:
  Tables() = default;
  static Result<Tables> map(const TableMaps& maps, const RareMaps& rare,
                            std::span<std::uint8_t, MLT_CLAIM_KINDS * MLT_PLACES_MAX> states);

  void collect_retired();
  /// Which processes are gone: they are freed by the next collect_retired. To be called before events are read, which
  /// name them by their records.
  void note_gone();
  /// Not yet: some of the events were left.
  void keep_gone();
  /// See misses_ends.
  [[nodiscard]] bool awaits_threads();
  /// When collect_retired was last called.
  [[nodiscard]] const std::vector<AliveProcess>& alive() const { return alive_; }
  [[nodiscard]] Counts counts();
  /// The same once nothing counts any more; the tables are given up as they are read.
  [[nodiscard]] Counts last_counts() &&;
  /// Id of the process whose record is at `index` now.
  std::uint32_t id_of(std::uint32_t index);
  /// The number of that process, as the caller sees it where that is known.
  [[nodiscard]] std::uint32_t pid_of(std::uint32_t index);

 private:
  struct Taken {
    std::map<std::uint16_t, FaultTotals> by_class;
    std::map<std::uint32_t, FaultTotals> by_thread;
    std::vector<mlt_vma> by_vma;
  };
  using List = std::vector<std::uint32_t>;  // of places
  struct Places {
    List blocks;
    List vmas;
    List procs;
  };

  [[nodiscard]] Counts counts(bool is_last);
  [[nodiscard]] PlaceStates states_of(mlt_claim kind) const;
  /// Emptied, for whoever takes the place next.
  template <typename Record>
  void give_back(Record& record, mlt_claim kind, std::uint32_t place);
  [[nodiscard]] Places used() const;
  /// What was in use after the processes that are gone were known to be.
  Places take_retired();
  /// By block.
  [[nodiscard]] std::unordered_map<std::uint32_t, List> tails();
  /// By process record.
  [[nodiscard]] std::unordered_map<std::uint32_t, List> calls();
  [[nodiscard]] FaultTotals totals_of(std::uint32_t block, const List& tails);
  [[nodiscard]] std::map<std::uint32_t, mlt_keeper> keepers_of(std::uint32_t index) const;
  [[nodiscard]] std::vector<ErrorCount> errors_of(std::uint32_t index) const;
  /// By process record; 0: of no process.
  [[nodiscard]] std::map<std::uint32_t, std::vector<ActCount>> acts() const;
  void fold_block(std::uint32_t index, const List& tails);
  void fold_vma(std::uint32_t index);
  /// Returns whether it could.
  bool free_process(std::uint32_t index, const std::unordered_set<std::uint32_t>& in_use, const List& calls);
  void free_acts(std::vector<ActCount> acts);
  [[nodiscard]] ProcessCounts take(std::uint32_t index, const List& calls);
  static void add(Taken& taken, const mlt_block& block, const FaultTotals& totals);
  static void add(ProcessCounts& process, Taken live);

  MappedTable<mlt_block> blocks_;
  MappedTable<mlt_tail> tails_;
  MappedTable<mlt_vma> vmas_;
  MappedTable<mlt_proc> procs_;
  MappedTable<mlt_call_count> calls_;
  int keepers_ = -1;
  int errors_ = -1;
  int acts_ = -1;
  const __u64* acts_made_ = nullptr;
  std::uint8_t* states_ = nullptr;
  std::map<std::uint32_t, Taken> retired_;      // of threads that are gone, by process record
  std::map<std::uint32_t, std::uint32_t> ids_;  // by process record
  std::uint32_t next_id_ = 1;
  std::vector<std::uint32_t> noted_gone_;  // see note_gone
  std::vector<AliveProcess> alive_;
  std::vector<ProcessCounts> gone_;  // processes whose records were freed
};

}  // namespace mlt
