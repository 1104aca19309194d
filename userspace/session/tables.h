// Reads the tables that the BPF programs fill: process records and fault blocks, both mapped into memory.
#pragma once

#include <map>

#include "analysis/counts.h"
#include "util/fd.h"
#include "util/result.h"

struct bpf_map;

namespace mlt {

class Tables {
 public:
  Tables() = default;
  static Result<Tables> map(const bpf_map* blocks, const bpf_map* procs, const bpf_map* claims);

  void collect_retired();
  [[nodiscard]] Counts counts();
  /// Id of the process whose record is at `index` now.
  std::uint32_t id_of(std::uint32_t index);

 private:
  struct Taken {
    std::map<std::uint16_t, FaultTotals> by_class;
    std::map<std::uint32_t, FaultTotals> by_thread;
  };
  struct Places {
    std::vector<std::uint32_t> blocks;
    std::vector<std::uint32_t> procs;
  };

  [[nodiscard]] Places claimed() const;
  void fold(std::uint32_t index);
  void free_process(std::uint32_t index);
  [[nodiscard]] ProcessCounts take(std::uint32_t index);
  [[nodiscard]] mlt_block& block(std::uint32_t index) const;
  [[nodiscard]] mlt_proc& proc(std::uint32_t index) const;
  static void add(Taken& taken, const mlt_block& block);

  Mapping block_memory_;
  Mapping proc_memory_;
  std::uint32_t block_entries_ = 0;
  std::uint32_t proc_entries_ = 0;
  int claims_ = -1;
  std::map<std::uint32_t, Taken> retired_;      // of threads that are gone, by process record
  std::map<std::uint32_t, std::uint32_t> ids_;  // by process record
  std::uint32_t next_id_ = 1;
  std::vector<ProcessCounts> gone_;  // processes whose records were freed
};

}  // namespace mlt
