// Every way to measure every signal: what this kernel has the functions and tracepoints for is loaded and attached.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "program.h"
#include "report_view.h"

namespace live {

namespace {

std::set<std::string> functions_of_the_kernel() {
  std::set<std::string> functions;
  std::istringstream symbols(read_file("/proc/kallsyms"));
  for (std::string address, type, name, rest; symbols >> address >> type >> name; std::getline(symbols, rest)) {
    if (type == "t" || type == "T") functions.insert(name);
  }
  return functions;
}

// Why a kernel that has the functions of a way may refuse it all the same: verified on the kernels that do.
std::string known_obstacle(const Json& way, const std::set<std::string>& functions) {
  const std::string kind = way.at("kind");
  const Json& targets = way.at("targets");
  const auto hooks = [&](const char* function) { return std::ranges::find(targets, function) != targets.end(); };
  if (kind == "multi" && !functions.contains("register_fprobe_ips"))
    return "kprobe.multi is built on fprobe, which the kernel was built without (CONFIG_FPROBE)";
  // kernel/bpf/btf.c, btf_ctx_access: 6.12 takes a pointer to a pointer for a broken argument (5.10 to 6.1 have no such
  // function, later ones permit it).
  if (kind == "fentry" && hooks("swap_read_folio"))
    return "swap_read_folio has a pointer to a pointer among its arguments";
  return {};
}

class Alternatives : public testing::Test {
 protected:
  static const Json& probes() {
    static const Json probes = [] {
      const Finished finished = run({"mlocktrace", "probes", "--json", "--every"});
      EXPECT_EQ(finished.status, 0) << finished.err;
      return parse_report(finished.out);
    }();
    return probes;
  }
  // Natively a kernel may forbid whole kinds of programs: nothing that the project could do.
  static bool may_hook_functions() {
    return std::ranges::any_of(probes().at("ways"), [](const Json& way) {
      return way.at("signal") == "fault" && way.at("attached") == true && way.at("kind") != "perf";
    });
  }
};

TEST_F(Alternatives, AreLoadedAndAttachedWhereTheKernelHasWhatTheyNeed) {
  const std::set<std::string> functions = functions_of_the_kernel();
  ASSERT_FALSE(functions.empty());
  int attached = 0;
  for (const Json& way : probes().at("ways")) {
    attached += way.at("attached") == true ? 1 : 0;
    if (way.at("attached") == true) continue;
    const std::string reason = way.at("reason");
    // The kernel said no, or something went wrong: not what was known before from its types and symbols.
    const bool refused = reason.find("refused") != std::string::npos || reason.find("not tried") != std::string::npos;
    if (refused && may_hook_functions()) {
      EXPECT_NE(known_obstacle(way, functions), "") << way;
    }
    // A function that is missing by its own word is missing by the kernel's, too.
    const std::string missing = "this kernel has no function ";
    if (reason.starts_with(missing)) {
      EXPECT_FALSE(functions.contains(reason.substr(missing.size()))) << way;
    }
  }
  printf("alternatives: %d of %zu attached\n", attached, probes().at("ways").size());
  EXPECT_GT(attached, 0);
}

TEST_F(Alternatives, OfEverySignalAreThere) {
  std::set<std::string> signals;
  for (const Json& signal : probes().at("signals")) signals.insert(signal.at("name"));
  std::set<std::string> with_ways;
  std::set<std::string> with_a_way;
  for (const Json& way : probes().at("ways")) {
    with_ways.insert(way.at("signal"));
    if (way.at("attached") == true) with_a_way.insert(way.at("signal"));
  }
  EXPECT_EQ(signals, with_ways);
  if (!may_hook_functions()) return;
  // What the plan chose is among them: each signal that it measures has a way that was attached.
  for (const Json& signal : probes().at("signals")) {
    EXPECT_EQ(signal.at("via").is_string(), with_a_way.contains(signal.at("name"))) << signal;
  }
}

}  // namespace

}  // namespace live
