#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "workload.hpp"

namespace workload {

#define WORKLOAD(name, function, help) void function(Run&);
#include "workloads.inc"
#undef WORKLOAD

namespace {

struct Workload {
  const char* name;
  const char* help;
  void (*function)(Run&);
};

constexpr Workload workloads[] = {
#define WORKLOAD(name, function, help) {name, help, function},
#include "workloads.inc"
#undef WORKLOAD
};

// Static, not on the stack: it is written to while faults are counted, and warm_program knows .bss.
constinit Run run;

int usage() {
  std::fputs(
      "usage: mlt-workload --list\n"
      "       mlt-workload NAME [--hold] [--pages N] [--seconds S] [key=value...]\n",
      stderr);
  return 2;
}

const Workload* find(std::string_view name) {
  for (const Workload& workload : workloads)
    if (name == workload.name) return &workload;
  return nullptr;
}

// The number of an option, which must be positive.
template <class Number>
bool parse(const char* text, Number convert, auto& value) {
  if (text == nullptr) return false;
  char* end = nullptr;
  const auto number = convert(text, &end);
  if (end == text || *end != '\0' || number <= 0) return false;
  value = number;
  return true;
}

bool parse(int count, char** arguments, Options& options) {
  for (int i = 2; i < count; ++i) {
    const std::string_view argument = arguments[i];
    const char* const next = i + 1 < count ? arguments[i + 1] : nullptr;
    if (argument == "--hold") {
      options.hold = true;
    } else if (argument == "--resumed") {
      options.resumed = true;
    } else if (argument == "--pages") {
      if (!parse(
              next, [](const char* text, char** end) { return std::strtol(text, end, 10); }, options.pages))
        return false;
      ++i;
    } else if (argument == "--seconds") {
      if (!parse(
              next, [](const char* text, char** end) { return std::strtod(text, end); }, options.seconds))
        return false;
      ++i;
    } else if (argument.find('=') != std::string_view::npos && options.setting_count < options.settings.size()) {
      options.settings[options.setting_count++] = arguments[i];
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace
}  // namespace workload

int main(int count, char** arguments) {
  using namespace workload;
  if (count == 2 && std::strcmp(arguments[1], "--list") == 0) {
    for (const Workload& workload : workloads) std::printf("%-28s %s\n", workload.name, workload.help);
    return 0;
  }
  const Workload* const chosen = count > 1 ? find(arguments[1]) : nullptr;
  Options options;
  if (chosen == nullptr || !parse(count, arguments, options)) return usage();
  options.name = chosen->name;
  run.start(options);
  chosen->function(run);
  return 0;
}
