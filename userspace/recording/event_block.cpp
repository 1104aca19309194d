#include "recording/event_block.h"

#include <zstd.h>

#include <map>

#include "model/fault_class.h"

namespace mlt {

namespace {

// Of an event, at the very most: four numbers of 10 bytes and a class of 2.
constexpr std::size_t kMostBytes = 42;
constexpr int kLevel = 1;  // higher ones take twice the time for a tenth of the size

// Blocks of all versions number the causes in rows of as many as there were at first, for as many origins as there
// were; later causes come in rows of their own behind those, and later origins behind all rows that there will ever be.
constexpr int kRow = 20;
constexpr int kOrigins = 4;
constexpr int kStates = kOrigins * int{MLT_LOCK_STATE_NR};
constexpr int kRows = 16;

std::uint64_t number_of(const FaultEvent& event) {
  const std::uint64_t origin = event.origin;
  const std::uint64_t state = origin % kOrigins * MLT_LOCK_STATE_NR + std::uint64_t{event.locked};
  const std::uint64_t cause = event.cause;
  const std::uint64_t row = origin / kOrigins * kRows + cause / kRow;
  return (row * kStates + state) * kRow + cause % kRow;
}

// What can be told in a small number: origin, lock state, cause, major, error.
std::uint64_t pack_class(const FaultEvent& event) {
  return number_of(event) << 2 | std::uint64_t{event.error} << 1 | std::uint64_t{event.major};
}

bool unpack_class(std::uint64_t packed, FaultEvent& event) {
  const std::uint64_t number = packed >> 2;
  const std::uint64_t state = number / kRow % kStates;
  const std::uint64_t row = number / (kRow * kStates);
  const std::uint64_t cause = row % kRows * kRow + number % kRow;
  const std::uint64_t origin = row / kRows * kOrigins + state / MLT_LOCK_STATE_NR;
  if (cause >= MLT_CAUSE_NR || origin >= MLT_ORIGIN_NR) return false;
  event.major = (packed & 1) != 0;
  event.error = (packed & 2) != 0;
  event.cause = static_cast<mlt_cause>(cause);
  event.locked = static_cast<mlt_lock_state>(state % MLT_LOCK_STATE_NR);
  event.origin = static_cast<mlt_origin>(origin);
  return true;
}

void put(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

// A difference in either direction, as a small number when it is small.
void put_step(std::string& out, std::uint64_t from, std::uint64_t to) {
  const auto step = static_cast<std::int64_t>(to - from);
  put(out, static_cast<std::uint64_t>(step) << 1 ^ static_cast<std::uint64_t>(step >> 63));
}

class Source {
 public:
  explicit Source(std::string_view bytes) : next_(bytes.begin()), end_(bytes.end()) {}

  std::uint64_t take() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (next_ == end_) break;
      const auto byte = static_cast<unsigned char>(*next_++);
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    good_ = false;
    return 0;
  }

  std::uint64_t take_step(std::uint64_t from) {
    const std::uint64_t coded = take();
    return from + ((coded >> 1) ^ (0 - (coded & 1)));
  }

  [[nodiscard]] bool good() const { return good_; }
  [[nodiscard]] bool at_end() const { return next_ == end_; }

 private:
  std::string_view::const_iterator next_;
  std::string_view::const_iterator end_;
  bool good_ = true;
};

using Thread = std::pair<std::uint32_t, std::uint32_t>;  // pid, tid

std::string columns(std::span<const FaultEvent> events) {
  std::string out;
  std::map<Thread, std::uint64_t> numbers;
  std::vector<Thread> threads;
  for (const FaultEvent& event : events) {
    if (numbers.try_emplace({event.pid, event.tid}, threads.size()).second) threads.emplace_back(event.pid, event.tid);
  }
  put(out, events.size());
  put(out, threads.size());
  for (const auto& [pid, tid] : threads) {
    put(out, pid);
    put(out, tid);
  }
  std::uint64_t last = 0;
  for (const FaultEvent& event : events) put_step(out, std::exchange(last, event.at_ns), event.at_ns);
  for (const FaultEvent& event : events) put(out, event.duration_ns);
  for (const FaultEvent& event : events) put(out, numbers[{event.pid, event.tid}]);
  for (const FaultEvent& event : events) put(out, pack_class(event));
  // A thread goes through memory in its own order.
  std::vector<std::uint64_t> address(threads.size());
  for (const FaultEvent& event : events)
    put_step(out, std::exchange(address[numbers[{event.pid, event.tid}]], event.address), event.address);
  return out;
}

Result<std::string> decompress(std::string_view block) {
  const auto size = ZSTD_getFrameContentSize(block.data(), block.size());
  if (size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR || size > 3 * kMostBytes * kBlockEvents)
    return fail("is no compressed block");
  std::string bytes(size, '\0');
  const std::size_t length = ZSTD_decompress(bytes.data(), bytes.size(), block.data(), block.size());
  if (ZSTD_isError(length) != 0 || length != size) return fail("does not decompress");
  return bytes;
}

}  // namespace

std::string encode_events(std::span<const FaultEvent> events) {
  const std::string bytes = columns(events);
  std::string block(ZSTD_compressBound(bytes.size()), '\0');
  block.resize(ZSTD_compress(block.data(), block.size(), bytes.data(), bytes.size(), kLevel));
  return block;
}

Result<std::vector<FaultEvent>> decode_events(std::string_view block) {
  const auto bytes = decompress(block);
  if (!bytes) return tl::unexpected(bytes.error());
  Source source(*bytes);
  const std::uint64_t count = source.take();
  const std::uint64_t thread_count = source.take();
  // Each takes a byte at least.
  if (count > bytes->size() || thread_count > bytes->size()) return fail("has impossible counts");
  std::vector<Thread> threads(thread_count);
  for (auto& [pid, tid] : threads) {
    pid = static_cast<std::uint32_t>(source.take());
    tid = static_cast<std::uint32_t>(source.take());
  }
  std::vector<FaultEvent> events(count);
  std::vector<std::uint64_t> number(count);
  std::uint64_t last = 0;
  for (FaultEvent& event : events) event.at_ns = last = source.take_step(last);
  for (FaultEvent& event : events) event.duration_ns = source.take();
  for (std::size_t i = 0; i < count; ++i) {
    number[i] = source.take();
    if (number[i] >= threads.size()) return fail("names a thread that it does not have");
    std::tie(events[i].pid, events[i].tid) = threads[number[i]];
  }
  for (FaultEvent& event : events) {
    if (!unpack_class(source.take(), event)) return fail("holds a kind of fault that there is not");
  }
  std::vector<std::uint64_t> address(threads.size());
  for (std::size_t i = 0; i < count; ++i) events[i].address = address[number[i]] = source.take_step(address[number[i]]);
  if (!source.good() || !source.at_end()) return fail("does not hold what it says");
  return events;
}

}  // namespace mlt
