#include "trace_all.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <memory>

#include "printed.h"
#include "report_view.h"
#include "truth.h"

namespace live {

namespace {

Json process_of(const Json& report, const Json& pid) {
  const Json* process = find_process(report, pid);
  return process != nullptr ? *process : Json();
}

}  // namespace

Traced trace_all(const std::map<std::string, Words>& commands, const Words& options,
                 const std::function<void(const Traced&)>& meanwhile) {
  Traced traced;
  std::map<std::string, std::unique_ptr<Program>> held;
  std::string pids;
  for (const auto& [name, command] : commands) {
    Words held_command = command;
    held_command.emplace_back("--hold");
    auto program = std::make_unique<Program>(held_command);
    if (!program->read_line().starts_with("ready")) {
      ADD_FAILURE() << name << ": " << program->finish().err;
      continue;
    }
    pids += (pids.empty() ? "" : ",") + std::to_string(program->pid());
    held[name] = std::move(program);
  }
  Words words = {"mlocktrace", "--json", "--processes", "all"};
  if (std::ranges::find(options, "-c") == options.end()) words.insert(words.end(), {"-p", pids});
  words.insert(words.end(), options.begin(), options.end());
  Program tracer(words);
  EXPECT_TRUE(tracer.wait_for_stderr("tracing")) << tracer.stderr_so_far();
  for (auto& [name, program] : held) {
    program->send("g");
    const std::string line = program->read_line();
    EXPECT_FALSE(line.empty()) << name << ": " << program->stderr_so_far();
    traced.rows[name].truth = read_truth(line);
  }
  if (meanwhile) meanwhile(traced);
  tracer.signal(SIGINT);
  const Finished finished = tracer.finish();
  EXPECT_EQ(finished.status, 0) << finished.err;
  traced.report = parse_report(finished.out);
  for (auto& [name, program] : held) {
    traced.rows[name].process = process_of(traced.report, program->pid());
    program->send("x");
  }
  for (auto& [name, program] : held) program->finish();  // so that it cleans up
  return traced;
}

Traced trace_in_turn(const std::vector<std::string>& workloads, const Words& options) {
  Words words = {"mlocktrace", "-q", "--json", "--follow"};
  words.insert(words.end(), options.begin(), options.end());
  words.emplace_back("--");
  const Words command = one_after_another(workloads);
  words.insert(words.end(), command.begin(), command.end());
  const Finished finished = run(words);
  EXPECT_EQ(finished.status, 0) << finished.err;
  Traced traced;
  traced.report = printed_report(finished.out);
  const std::vector<Json> truths = printed_truths(finished.out);
  EXPECT_EQ(truths.size(), workloads.size());
  for (const Json& truth : truths)
    traced.rows[truth.at("workload")] = {truth, process_of(traced.report, truth.at("pid"))};
  return traced;
}

TracedCommand trace_command(const Words& command, const Words& options) {
  Words words = {"mlocktrace", "-q", "--json"};
  words.insert(words.end(), options.begin(), options.end());
  words.emplace_back("--");
  words.insert(words.end(), command.begin(), command.end());
  const Finished finished = run(words);
  EXPECT_EQ(finished.status, 0) << finished.err;
  return {printed_truth(finished.out), printed_report(finished.out)};
}

}  // namespace live
