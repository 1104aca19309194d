// The truth as one line of JSON, formatted into a static buffer: stdio and the heap would cause faults.
#include <unistd.h>

#include <charconv>

#include "workload.hpp"

namespace workload {
namespace {

std::array<char, 64 * 1024> line;

class Json {
 public:
  Json& open(const char* key, char bracket) {
    name(key);
    put(bracket);
    first_ = true;
    return *this;
  }
  Json& close(char bracket) {
    put(bracket);
    first_ = false;
    return *this;
  }
  Json& number(const char* key, Known value) {
    name(key);
    if (!value) return text("null");
    std::array<char, 24> digits{};
    const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), *value);
    return text({digits.data(), static_cast<std::size_t>(written.ptr - digits.data())});
  }
  Json& string(const char* key, std::string_view value) {  // of our own making: nothing to escape
    name(key);
    put('"');
    text(value);
    put('"');
    return *this;
  }
  Json& boolean(const char* key, bool value) {
    name(key);
    return text(value ? "true" : "false");
  }
  Json& faults(const char* key, const rusage& before, const rusage& after) {
    open(key, '{');
    number("minor", after.ru_minflt - before.ru_minflt);
    number("major", after.ru_majflt - before.ru_majflt);
    return close('}');
  }
  [[nodiscard]] std::string_view finish() {
    put('\n');
    return {line.data(), length_};
  }

 private:
  void name(const char* key) {
    if (!first_) put(',');
    first_ = false;
    if (key == nullptr) return;
    put('"');
    text(key);
    put('"');
    put(':');
  }
  void put(char c) {
    if (length_ < line.size()) line[length_++] = c;
  }
  Json& text(std::string_view value) {
    for (const char c : value) put(c);
    return *this;
  }

  std::size_t length_ = 0;
  bool first_ = true;
};

Known difference(Known before, Known after) {
  if (!before || !after) return unknown;
  return *after - *before;
}

Known sum(const Expect& expect) {
  if (!expect.access || !expect.kernel || !expect.populate || !expect.remote) return unknown;
  return *expect.access + *expect.kernel + *expect.populate + *expect.remote;
}

}  // namespace

std::string_view Truth::to_json(const rusage& now) const {
  Json json;
  json.open(nullptr, '{').string("workload", workload).number("pid", ::getpid()).number("pages", pages);
  if (unsupported != nullptr) json.string("unsupported", unsupported);
  if (resumed) json.boolean("resumed", true);
  if (broken_premise != nullptr) json.string("broken_premise", broken_premise);

  json.faults("work", before.usage, after.usage).faults("total", rusage{}, now);
  // From "ready" to this line: equal to `work` unless something of the workload's own faulted around it.
  json.faults("window", ready.usage, now);
  json.number("cpu_ns", after.cpu_ns - before.cpu_ns);
  json.open("faults", '{').number("access", expect.access).number("kernel", expect.kernel);
  json.number("populate", expect.populate).number("remote", expect.remote).close('}');
  if (const Known expected = sum(expect)) {
    const long counted =
        after.usage.ru_minflt - before.usage.ru_minflt + after.usage.ru_majflt - before.usage.ru_majflt;
    json.boolean("consistent", counted == *expected);
  }

  if (cause_count > 0) {
    json.open("causes", '[');
    for (std::size_t i = 0; i < cause_count; ++i) {
      json.open(nullptr, '{').string("cause", causes[i].causes).number("least", causes[i].least);
      json.number("most", causes[i].most).close('}');
    }
    json.close(']');
  }

  json.open("pages_moved", '{').number("mlocked", expect.mlocked).number("munlocked", expect.munlocked).close('}');
  json.open("vma", '{').number("splits", expect.splits).number("merges", expect.merges);
  json.number("count_before", before.vmas).number("count_after", after.vmas).close('}');
  json.open("locked_kb", '{').number("before", before.locked_kb).number("after", after.locked_kb).close('}');

  json.number("locked_not_mlocked", not_mlocked);

  json.open("vmstat", '{');
  for (std::size_t i = 0; i < Snapshot::vmstat_names.size(); ++i)
    json.number(Snapshot::vmstat_names[i].data(), difference(before.vmstat[i], after.vmstat[i]));
  json.close('}');

  json.open("calls", '[');
  for (std::size_t i = 0; i < call_count; ++i) {
    json.open(nullptr, '{').string("call", calls[i].name).number("ret", calls[i].result);
    json.number("errno", calls[i].error).close('}');
  }
  json.close(']');

  if (child_count > 0) {
    json.open("children", '[');
    for (std::size_t i = 0; i < child_count; ++i) {
      json.open(nullptr, '{').number("pid", children[i].pid).number("minor", children[i].minor);
      json.number("major", children[i].major).close('}');
    }
    json.close(']');
  }

  json.open("extra", '{');
  for (std::size_t i = 0; i < extra_count; ++i) json.number(extras[i].key, extras[i].value);
  json.close('}');
  return json.close('}').finish();
}

}  // namespace workload
