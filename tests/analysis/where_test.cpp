#include "analysis/where.h"

#include <gtest/gtest.h>

#include <cstring>

#include "analysis/trace.h"
#include "model/mappings.h"

namespace mlt {
namespace {

using fixtures::class_id;
using fixtures::faults;
using fixtures::file;
using fixtures::vma;

constexpr std::uint64_t kLocked = 0x2000;
constexpr std::uint64_t kLockedOnFault = 0x82000;

TEST(Where, NamesAreThoseOfMaps) {
  const std::vector<MapsLine> maps = {{0x10000, 0x11000, "r-xp", 0, 7, "/usr/lib/libc.so.6"},
                                      {0x50000, 0x51000, "r-xp", 0, 0, "[vdso]"},
                                      {0x60000, 0x61000, "r--p", 0, 9, "/tmp/data (deleted)"}};
  EXPECT_EQ(vma_name(file(0x10000, "libc.so.6", 7, 1), maps), "/usr/lib/libc.so.6");
  EXPECT_EQ(vma_name(file(0x60000, "data", 9, 1), maps), "/tmp/data (deleted)");
  // On some file systems the two inode numbers differ; the place is the same.
  EXPECT_EQ(vma_name(file(0x10000, "libc.so.6", 70, 1), maps), "/usr/lib/libc.so.6");
  // Gone before anybody looked: the kernel's word.
  EXPECT_EQ(vma_name(file(0x90000, "libm.so.6", 8, 1), maps), "libm.so.6");
  mlt_vma special = vma(0x50000, 0x1000, 1);
  special.kind = MLT_VMA_SPECIAL;
  EXPECT_EQ(vma_name(special, maps), "[vdso]");
  EXPECT_EQ(vma_name(special, {}), "[kernel mapping]");
  mlt_vma other = vma(0x10000, 0x1000, 1);
  EXPECT_EQ(vma_name(other, maps), "anonymous");
  strcpy(other.name, "arena");
  EXPECT_EQ(vma_name(other, maps), "[anon:arena]");
  other.kind = MLT_VMA_HEAP;
  EXPECT_EQ(vma_name(other, maps), "[heap]");
  other.kind = MLT_VMA_STACK;
  EXPECT_EQ(vma_name(other, maps), "[stack]");
  other.kind = MLT_VMA_OTHER;
  EXPECT_EQ(vma_name(other, maps), "[another address space]");
}

TEST(Where, EachLineTellsWhatItIs) {
  ProcessCounts counts = fixtures::process(1, 42);
  mlt_vma few = vma(0x90000, 0x1000, 2, MLT_CAUSE_COW);
  few.flags |= kLocked;
  mlt_vma many = vma(0x10000, 0x4000, 10);
  many.completed[MLT_CAUSE_ZERO_PAGE] = 4;
  many.major = 3;
  many.flags |= kLockedOnFault;
  mlt_vma code = file(0x20000, "a", 5, 1);
  code.flags = 0x5;
  code.pgoff = 2;
  mlt_vma shared = file(0x30000, "s", 6, 0);
  shared.flags = 0xb;
  shared.errors = 2;
  counts.by_vma = {few, many, code, shared, vma(0xf0000, 0x1000, 0)};
  const auto list = build_by_vma(counts, {});
  ASSERT_EQ(list.size(), 4U) << "nothing happened in the last one";
  EXPECT_EQ(list[0].start, 0x10000U);
  EXPECT_EQ(list[0].end, 0x14000U);
  EXPECT_EQ(list[0].minor, 11U);
  EXPECT_EQ(list[0].major, 3U);
  EXPECT_EQ(list[0].cause, MLT_CAUSE_FIRST_TOUCH);
  EXPECT_EQ(list[0].locked, MLT_LOCKED_ON_FAULT);
  EXPECT_EQ(list[0].permissions, "rw-p");
  EXPECT_EQ(list[1].locked, MLT_LOCKED);
  EXPECT_EQ(list[2].permissions, "r-xp");
  EXPECT_EQ(list[2].offset, 8192U);
  EXPECT_EQ(list[3].permissions, "rw-s");
  EXPECT_EQ(list[3].errors, 2U);
}

TEST(Where, WhatNoMappingHasIsALineOfItsOwn) {
  ProcessCounts counts = fixtures::process(1, 42);
  counts.by_class[class_id(MLT_ORIGIN_ACCESS, MLT_UNLOCKED)] = faults(10, 1);
  counts.by_vma = {vma(0x10000, 0x1000, 8)};
  const auto list = build_by_vma(counts, {});
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[1].name, "");
  EXPECT_EQ(list[1].minor, 2U);
  EXPECT_EQ(list[1].major, 1U);
  EXPECT_EQ(list[1].time_ns, 3000U);
  EXPECT_EQ(list[1].locked, MLT_LOCK_UNKNOWN);
}

std::vector<std::string> shown(const std::vector<std::string>& functions) {
  std::vector<Frame> stack;
  stack.reserve(functions.size());
  for (const std::string& function : functions) stack.push_back({function, "[kernel]", 0, 0});
  std::vector<std::string> names;
  for (const Frame& frame : without_tracer(stack)) names.push_back(frame.function);
  return names;
}

TEST(Where, TheTracersOwnFramesAreLeftOut) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(shown({"bpf_trampoline_64", "handle_mm_fault", "do_user_addr_fault", "exc_page_fault"}),
            (Names{"do_user_addr_fault", "exc_page_fault"}));
  EXPECT_EQ(shown({"handle_mm_fault", "__get_user_pages", "populate_vma_page_range", "bpf_trampoline_1",
                   "populate_vma_page_range", "__mm_populate", "bpf_trampoline_2", "__mm_populate", "do_mlock"}),
            (Names{"__get_user_pages", "populate_vma_page_range", "__mm_populate", "do_mlock"}));
  // A function that calls itself stays.
  EXPECT_EQ(shown({"walk", "walk", "do_mlock"}), (Names{"walk", "walk", "do_mlock"}));
  EXPECT_EQ(shown({}), Names{});
}

TEST(Where, OnlyWhatSeesTheMappingCounts) {
  fixtures::Trace full;
  full.add(fixtures::process(1, 42));
  EXPECT_TRUE(fixtures::only_process(full).faults.by_vma);
  fixtures::Trace events(fixtures::capable(), "fault:perf");
  events.add(fixtures::process(1, 42));
  EXPECT_FALSE(fixtures::only_process(events).faults.by_vma);
}

}  // namespace
}  // namespace mlt
