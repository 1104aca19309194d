#pragma once

#include <pthread.h>

#include <array>

namespace workload {

// Threads that exist and are warm before the work starts, so that in the work they cause no faults but those
// of the function they are given.
class Team {
 public:
  static constexpr int max_size = 512;
  struct Pinned {
    bool yes;  // thread i to the i-th CPU that this process may use
  };

  explicit Team(int size, Pinned pinned = {false});
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  // Every thread calls body(its index). `body` must outlive finish().
  template <class Body>
  void start(Body& body) {
    call_ = [](void* context, int index) { (*static_cast<Body*>(context))(index); };
    context_ = &body;
    cross(&start_);
  }
  void finish() { cross(&done_); }
  template <class Body>
  void run(Body&& body) {
    start(body);
    finish();
  }

 private:
  struct Member {
    Team* team;
    int index;
    pthread_t thread;
  };
  static void* main(void* member);
  static void cross(pthread_barrier_t* barrier) { pthread_barrier_wait(barrier); }
  void pin(int index) const;

  int size_;
  bool pinned_;
  void (*call_)(void* context, int index) = nullptr;  // none: the threads are to end
  void* context_ = nullptr;
  pthread_barrier_t start_{}, done_{};
  std::array<Member, max_size> members_{};
};

}  // namespace workload
