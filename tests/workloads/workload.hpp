// What a workload is made of: memory whose state is known, work that is measured, and the truth about it.
//
// A workload maps and touches what it needs, says what its work must cause (Run::expect), and passes the work
// itself to Run::work. Everything around the work is arranged so that it causes no page fault and no lock of
// its own: buffers are static and touched beforehand, nothing allocates, and text is formatted by hand.
#pragma once

#include <sys/mman.h>
#include <sys/resource.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace workload {

inline constexpr long page_size = 4096;
inline constexpr long huge_page_pages = 512;

// Prints one line on stderr and exits with status 1; adds errno's text when `error` is not 0.
[[noreturn]] void fail(const char* what, int error = 0);

// --- memory ---------------------------------------------------------------------------------------------

struct Range {
  std::byte* start = nullptr;
  long pages = 0;

  [[nodiscard]] std::size_t bytes() const { return static_cast<std::size_t>(pages) * page_size; }
  [[nodiscard]] std::byte* page(long index) const { return start + index * page_size; }
  [[nodiscard]] Range part(long first, long count) const { return {page(first), count}; }
};

// Volatile, because each of these accesses is a fault that somebody is going to count.
inline void write_page(std::byte* page) { *reinterpret_cast<volatile char*>(page) = 1; }
inline void write_pages(const Range& range) {
  for (long i = 0; i < range.pages; ++i) write_page(range.page(i));
}
inline void read_pages(const Range& range) {
  for (long i = 0; i < range.pages; ++i) static_cast<void>(*reinterpret_cast<volatile char*>(range.page(i)));
}

// An owned range of addresses, far from every other mapping so that the kernel cannot merge it with one.
class Region {
 public:
  static constexpr int read_write = PROT_READ | PROT_WRITE;
  static constexpr int anonymous = MAP_PRIVATE | MAP_ANONYMOUS;
  struct Reserved {};  // choose the addresses only: the work maps them

  explicit Region(long pages, int protection = read_write, int flags = anonymous, int fd = -1);
  Region(Reserved, long pages);
  ~Region();
  Region(const Region&) = delete;
  Region& operator=(const Region&) = delete;

  void map(int protection = read_write, int flags = anonymous, int fd = -1) const;
  [[nodiscard]] const Range& all() const { return range_; }
  [[nodiscard]] Range part(long first, long count) const { return range_.part(first, count); }

 private:
  Range range_;
};

// mlock in a setup: not recorded, must work.
void lock_in_setup(const Range& range);

// Pages out, until every page of `range` is a swap entry. False when there is no swap for it.
bool swap_out(const Range& range);

// --- truth ----------------------------------------------------------------------------------------------

// A number that is exactly known, or std::nullopt.
using Known = std::optional<long>;
inline constexpr auto unknown = std::nullopt;

// Pages of `range` by their state now, as the kernel shows them. What the page itself says takes a privilege.
long present_pages(const Range& range);
long swapped_pages(const Range& range);
Known mlocked_pages(const Range& range);
Known unevictable_pages(const Range& range);
// Of all VM_LOCKED mappings of this process: pages that are neither mlocked nor unevictable, nor the zero page.
Known locked_pages_not_mlocked();
long soft_dirty_pages(const Range& range);

// How many of the work's faults are of one cause, or of one of several ("write_enable|cow") where kernels differ in
// what they can tell. `most` of nullopt: nobody knows.
struct CauseCount {
  const char* causes;
  long least;
  Known most;
};

// What the work must cause. A workload names what is not zero.
struct Expect {
  // Completed faults by origin: a user-mode access; kernel code touching user memory; pages faulted in by a
  // call such as mlock or mmap; another process's memory.
  Known access = 0, kernel = 0, populate = 0, remote = 0;
  Known mlocked = 0, munlocked = 0;  // base pages that gain or lose PG_mlocked
  Known splits = 0, merges = 0;      // of VMAs; joining a VMA with both its neighbours is one merge
};

// What the kernel says about this process and the system at one moment.
struct Snapshot {
  static constexpr std::array<std::string_view, 16> vmstat_names{"unevictable_pgs_mlocked",
                                                                 "unevictable_pgs_munlocked",
                                                                 "unevictable_pgs_cleared",
                                                                 "unevictable_pgs_stranded",
                                                                 "unevictable_pgs_culled",
                                                                 "unevictable_pgs_rescued",
                                                                 "nr_mlock",
                                                                 "nr_unevictable",
                                                                 "pgfault",
                                                                 "pgmajfault",
                                                                 "pswpin",
                                                                 "pswpout",
                                                                 "swpin_zero",
                                                                 "swpout_zero",
                                                                 "zswpin",
                                                                 "zswpout"};
  rusage usage{};
  long cpu_ns = 0;  // processor time of this process
  long vmas = 0;
  Known locked_kb;
  std::array<Known, vmstat_names.size()> vmstat{};

  void read_proc();  // everything but `usage`
  void read_usage();
};

struct Call {
  const char* name;
  long result;
  int error;
};
struct Extra {
  const char* key;
  Known value;
};
struct Process {
  int pid;
  long minor, major;
};

// Everything the truth line says. Fixed sizes: it is filled while faults are being counted.
struct Truth {
  const char* workload = "";
  const char* unsupported = nullptr;
  const char* broken_premise = nullptr;
  bool resumed = false;  // this is the image after an execve in the work
  long pages = 0;
  Expect expect;
  Snapshot ready, before, after;
  Known not_mlocked;  // after the work: see locked_pages_not_mlocked
  std::array<Call, 64> calls{};
  std::size_t call_count = 0;
  std::array<CauseCount, 8> causes{};
  std::size_t cause_count = 0;
  std::array<Extra, 32> extras{};
  std::size_t extra_count = 0;
  std::array<Process, 512> children{};
  std::size_t child_count = 0;

  [[nodiscard]] std::string_view to_json(const rusage& now) const;
};

// --- the run --------------------------------------------------------------------------------------------

struct Options {
  const char* name = "";
  bool hold = false;     // "ready PID" and a byte of stdin before the work, another byte before the exit
  bool resumed = false;  // the image that exec-self started: it was told to go before the exec
  Known pages;
  std::optional<double> seconds;
  std::array<const char*, 16> settings{};  // key=value
  std::size_t setting_count = 0;
};

class Run {
 public:
  Run() = default;
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  void start(const Options& options);

  // The size asked for with --pages, which the truth line repeats. Below `least` the workload makes no sense.
  long pages(long fallback = 2048, long least = 1);
  [[nodiscard]] double seconds(double fallback) const { return options_.seconds.value_or(fallback); }
  [[nodiscard]] const char* text(std::string_view key, const char* fallback) const;
  [[nodiscard]] long number(std::string_view key, long fallback) const;
  [[nodiscard]] const Options& options() const { return options_; }

  Expect& expect = truth_.expect;

  // Measures `work`, prints the truth, waits until the process may exit.
  template <class Work>
  void work(Work&& work) {
    measure(work);
    report();
  }
  // The two halves of work(), for a workload that learns a part of the truth in between.
  template <class Work>
  void measure(Work&& work) {
    begin();
    work();
    end();
  }
  void report();
  // For work that ends in another image: nothing is measured here.
  template <class Work>
  void before_exec(Work&& work) {
    begin();
    work();
  }
  // What the workload takes for granted of the kernel, in words. Where it is not so, what the workload expects is
  // wrong.
  void presume(bool holds, const char* premise) {
    if (!holds) truth_.broken_premise = premise;
  }
  // In place of work(): this kernel lacks what the workload needs.
  void unsupported(const char* reason);

  // The lock calls of the work; each is recorded. They return 0 or an errno.
  int mlock(const Range& range);
  int mlock2(const Range& range, int flags);
  int munlock(const Range& range);
  int mlockall(int flags);
  int munlockall();

  // Causes of the work's faults: so many of them, or at least so many.
  void cause(const char* causes, long faults) { add({causes, faults, faults}); }
  void some_cause(const char* causes, long least) { add({causes, least, unknown}); }

  void extra(const char* key, Known value);
  void child(int pid, const rusage& usage);

 private:
  void begin();
  void end();
  void read_not_mlocked();
  int record(const char* name, long result);
  void add(const CauseCount& cause);

  Options options_;
  Truth truth_;
};

// --- helpers --------------------------------------------------------------------------------------------

// Reads a file of /proc into a static buffer and calls `each` with every line, without its newline.
using LineHandler = void (*)(std::string_view line, void* context);
void for_each_line(const char* path, LineHandler each, void* context);
template <class Each>
void for_each_line(const char* path, Each each) {
  for_each_line(
      path, [](std::string_view line, void* context) { (*static_cast<Each*>(context))(line); }, &each);
}

// The number that follows `name` and blanks in a line of a file, such as VmSwap in /proc/self/status.
Known number_in(const char* path, std::string_view name);

// The number that a file holds, such as a setting of the kernel.
Known number_of(const char* path);

// False when the kernel does not take it.
bool write_file(const char* path, std::string_view text);

// A setting of the kernel that is another one as long as this lives.
class KernelSetting {
 public:
  KernelSetting(const char* path, std::string_view value);
  ~KernelSetting();
  KernelSetting(const KernelSetting&) = delete;
  KernelSetting& operator=(const KernelSetting&) = delete;

  [[nodiscard]] bool is_set() const { return is_set_; }

 private:
  const char* path_;
  std::array<char, 32> before_{};
  std::size_t length_ = 0;
  bool is_set_ = false;
};

// Runs the calling thread on this CPU only. False: it may not.
bool pin_to(int cpu);

long faults_so_far();  // of this process: minor and major
long now_ns();
void sleep_ns(long ns);

// Reads an untouched page and writes it: whether the write faulted again, having found the shared zero page.
inline constexpr const char* zero_page_premise = "reading untouched memory maps the shared zero page";
bool reading_maps_the_zero_page();

// Writes to `bytes` of stack below the caller, page by page downwards, and returns the lowest address touched.
std::uintptr_t touch_stack(std::size_t bytes);
[[nodiscard]] std::uintptr_t stack_start();

// Becomes the workload `touch` in the same process, which the truth line names as this one. `locked` of its pages are
// mlocked until then.
[[noreturn]] void exec_touch(const Run& run, long pages, long locked);

// Faults in everything this program itself consists of: text, data, heap, stack, vDSO.
void warm_program();
// What a child created after this call does not inherit: data, heap, stack (see child.cpp).
void keep_program_from_children();

}  // namespace workload
