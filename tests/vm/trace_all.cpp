#include "trace_all.h"

#include <gtest/gtest.h>

#include <csignal>
#include <memory>

#include "report_view.h"
#include "truth.h"

namespace live {

Traced trace_all(const std::map<std::string, Words>& commands, const Words& options) {
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
  Words words = {"mlocktrace", "--json", "-p", pids};
  words.insert(words.end(), options.begin(), options.end());
  Program tracer(words);
  EXPECT_TRUE(tracer.wait_for_stderr("tracing")) << tracer.stderr_so_far();
  for (auto& [name, program] : held) {
    program->send("g");
    const std::string line = program->read_line();
    EXPECT_FALSE(line.empty()) << name << ": " << program->stderr_so_far();
    traced.rows[name].truth = read_truth(line);
  }
  tracer.signal(SIGINT);
  const Finished finished = tracer.finish(300);
  EXPECT_EQ(finished.status, 0) << finished.err;
  traced.report = parse_report(finished.out);
  for (auto& [name, program] : held) {
    if (const Json* process = find_process(traced.report, static_cast<std::uint64_t>(program->pid())))
      traced.rows[name].process = *process;
    program->send("x");
  }
  return traced;
}

TracedCommand trace_command(const Words& command, const Words& options) {
  Words words = {"mlocktrace", "-q", "--json"};
  words.insert(words.end(), options.begin(), options.end());
  words.emplace_back("--");
  words.insert(words.end(), command.begin(), command.end());
  const Finished finished = run(words);
  EXPECT_EQ(finished.status, 0) << finished.err;
  return {read_truth(finished.out.substr(0, finished.out.find('\n'))),
          parse_report(finished.out.substr(finished.out.find("\n{\n") + 1))};
}

}  // namespace live
