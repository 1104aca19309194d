#include "session/libbpf_log.h"

#include <bpf/libbpf.h>

#include <array>
#include <cstdarg>
#include <cstdio>

namespace mlt {

namespace {

// libbpf's callback has no context argument.
thread_local LibbpfLog* g_current = nullptr;

int on_message(enum libbpf_print_level level, const char* format, va_list args) {
  if (g_current == nullptr || level == LIBBPF_DEBUG) return 0;
  // The verifier's log may be a megabyte long: which program it is about stands at the beginning.
  std::array<char, 256> text{};
  va_list again;
  va_copy(again, args);
  const int length = vsnprintf(text.data(), text.size(), format, again);
  va_end(again);
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

void LibbpfLog::take(const std::string& message) {
  // "libbpf: prog 'mlt_fault_enter': failed to load: -22" and its siblings
  const std::size_t begin = message.find("prog '");
  if (begin == std::string::npos || message.find("fail") == std::string::npos) return;
  const std::size_t name = begin + 6;
  failed_program_ = message.substr(name, message.find('\'', name) - name);
}

}  // namespace mlt
