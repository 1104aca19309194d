// libbpf's messages while it loads and attaches: swallowed, or shown with -v, with what each program cost the verifier;
// and which program it was that failed.
#pragma once

#include <string>
#include <string_view>

namespace mlt {

/// Captures from construction to destruction. libbpf has one global callback, so there is one of these at a time.
class LibbpfLog {
 public:
  explicit LibbpfLog(bool verbose);
  ~LibbpfLog();
  LibbpfLog(const LibbpfLog&) = delete;
  LibbpfLog& operator=(const LibbpfLog&) = delete;

  /// The program that the last message of failure named; empty: none did.
  [[nodiscard]] const std::string& failed_program() const { return failed_program_; }

  [[nodiscard]] bool verbose() const { return verbose_; }
  void take(std::string_view message);

 private:
  bool verbose_;
  std::string failed_program_;
};

}  // namespace mlt
