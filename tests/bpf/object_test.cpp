// The table of signals against the programs in the BPF object: names, hooks and targets must agree. Opens the object,
// loads nothing, needs no privilege.
#include <bpf/libbpf.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "bpf/mlocktrace.h"
#include "mlocktrace.skel.h"
#include "signals/signals.h"

namespace mlt {
namespace {

using Skeleton = std::unique_ptr<mlocktrace_bpf, decltype([](mlocktrace_bpf* skel) { mlocktrace_bpf__destroy(skel); })>;

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
    case Hook::raw_tracepoint: return "raw_tp";
    case Hook::perf_minor:
    case Hook::perf_major: return "perf_event";
  }
  return "?";
}

class ObjectTest : public testing::Test {
 protected:
  void SetUp() override {
    skel_.reset(mlocktrace_bpf__open());
    ASSERT_TRUE(skel_);
    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, skel_->obj) sections_[bpf_program__name(program)] =
        bpf_program__section_name(program);
    ASSERT_FALSE(sections_.empty());
    for (const Signal& signal : all_signals()) {
      for (const Alternative& way : signal.alternatives) {
        for (const Probe& probe : way.probes) named_.emplace(probe.program, probe);
      }
    }
  }

  Skeleton skel_;
  std::map<std::string, std::string> sections_;  // by program
  std::multimap<std::string, Probe> named_;      // by program, as often as the table names it
};

TEST_F(ObjectTest, EveryProgramIsInTheTable) {
  for (const auto& [program, section] : sections_)
    EXPECT_TRUE(named_.contains(program)) << program << " (" << section << ") is attached by no signal";
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
    EXPECT_EQ(found->second, bare ? type : type + "/" + std::string(probe.target)) << program;
  }
}

}  // namespace
}  // namespace mlt
