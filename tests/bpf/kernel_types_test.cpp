// The extract of the kernel's types that libbpf relocates against.
#include "kernel/kernel_types.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <tuple>

namespace mlt {
namespace {

using Btf = std::unique_ptr<btf, decltype([](btf* types) { btf__free(types); })>;

class TemporaryFile {
 public:
  TemporaryFile() : fd_(mkstemp(path_.data())) {}
  ~TemporaryFile() { unlink(path_.c_str()); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const Fd& fd() const { return fd_; }

 private:
  std::string path_ = "/tmp/kernel-types-XXXXXX";
  Fd fd_;
};

void write(const btf& types, const Fd& fd) {
  __u32 size = 0;
  const void* data = btf__raw_data(&types, &size);
  ASSERT_EQ(::write(fd.get(), data, size), static_cast<ssize_t>(size));
}

// enum state { BUSY = 7 }; struct inner { int a; }; typedef struct inner inner_t; struct far { int x; };
// struct task { inner_t in; struct far* far; int list[3]; enum state state; }; struct other { int y; }; int f(void)
Btf kernel() {
  Btf types(btf__new_empty());
  const int integer = btf__add_int(types.get(), "int", 4, BTF_INT_SIGNED);
  const int state = btf__add_enum(types.get(), "state", 4);
  btf__add_enum_value(types.get(), "BUSY", 7);
  const int inner = btf__add_struct(types.get(), "inner", 4);
  btf__add_field(types.get(), "a", integer, 0, 0);
  const int inner_t = btf__add_typedef(types.get(), "inner_t", inner);
  const int far = btf__add_struct(types.get(), "far", 4);
  btf__add_field(types.get(), "x", integer, 0, 0);
  const int to_far = btf__add_ptr(types.get(), far);
  const int list = btf__add_array(types.get(), integer, integer, 3);
  btf__add_struct(types.get(), "task", 32);
  btf__add_field(types.get(), "in", inner_t, 0, 0);
  btf__add_field(types.get(), "far", to_far, 64, 0);
  btf__add_field(types.get(), "list", list, 128, 0);
  btf__add_field(types.get(), "state", state, 224, 0);
  btf__add_struct(types.get(), "other", 4);
  btf__add_field(types.get(), "y", integer, 0, 0);
  const int prototype = btf__add_func_proto(types.get(), integer);
  btf__add_func(types.get(), "f", BTF_FUNC_STATIC, prototype);
  return types;
}

TEST(KernelTypes, ReadsFunctionsAndRelocatableTypes) {
  const TemporaryFile file;
  write(*kernel(), file.fd());
  const auto types = KernelTypes::read(file.path());
  ASSERT_TRUE(types) << types.error().message();
  ASSERT_EQ(types->functions().size(), 1U);
  EXPECT_STREQ(types->name(types->functions().front()), "f");
  std::string names;
  for (const KernelTypes::Named& type : types->relocatable()) names.append(types->name(type)).append(" ");
  EXPECT_EQ(names, "state inner inner_t far task other ");
}

TEST(KernelTypes, ExtractHoldsWhatIsAskedForAndWhatThatHoldsByValue) {
  const TemporaryFile all;
  write(*kernel(), all.fd());
  const auto types = KernelTypes::read(all.path());
  ASSERT_TRUE(types) << types.error().message();
  const Btf program(btf__new_empty());
  btf__add_struct(program.get(), "task___old", 0);

  const TemporaryFile extract;
  ASSERT_TRUE(types->write_extract(*program, extract.fd()));
  const Btf got(btf__parse(extract.path().c_str(), nullptr));
  ASSERT_NE(got, nullptr);
  EXPECT_LT(btf__find_by_name(got.get(), "other"), 0);
  EXPECT_LT(btf__find_by_name(got.get(), "far"), 0);  // behind a pointer
  EXPECT_LT(btf__find_by_name(got.get(), "f"), 0);
  EXPECT_GT(btf__find_by_name(got.get(), "state"), 0);

  const btf_type* task = btf__type_by_id(got.get(), static_cast<__u32>(btf__find_by_name(got.get(), "task")));
  ASSERT_TRUE(btf_is_struct(task));
  ASSERT_EQ(btf_vlen(task), 4);
  const auto* members = btf_members(task);
  EXPECT_STREQ(btf__name_by_offset(got.get(), members[0].name_off), "in");
  const btf_type* in = btf__type_by_id(got.get(), members[0].type);
  ASSERT_TRUE(btf_is_typedef(in));
  const btf_type* inner = btf__type_by_id(got.get(), in->type);
  EXPECT_STREQ(btf__name_by_offset(got.get(), inner->name_off), "inner");
  EXPECT_STREQ(btf__name_by_offset(got.get(), btf_members(inner)[0].name_off), "a");
  const btf_type* far = btf__type_by_id(got.get(), members[1].type);
  EXPECT_TRUE(btf_is_ptr(far));
  EXPECT_EQ(far->type, 0U);
  const btf_type* list = btf__type_by_id(got.get(), members[2].type);
  ASSERT_TRUE(btf_is_array(list));
  EXPECT_EQ(btf_array(list)->nelems, 3U);
  EXPECT_TRUE(btf_is_int(btf__type_by_id(got.get(), btf_array(list)->type)));
  const btf_type* state = btf__type_by_id(got.get(), members[3].type);
  EXPECT_STREQ(btf__name_by_offset(got.get(), btf_enum(state)[0].name_off), "BUSY");
  EXPECT_EQ(btf_enum(state)[0].val, 7);
  EXPECT_EQ(btf__resolve_size(got.get(), members[0].type), 4);
}

TEST(KernelTypes, AFileThatIsNoBtfIsAnError) {
  const TemporaryFile file;
  ASSERT_EQ(::write(file.fd().get(), "hello", 5), 5);
  const auto types = KernelTypes::read(file.path());
  ASSERT_FALSE(types);
  EXPECT_EQ(types.error().what, "cannot read kernel types from " + file.path());
}

// Whatever of it is missing or wrong: an error, or types that can be gone through.
TEST(KernelTypes, DamageIsAnErrorOrHarmless) {
  libbpf_set_print(nullptr);
  const Btf whole = kernel();
  __u32 size = 0;
  const auto* data = static_cast<const char*>(btf__raw_data(whole.get(), &size));
  const Btf program(btf__new_empty());
  btf__add_struct(program.get(), "task", 0);
  const auto look = [&](const std::string& bytes) {
    const TemporaryFile file;
    ASSERT_EQ(::write(file.fd().get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    const auto types = KernelTypes::read(file.path());
    if (!types) return;
    for (const KernelTypes::Named& function : types->functions()) std::ignore = types->takes_struct(function.id);
    for (const KernelTypes::Named& type : types->relocatable()) std::ignore = types->has_member(type.id, "x");
    const TemporaryFile extract;
    EXPECT_TRUE(types->write_extract(*program, extract.fd()));
  };
  const std::string bytes(data, size);
  for (std::size_t length = 0; length < size; ++length) look(bytes.substr(0, length));
  for (std::size_t at = 0; at < size; ++at) {
    for (const int change : {1, 0x7f, 0xff}) {
      std::string changed = bytes;
      changed[at] = static_cast<char>(changed[at] ^ change);
      look(changed);
    }
  }
}

TEST(NameSet, HoldsWhatWasInserted) {
  NameSet names;
  names.insert("handle_mm_fault");
  names.insert("");
  EXPECT_TRUE(names.contains("handle_mm_fault"));
  EXPECT_FALSE(names.contains("handle_mm_faulx"));
  EXPECT_FALSE(names.contains("hendle_mm_fault"));
  EXPECT_FALSE(names.contains(""));
}

// Told apart at a glance by what comes before the zero, never by what is behind it.
TEST(NameSet, FindsAmongStrings) {
  NameSet names;
  for (const char* name : {"handle_mm_fault", "file", "pagevec", "mm_walk_"}) names.insert(name);
  for (const char* name : {"handle_mm_fault\0abcdefgh", "file\0abcdefgh", "file\0\0\0\0\0\0\0\0", "pagevec\0abcdefgh",
                           "mm_walk_\0abcdefgh"})
    EXPECT_TRUE(names.contains_padded(name)) << name;
  for (const char* name : {"\0handle_mm_fault", "fil\0abcdefgh", "files\0abcdefgh", "handle_mm_faulx\0abcdefgh"})
    EXPECT_FALSE(names.contains_padded(name)) << name;
}

}  // namespace
}  // namespace mlt
