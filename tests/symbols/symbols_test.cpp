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

// Records of the kernel: a head, the fields, the rest, which is filled up to whole words, and the time: 1, 2, …
class Records {
 public:
  template <typename... Fields>
  void add(std::uint32_t type, std::uint16_t misc, std::string_view rest, Fields... fields) {
    std::vector<std::byte> body;
    (append(body, &fields, sizeof(fields)), ...);
    append(body, rest.data(), rest.size());
    body.resize((body.size() + 8) / 8 * 8);
    append(body, &++time_, sizeof(time_));
    const perf_event_header header{type, misc, static_cast<std::uint16_t>(sizeof(header) + body.size())};
    append(bytes_, &header, sizeof(header));
    append(bytes_, body.data(), body.size());
  }
  void add_mapping(std::uint32_t protection, std::string_view path) {
    add(PERF_RECORD_MMAP2, 0, path, 42U, 43U, std::uint64_t{0x7f0000001000}, std::uint64_t{0x2000},
        std::uint64_t{0x1000}, 8U, 1U, std::uint64_t{77}, std::uint64_t{1}, protection, std::uint32_t{MAP_PRIVATE});
  }
  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  static void append(std::vector<std::byte>& to, const void* data, std::size_t size) {
    const auto* begin = static_cast<const std::byte*>(data);
    to.insert(to.end(), begin, begin + size);
  }
  std::vector<std::byte> bytes_;
  std::uint64_t time_ = 0;
};

TEST(CodeEvents, TellWhatIsMappedExecutedAndForked) {
  Records records;
  records.add_mapping(PROT_READ | PROT_EXEC, "/lib/libc.so.6");
  records.add(PERF_RECORD_EXIT, 0, "", 42U, 1U, 42U, 1U, std::uint64_t{5});
  records.add(PERF_RECORD_FORK, 0, "", 44U, 42U, 44U, 42U, std::uint64_t{5});
  records.add(PERF_RECORD_FORK, 0, "", 42U, 42U, 45U, 42U, std::uint64_t{5});
  records.add(PERF_RECORD_COMM, 0, "renamed", 44U, 44U);
  records.add(PERF_RECORD_COMM, PERF_RECORD_MISC_COMM_EXEC, "ls", 44U, 44U);
  records.add_mapping(PROT_READ | PROT_WRITE | PROT_EXEC, "//anon");
  const MapsLine library{0x7f0000001000, 0x7f0000003000, "r-xp", 0x1000, 77, "/lib/libc.so.6"};
  const MapsLine nameless{0x7f0000001000, 0x7f0000003000, "rwxp", 0x1000, 77, ""};
  EXPECT_EQ(parse_code_events(records.bytes()), (std::vector<CodeEvent>{{1, MappedCode{42, library}},
                                                                        {3, ForkedCode{44, 42}},
                                                                        {6, ExecutedCode{44}},
                                                                        {7, MappedCode{42, nameless}}}));
}

TEST(CodeEvents, OfWhatIsCutShort) {
  Records records;
  records.add_mapping(PROT_EXEC, "/lib/libc.so.6");
  for (std::size_t size = 0; size < records.bytes().size(); ++size)
    EXPECT_TRUE(parse_code_events(records.bytes().first(size)).empty()) << size;
  std::vector<std::byte> empty_header(sizeof(perf_event_header));
  EXPECT_TRUE(parse_code_events(empty_header).empty());
}

TEST(Symbolizer, AForkedProcessHasTheCodeOfItsParent) {
  Symbolizer symbols;
  const auto pid = static_cast<std::uint32_t>(getpid());
  symbols.see(pid, 0, read_maps(pid));
  symbols.forked(2, pid);
  symbols.forked(3, 2);
  const auto address = reinterpret_cast<std::uint64_t>(&mlt_known_function);
  EXPECT_EQ(symbols.user(3, 0, address).function, "mlt_known_function()");
  symbols.mapped(3, {address, address + 1, "r-xp", 0, 0, "[vdso]"});
  EXPECT_EQ(symbols.user(3, 0, address).module, "[vdso]");
  symbols.forked(5, 6);
  symbols.forked(6, 5);
  EXPECT_EQ(symbols.user(5, 0, address).module, "") << "its own ancestor";
}

TEST(Symbolizer, AnAddressIsOfTheProgramThatRan) {
  constexpr std::uint64_t kAddress = 0x401000;
  const MapsLine shell{0x400000, 0x402000, "r-xp", 0, 0, "shell"};
  const MapsLine command{0x401000, 0x403000, "r-xp", 0, 0, "command"};
  const auto module = [](const Symbolizer& symbols, std::uint32_t pid, std::uint16_t program) {
    return symbols.user(pid, program, kAddress).module;
  };
  Symbolizer symbols;
  symbols.mapped(1, shell);
  symbols.forked(2, 1);
  symbols.executed(1);
  symbols.executed(2);
  symbols.mapped(2, command);
  symbols.forked(3, 2);
  EXPECT_EQ(module(symbols, 1, 0), "shell");
  EXPECT_EQ(module(symbols, 1, 1), "") << "nothing is known of what it runs now";
  EXPECT_EQ(module(symbols, 2, 0), "shell") << "its parent's when it was forked";
  EXPECT_EQ(module(symbols, 2, 1), "command");
  EXPECT_EQ(module(symbols, 3, 0), "command");
  EXPECT_EQ(module(symbols, 3, 1), "") << "what it runs now is not its parent's";
}

// Of no process any more: the same file by its path.
TEST(Symbolizer, ReadsTheFileOfAProcessThatIsGone) {
  const auto pid = static_cast<std::uint32_t>(getpid());
  const auto address = reinterpret_cast<std::uint64_t>(&mlt_known_function);
  constexpr std::uint32_t kNobody = 0x7fffffff;
  std::vector<MapsLine> maps = read_maps(pid);
  Symbolizer symbols;
  symbols.see(kNobody, 0, maps);
  EXPECT_EQ(symbols.user(kNobody, 0, address).function, "mlt_known_function()");
  for (MapsLine& line : maps) ++line.inode;
  Symbolizer others;
  others.see(kNobody, 0, maps);
  EXPECT_EQ(others.user(kNobody, 0, address).function, "") << "another file of that name";
}

TEST(Symbolizer, NamesTheFunctionsOfAProcess) {
  Symbolizer symbols;
  const auto pid = static_cast<std::uint32_t>(getpid());
  symbols.see(pid, 0, read_maps(pid));
  const auto address = reinterpret_cast<std::uint64_t>(&mlt_known_function);
  const Frame frame = symbols.user(pid, 0, address + 1);
  EXPECT_EQ(frame.function, "mlt_known_function()");
  EXPECT_EQ(frame.offset, 1U);
  EXPECT_TRUE(frame.module.ends_with("mlt-unit-tests")) << frame.module;
  const Frame nowhere = symbols.user(pid, 0, 0x1000);
  EXPECT_EQ(nowhere.module, "");
  EXPECT_EQ(nowhere.address, 0x1000U);
  EXPECT_EQ(symbols.user(1, 0, address).module, "") << "not seen";
}

StackCount stack(std::vector<std::uint64_t> user, mlt_cause cause, std::uint64_t faults) {
  return {{}, std::move(user), class_id(MLT_ORIGIN_ACCESS, MLT_UNLOCKED, cause), 0, faults, faults * 10};
}

TEST(Stacks, OfOnePlaceAreOneEntry) {
  ProcessCounts counts = fixtures::process(1, 42);
  counts.stacks = {stack({0x1001, 0x1002}, MLT_CAUSE_COW, 3), stack({0x1001, 0x1002}, MLT_CAUSE_FIRST_TOUCH, 5),
                   stack({0x1001, 0x1003}, MLT_CAUSE_COW, 9)};
  const auto list = build_stacks(counts, 42, {});
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[0].faults, 9U);
  EXPECT_EQ(list[1].faults, 8U);
  EXPECT_EQ(list[1].time_ns, 80U);
  EXPECT_EQ(list[1].cause, MLT_CAUSE_FIRST_TOUCH);
  ASSERT_EQ(list[1].user.size(), 2U);
  EXPECT_EQ(list[1].user[1].address, 0x1002U);
}

TEST(Stacks, OfDifferentProgramsAreDifferentEntries) {
  ProcessCounts counts = fixtures::process(1, 42);
  counts.stacks = {stack({0x1001, 0x1002}, MLT_CAUSE_COW, 3), stack({0x1001, 0x1002}, MLT_CAUSE_COW, 5)};
  counts.stacks[1].program = 1;
  EXPECT_EQ(build_stacks(counts, 42, {}).size(), 2U);
}

TEST(Stacks, EndWhereTheFramePointerLedAstray) {
  ProcessCounts counts = fixtures::process(1, 42);
  counts.stacks = {stack({0x10, 0x1002, 0xbe552274c0854800, 0x1003}, MLT_CAUSE_COW, 3),
                   stack({0x10, 0x1002, 0x800}, MLT_CAUSE_COW, 4)};
  const auto list = build_stacks(counts, 42, {});
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0].faults, 7U);
  EXPECT_EQ(list[0].user.size(), 2U);
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
