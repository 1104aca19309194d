#include "report/conclusion.h"

#include <gtest/gtest.h>

#include "report/fixtures.h"

namespace mlt {
namespace {

using Lines = std::vector<std::string>;

TEST(Conclude, TheGravestFindingSpeaks) {
  const Conclusion conclusion = conclude(fixtures::busy());
  EXPECT_EQ(conclusion.gravest, Severity::problem);
  EXPECT_EQ(conclusion.text, "pid 4242 (trade-engine): locking failed, RLIMIT_MEMLOCK is too small: mlock.");
  EXPECT_EQ(conclusion.counts, "1 problem, 1 warning");
  EXPECT_EQ(conclusion.caveats, Lines{});
}

TEST(Conclude, NothingWrong) {
  Report report = fixtures::quiet();
  EXPECT_EQ(conclude(report).text, "Nothing is wrong in what was measured.");
  report.findings = {{"x", Severity::notice, 0, "y", {}, "", ""}, {"x", Severity::info, 0, "y", {}, "", ""}};
  EXPECT_EQ(conclude(report).text, "Nothing is wrong in what was measured; there are things worth knowing.");
  EXPECT_EQ(conclude(report).counts, "1 notice, 1 for information");
  EXPECT_EQ(conclude({}).text, "No process was seen.");
}

TEST(FactOf, TheNameTellsTheUnit) {
  EXPECT_EQ(fact_of("limit_bytes", 80 << 20), "limit 80 MiB");
  EXPECT_EQ(fact_of("wait_ns", 1500), "wait 1.5 us");
  EXPECT_EQ(fact_of("faults", 12345), "faults 12,345");
  EXPECT_EQ(fact_of("address", 0x200000001000), "address 0x200000001000");
}

TEST(Conclude, Caveats) {
  EXPECT_EQ(conclude(fixtures::degraded()).caveats,
            (Lines{"The trace is incomplete: 1,250 events, 3 counts in full tables and 17 probes were lost.",
                   "1 audit check differs from the kernel's own count.", "Not measured: vma, lru."}));
}

}  // namespace
}  // namespace mlt
