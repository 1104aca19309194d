// What faults wait for: each way has a workload that makes it happen, and something that counts it besides mlocktrace.
#include <gtest/gtest.h>

#include "observed.h"
#include "workload_runs.h"

namespace live {

namespace {

constexpr std::array kParts = {"userfault",   "migration",      "file_read",    "refault",    "swap_read",
                               "page_lock",   "writeback",      "dirty",        "compaction", "huge_page",
                               "memory_high", "direct_reclaim", "memcg_reclaim"};

std::uint64_t waits_for(const Observed& traced, const std::string& what, const char* figure = "waits") {
  return number(traced.process, ("/waits/" + what + "/" + figure).c_str());
}

std::uint64_t time_in_faults(const Json& process) {
  std::uint64_t sum = 0;
  for (const char* origin : {"access", "kernel", "populate", "remote"})
    sum += number(process, ("/faults/" + std::string(origin) + "/time_ns").c_str());
  return sum;
}

bool has_finding(const Observed& traced, std::string_view id) {
  return std::ranges::any_of(traced.report.at("findings"), [&](const Json& finding) {
    return finding.at("id") == id && finding.at("pid") == traced.truth.at("pid");
  });
}

class Userfaults : public testing::TestWithParam<const char*> {};

TEST_P(Userfaults, WaitUntilSomebodyAnswers) {
  const Observed traced = of_workload_runs(GetParam());
  if (traced.nothing_to_see()) return;
  EXPECT_EQ(waits_for(traced, "userfault"), traced.extra("waits"));
  EXPECT_GE(waits_for(traced, "userfault", "time_ns"), traced.extra("waited_ns"));
  EXPECT_EQ(has_finding(traced, "userfaultfd-wait"), std::string_view(GetParam()) != "uffd-wp") << "that one is locked";
}

INSTANTIATE_TEST_SUITE_P(All, Userfaults,
                         testing::Values("uffd-wp", "uffd-wp-absent", "uffd-minor", "uffd-shared", "uffd-move",
                                         "uffd-rwp"),
                         workload_name);

// Who asks for a signal in place of a wait gets an error.
TEST(WaitsOfAll, AnErrorOfUserfaultfdIsNoWait) {
  const Observed traced = of_workload_runs("uffd-sigbus");
  if (traced.nothing_to_see()) return;
  EXPECT_EQ(number(traced.process, "/faults/kernel/errors"), traced.extra("errors"));
  EXPECT_EQ(waits_for(traced, "userfault"), 0U);
}

TEST(WaitsOfAll, RefaultsAreThoseOfTheKernel) {
  for (const char* name : {"refault", "refault once"}) {
    SCOPED_TRACE(name);
    const Observed traced = of_workload_runs(name);
    const bool again = name == std::string_view("refault");
    if (traced.nothing_to_see()) return;
    // The kernel adds the cgroup's up late: in batches of up to 64 pages a processor (MEMCG_CHARGE_BATCH; 32 up
    // to 5.17).
    const std::uint64_t late = again ? 64 * static_cast<std::uint64_t>(sysconf(_SC_NPROCESSORS_ONLN)) : 0;
    const std::uint64_t refaulted = number(traced.process, "/waits/refaulted_file");
    EXPECT_GE(refaulted, traced.extra("refaulted_file"));
    EXPECT_LE(refaulted, traced.extra("refaulted_file") + late);
    EXPECT_EQ(traced.extra("refaulted_file") != 0, again);
    EXPECT_EQ(has_finding(traced, "working-set-too-large"), again);
    EXPECT_EQ(waits_for(traced, "refault") != 0, again);
    EXPECT_GT(waits_for(traced, "memcg_reclaim"), 0U);
  }
}

TEST(WaitsOfAll, SwapIsNotAFileThatIsReadAgain) {
  const Observed traced = of_workload_runs("swap-touch");
  if (traced.nothing_to_see()) return;
  EXPECT_GT(waits_for(traced, "swap_read"), 0U);
  EXPECT_EQ(waits_for(traced, "refault"), 0U);
  EXPECT_EQ(number(traced.process, "/waits/refaulted_file"), 0U);
  EXPECT_FALSE(has_finding(traced, "working-set-too-large"));
}

TEST(WaitsOfAll, HugePagesAreCounted) {
  const Observed traced = of_workload_runs("thp-touch");
  if (traced.nothing_to_see()) return;
  EXPECT_EQ(waits_for(traced, "huge_page"), traced.extra("huge_pages"));
  // One that is only read is the huge zero page.
  const Observed zero = of_workload_runs("thp-fork-cow");
  EXPECT_EQ(waits_for(zero, "huge_page"), 0U);
}

TEST(WaitsOfAll, WhoMakesTooMuchDirtyIsHeldUp) {
  const Observed traced = of_workload_runs("dirty-file");
  if (traced.nothing_to_see()) return;
  EXPECT_GT(waits_for(traced, "dirty"), 0U);
  EXPECT_TRUE(has_finding(traced, "writeback-wait"));
  const Observed few = of_workload_runs("file-locked");
  EXPECT_EQ(waits_for(few, "dirty"), 0U);
}

// Whatever the workload: they are parts of its faults' time, and do not overlap.
TEST(WaitsOfAll, PartsAreNoMoreThanTheWhole) {
  if (!sees_everything(workload_runs().report)) return;
  for (const auto& [name, row] : workload_runs().rows) {
    if (row.process.is_null() || row.process.at("waits").is_null()) continue;
    // A fault that fails waits, too, and no latency has its time: that of a populate is in its call's.
    if (number(row.process, "/faults/access/errors") + number(row.process, "/faults/kernel/errors") != 0) continue;
    std::uint64_t whole = time_in_faults(row.process);
    if (number(row.process, "/faults/populate/errors") != 0) {
      for (const Json& call : row.process.at("locks").at("calls")) whole += number(call, "/duration_ns");
    }
    std::uint64_t parts = 0;
    for (const char* part : kParts) {
      const Json& waited = row.process.at("waits").at(part);
      if (!waited.is_null()) parts += waited.at("time_ns").get<std::uint64_t>();
    }
    EXPECT_LE(parts, whole) << name << " " << row.process.at("waits").dump();
  }
}

}  // namespace

}  // namespace live
