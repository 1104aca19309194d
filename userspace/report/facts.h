// What a report says in words, made once: text, Markdown and HTML print the same.
#pragma once

#include <string>
#include <vector>

#include "model/report.h"

namespace mlt {

struct Fact {
  std::string label;  // "locked memory"; empty: goes on with the fact before
  std::string text;
};

/// Whether it runs on, and how it ended: "still running", "exited with status 3", "killed by SIGSEGV, core dumped".
std::string process_state(const Process& process);
/// The same of many: "600 exited, 13 killed by SIGSEGV", or what is so of all.
std::string group_state(const ProcessGroup& group);
/// Locked memory, moves of pages, populates, mappings: always there, "n/a" where it was not measured.
std::vector<Fact> memory_facts(const Process& process, const Host& host);
/// What reclaim and swap did to the process; nothing where they did nothing.
std::vector<Fact> reclaim_facts(const Process& process);
/// Why faults and accesses failed, most of them first.
std::vector<Fact> failed_facts(const Process& process);
/// Waits for mmap_lock; nothing where nobody had to wait.
std::vector<Fact> mmap_lock_facts(const Locks& locks);
/// Of the whole machine: what concerns locked memory, reclaim and swap.
std::vector<std::string> system_facts(const System& system);

}  // namespace mlt
