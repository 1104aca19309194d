// Why faults, accesses and locks failed, as the workloads know it. Of the runs of all workloads.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "workload_runs.h"

namespace live {

namespace {

class FailedFaults : public testing::Test {
 protected:
  // What failed alike, of the workload's process or, if given, of another one.
  static std::vector<Json> failed(const Observed& seen, const char* reason, const Json* process = nullptr) {
    std::vector<Json> rows;
    const Json& faults = (process != nullptr ? *process : seen.process).at("faults");
    for (const Json& row : faults.at("failed")) {
      if (row.at("reason") == reason) rows.push_back(row);
    }
    return rows;
  }

  static std::uint64_t counted(const std::vector<Json>& rows) {
    std::uint64_t count = 0;
    for (const Json& row : rows) count += row.at("count").get<std::uint64_t>();
    return count;
  }

  // Whether this kernel has what the workload needs, and mlocktrace sees it.
  static bool is_seen(const Observed& seen) {
    return !seen.nothing_to_see() && signal_state(seen.report, "fault_error") == "exact";
  }

  // The only row of that reason and origin.
  static Json only(const Observed& seen, const char* reason, const char* origin = "access") {
    std::vector<Json> rows = failed(seen, reason);
    std::erase_if(rows, [&](const Json& row) { return row.at("origin") != origin; });
    EXPECT_EQ(rows.size(), 1U) << reason << " by " << origin << " in " << seen.process.at("faults").at("failed");
    return rows.size() == 1 ? rows[0] : Json::object({{"count", 0}});
  }

  // The only row of a fault that ended in SIGBUS, and no other before it, at the page of a file that the workload says.
  static Json one_of_a_file(const Observed& seen, const char* reason, const char* file_system) {
    Json row = only(seen, reason);
    EXPECT_EQ(row.at("count"), 1);
    EXPECT_EQ(row.at("signal"), "SIGBUS");
    EXPECT_EQ(row.at("file_system"), file_system);
    EXPECT_EQ(row.at("file_offset"), seen.extra("failed_at") * 4096);
    return row;
  }

  static Json call_named(const Observed& seen, const std::string& name) {
    for (const Json& call : seen.process.at("locks").at("calls")) {
      if (call.at("call") == name) return call;
    }
    ADD_FAILURE() << "no " << name << " in " << seen.process.at("locks").at("calls");
    return Json::object({{"ranges", Json::array()}});
  }

  static std::string title_of(const Observed& seen, const char* id) {
    const Json* finding = find_finding(seen.report, id, seen.truth.at("pid"));
    if (finding == nullptr) ADD_FAILURE() << "no " << id << " of " << seen.truth.at("pid");
    return finding == nullptr ? "" : finding->at("title").get<std::string>();
  }

  static bool is_found(const Observed& seen, const char* id) {
    return find_finding(seen.report, id, seen.truth.at("pid")) != nullptr;
  }
};

// Each error that is counted with the faults has a row, and is in one row only.
TEST_F(FailedFaults, AddUpToTheErrors) {
  if (signal_state(workload_runs().report, "fault_error") != "exact") return;
  std::uint64_t all = 0;
  for (const Json& process : workload_runs().report.at("processes")) {
    std::uint64_t errors = 0;
    for (const char* origin : {"access", "kernel", "populate", "remote"})
      errors += process.at("faults").at(origin).at("errors").get<std::uint64_t>();
    std::uint64_t failed = 0;
    for (const Json& row : process.at("faults").at("failed"))
      failed += row.at("was_fault") == true ? row.at("count").get<std::uint64_t>() : 0;
    EXPECT_EQ(failed, errors) << process.at("faults").at("failed");
    all += errors;
  }
  if (sees_everything(workload_runs().report)) {
    EXPECT_GT(all, 0U);
  }
}

TEST_F(FailedFaults, BeyondTheEndOfTheFile) {
  const Observed seen = of_workload_runs("sigbus-loop");
  if (!is_seen(seen)) return;
  const Json row = only(seen, "beyond_file");
  EXPECT_EQ(row.at("count"), seen.truth.at("extra").at("signals"));
  EXPECT_EQ(row.at("signals"), row.at("count"));
  EXPECT_EQ(row.at("signal"), "SIGBUS");
  EXPECT_EQ(row.at("access"), "read");
  EXPECT_EQ(row.at("file_bytes"), 0);
  EXPECT_EQ(row.at("was_fault"), true);
  EXPECT_EQ(row.at("ended_process"), false);
}

TEST_F(FailedFaults, AccessesThatTheMappingDoesNotPermit) {
  const Observed seen = of_workload_runs("segv-loop");
  if (!is_seen(seen)) return;
  const Json row = only(seen, "protection");
  EXPECT_EQ(row.at("count"), seen.truth.at("extra").at("signals"));
  EXPECT_EQ(row.at("signal"), "SIGSEGV");
  EXPECT_EQ(row.at("permissions"), "---p");
  EXPECT_EQ(row.at("was_fault"), false);
}

TEST_F(FailedFaults, OfATmpfsThatIsFull) {
  const Observed seen = of_workload_runs("tmpfs-full");
  if (!is_seen(seen)) return;
  const Json row = one_of_a_file(seen, "file_system_full", "tmpfs");
  EXPECT_EQ(row.at("access"), "write");
  EXPECT_EQ(seen.extra("failed_at"), seen.extra("room"));
  // The lock before it: at the same page, told by the call.
  EXPECT_GE(only(seen, "file_system_full", "populate").at("count"), 1);  // the kernel may try it twice
  const Json call = call_named(seen, "mlock");
  EXPECT_EQ(call.at("rule"), "not_populated");
  ASSERT_EQ(call.at("ranges").size(), 1U) << call;
  EXPECT_EQ(call.at("ranges")[0].at("kind"), "absent");
  EXPECT_EQ(call.at("ranges")[0].at("reason"), "file_system_full");
  EXPECT_EQ(call.at("ranges")[0].at("error"), "EFAULT");
  EXPECT_EQ(call.at("ranges")[0].at("file_offset"), seen.extra("room") * 4096);
  EXPECT_FALSE(is_found(seen, "lock-over-limit"));
  EXPECT_NE(title_of(seen, "lock-not-populated").find("no space left"), std::string::npos);
}

TEST_F(FailedFaults, OfAQuotaThatIsUsedUp) {
  const Observed seen = of_workload_runs("quota-used-up");
  if (!is_seen(seen)) return;
  one_of_a_file(seen, "quota", "tmpfs");
  EXPECT_EQ(seen.extra("failed_at"), seen.extra("quota"));
}

TEST_F(FailedFaults, OfADiskThatIsFull) {
  const Observed seen = of_workload_runs("disk-full");
  if (!is_seen(seen)) return;
  const Json row = one_of_a_file(seen, "file_system_full", "ext4");
  EXPECT_EQ(row.at("locked"), "yes");
  EXPECT_EQ(row.at("access"), "write");
  EXPECT_LT(seen.extra("failed_at"), seen.extra("pages"));
}

TEST_F(FailedFaults, OfHugePages) {
  for (const auto& [label, reason] :
       {std::pair{"huge-pages-gone", "huge_pages"}, {"huge-pages-cgroup", "huge_pages_cgroup"}}) {
    SCOPED_TRACE(label);
    const Observed seen = of_workload_runs(label);
    if (!is_seen(seen)) continue;
    EXPECT_EQ(seen.extra("failed"), 1U);
    const Json row = only(seen, reason);
    EXPECT_EQ(row.at("count"), 1);
    EXPECT_EQ(row.at("signal"), "SIGBUS");
    const Json call = call_named(seen, "mlock");
    EXPECT_EQ(call.at("rule"), "not_populated");
    ASSERT_EQ(call.at("ranges").size(), 1U) << call;
    EXPECT_EQ(call.at("ranges")[0].at("reason"), reason);
    const bool by_cgroup = title_of(seen, "fault-no-huge-page").find("cgroup") != std::string::npos;
    EXPECT_EQ(by_cgroup, std::string_view(reason) == "huge_pages_cgroup");
  }
}

TEST_F(FailedFaults, OfAStackThatMayNotGrow) {
  for (const auto& [label, reason] : {std::pair{"stack-refused limit", "stack_limit"},
                                      {"stack-refused locked", "stack_locked"},
                                      {"stack-refused gap", "stack_gap"}}) {
    SCOPED_TRACE(label);
    const Observed seen = of_workload_runs(label);
    if (!is_seen(seen)) continue;
    EXPECT_EQ(seen.extra("failed"), 1U);
    const Json row = only(seen, reason);
    EXPECT_EQ(row.at("count"), 1);
    EXPECT_EQ(row.at("signal"), "SIGSEGV");
    EXPECT_EQ(row.at("name"), "[stack]");
    EXPECT_EQ(row.at("was_fault"), false);
  }
  const Observed locked = of_workload_runs("stack-refused locked");
  if (!is_seen(locked)) return;
  const Json row = only(locked, "stack_locked");
  EXPECT_EQ(row.at("limit_bytes"), 1 << 20);
  EXPECT_GT(row.at("used_bytes").get<std::uint64_t>() + row.at("needed_bytes").get<std::uint64_t>(), 1U << 20);
  EXPECT_EQ(row.at("locked"), "yes");
}

TEST_F(FailedFaults, OfAddressesByWhatIsThere) {
  for (const auto& [label, reason] : {std::pair{"access-refused unmapped", "unmapped"},
                                      {"access-refused protected", "protection"},
                                      {"access-refused guard", "guard"},
                                      {"access-refused address", "no_address"}}) {
    SCOPED_TRACE(label);
    const Observed seen = of_workload_runs(label);
    if (!is_seen(seen)) continue;
    EXPECT_EQ(only(seen, reason).at("count"), seen.truth.at("extra").at("signals"));
    EXPECT_EQ(only(seen, reason).at("signal"), "SIGSEGV");
  }
}

TEST_F(FailedFaults, ThatUserfaultfdRefuses) {
  const Observed seen = of_workload_runs("uffd-refused");
  if (!is_seen(seen)) return;
  EXPECT_EQ(only(seen, "userfaultfd").at("count"), seen.truth.at("extra").at("signals"));
  EXPECT_EQ(only(seen, "userfaultfd").at("signal"), "SIGBUS");
}

TEST_F(FailedFaults, ThatEndAProcess) {
  const Observed seen = of_workload_runs("killed-by-fault");
  if (!is_seen(seen)) return;
  const Json& child = seen.truth.at("children").at(0).at("pid");
  const Json* process = find_process(seen.report, child);
  ASSERT_NE(process, nullptr);
  EXPECT_EQ(process->at("ending").at("signal"), "SIGBUS");
  const std::vector<Json> rows = failed(seen, "beyond_file", process);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].at("ended_process"), true);
  EXPECT_EQ(rows[0].at("file_offset"), 4096);
  EXPECT_NE(find_finding(seen.report, "ended-by-fault", child), nullptr);
  EXPECT_FALSE(is_found(seen, "ended-by-fault"));
}

// SIGSEGV that somebody sends says nothing of an access.
TEST_F(FailedFaults, ASignalThatIsSentEndsNothingByAFault) {
  const Observed seen = of_workload_runs("endings");
  if (!is_seen(seen)) return;
  for (const Json& child : seen.truth.at("children"))
    EXPECT_EQ(find_finding(seen.report, "ended-by-fault", child.at("pid")), nullptr) << child;
}

TEST_F(FailedFaults, TheOomKillerIsNamed) {
  const Observed seen = of_workload_runs("oom-killed");
  if (seen.nothing_to_see() || !measured(seen.report, "oom_kill")) return;
  const Json& child = seen.truth.at("children").at(0).at("pid");
  const Json* finding = find_finding(seen.report, "ended-by-oom-killer", child);
  ASSERT_NE(finding, nullptr);
  EXPECT_EQ(finding->at("evidence").at("limit_bytes"), seen.truth.at("pages").get<std::uint64_t>() / 2 * 4096);
  // Up to 6.15 the address space is gone when the end is told: then it is not known, and not 0.
  const Json* process = find_process(seen.report, child);
  ASSERT_NE(process, nullptr);
  const Json& locked = process->at("life").back().at("locked_bytes");
  EXPECT_EQ(finding->at("evidence").contains("locked_bytes"), !locked.is_null());
  if (!locked.is_null()) {
    EXPECT_EQ(finding->at("evidence").at("locked_bytes"), 0);
  }
}

// ---- Locks that are not what they seem

TEST_F(FailedFaults, APartOfMlockallIsToldWhereItFails) {
  const Observed seen = of_workload_runs("lockall-in-vain");
  if (!is_seen(seen)) return;
  const Json call = call_named(seen, "mlockall");
  EXPECT_EQ(call.at("ret"), 0);
  EXPECT_EQ(call.at("absent_ranges"), 2);
  std::map<std::uint64_t, Json> by_start;
  for (const Json& range : call.at("ranges")) by_start[range.at("range_start").get<std::uint64_t>()] = range;
  const Json closed = by_start[seen.extra("closed")];
  const Json short_file = by_start[seen.extra("short_file") + seen.extra("file_pages") * 4096];
  ASSERT_TRUE(closed.is_object() && short_file.is_object()) << call;
  EXPECT_EQ(closed.at("reason"), "protection");
  EXPECT_EQ(short_file.at("reason"), "beyond_file");
  EXPECT_EQ(short_file.at("file_offset"), seen.extra("file_pages") * 4096);
  const Json* finding = find_finding(seen.report, "lock-incomplete", seen.truth.at("pid"));
  ASSERT_NE(finding, nullptr);
  EXPECT_EQ(finding->at("evidence").at("ranges"), 2);
}

TEST_F(FailedFaults, WhatTookLockedPagesAwayIsSaidWhereItWasSeen) {
  for (const auto& [label, why] : {std::pair{"discard-locked", "MADV_DONTNEED_LOCKED"},
                                   {"lockall-beyond-end", "beyond the end of its file"},
                                   {"punch-hole", "was not seen"}}) {
    SCOPED_TRACE(label);
    const Observed seen = of_workload_runs(label);
    if (!is_seen(seen) || !measured(seen.report, "lock_call")) continue;
    EXPECT_NE(title_of(seen, "lock-not-effective").find(why), std::string::npos)
        << title_of(seen, "lock-not-effective");
  }
}

TEST_F(FailedFaults, MappingsThatTakeNoLockAreTold) {
  for (const auto& [label, why] : {std::pair{"lock-passed-over droppable", "MAP_DROPPABLE"},
                                   {"lock-passed-over driver", "a driver"},
                                   {"hugetlb", "hugetlbfs"}}) {
    SCOPED_TRACE(label);
    const Observed seen = of_workload_runs(label);
    if (seen.nothing_to_see() || !measured(seen.report, "lock_call")) continue;
    EXPECT_NE(title_of(seen, "lock-without-effect").find(why), std::string::npos)
        << title_of(seen, "lock-without-effect");
  }
}

TEST_F(FailedFaults, ACapabilityOfAnotherUserNamespaceIsNoAdvice) {
  const Observed seen = of_workload_runs("lock-in-user-namespace");
  if (seen.nothing_to_see() || !measured(seen.report, "lock_call")) return;
  EXPECT_EQ(call_named(seen, "mlock").at("cap_elsewhere"), true);
  const Json* finding = find_finding(seen.report, "lock-over-limit", seen.truth.at("pid"));
  ASSERT_NE(finding, nullptr);
  EXPECT_EQ(finding->at("advice").get<std::string>().find("give the program CAP_IPC_LOCK"), std::string::npos);
}

TEST_F(FailedFaults, TheBoundOfMappingsIsThatOfTheCall) {
  const Observed seen = of_workload_runs("lock-bound-lowered");
  if (seen.nothing_to_see() || !measured(seen.report, "lock_call")) return;
  const Json call = call_named(seen, "mlock");
  EXPECT_EQ(call.at("rule"), "too_many_mappings") << call;
  EXPECT_EQ(call.at("max_map_count"), seen.extra("bound"));
  EXPECT_GE(call.at("mappings").get<std::uint64_t>(), seen.extra("bound"));
  EXPECT_FALSE(is_found(seen, "lock-hole"));
}

TEST_F(FailedFaults, AHoleIsToldWhereItIs) {
  const Observed seen = of_workload_runs("lock-hole");
  if (seen.nothing_to_see() || !measured(seen.report, "lock_call")) return;
  const Json call = call_named(seen, "mlock");
  ASSERT_EQ(call.at("ranges").size(), 1U) << call;
  EXPECT_EQ(call.at("ranges")[0].at("kind"), "hole");
  EXPECT_EQ(call.at("ranges")[0].at("range_end").get<std::uint64_t>() -
                call.at("ranges")[0].at("range_start").get<std::uint64_t>(),
            4096U);
}

TEST_F(FailedFaults, TheLimitThatWouldBeEnough) {
  const Observed seen = of_workload_runs("lock-limit");
  if (seen.nothing_to_see() || !measured(seen.report, "lock_call")) return;
  const Json* finding = find_finding(seen.report, "lock-over-limit", seen.truth.at("pid"));
  ASSERT_NE(finding, nullptr);
  EXPECT_EQ(finding->at("evidence").at("needed_for_mapping_bytes"), seen.truth.at("pages").get<std::uint64_t>() * 4096);
}

}  // namespace

}  // namespace live
