#include "report/timeline_fixtures.h"

#include <algorithm>

#include "report/fixtures.h"

namespace mlt::fixtures {
namespace {

constexpr std::uint64_t kMs = 1'000'000;
constexpr std::uint64_t kMiB = 1 << 20;

void add_faults(TimelinePoint& point, mlt_origin origin, mlt_cause cause, std::uint64_t count,
                std::uint64_t median_ns) {
  if (count == 0) return;
  point.by_origin.at(origin).add(minor_faults(count, median_ns));
  point.by_cause.at(cause) += count;
}

/// Between -16 and 16, the same each time: what makes a line look measured.
std::int64_t jitter(std::uint64_t i) { return static_cast<std::int64_t>((i * 2654435761u >> 7) % 33) - 16; }

TimelinePoint busy_interval(std::uint64_t i) {
  TimelinePoint point;
  point.start_ns = i * 100 * kMs;
  point.duration_ns = 100 * kMs;
  point.pid = 4242;
  point.pages_populated = i == 0 ? 16384 : 0;
  point.mlocked = i == 0 ? 16384 : i == 3 ? 2048 : 0;
  point.munlocked = i == 91 ? 2048 : 0;
  point.locked_bytes = (i < 3 || i > 90 ? 64 : 72) * kMiB;
  point.resident_bytes =
      (180 + std::min<std::uint64_t>(i, 50) * 2) * kMiB + static_cast<std::uint64_t>(jitter(i) + 16) * 65536;
  const bool swapping = i >= 62 && i < 78;
  point.swap_in = swapping ? 90 + static_cast<std::uint64_t>(jitter(i) + 16) * 4 : 0;
  point.swap_out = swapping ? 190 + static_cast<std::uint64_t>(jitter(i + 7) + 16) * 5 : 0;
  point.reclaim_ns = swapping ? 1'900'000 + static_cast<std::uint64_t>(jitter(i + 3) + 16) * 40'000 : 0;
  if (i == 0) add_faults(point, MLT_ORIGIN_POPULATE, MLT_CAUSE_FIRST_TOUCH, 16384, 480);
  add_faults(point, MLT_ORIGIN_ACCESS, MLT_CAUSE_FIRST_TOUCH, 50 + static_cast<std::uint64_t>(jitter(i) + 16) / 2, 900);
  add_faults(point, MLT_ORIGIN_KERNEL, MLT_CAUSE_FILE_MAP, i % 9 == 0 ? 3 : 0, 1'100);
  if (i >= 50 && i < 90) {
    const std::uint64_t height = i < 60 ? (i - 49) * 600 : 6'000 - (i - 60) * 110;
    add_faults(point, MLT_ORIGIN_ACCESS, MLT_CAUSE_COW, height + static_cast<std::uint64_t>(jitter(i) + 16) * 12,
               1'400);
    if (swapping) add_faults(point, MLT_ORIGIN_ACCESS, MLT_CAUSE_SWAP_IN, *point.swap_in, 210'000);
  }
  return point;
}

TimelinePoint child_interval(std::uint64_t i) {
  TimelinePoint point;
  point.start_ns = i * 100 * kMs;
  point.duration_ns = 100 * kMs;
  point.pid = 4250;
  point.locked_bytes = 0;
  point.resident_bytes = 3 * kMiB;
  add_faults(point, MLT_ORIGIN_ACCESS, MLT_CAUSE_FIRST_TOUCH, i == 50 ? 80 : 8, 650);
  return point;
}

MapsEntry entry(std::uint64_t start, std::uint64_t bytes, std::string permissions, std::string name,
                std::uint64_t resident, bool locked) {
  MapsEntry result;
  result.start = start;
  result.end = start + bytes;
  result.permissions = std::move(permissions);
  result.name = std::move(name);
  result.resident_bytes = resident;
  result.locked = locked;
  result.locked_bytes = locked ? resident : 0;
  return result;
}

std::vector<MapsEntry> program() {
  return {entry(0x55d0c0000000, 380 * 1024, "r-xp", "/opt/trading/bin/trade-engine", 356 * 1024, false),
          entry(0x55d0c0260000, 24 * 1024, "rw-p", "/opt/trading/bin/trade-engine", 24 * 1024, false),
          entry(0x55d0c1000000, 4 * kMiB, "rw-p", "[heap]", 3 * kMiB, false)};
}

void add_libraries(std::vector<MapsEntry>& entries) {
  entries.push_back(
      entry(0x7f5aa0000000, 1492 * 1024, "r-xp", "/usr/lib/x86_64-linux-gnu/libc.so.6", 1100 * 1024, false));
  entries.push_back(
      entry(0x7f5aa0200000, 208 * 1024, "r-xp", "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", 208 * 1024, false));
  entries.push_back(entry(0x7ffc12340000, 132 * 1024, "rw-p", "[stack]", 48 * 1024, false));
  entries.push_back(entry(0x7ffc123f0000, 8 * 1024, "r-xp", "[vdso]", 8 * 1024, false));
}

AddressSpace busy_space() {
  AddressSpace space;
  space.pid = 4242;
  space.before = program();
  space.before.push_back(entry(0x7f5a7c000000, 320 * kMiB, "rw-p", "", 40 * kMiB, false));
  space.before.push_back(entry(0x7f5a90000000, 128 * kMiB, "rw-s", "/dev/shm/orders", 8 * kMiB, false));
  add_libraries(space.before);
  space.after = program();
  space.after.push_back(entry(0x7f5a7c000000, 64 * kMiB, "rw-p", "", 34 * kMiB, false));
  space.after.push_back(entry(0x7f5a80000000, 64 * kMiB, "rw-p", "", 64 * kMiB, true));
  space.after.push_back(entry(0x7f5a84000000, 192 * kMiB, "rw-p", "", 18 * kMiB, false));
  space.after.back().swapped_bytes = 16 * kMiB;
  space.after.push_back(entry(0x7f5a90000000, 128 * kMiB, "rw-s", "/dev/shm/orders", 12 * kMiB, false));
  space.after.push_back(entry(0x7f5a9c000000, 8 * kMiB, "rw-p", "[anon:arena]", 2 * kMiB, false));
  add_libraries(space.after);
  return space;
}

}  // namespace

Timeline stormy() {
  Timeline timeline;
  for (std::uint64_t i = 0; i < 100; ++i) {
    timeline.points.push_back(busy_interval(i));
    if (i >= 50 && i < 54) timeline.points.push_back(child_interval(i));
  }
  timeline.spaces = {busy_space()};
  return timeline;
}

Diff calm_and_busy() {
  Report calm = busy();
  calm.findings.pop_back();
  calm.storms.clear();
  calm.processes.pop_back();
  Faults& faults = calm.processes[0].faults;
  faults.by_origin[MLT_ORIGIN_ACCESS] = minor_faults(1500, 700);
  faults.by_class.erase(faults.by_class.begin());
  calm.processes[0].swap = Swap{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  DiffSide before(calm);
  DiffSide after(busy());
  for (const TimelinePoint& point : stormy().points) {
    if (point.start_ns < 5'000'000'000) before.add(point);
    after.add(point);
  }
  return compare(before, after);
}

TimelinePoint long_run(std::uint64_t i) {
  TimelinePoint point;
  point.start_ns = i * 100 * kMs;
  point.duration_ns = 100 * kMs;
  point.pid = 812;
  point.locked_bytes = 24 * kMiB;
  const std::uint64_t wave = i % 2000 < 1000 ? i % 2000 : 2000 - i % 2000;
  add_faults(point, MLT_ORIGIN_ACCESS, MLT_CAUSE_FIRST_TOUCH, i % 9973 == 5000 ? 400 : wave / 100 + 1, 800);
  return point;
}

}  // namespace mlt::fixtures
