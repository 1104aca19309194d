// Faults that come from as many places as there are pages, told apart by who called whom only.
#include <algorithm>

#include "workload.hpp"

namespace workload {
namespace {

struct Path {
  volatile std::byte* page;
  unsigned turns;  // one bit each, the lowest first: left or right
  int left_to_go;
};

void turn(const Path& path);

// Compiled with frame pointers, and neither inlined nor merged: each call is a frame of the stack.
[[gnu::noinline, gnu::noipa]] void turn_left(const Path& path) { turn(path); }
[[gnu::noinline, gnu::noipa]] void turn_right(const Path& path) { turn(path); }

[[gnu::always_inline]] inline void turn(const Path& path) {
  if (path.left_to_go == 0) {
    *path.page = std::byte{1};
    return;
  }
  const Path rest{path.page, path.turns >> 1, path.left_to_go - 1};
  (path.turns & 1 ? turn_right : turn_left)(rest);
}

}  // namespace

void call_paths(Run& run) {
  constexpr int turns = 9;
  constexpr long most = 1L << turns;
  const Region region(std::min(run.pages(400), most));
  run.expect = {.access = region.all().pages};
  run.cause("first_touch", region.all().pages);
  run.work([&] {
    for (long i = 0; i < region.all().pages; ++i) turn_left({region.all().page(i), static_cast<unsigned>(i), turns});
  });
}

}  // namespace workload
