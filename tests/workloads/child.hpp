#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include "workload.hpp"

namespace workload {

// A forked child made so that fork() costs the parent no faults but those under test.
//
// fork write-protects every private page of the parent, and each of the parent's own stack and data pages would
// then fault at its next write: an unknown number. So Child::prepare() excludes the program's data, heap and
// stack from what children inherit; each child runs on a small shared stack of its own, and four of them can
// live at a time.
//
// What it runs must therefore be nothing but code: no global variables, no heap, no errno, no thread-local
// storage; its arguments, regions, and syscall(2) calls that succeed.
class Child {
 public:
  using Main = int (*)(void* argument);  // the argument must be in memory that the child has

  static void prepare();  // in the setup, once

  // `flags` of clone(2): with CLONE_VM it shares the memory, and has all of it.
  Child(Main main, void* argument, int flags = 0);
  ~Child();  // kills it if it was not waited for
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  rusage wait();                                        // for its end
  rusage kill();                                        // and wait
  [[nodiscard]] int status() const { return status_; }  // after that: as wait() tells it

  // Child side.
  static void die_with_parent();
  [[noreturn]] static void sleep_forever();
  static int sleep_main(void* unused);  // a Main that only is there, until its parent ends
  static rusage* usage(rusage* into);

 private:
  pid_t pid_;
  int status_ = 0;
};

}  // namespace workload
