// Locks that cut the address space into pieces.
#include <algorithm>

#include "findings/rules.h"

namespace mlt::rules {

// A lock in the middle of a mapping makes two splits, and that is all right: only many that stay are worth a word.
Found vma_fragmentation(const Process& process, const Case& about) {
  if (!process.vma.splits || !process.vma.merges) return {};
  std::uint64_t calls = 0;
  std::uint64_t splits = 0;
  std::uint64_t merges = 0;
  for (const mlt_call kind : {MLT_CALL_MLOCK, MLT_CALL_MLOCK2, MLT_CALL_MUNLOCK}) {
    const CallTotals totals = totals_of(process, kind);
    calls += totals.calls;
    splits += totals.vma_splits;
    merges += totals.vma_merges;
  }
  if (splits <= about.options.splits_per_call * calls || splits < merges + about.options.splits) return {};
  Sighting seen{splits >= merges + 1000 ? Severity::warning : Severity::notice,
                {{"calls", figure(calls)}, {"splits", figure(splits)}, {"merges", figure(merges)}},
                ""};
  add_known(seen, "mappings", process.vma.count.end);
  return seen;
}

Found vma_limit_near(const Process& process, const Case& about) {
  const Vma& vma = process.vma;
  if (!vma.count.peak || !vma.max_map_count) return {};
  const std::uint64_t share = percent(*vma.count.peak, *vma.max_map_count);
  if (share < about.options.vma_percent) return {};
  return Sighting{share >= about.options.vma_problem_percent ? Severity::problem : Severity::warning,
                  {{"mappings", figure(*vma.count.peak)}, {"max_map_count", figure(*vma.max_map_count)}},
                  ""};
}

}  // namespace mlt::rules
