// mlt-workload-32: a program of 32 bits, whose system calls are not those of others. It touches 1,000 pages, locks 100
// of them in the middle (two splits), unlocks these, locks all it has, and unlocks that. Without a C library: a machine
// has none of 32 bits unless asked for. Status: how many of its calls did not do what they should.

namespace {

// arch/x86/entry/syscalls/syscall_32.tbl
enum Number : int {
  exit = 1,
  mlock = 150,
  munlock = 151,
  mlockall = 152,
  munlockall = 153,
  mmap2 = 192,
  madvise = 219
};

int call(Number number, int a = 0, int b = 0, int c = 0, int d = 0, int e = -1) {
  int result = 0;
  asm volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e) : "memory");
  return result;
}

constexpr int page_size = 4096;
constexpr int pages = 1000;
constexpr int locked_first = 400;
constexpr int locked_pages = 100;

int run() {
  constexpr int read_write = 3;
  constexpr int private_anonymous = 0x22;
  int failed = 0;
  const auto expect = [&](bool right) { failed += right ? 0 : 1; };
  const int memory = call(mmap2, 0, pages * page_size, read_write, private_anonymous);
  expect(memory > 0 || memory < -page_size);
  constexpr int no_huge_page = 15;
  expect(call(madvise, memory, pages * page_size, no_huge_page) == 0);
  for (int i = 0; i < pages; ++i) *reinterpret_cast<volatile char*>(memory + i * page_size) = 1;
  const int middle = memory + locked_first * page_size;
  expect(call(mlock, middle, locked_pages * page_size) == 0);
  expect(call(munlock, middle, locked_pages * page_size) == 0);
  expect(call(mlockall, 1) == 0);
  expect(call(mlockall, 0x100) == -22);
  expect(call(munlockall) == 0);
  return failed;
}

}  // namespace

extern "C" [[noreturn]] void _start() {
  call(exit, run());
  __builtin_unreachable();
}
