// mlocktrace report: a recording, rendered.
#include <fmt/format.h>
#include <sys/stat.h>

#include <cctype>
#include <cerrno>

#include "commands/commands.h"
#include "commands/output.h"
#include "commands/source.h"
#include "model/names.h"
#include "report/csv.h"
#include "report/html.h"
#include "report/json.h"
#include "report/markdown.h"
#include "report/perfetto.h"
#include "report/stacks.h"
#include "report/text.h"
#include "util/say.h"

namespace mlt {

namespace {

// A note as it stands by itself: behind a colon it begins small.
std::string sentence(std::string note) {
  note.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(note.front())));
  return note + ".";
}

std::vector<std::string> sentences(std::vector<std::string> notes) {
  for (std::string& note : notes) note = sentence(std::move(note));
  return notes;
}

// Some thousand lines a write.
constexpr std::size_t kChunk = 1 << 18;

Status write_text(const Source& source, const CommonOptions& options, Output& output) {
  std::string notes;
  for (const std::string& note : source.notes()) notes += "INCOMPLETE: " + note + "\n";
  if (!notes.empty()) notes += "\n";
  return output.write(notes + to_text(source.report(), text_options(options, output)));
}

Status write_json(const Source& source, const CommonOptions& options, Output& output) {
  if (!options.quiet) {
    for (const std::string& note : source.notes()) say(note);
  }
  return output.write(to_json(source.report(), true));
}

Status write_html(const Source& source, Output& output) {
  HtmlBuilder builder(source.report());
  for (std::string& note : source.notes()) builder.add_note(sentence(std::move(note)));
  return source
      .for_each_point([&](const TimelinePoint& point) {
        builder.add(point);
        return Status{};
      })
      .and_then([&] {
        return source.for_each_event([&](const FaultEvent& event) {
          builder.add(event);
          return Status{};
        });
      })
      .and_then([&] { return source.spaces(); })
      .and_then([&](const std::vector<AddressSpace>& spaces) {
        for (const AddressSpace& space : spaces) builder.add(space);
        return output.write(builder.take());
      });
}

Status write_perfetto(const Source& source, std::uint64_t slow_ns, Output& output) {
  PerfettoWriter writer(source.report(), slow_ns);
  const auto add = [&](const auto& item) -> Status {
    writer.add(item);
    return writer.size() < kChunk ? Status{} : output.write(writer.take());
  };
  return source.for_each_point(add).and_then([&] { return source.for_each_event(add); }).and_then([&] {
    return output.write(writer.take());
  });
}

Status needs_stacks(const Source& source) {
  if (has_stacks(source.report())) return {};
  return fail("there are no stacks", 0, "record them with -U (the program's functions) or -K (the kernel's)");
}

Status write_events(const Source& source, Output& output) {
  if (source.recording() == nullptr || !source.recording()->info().with_events)
    return fail("the recording holds no single faults", 0, "record them with --events");
  std::string lines = "at_ns,duration_ns,pid,tid,address,origin,locked,cause,major,error\n";
  const Status status = source.for_each_event([&](const FaultEvent& event) -> Status {
    fmt::format_to(std::back_inserter(lines), "{},{},{},{},{:#x},{},{},{},{:d},{:d}\n", event.at_ns, event.duration_ns,
                   event.pid, event.tid, event.address, origin_name(event.origin), lock_state_name(event.locked),
                   cause_name(event.cause), event.major, event.error);
    if (lines.size() < kChunk) return {};
    Status written = output.write(lines);
    lines.clear();
    return written;
  });
  return status.and_then([&] { return output.write(lines); });
}

Status write_file(const std::string& directory, const CsvTable& table) {
  return Output::open(directory + "/" + table.name + ".csv").and_then([&](Output output) {
    return output.write(table.text);
  });
}

Status write_csv_timeline(const Source& source, const std::string& directory) {
  if (source.recording() == nullptr) return {};
  auto output = Output::open(directory + "/timeline.csv");
  if (!output) return tl::unexpected(output.error());
  std::string lines = csv_timeline_header();
  const Status status = source.for_each_point([&](const TimelinePoint& point) -> Status {
    lines += csv_timeline_line(point);
    if (lines.size() < kChunk) return {};
    Status written = output->write(lines);
    lines.clear();
    return written;
  });
  return status.and_then([&] { return output->write(lines); })
      .and_then([&] { return source.spaces(); })
      .and_then([&](const std::vector<AddressSpace>& spaces) { return write_file(directory, to_csv(spaces)); });
}

Status write_csv(const Source& source, const std::string& directory) {
  if (mkdir(directory.c_str(), 0777) != 0 && errno != EEXIST) return fail("cannot make " + directory, errno);
  for (const CsvTable& table : to_csv(source.report())) {
    if (Status status = write_file(directory, table); !status) return status;
  }
  return write_csv_timeline(source, directory);
}

// Opening the output would empty it.
bool same_file(const std::string& a, const std::string& b) {
  struct stat one {};
  struct stat other {};
  return stat(a.c_str(), &one) == 0 && stat(b.c_str(), &other) == 0 && one.st_dev == other.st_dev &&
         one.st_ino == other.st_ino;
}

// The one place where a format is chosen.
Status write(const Source& source, const ReportOptions& options, Output& output) {
  switch (options.format) {
    case ReportFormat::json: return write_json(source, options.common, output);
    case ReportFormat::events: return write_events(source, output);
    case ReportFormat::markdown: return output.write(to_markdown(source.report(), sentences(source.notes())));
    case ReportFormat::html: return write_html(source, output);
    case ReportFormat::perfetto: return write_perfetto(source, options.slow_ns, output);
    case ReportFormat::pprof: return output.write(gzip(to_pprof(source.report())));
    case ReportFormat::folded: return output.write(to_folded(source.report()));
    case ReportFormat::csv:
    case ReportFormat::text: break;
  }
  return write_text(source, options.common, output);
}

}  // namespace

Result<int> run_report(const ReportOptions& options) {
  auto source = Source::open(options.file);
  if (!source) return tl::unexpected(source.error());
  if (options.common.processes) source->sum_up(*options.common.processes);
  if (options.format == ReportFormat::csv) return write_csv(*source, options.output).map([] { return 0; });
  if (options.format == ReportFormat::pprof || options.format == ReportFormat::folded) {
    if (Status status = needs_stacks(*source); !status) return tl::unexpected(status.error());
  }
  if (same_file(options.file, options.output))
    return fail(options.output + " is what is read", 0, "name another file to write");
  auto output = Output::open(options.output);
  return output.and_then([&](Output& out) { return write(*source, options, out); }).map([] { return 0; });
}

}  // namespace mlt
