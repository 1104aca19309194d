#include "table.h"

#include <fmt/format.h>

#include <cmath>

#include "operations.h"

namespace bench {

namespace {

using live::Json;

// "6.1.0-56-cloud-amd64" as 6.1
std::string series(const Json& run) {
  const auto release = run.at("kernel").get<std::string>();
  return release.substr(0, release.find_first_not_of("0123456789", release.find('.') + 1));
}

std::string cell(const Json& value, double scale = 1, int digits = 0) {
  if (!value.is_number()) return "–";
  const double unit = std::pow(10, digits);
  // A sum with zero is never minus zero.
  return fmt::format("{:.{}f}", std::round(value.get<double>() / scale * unit) / unit + 0.0, digits);
}

const Json* find(const Json& run, const Json& name) {
  for (const Json& tracer : run.at("tracers")) {
    if (tracer.at("name") == name) return &tracer;
  }
  return nullptr;
}

Json at(const Json& object, const char* path) {
  const Json::json_pointer pointer(path);
  return object.contains(pointer) ? object.at(pointer) : Json();
}

// A figure of each tracer, from one run.
struct Column {
  std::string title;
  const Json* run;
  std::string path;  // in the tracer's object
  double scale = 1;
  int digits = 0;
};

void add_columns(std::vector<Column>& columns, const std::vector<Json>& runs, const Column& of_each) {
  for (const Json& run : runs) {
    Column column = of_each;
    column.title += (column.title.empty() ? "" : ", ") + series(run);
    column.run = &run;
    columns.push_back(column);
  }
}

// A row for each tracer of the first run.
std::string table(const std::string& corner, const std::vector<Column>& columns) {
  std::string text = "| " + corner + " |";
  std::string rule = "|---|";
  for (const Column& column : columns) {
    text += " " + column.title + " |";
    rule += "---:|";
  }
  text += "\n" + rule + "\n";
  for (const Json& named : columns.front().run->at("tracers")) {
    text += "| " + named.at("name").get<std::string>() + " |";
    for (const Column& column : columns) {
      const Json* tracer = find(*column.run, named.at("name"));
      text += fmt::format(
          " {} |", tracer == nullptr ? "–" : cell(at(*tracer, column.path.c_str()), column.scale, column.digits));
    }
    text += "\n";
  }
  return text;
}

std::string fault_table(const std::vector<Json>& runs) {
  std::vector<Column> columns;
  add_columns(columns, runs, {"traced", nullptr, "/added/traced/access"});
  add_columns(columns, runs, {"not traced", nullptr, "/added/untraced/access"});
  return table("added instructions", columns);
}

// What a tracer that prints no report took for it is no figure.
Json without_zeroes(Json run) {
  for (Json& tracer : run.at("tracers")) {
    if (at(tracer, "/report") == 0) tracer.erase("report");
  }
  return run;
}

std::string start_table(const Json& run) {
  const Json known = without_zeroes(run);
  return table("", {{"on its CPU, M", &known, "/start/processor", 1e6},
                    {"peak RSS, MiB", &known, "/peak_kb", 1024, 1},
                    {"SIGINT to report, M", &known, "/report", 1e6},
                    {"told of 128", &known, "/lost/told"}});
}

std::string operations_table(const Json& run) {
  std::string text = "| added instructions |";
  std::string rule = "|---|";
  for (const Operation& operation : operations()) {
    if (!run.at("untraced").contains(operation.name)) continue;
    text += fmt::format(" {} |", operation.unit);
    rule += "---:|";
  }
  text += "\n" + rule + "\n";
  const auto row = [&](const std::string& title, const Json& figures) {
    text += "| " + title + " |";
    for (const Operation& operation : operations()) {
      if (!run.at("untraced").contains(operation.name)) continue;
      text += fmt::format(" {} |", cell(figures.is_object() ? figures.at(std::string(operation.name)) : Json(), 1, 0));
    }
    text += "\n";
  };
  row("(untraced, the work itself)", run.at("untraced"));
  row("(untraced, repeated at the end: difference)", run.at("repeated"));
  for (const Json& tracer : run.at("tracers")) {
    const auto name = tracer.at("name").get<std::string>();
    row(name, at(tracer, "/added/traced"));
    row(name + ", another process", at(tracer, "/added/untraced"));
  }
  return text;
}

std::string problems(const std::vector<Json>& runs) {
  std::string text;
  for (const Json& run : runs) {
    for (const Json& tracer : run.at("tracers")) {
      for (const char* path : {"/problem", "/lost/problem"}) {
        const Json problem = at(tracer, path);
        if (problem.is_string())
          text += fmt::format("- {}, {}: {}\n", series(run), tracer.at("name").get<std::string>(),
                              problem.get<std::string>());
      }
    }
  }
  return text;
}

}  // namespace

std::string to_markdown(const std::vector<Json>& runs) {
  if (runs.empty()) return {};
  std::string text = "A fault at access, in a process that is traced and in one that is not:\n\n" + fault_table(runs);
  text +=
      "\nThen for each kernel: from exec to attached (million instructions), peak resident set, from SIGINT to the "
      "report, and how many faults of 128 that waited at once it tells; and what other work costs.\n";
  for (const Json& run : runs) {
    text +=
        fmt::format("\nOn {}:\n\n{}\n{}", run.at("kernel").get<std::string>(), start_table(run), operations_table(run));
  }
  if (const std::string list = problems(runs); !list.empty()) text += "\nNot measured:\n\n" + list;
  return text;
}

std::string to_readme(const std::vector<Json>& runs) {
  if (runs.empty()) return {};
  const Json& first = runs.front();
  return fmt::format(
      "{}\nOn Linux {}, from exec to attached, peak memory, and faults of 128 threads that waited at once:\n\n{}",
      fault_table(runs), series(first),
      table("", {{"instructions on its CPU, M", &first, "/start/processor", 1e6},
                 {"peak RSS, MiB", &first, "/peak_kb", 1024, 1},
                 {"told of 128", &first, "/lost/told"}}));
}

}  // namespace bench
