#include "symbols/code_watch.h"

#include <linux/perf_event.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <utility>

namespace mlt {

namespace {

// Of each processor: a record of a library takes some 150 bytes, and a program maps a handful of them.
constexpr std::size_t kRingBytes = 128 * 1024;

// linux/perf_event.h describes them in comments only.
struct MapRecord {
  perf_event_header header;
  std::uint32_t pid, tid;
  std::uint64_t start, size, offset;
  std::uint32_t major, minor;
  std::uint64_t inode, inode_generation;
  std::uint32_t protection, flags;
  // Then the path, which ends with a NUL.
};

struct CommRecord {
  perf_event_header header;
  std::uint32_t pid, tid;
  // Then the name.
};

struct ForkRecord {
  perf_event_header header;
  std::uint32_t pid, parent_pid, tid, parent_tid;
  std::uint64_t time;
};

template <typename Record>
bool read_record(std::span<const std::byte> bytes, Record& record) {
  if (bytes.size() < sizeof(record)) return false;
  std::memcpy(&record, bytes.data(), sizeof(record));
  return true;
}

MappedCode mapped_code(const MapRecord& record, std::span<const std::byte> rest) {
  MappedCode code;
  code.pid = record.pid;
  code.line.start = record.start;
  code.line.end = record.start + record.size;
  code.line.permissions = {
      (record.protection & PROT_READ) != 0 ? 'r' : '-', (record.protection & PROT_WRITE) != 0 ? 'w' : '-',
      (record.protection & PROT_EXEC) != 0 ? 'x' : '-', (record.flags & MAP_SHARED) != 0 ? 's' : 'p'};
  code.line.offset = record.offset;
  code.line.inode = record.inode;
  const auto* text = reinterpret_cast<const char*>(rest.data());
  code.line.name.assign(text, strnlen(text, rest.size()));
  // What /proc/PID/maps has no name for.
  if (code.line.name == "//anon") code.line.name.clear();
  return code;
}

}  // namespace

std::vector<CodeEvent> parse_code_events(std::span<const std::byte> records) {
  std::vector<CodeEvent> events;
  perf_event_header header{};
  while (read_record(records, header) && header.size >= sizeof(header) && header.size <= records.size()) {
    const auto record = records.first(header.size);
    records = records.subspan(header.size);
    std::uint64_t time = 0;
    if (record.size() < sizeof(header) + sizeof(time)) continue;
    read_record(record.last(sizeof(time)), time);
    if (MapRecord map{}; header.type == PERF_RECORD_MMAP2 && read_record(record, map))
      events.push_back({time, mapped_code(map, record.subspan(sizeof(map)))});
    if (CommRecord comm{};
        header.type == PERF_RECORD_COMM && (header.misc & PERF_RECORD_MISC_COMM_EXEC) != 0 && read_record(record, comm))
      events.push_back({time, ExecutedCode{comm.pid}});
    // Of a thread: nothing new.
    if (ForkRecord fork{}; header.type == PERF_RECORD_FORK && read_record(record, fork) && fork.pid != fork.parent_pid)
      events.push_back({time, ForkedCode{fork.pid, fork.parent_pid}});
  }
  return events;
}

CodeWatch::CodeWatch(std::uint32_t pid) {
  perf_event_attr attr{};
  attr.size = sizeof(attr);
  attr.type = PERF_TYPE_SOFTWARE;
  attr.config = PERF_COUNT_SW_DUMMY;
  attr.mmap = attr.mmap2 = attr.task = attr.comm = attr.comm_exec = 1;
  attr.sample_id_all = 1;
  attr.sample_type = PERF_SAMPLE_TIME;
  attr.inherit = 1;
  attr.exclude_kernel = attr.exclude_hv = 1;
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const long processors = sysconf(_SC_NPROCESSORS_CONF);
  for (int cpu = 0; cpu < processors; ++cpu) {
    Ring ring;
    ring.event = Fd(
        static_cast<int>(syscall(SYS_perf_event_open, &attr, static_cast<pid_t>(pid), cpu, -1, PERF_FLAG_FD_CLOEXEC)));
    if (!ring.event) continue;  // not online, or not permitted
    ring.pages = Mapping(ring.event.get(), page + kRingBytes);
    if (ring.pages) rings_.push_back(std::move(ring));
  }
}

std::vector<CodeEvent> CodeWatch::drain() {
  std::vector<CodeEvent> events;
  std::vector<std::byte> records;
  for (Ring& ring : rings_) {
    auto* control = static_cast<perf_event_mmap_page*>(ring.pages.data());
    const auto* data = static_cast<const std::byte*>(ring.pages.data()) + control->data_offset;
    const std::uint64_t head = std::atomic_ref(control->data_head).load(std::memory_order_acquire);
    records.clear();
    for (std::uint64_t at = control->data_tail; at != head;) {
      const std::uint64_t place = at % kRingBytes;
      const std::uint64_t length = std::min(head - at, kRingBytes - place);
      records.insert(records.end(), data + place, data + place + length);
      at += length;
    }
    std::atomic_ref(control->data_tail).store(head, std::memory_order_release);
    std::ranges::move(parse_code_events(records), std::back_inserter(events));
  }
  std::ranges::stable_sort(events, {}, &CodeEvent::time_ns);
  return events;
}

}  // namespace mlt
