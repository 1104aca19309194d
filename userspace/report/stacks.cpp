#include "report/stacks.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <protozero/pbf_writer.hpp>
#include <tuple>

#include "model/names.h"
#include "util/units.h"

namespace mlt {
namespace {

std::string name_of(const Frame& frame) { return sanitize(frame_name(frame)); }

// ---- Folded

std::string folded_name(std::string name) {
  std::ranges::replace(name, ';', ':');
  return name;
}

std::string folded(const Process& process, const StackFaults& stack) {
  std::string line = folded_name(sanitize(process.comm.empty() ? fmt::format("{}", process.pid) : process.comm));
  for (auto frame = stack.user.rbegin(); frame != stack.user.rend(); ++frame)
    line += ";" + folded_name(name_of(*frame));
  for (auto frame = stack.kernel.rbegin(); frame != stack.kernel.rend(); ++frame)
    line += ";" + folded_name(name_of(*frame)) + "_[k]";
  return line;
}

// ---- pprof. Field numbers: proto/profile.proto of google/pprof.

enum class ProfileField : protozero::pbf_tag_type {
  sample_type = 1,
  sample = 2,
  mapping = 3,
  location = 4,
  function = 5,
  string_table = 6,
  time_nanos = 9,
  duration_nanos = 10,
  default_sample_type = 14,
};

class Profile {
 public:
  explicit Profile(const Report& report) {
    index_of("");
    for (const auto& [type, unit] : {std::pair("faults", "count"), std::pair("time", "nanoseconds")}) {
      protozero::pbf_writer value_type(out_, tag(ProfileField::sample_type));
      value_type.add_int64(1, index_of(type));
      value_type.add_int64(2, index_of(unit));
    }
    for (const Process& process : report.processes) {
      for (const StackFaults& stack : process.faults.stacks) add(process, stack);
    }
    out_.add_int64(tag(ProfileField::time_nanos), static_cast<std::int64_t>(report.window.start_unix_ns));
    out_.add_int64(tag(ProfileField::duration_nanos), static_cast<std::int64_t>(report.window.duration_ns));
    out_.add_int64(tag(ProfileField::default_sample_type), index_of("faults"));
    for (const std::string& text : strings_) out_.add_string(tag(ProfileField::string_table), text);
  }
  [[nodiscard]] std::string take() { return std::move(data_); }

 private:
  static protozero::pbf_tag_type tag(ProfileField field) { return static_cast<protozero::pbf_tag_type>(field); }

  std::int64_t index_of(const std::string& text) {
    const auto [known, is_new] = string_ids_.try_emplace(text, static_cast<std::int64_t>(strings_.size()));
    if (is_new) strings_.push_back(text);
    return known->second;
  }

  std::uint64_t mapping_of(const std::string& module) {
    if (module.empty()) return 0;
    const auto [known, is_new] = mappings_.try_emplace(module, mappings_.size() + 1);
    if (is_new) {
      const std::int64_t name = index_of(sanitize(module));
      protozero::pbf_writer mapping(out_, tag(ProfileField::mapping));
      mapping.add_uint64(1, known->second);
      mapping.add_int64(5, name);
      mapping.add_bool(7, true);
    }
    return known->second;
  }

  std::uint64_t function_of(const Frame& frame) {
    const std::string name = name_of(frame);
    const auto [known, is_new] = functions_.try_emplace({name, frame.module}, functions_.size() + 1);
    if (is_new) {
      const std::int64_t index = index_of(name);
      const std::int64_t file = index_of(sanitize(frame.module));
      protozero::pbf_writer function(out_, tag(ProfileField::function));
      function.add_uint64(1, known->second);
      function.add_int64(2, index);
      function.add_int64(3, index);
      function.add_int64(4, file);
    }
    return known->second;
  }

  std::uint64_t location_of(const Frame& frame) {
    const auto [known, is_new] =
        locations_.try_emplace({frame.address, frame.module, frame.function}, locations_.size() + 1);
    if (is_new) {
      const std::uint64_t mapping = mapping_of(frame.module);
      const std::uint64_t function = function_of(frame);
      protozero::pbf_writer location(out_, tag(ProfileField::location));
      location.add_uint64(1, known->second);
      if (mapping != 0) location.add_uint64(2, mapping);
      location.add_uint64(3, frame.address);
      protozero::pbf_writer line(location, 4);
      line.add_uint64(1, function);
    }
    return known->second;
  }

  void add(const Process& process, const StackFaults& stack) {
    std::vector<std::uint64_t> locations;  // innermost first, as both sides have it
    for (const Frame& frame : stack.kernel) locations.push_back(location_of(frame));
    for (const Frame& frame : stack.user) locations.push_back(location_of(frame));
    const std::array<std::int64_t, 2> values{static_cast<std::int64_t>(stack.faults),
                                             static_cast<std::int64_t>(stack.time_ns)};
    const std::array<std::pair<std::int64_t, std::int64_t>, 3> labels{
        {{index_of("command"), index_of(sanitize(process.comm))},
         {index_of("origin"), index_of(std::string(origin_name(stack.origin)))},
         {index_of("cause"), index_of(std::string(cause_name(stack.cause)))}}};
    const std::int64_t pid = index_of("pid");
    protozero::pbf_writer sample(out_, tag(ProfileField::sample));
    sample.add_packed_uint64(1, locations.begin(), locations.end());
    sample.add_packed_int64(2, values.begin(), values.end());
    for (const auto& [key, value] : labels) {
      protozero::pbf_writer label(sample, 3);
      label.add_int64(1, key);
      label.add_int64(2, value);
    }
    protozero::pbf_writer label(sample, 3);
    label.add_int64(1, pid);
    label.add_int64(3, process.pid);
  }

  std::string data_;
  protozero::pbf_writer out_{data_};
  std::vector<std::string> strings_;
  std::map<std::string, std::int64_t> string_ids_;
  std::map<std::string, std::uint64_t> mappings_;
  std::map<std::pair<std::string, std::string>, std::uint64_t> functions_;
  std::map<std::tuple<std::uint64_t, std::string, std::string>, std::uint64_t> locations_;
};

}  // namespace

bool has_stacks(const Report& report) {
  return std::ranges::any_of(report.processes, [](const Process& process) { return !process.faults.stacks.empty(); });
}

std::string to_folded(const Report& report) {
  std::map<std::string, std::uint64_t> lines;
  for (const Process& process : report.processes) {
    for (const StackFaults& stack : process.faults.stacks) lines[folded(process, stack)] += stack.faults;
  }
  std::string out;
  for (const auto& [line, faults] : lines) out += fmt::format("{} {}\n", line, faults);
  return out;
}

std::string to_pprof(const Report& report) { return Profile(report).take(); }

std::string gzip(const std::string& data) {
  constexpr int kGzip = 16;  // added to the window's bits
  z_stream stream{};
  deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, MAX_WBITS + kGzip, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, data.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

}  // namespace mlt
