#include "kernel/kernel_types.h"

#include <bpf/btf.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <type_traits>
#include <unordered_map>

namespace mlt {

namespace {

// libbpf's own error numbers begin here: libbpf.h, LIBBPF_ERRNO__START.
constexpr int kLibbpfErrors = 4000;

// "task_struct___old" is another view of "task_struct": see bpf_core_essential_name_len in libbpf.
std::string_view without_flavor(std::string_view name) { return name.substr(0, name.rfind("___")); }

bool may_be_relocated(const btf_type* type) {
  return btf_is_composite(type) || btf_is_any_enum(type) || btf_is_typedef(type);
}

NameSet names_in(const btf& types) {
  NameSet names;
  const __u32 count = btf__type_cnt(&types);
  for (__u32 id = 1; id < count; ++id) {
    const btf_type* type = btf__type_by_id(&types, id);
    if (may_be_relocated(type)) names.insert(without_flavor(btf__name_by_offset(&types, type->name_off)));
  }
  return names;
}

// Bytes that follow a type's record: linux/btf.h.
std::size_t extra_size(const btf_type* type) {
  const std::size_t count = btf_vlen(type);
  switch (btf_kind(type)) {
    case BTF_KIND_INT: return sizeof(__u32);
    case BTF_KIND_ARRAY: return sizeof(struct btf_array);
    case BTF_KIND_STRUCT:
    case BTF_KIND_UNION: return count * sizeof(btf_member);
    case BTF_KIND_ENUM: return count * sizeof(struct btf_enum);
    case BTF_KIND_ENUM64: return count * sizeof(struct btf_enum64);
    default: return 0;  // those that refer to one other type; others are not extracted
  }
}

/// Calls `visit` with each reference by value from a type to another.
template <typename Type, typename Visit>
void for_each_part(Type* type, Visit visit) {
  if (btf_is_composite(type)) {
    auto* members =
        reinterpret_cast<std::conditional_t<std::is_const_v<Type>, const btf_member, btf_member>*>(type + 1);
    for (__u16 i = 0; i < btf_vlen(type); ++i) visit(members[i].type);
  } else if (btf_is_array(type)) {
    auto* array =
        reinterpret_cast<std::conditional_t<std::is_const_v<Type>, const struct btf_array, struct btf_array>*>(type +
                                                                                                               1);
    visit(array->type);
    visit(array->index_type);
  } else if (btf_is_mod(type) || btf_is_typedef(type) || btf_kind(type) == BTF_KIND_TYPE_TAG) {
    visit(type->type);
  }
}

/// Takes types over from a kernel's BTF, with new numbers, and pointers to nothing: relocating a field never looks
/// behind a pointer.
class Extract {
 public:
  explicit Extract(const btf& from) : from_(from) {}

  __u32 take(__u32 id) {
    if (id == 0) return 0;
    const auto next = static_cast<__u32>(taken_.size() + 1);
    const auto [place, is_new] = numbers_.try_emplace(id, next);
    if (!is_new) return place->second;
    taken_.push_back(id);
    for_each_part(btf__type_by_id(&from_, id), [this](__u32 part) { take(part); });
    return next;
  }

  [[nodiscard]] std::vector<char> bytes() {
    for (const __u32 id : taken_) add(btf__type_by_id(&from_, id));
    btf_header header{};
    header.magic = BTF_MAGIC;
    header.version = BTF_VERSION;
    header.hdr_len = sizeof(header);
    header.type_len = header.str_off = static_cast<__u32>(records_.size());
    header.str_len = static_cast<__u32>(strings_.size());
    std::vector<char> all(sizeof(header));
    memcpy(all.data(), &header, sizeof(header));
    all.insert(all.end(), records_.begin(), records_.end());
    all.insert(all.end(), strings_.begin(), strings_.end());
    return all;
  }

 private:
  __u32 string(__u32 offset) {
    if (offset == 0) return 0;
    const auto [place, is_new] = offsets_.try_emplace(offset, static_cast<__u32>(strings_.size()));
    if (is_new) {
      const char* text = btf__name_by_offset(&from_, offset);
      strings_.insert(strings_.end(), text, text + strlen(text) + 1);
    }
    return place->second;
  }

  void add(const btf_type* original) {
    const std::size_t begin = records_.size();
    const auto* bytes = reinterpret_cast<const char*>(original);
    records_.insert(records_.end(), bytes, bytes + sizeof(btf_type) + extra_size(original));
    auto* type = reinterpret_cast<btf_type*>(&records_[begin]);
    type->name_off = string(type->name_off);
    for_each_part(type, [this](__u32& part) { part = take(part); });
    // A prototype can only be pointed to, be it through a typedef.
    if (btf_is_ptr(type) || btf_is_func_proto(type)) {
      type->info = BTF_KIND_PTR << 24;
      type->type = 0;
    }
    if (btf_is_composite(type)) {
      auto* members = reinterpret_cast<btf_member*>(type + 1);
      for (__u16 i = 0; i < btf_vlen(type); ++i) members[i].name_off = string(members[i].name_off);
    }
    // The values of both sorts of enum begin with the name.
    const std::size_t step = btf_is_enum(type) ? sizeof(struct btf_enum) : sizeof(struct btf_enum64);
    for (__u16 i = 0; btf_is_any_enum(type) && i < btf_vlen(type); ++i) {
      auto* name = reinterpret_cast<__u32*>(reinterpret_cast<char*>(type + 1) + i * step);
      *name = string(*name);
    }
  }

  const btf& from_;
  std::unordered_map<__u32, __u32> numbers_;  // there -> here
  std::vector<__u32> taken_;                  // in the order of their numbers here
  std::vector<char> records_;
  std::vector<char> strings_ = {'\0'};
  std::unordered_map<__u32, __u32> offsets_;
};

}  // namespace

void KernelTypes::Free::operator()(btf* types) const { btf__free(types); }

KernelTypes::KernelTypes() = default;
KernelTypes::KernelTypes(KernelTypes&&) noexcept = default;
KernelTypes& KernelTypes::operator=(KernelTypes&&) noexcept = default;
KernelTypes::~KernelTypes() = default;

Result<KernelTypes> KernelTypes::read(const std::string& path) {
  KernelTypes types;
  types.types_.reset(btf__parse(path.c_str(), nullptr));
  if (!types) return fail("cannot read kernel types from " + path, errno < kLibbpfErrors ? errno : 0);
  const __u32 count = btf__type_cnt(types.types_.get());
  for (__u32 id = 1; id < count; ++id) {
    const btf_type* type = btf__type_by_id(types.types_.get(), id);
    if (btf_is_func(type)) types.functions_.push_back(id);
    if (may_be_relocated(type)) types.relocatable_.push_back(id);
  }
  return types;
}

std::string_view KernelTypes::name(std::uint32_t id) const {
  return btf__name_by_offset(types_.get(), btf__type_by_id(types_.get(), id)->name_off);
}

bool KernelTypes::takes_struct(std::uint32_t function) const {
  const btf_type* prototype = btf__type_by_id(types_.get(), btf__type_by_id(types_.get(), function)->type);
  const std::span parameters(btf_params(prototype), btf_vlen(prototype));
  return std::ranges::any_of(parameters, [this](const btf_param& parameter) {
    const int type = btf__resolve_type(types_.get(), parameter.type);
    return type > 0 && btf_is_composite(btf__type_by_id(types_.get(), static_cast<__u32>(type)));
  });
}

bool KernelTypes::has_member(std::uint32_t type, std::string_view member) const {
  const btf_type* composite = btf__type_by_id(types_.get(), type);
  if (!btf_is_composite(composite)) return false;
  const std::span members(btf_members(composite), btf_vlen(composite));
  return std::ranges::any_of(
      members, [&](const btf_member& one) { return btf__name_by_offset(types_.get(), one.name_off) == member; });
}

Status KernelTypes::write_extract(const btf& program_types, const Fd& fd) const {
  const NameSet names = names_in(program_types);
  Extract extract(*types_);
  for (const __u32 id : relocatable_) {
    if (names.contains(name(id))) extract.take(id);
  }
  const std::vector<char> bytes = extract.bytes();
  if (write(fd.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
    return fail("cannot write an extract of the kernel's types", errno);
  return {};
}

}  // namespace mlt
