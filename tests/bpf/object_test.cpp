// The table of signals against the programs in the BPF object: names, hooks and targets must agree. Opens the object,
// loads nothing, needs no privilege.
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "bpf/mlocktrace.h"
#include "mlocktrace_early.skel.h"
#include "mlocktrace_early_adopting.skel.h"
#include "mlocktrace_late.skel.h"
#include "mlocktrace_late_adopting.skel.h"
#include "signals/signals.h"

namespace mlt {
namespace {

using Sections = std::map<std::string, std::string>;  // by program

template <typename Skel>
Sections sections_of() {
  Sections sections;
  const std::unique_ptr<Skel, decltype([](Skel* skel) { Skel::destroy(skel); })> skel(Skel::open());
  if (!skel) return sections;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, skel->obj) sections[bpf_program__name(program)] =
      bpf_program__section_name(program);
  return sections;
}

/// The type in SEC(). A kprobe program serves kprobe.multi too: the session changes its attach type.
std::string type_of(Hook hook) {
  switch (hook) {
    case Hook::fentry: return "fentry";
    case Hook::fexit: return "fexit";
    case Hook::kprobe:
    case Hook::multi_entry: return "kprobe";
    case Hook::kretprobe:
    case Hook::multi_return: return "kretprobe";
    case Hook::tracepoint: return "tp";
    case Hook::iterator: return "iter";
    case Hook::raw_tracepoint: return "raw_tp";
    case Hook::perf_minor:
    case Hook::perf_major: return "perf_event";
  }
  return "?";
}

class ObjectTest : public testing::Test {
 protected:
  void SetUp() override {
    const Sections early = sections_of<mlocktrace_early>();
    const Sections late = sections_of<mlocktrace_late>();
    ASSERT_FALSE(early.empty());
    ASSERT_FALSE(late.empty());
    for (const Signal& signal : all_signals()) {
      for (const Alternative& way : signal.alternatives) {
        for (const Probe& probe : way.probes) {
          named_.emplace(probe.program, probe);
          if (probe.shares_link) sharing_.insert(probe.hook);
          // The session looks for the program in the object of its part.
          EXPECT_TRUE((signal.early ? early : late).contains(std::string(probe.program))) << probe.program;
        }
      }
    }
    sections_.insert(early.begin(), early.end());
    sections_.insert(late.begin(), late.end());
  }

  Sections sections_;
  std::set<Hook> sharing_;
  std::multimap<std::string, Probe> named_;  // by program, as often as the table names it
};

// But for the programs of the links that others share, and for the one that is attached for a moment only.
TEST_F(ObjectTest, EveryProgramIsInTheTable) {
  EXPECT_EQ(sections_.erase("mlt_shared_entry"), sharing_.contains(Hook::multi_entry));
  EXPECT_EQ(sections_.erase("mlt_shared_return"), sharing_.contains(Hook::multi_return));
  EXPECT_EQ(sections_.erase("mlt_fault_counting"), named_.contains("mlt_fault_counted") ? 1U : 0U);
  std::set<std::string_view> twins;
  for (const auto& [program, probe] : named_) {
    if (const Twin* twin = twin_of(program)) twins.insert(twin->other);
  }
  for (const auto& [program, section] : sections_)
    EXPECT_TRUE(named_.contains(program) || twins.contains(program))
        << program << " (" << section << ") is attached by no signal";
}

TEST_F(ObjectTest, EveryNamedProgramExists) {
  for (const auto& [program, probe] : named_)
    EXPECT_TRUE(sections_.contains(program)) << program << " for " << probe.target;
}

TEST_F(ObjectTest, SectionsAgreeWithTheTable) {
  for (const auto& [program, probe] : named_) {
    const auto found = sections_.find(program);
    if (found == sections_.end()) continue;
    const std::string type = type_of(probe.hook);
    // Programs that serve several targets are attached by the table's; where SEC() names one it must be that.
    std::set<std::string_view> targets;
    for (auto [other, end] = named_.equal_range(program); other != end; ++other) targets.insert(other->second.target);
    const bool bare = type == "perf_event" || targets.size() > 1;
    // libbpf puts the common beginning of the functions that declare iterators in front by itself.
    const std::string_view prefix = probe.hook == Hook::iterator ? "bpf_iter_" : "";
    const std::string target(probe.target.substr(prefix.size()));
    EXPECT_EQ(found->second, bare ? type : fmt::format("{}/{}", type, target)) << program;
  }
}

TEST(Objects, TheTwoBuildsOfTheLatePartHoldTheSamePrograms) {
  EXPECT_FALSE(sections_of<mlocktrace_late>().empty());
  EXPECT_EQ(sections_of<mlocktrace_early>(), sections_of<mlocktrace_early_adopting>());
  EXPECT_EQ(sections_of<mlocktrace_late>(), sections_of<mlocktrace_late_adopting>());
}

}  // namespace
}  // namespace mlt
