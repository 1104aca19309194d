// What every row of the table must hold: planning, attaching, `probes` and the documentation rely on it.
#include "signals/signals.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "plan/plan.h"

namespace mlt {
namespace {

template <typename Visit>
void each_way(const Visit& visit) {
  for (const Signal& signal : all_signals()) {
    for (const Alternative& way : signal.alternatives) visit(signal, way);
  }
}

TEST(SignalTable, NamesAreUniqueAndFound) {
  std::set<std::string_view> names;
  for (const Signal& signal : all_signals()) {
    EXPECT_FALSE(signal.name.empty());
    EXPECT_FALSE(signal.help.empty()) << signal.name;
    EXPECT_TRUE(names.insert(signal.name).second) << signal.name;
    EXPECT_EQ(find_signal(signal.name), &signal);
    // --signals could not name it otherwise.
    EXPECT_EQ(signal.name.find_first_of(",: "), std::string_view::npos) << signal.name;
  }
  EXPECT_FALSE(names.empty());
  EXPECT_EQ(find_signal("fualt"), nullptr);
  EXPECT_EQ(find_signal(""), nullptr);
}

TEST(SignalTable, EveryWayHasProbes) {
  for (const Signal& signal : all_signals()) EXPECT_FALSE(signal.alternatives.empty()) << signal.name;
  each_way([](const Signal& signal, const Alternative& way) {
    EXPECT_FALSE(way.kind.empty()) << signal.name;
    ASSERT_FALSE(way.probes.empty()) << signal.name << " " << way.kind;
    for (const Probe& probe : way.probes) {
      EXPECT_TRUE(probe.program.starts_with("mlt_")) << signal.name << " '" << probe.program << "'";
      EXPECT_FALSE(probe.target.empty()) << probe.program;
    }
  });
}

TEST(SignalTable, AWayNamesAProbeOnce) {
  each_way([](const Signal& signal, const Alternative& way) {
    for (const Probe& probe : way.probes)
      EXPECT_EQ(std::ranges::count(way.probes, probe), 1) << signal.name << " " << probe.program << " " << probe.target;
  });
}

/// As the object has it: kprobe.multi runs the same programs.
Hook hook_in_object(Hook hook) {
  if (hook == Hook::multi_entry) return Hook::kprobe;
  if (hook == Hook::multi_return) return Hook::kretprobe;
  return hook;
}

// A program may serve many functions or events, but is of one type; a fentry or fexit program names its one target in
// the object.
TEST(SignalTable, AProgramHasOneHook) {
  std::map<std::string_view, Probe> known;
  each_way([&](const Signal&, const Alternative& way) {
    for (const Probe& probe : way.probes) {
      const Probe& first = known.emplace(probe.program, probe).first->second;
      EXPECT_EQ(hook_in_object(first.hook), hook_in_object(probe.hook)) << probe.program;
      if (hook_kind(probe.hook) == "fentry") {
        EXPECT_EQ(first.target, probe.target) << probe.program;
      }
    }
  });
}

TEST(SignalTable, MultiWaysAreForPreemptibleKernelsOnly) {
  each_way([](const Signal& signal, const Alternative& way) {
    const bool multi =
        std::ranges::any_of(way.probes, [](const Probe& probe) { return hook_kind(probe.hook) == "multi"; });
    // Where faults end at the memory cgroup's tracepoint, either kind of entry will do.
    const bool at_memcg = way.kind == "memcg";
    EXPECT_EQ(multi || at_memcg, way.for_preemptible) << signal.name << " " << way.kind;
    EXPECT_EQ(multi && !at_memcg, way.kind == "multi") << signal.name << " " << way.kind;
    EXPECT_EQ(at_memcg, way.ends_untold) << signal.name << " " << way.kind;
  });
}

TEST(SignalTable, KindsAreAcceptedBySignalsOption) {
  each_way([](const Signal& signal, const Alternative& way) {
    const std::string item = std::string(signal.name) + ":" + std::string(way.kind);
    const auto wishes = parse_signals(item);
    ASSERT_TRUE(wishes) << item;
    ASSERT_EQ(wishes->size(), 1U);
    EXPECT_EQ(wishes->front().name, signal.name);
    EXPECT_EQ(wishes->front().kind, way.kind);
  });
}

// Planning goes through the table once, in order.
TEST(SignalTable, NeededSignalsComeBefore) {
  each_way([](const Signal& signal, const Alternative& way) {
    if (way.needs_signal.empty()) return;
    const Signal* needed = find_signal(way.needs_signal);
    ASSERT_NE(needed, nullptr) << signal.name << " " << way.needs_signal;
    EXPECT_LT(needed, &signal) << signal.name;
  });
}

TEST(SignalTable, APartIsNeverPassedOffAsAll) {
  each_way([](const Signal& signal, const Alternative& way) {
    if (way.approximate) {
      EXPECT_FALSE(way.limits.empty()) << signal.name << " " << way.kind;
    }
  });
}

TEST(SignalTable, ViaNamesTheDecidingProbe) {
  std::map<std::string, std::string> vias;
  for (const Alternative& way : find_signal("fault")->alternatives) vias[std::string(way.kind)] = way.via();
  EXPECT_EQ(vias, (std::map<std::string, std::string>{{"memcg", "raw_tp:count_memcg_events"},
                                                      {"multi", "kretprobe.multi:handle_mm_fault"},
                                                      {"fentry", "fexit:handle_mm_fault"},
                                                      {"kprobe", "kretprobe:handle_mm_fault"},
                                                      {"perf", "perf:major-faults"}}));
}

TEST(SignalTable, ProcessesAreAlwaysTraced) {
  for (const Signal& signal : all_signals()) EXPECT_EQ(signal.always, signal.name == "process") << signal.name;
}

// Nothing but what counts faults keeps the start of a trace waiting.
TEST(SignalTable, FaultsAndWhatTheyNeedComeEarly) {
  std::set<std::string_view> early;
  for (const Signal& signal : all_signals()) {
    if (signal.early) early.insert(signal.name);
  }
  EXPECT_EQ(early, (std::set<std::string_view>{"process", "fault", "fault_entry", "cause", "vma_lock"}));
}

// An early signal is attached before a late one is, so it can't rest on it; and a program is attached once.
TEST(SignalTable, EarlySignalsStandAlone) {
  std::map<std::string_view, bool> early;
  each_way([&](const Signal& signal, const Alternative& way) {
    if (signal.early && !way.needs_signal.empty()) {
      EXPECT_TRUE(find_signal(way.needs_signal)->early) << signal.name;
    }
    for (const Probe& probe : way.probes)
      EXPECT_EQ(early.emplace(probe.program, signal.early).first->second, signal.early) << probe.program;
  });
}

TEST(SignalTable, PageTablesAreWalkedForCausesOnly) {
  each_way([](const Signal& signal, const Alternative& way) {
    EXPECT_EQ(way.needs_page_tables, signal.name == "cause") << signal.name << " " << way.kind;
  });
}

TEST(Hooks, NamesAndKinds) {
  const std::map<Hook, std::pair<std::string_view, std::string_view>> expected = {
      {Hook::fentry, {"fentry", "fentry"}},
      {Hook::fexit, {"fexit", "fentry"}},
      {Hook::kprobe, {"kprobe", "kprobe"}},
      {Hook::kretprobe, {"kretprobe", "kprobe"}},
      {Hook::multi_entry, {"kprobe.multi", "multi"}},
      {Hook::multi_return, {"kretprobe.multi", "multi"}},
      {Hook::tracepoint, {"tracepoint", "tracepoint"}},
      {Hook::raw_tracepoint, {"raw_tp", "raw_tp"}},
      {Hook::iterator, {"iter", "iter"}},
      {Hook::perf_minor, {"perf", "perf"}},
      {Hook::perf_major, {"perf", "perf"}},
  };
  for (const auto& [hook, words] : expected) {
    EXPECT_EQ(hook_name(hook), words.first);
    EXPECT_EQ(hook_kind(hook), words.second);
  }
}

}  // namespace
}  // namespace mlt
