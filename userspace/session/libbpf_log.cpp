#include "session/libbpf_log.h"

#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <array>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>

#include "util/say.h"

namespace mlt {

namespace {

std::string_view program_in(std::string_view message) {
  constexpr std::string_view kBefore = "prog '";
  const std::size_t at = message.find(kBefore);
  if (at == std::string_view::npos) return {};
  message.remove_prefix(at + kBefore.size());
  return message.substr(0, message.find('\''));
}

// "prog 'mlt_exec_fentry': -- BEGIN PROG LOAD LOG --\nverification time 371 usec\nstack depth 8\nprocessed 93 insns
// ..."
void tell_cost(std::string_view message) {
  const auto number_after = [&](std::string_view words) {
    const std::size_t at = message.find(words);
    return at == std::string_view::npos ? 0 : strtoul(message.data() + at + words.size(), nullptr, 10);
  };
  const auto verified = number_after("\nprocessed ");
  if (verified == 0) return;
  say(fmt::format("loaded {} {} instructions verified, {:.1f} ms", program_in(message), verified,
                  static_cast<double>(number_after("verification time ")) / 1000));
}

// libbpf's callback has no context argument.
thread_local LibbpfLog* g_current = nullptr;

int on_message(enum libbpf_print_level level, const char* format, va_list args) {
  if (g_current == nullptr || (level == LIBBPF_DEBUG && !g_current->verbose())) return 0;
  // The verifier's log may be a megabyte long: which program it is about stands at the beginning, and what it cost
  // behind a line for each function.
  std::array<char, 1 << 14> text{};
  va_list again;
  va_copy(again, args);
  const int length = vsnprintf(text.data(), text.size(), format, again);
  va_end(again);
  if (level == LIBBPF_DEBUG) {
    tell_cost(text.data());
    return length;
  }
  g_current->take(text.data());
  if (g_current->verbose()) vfprintf(stderr, format, args);
  return length;
}

}  // namespace

LibbpfLog::LibbpfLog(bool verbose) : verbose_(verbose) {
  g_current = this;
  libbpf_set_print(on_message);
}

LibbpfLog::~LibbpfLog() {
  g_current = nullptr;
  libbpf_set_print(nullptr);
}

void LibbpfLog::take(std::string_view message) {
  // "libbpf: prog 'mlt_fault_enter': failed to load: -22" and its siblings
  if (const auto program = program_in(message); !program.empty() && message.find("fail") != std::string_view::npos)
    failed_program_ = program;
}

}  // namespace mlt
