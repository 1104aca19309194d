#include <gtest/gtest.h>
#include <linux/perf_event.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "analysis/trace.h"
#include "analysis/where.h"
#include "symbols/code_watch.h"
#include "symbols/symbolizer.h"

// Of external linkage and not inlined: to be found in this program's own symbol table.
__attribute__((noinline)) void mlt_known_function() { asm volatile(""); }

namespace mlt {
namespace {

using fixtures::class_id;

constexpr std::string_view kKallsyms =
    "0000000000000000 A fixed_percpu_data\n"
    "ffffffff81000000 T _stext\n"
    "ffffffff81001000 t handle_mm_fault\n"
    "ffffffff81002000 W exc_page_fault\n"
    "ffffffff82000000 D some_data\n"
    "ffffffffc0000000 t ext4_filemap_fault\t[ext4]\n";

TEST(KernelSymbols, AreFoundByAddress) {
  const KernelSymbols symbols = KernelSymbols::parse(kKallsyms);
  const Frame fault = symbols.find(0xffffffff81002070);
  EXPECT_EQ(fault.function, "exc_page_fault");
  EXPECT_EQ(fault.module, "[kernel]");
  EXPECT_EQ(fault.offset, 0x70U);
  const Frame module = symbols.find(0xffffffffc0000010);
  EXPECT_EQ(module.function, "ext4_filemap_fault");
  EXPECT_EQ(module.module, "[ext4]");
  EXPECT_EQ(symbols.find(0x1000).function, "");
  EXPECT_TRUE(KernelSymbols::parse("0000000000000000 T _stext\n").empty()) << "addresses are hidden";
}

TEST(ElfSymbols, OfWhatIsNoElfFile) {
  EXPECT_FALSE(ElfSymbols::read("/proc/self/status"));
  EXPECT_FALSE(ElfSymbols::read("/nonexistent"));
}

TEST(ElfSymbols, CppNamesAreDemangled) {
  EXPECT_EQ(demangle("_ZN4demo5touchEPcl"), "demo::touch(char*, long)");
  EXPECT_EQ(demangle("main"), "main");
}

// A record of the kernel: its head, its fields, and the rest, which is filled up to whole words.
template <typename... Fields>
void add_record(std::vector<std::byte>& records, std::uint32_t type, std::string_view rest, Fields... fields) {
  std::vector<std::byte> body;
  const auto add = [&](const void* data, std::size_t size) {
    body.insert(body.end(), static_cast<const std::byte*>(data), static_cast<const std::byte*>(data) + size);
  };
  (add(&fields, sizeof(fields)), ...);
  add(rest.data(), rest.size());
  body.resize((body.size() + 8) / 8 * 8);
  const perf_event_header header{type, 0, static_cast<std::uint16_t>(sizeof(header) + body.size())};
  const auto* head = reinterpret_cast<const std::byte*>(&header);
  records.insert(records.end(), head, head + sizeof(header));
  records.insert(records.end(), body.begin(), body.end());
}

void add_mapping(std::vector<std::byte>& records, std::uint32_t protection, std::string_view path) {
  add_record(records, PERF_RECORD_MMAP2, path, 42U, 43U, std::uint64_t{0x7f0000001000}, std::uint64_t{0x2000},
             std::uint64_t{0x1000}, 8U, 1U, std::uint64_t{77}, std::uint64_t{1}, protection,
             std::uint32_t{MAP_PRIVATE});
}

TEST(CodeEvents, TellWhatIsMappedAndForked) {
  std::vector<std::byte> records;
  add_mapping(records, PROT_READ | PROT_EXEC, "/lib/libc.so.6");
  add_record(records, PERF_RECORD_EXIT, "", 42U, 1U, 42U, 1U, std::uint64_t{5});
  add_record(records, PERF_RECORD_FORK, "", 44U, 42U, 44U, 42U, std::uint64_t{5});
  add_record(records, PERF_RECORD_FORK, "", 42U, 42U, 45U, 42U, std::uint64_t{5});
  add_mapping(records, PROT_READ | PROT_WRITE | PROT_EXEC, "//anon");
  const MapsLine library{0x7f0000001000, 0x7f0000003000, "r-xp", 0x1000, 77, "/lib/libc.so.6"};
  const MapsLine nameless{0x7f0000001000, 0x7f0000003000, "rwxp", 0x1000, 77, ""};
  EXPECT_EQ(parse_code_events(records),
            (std::vector<CodeEvent>{MappedCode{42, library}, ForkedCode{44, 42}, MappedCode{42, nameless}}));
}

TEST(CodeEvents, OfWhatIsCutShort) {
  std::vector<std::byte> records;
  add_mapping(records, PROT_EXEC, "/lib/libc.so.6");
  for (std::size_t size = 0; size < records.size(); ++size)
    EXPECT_TRUE(parse_code_events(std::span(records).first(size)).empty()) << size;
  std::vector<std::byte> empty_header(sizeof(perf_event_header));
  EXPECT_TRUE(parse_code_events(empty_header).empty());
}

TEST(Symbolizer, AForkedProcessHasTheCodeOfItsParent) {
  Symbolizer symbols;
  const auto pid = static_cast<std::uint32_t>(getpid());
  symbols.see(pid, read_maps(pid));
  symbols.forked(2, pid);
  symbols.forked(3, 2);
  const auto address = reinterpret_cast<std::uint64_t>(&mlt_known_function);
  EXPECT_EQ(symbols.user(3, address).function, "mlt_known_function()");
  symbols.see(3, {{address, address + 1, "r-xp", 0, 0, "[vdso]"}});
  EXPECT_EQ(symbols.user(3, address).module, "[vdso]");
  symbols.forked(5, 6);
  symbols.forked(6, 5);
  EXPECT_EQ(symbols.user(5, address).module, "") << "its own ancestor";
}

// Of no process any more: the same file by its path.
TEST(Symbolizer, ReadsTheFileOfAProcessThatIsGone) {
  const auto pid = static_cast<std::uint32_t>(getpid());
  const auto address = reinterpret_cast<std::uint64_t>(&mlt_known_function);
  constexpr std::uint32_t kNobody = 0x7fffffff;
  std::vector<MapsLine> maps = read_maps(pid);
  Symbolizer symbols;
  symbols.see(kNobody, maps);
  EXPECT_EQ(symbols.user(kNobody, address).function, "mlt_known_function()");
  for (MapsLine& line : maps) ++line.inode;
  Symbolizer others;
  others.see(kNobody, maps);
  EXPECT_EQ(others.user(kNobody, address).function, "") << "another file of that name";
}

TEST(Symbolizer, NamesTheFunctionsOfAProcess) {
  Symbolizer symbols;
  const auto pid = static_cast<std::uint32_t>(getpid());
  symbols.see(pid, read_maps(pid));
  const auto address = reinterpret_cast<std::uint64_t>(&mlt_known_function);
  const Frame frame = symbols.user(pid, address + 1);
  EXPECT_EQ(frame.function, "mlt_known_function()");
  EXPECT_EQ(frame.offset, 1U);
  EXPECT_TRUE(frame.module.ends_with("mlt-unit-tests")) << frame.module;
  const Frame nowhere = symbols.user(pid, 0x1000);
  EXPECT_EQ(nowhere.module, "");
  EXPECT_EQ(nowhere.address, 0x1000U);
  EXPECT_EQ(symbols.user(1, address).module, "") << "not seen";
}

StackCount stack(std::vector<std::uint64_t> user, mlt_cause cause, std::uint64_t faults) {
  return {{}, std::move(user), class_id(MLT_ORIGIN_ACCESS, MLT_UNLOCKED, cause), faults, faults * 10};
}

TEST(Stacks, OfOnePlaceAreOneEntry) {
  ProcessCounts counts = fixtures::process(1, 42);
  counts.stacks = {stack({1, 2}, MLT_CAUSE_COW, 3), stack({1, 2}, MLT_CAUSE_FIRST_TOUCH, 5),
                   stack({1, 3}, MLT_CAUSE_COW, 9)};
  const auto list = build_stacks(counts, 42, {});
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[0].faults, 9U);
  EXPECT_EQ(list[1].faults, 8U);
  EXPECT_EQ(list[1].time_ns, 80U);
  EXPECT_EQ(list[1].cause, MLT_CAUSE_FIRST_TOUCH);
  ASSERT_EQ(list[1].user.size(), 2U);
  EXPECT_EQ(list[1].user[1].address, 2U);
}

TEST(Stacks, TheRestIsOneEntryWithoutFrames) {
  ProcessCounts counts = fixtures::process(1, 42);
  for (std::uint64_t i = 0; i < 600; ++i) counts.stacks.push_back(stack({i + 1}, MLT_CAUSE_COW, 2));
  const auto list = build_stacks(counts, 42, {});
  ASSERT_EQ(list.size(), 501U);
  EXPECT_TRUE(list.back().user.empty());
  EXPECT_EQ(list.back().faults, 200U);
}

}  // namespace
}  // namespace mlt
