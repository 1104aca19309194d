#include "kernel/kernel_types.h"

#include <bpf/btf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

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

constexpr const char* kDamaged = "they are damaged, or newer than this program";

// Behind the strings: see NameSet::contains_padded.
constexpr std::size_t kPadding = 8;

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
    case BTF_KIND_FUNC_PROTO: return count * sizeof(btf_param);
    case BTF_KIND_VAR: return sizeof(struct btf_var);
    case BTF_KIND_DATASEC: return count * sizeof(btf_var_secinfo);
    case BTF_KIND_DECL_TAG: return sizeof(struct btf_decl_tag);
    default: return 0;  // those that refer to one other type
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

}  // namespace

/// Takes types over from a kernel's BTF, with new numbers, and pointers to nothing: relocating a field never looks
/// behind a pointer.
class Extract {
 public:
  explicit Extract(const KernelTypes& from) : from_(from) {}

  __u32 take(__u32 id) {
    if (id == 0) return 0;
    const auto next = static_cast<__u32>(taken_.size() + 1);
    const auto [place, is_new] = numbers_.try_emplace(id, next);
    if (!is_new) return place->second;
    taken_.push_back(id);
    for_each_part(&from_.type(id), [this](__u32 part) { take(part); });
    return next;
  }

  [[nodiscard]] std::vector<char> bytes() {
    for (const __u32 id : taken_) add(&from_.type(id));
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
      const char* text = from_.string(offset);
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

  const KernelTypes& from_;
  std::unordered_map<__u32, __u32> numbers_;  // there -> here
  std::vector<__u32> taken_;                  // in the order of their numbers here
  std::vector<char> records_;
  std::vector<char> strings_ = {'\0'};
  std::unordered_map<__u32, __u32> offsets_;
};

namespace {

bool is_btf(const char* bytes, std::size_t size) {
  btf_header header{};
  if (size < sizeof(header)) return false;
  memcpy(&header, bytes, sizeof(header));
  return header.magic == BTF_MAGIC;
}

}  // namespace

void KernelTypes::Unmap::operator()(char* bytes) const { munmap(bytes, size); }

// Present at once, which is a third of what it takes page by page, and with zeroes behind what is read.
KernelTypes::Bytes KernelTypes::allocate(std::size_t size) {
  const std::size_t all = size + kPadding;
  void* bytes = mmap(nullptr, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  return {bytes == MAP_FAILED ? nullptr : static_cast<char*>(bytes), Unmap{all}};
}

// Kernels give their types in one file, whose size is known. From 6.16 on it can be mapped; otherwise the kernel gives
// no more than a page at a time.
KernelTypes::Bytes KernelTypes::read_file(const std::string& path, std::size_t& size) {
  const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (!file || fstat(file.get(), &status) != 0) return {};
  const auto whole = static_cast<std::size_t>(status.st_size);
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  if (whole % page != 0 && page - whole % page >= kPadding) {
    void* mapped = mmap(nullptr, whole, PROT_READ, MAP_PRIVATE, file.get(), 0);
    size = whole;
    if (mapped != MAP_FAILED) return {static_cast<char*>(mapped), Unmap{whole}};
  }
  Bytes bytes = allocate(whole);
  if (!bytes) return {};
  size = 0;
  ssize_t length = 0;
  while ((length = ::read(file.get(), &bytes[size], whole - size)) > 0) size += static_cast<std::size_t>(length);
  return length == 0 ? std::move(bytes) : Bytes();
}

// As it stands, which it must for the rest: sections that lie inside, strings that end, whole types.
Status KernelTypes::take(Bytes bytes, std::size_t size) {
  if (!is_btf(bytes.get(), size)) return fail(kDamaged);
  btf_header header{};
  memcpy(&header, bytes.get(), sizeof(header));
  const std::uint64_t body = size - std::min<std::size_t>(size, header.hdr_len);
  if (std::uint64_t{header.type_off} + header.type_len > body ||
      std::uint64_t{header.str_off} + header.str_len > body || header.str_len == 0 ||
      header.type_off % alignof(btf_type) != 0 || header.hdr_len % alignof(btf_type) != 0)
    return fail(kDamaged);
  types_ = &bytes[header.hdr_len + header.type_off];
  strings_ = &bytes[header.hdr_len + header.str_off];
  strings_size_ = header.str_len;
  if (strings_[0] != '\0' || strings_[strings_size_ - 1] != '\0') return fail(kDamaged);
  places_.reserve(header.type_len / 20);
  std::uint32_t id = 1;
  for (std::uint32_t at = 0; at < header.type_len; ++id) {
    const auto* type = reinterpret_cast<const btf_type*>(types_ + at);
    if (header.type_len - at < sizeof(*type)) return fail(kDamaged);
    places_.push_back(at);
    const std::size_t length = sizeof(*type) + extra_size(type);
    if (btf_kind(type) == BTF_KIND_UNKN || btf_kind(type) > BTF_KIND_ENUM64 || header.type_len - at < length ||
        type->name_off >= strings_size_)
      return fail(kDamaged);
    if (btf_is_func(type)) functions_.push_back({id, type->name_off});
    if (may_be_relocated(type)) relocatable_.push_back({id, type->name_off});
    at += static_cast<std::uint32_t>(length);
  }
  bytes_ = std::move(bytes);
  return {};
}

const btf_type& KernelTypes::type(std::uint32_t id) const {
  static constexpr btf_type kVoid{};
  return id == 0 || id > places_.size() ? kVoid : *reinterpret_cast<const btf_type*>(types_ + places_[id - 1]);
}

const char* KernelTypes::string(std::uint32_t offset) const { return offset < strings_size_ ? strings_ + offset : ""; }

Result<KernelTypes> KernelTypes::read(const std::string& path) {
  KernelTypes types;
  std::size_t size = 0;
  errno = 0;
  Bytes bytes = read_file(path, size);
  if (bytes && !is_btf(bytes.get(), size)) {
    // An ELF file with BTF in it.
    const std::unique_ptr<btf, decltype([](btf* found) { btf__free(found); })> found(btf__parse(path.c_str(), nullptr));
    __u32 raw_size = 0;
    const void* raw = found ? btf__raw_data(found.get(), &raw_size) : nullptr;
    bytes = raw != nullptr ? allocate(raw_size) : Bytes();
    if (bytes) memcpy(bytes.get(), raw, size = raw_size);
  }
  if (!bytes) return fail("cannot read kernel types from " + path, errno < kLibbpfErrors ? errno : 0);
  if (Status status = types.take(std::move(bytes), size); !status)
    return fail("cannot read kernel types from " + path + ": " + status.error().what);
  return types;
}

bool KernelTypes::takes_struct(std::uint32_t function) const {
  const btf_type& prototype = type(type(function).type);
  if (!btf_is_func_proto(&prototype)) return false;
  const std::span parameters(btf_params(&prototype), btf_vlen(&prototype));
  return std::ranges::any_of(parameters, [this](const btf_param& parameter) {
    const btf_type* found = &type(parameter.type);
    // Typedefs and qualifiers, which in damaged types may go round in a circle.
    for (int i = 0; i < 32 && (btf_is_mod(found) || btf_is_typedef(found)); ++i) found = &type(found->type);
    return btf_is_composite(found);
  });
}

bool KernelTypes::has_member(std::uint32_t id, std::string_view member) const {
  const btf_type& composite = type(id);
  if (!btf_is_composite(&composite)) return false;
  const std::span members(btf_members(&composite), btf_vlen(&composite));
  return std::ranges::any_of(members, [&](const btf_member& one) { return string(one.name_off) == member; });
}

Status KernelTypes::write_extract(const btf& program_types, const Fd& fd) const {
  const NameSet names = names_in(program_types);
  Extract extract(*this);
  for (const Named& one : relocatable_) {
    if (names.contains_padded(name(one))) extract.take(one.id);
  }
  const std::vector<char> bytes = extract.bytes();
  if (write(fd.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
    return fail("cannot write an extract of the kernel's types", errno);
  return {};
}

}  // namespace mlt
