// Two traces of the same thing: what differs by more than chance.
//
// A *rate* is a count by the time of its trace. Where both traces are cut into enough intervals, these tell how much
// the rate varies by itself: a count that arrives in bursts has a variance of several times its mean, and only a
// difference of kSigmas standard errors counts. Without intervals, or where one side has none at all, a fixed change is
// asked for, by factor and by number.
//
// A *quantile* differs when the ranges that its ranks could as well have fallen into (kSigmas standard errors of the
// rank, whole buckets of the histogram, so its resolution is within) do not overlap. Each difference must also be large
// enough to matter: kMatters.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "analysis/series.h"
#include "model/report.h"

namespace mlt {

inline constexpr double kSigmas = 4;     // standard errors
inline constexpr double kMatters = 0.1;  // the least relative change
inline constexpr std::size_t kFewestIntervals = 10;
inline constexpr double kFactorWithoutIntervals = 1.5;
inline constexpr double kCountWithoutIntervals = 100;
inline constexpr double kFewestBeyondQuantile = 10;  // faults slower than a quantile, for it to be judged

/// One trace that is compared.
struct DiffSide {
  explicit DiffSide(Report of);
  /// The points of its timeline, where there is one.
  void add(const TimelinePoint& point);

  Report report;
  std::map<std::string, Series> series;  // by the name of the command; "": all together

 private:
  std::map<std::uint32_t, std::string> commands_;
};

enum class Change {
  worse,
  better,
  changed,  // neither good nor bad by itself
  noise,    // not more than chance, or too little to matter
  unknown,  // not measured on both sides, or too few to tell
};
enum class FigureUnit { per_second, nanoseconds, share, bytes };

/// One quantity on both sides.
struct Figure {
  std::string command;  // "": all processes
  std::string key;      // "faults.access", "latency.populate.p99"
  std::string title;
  FigureUnit unit = FigureUnit::per_second;
  std::optional<double> before;
  std::optional<double> after;
  Change change = Change::unknown;
  std::string why;  // how it was judged: "12.3 standard errors"
};

enum class FindingChange { came, graver, stays, milder, went };

struct FindingDiff {
  FindingChange change = FindingChange::stays;
  Finding finding;      // the newer one when there are two
  std::string command;  // of its process; "": the system
  std::optional<Severity> before;
  std::optional<Severity> after;
};

/// A field that is compared as it is, where one side has a value that the other has not: how many processes have which;
/// "": none.
struct ValueDiff {
  std::string command;  // "": all processes
  std::string key;      // "ending.signal"
  std::map<std::string, std::size_t> before;
  std::map<std::string, std::size_t> after;
};

enum class DiffVerdict { regression, improvement, mixed, same };

struct Diff {
  DiffVerdict verdict = DiffVerdict::same;
  std::string text;                  // "1 figure is worse, 1 finding came."
  std::vector<std::string> caveats;  // why the two might not be comparable
  std::vector<FindingDiff> findings;
  std::vector<Figure> figures;
  std::vector<ValueDiff> values;
  /// Latency of both sides by origin, of all processes.
  std::array<Histogram, MLT_ORIGIN_NR> before;
  std::array<Histogram, MLT_ORIGIN_NR> after;
};

Diff compare(const DiffSide& before, const DiffSide& after);

std::string_view change_name(Change change);
std::string_view finding_change_name(FindingChange change);
std::string_view diff_verdict_name(DiffVerdict verdict);
std::string_view unit_name(FigureUnit unit);

}  // namespace mlt
