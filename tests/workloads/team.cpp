#include "team.hpp"

#include <sched.h>

#include "workload.hpp"

namespace workload {
namespace {

constexpr std::size_t stack_bytes = 128 * 1024;
constexpr std::size_t warm_stack_bytes = 64 * 1024;

}  // namespace

Team::Team(int size, Pinned pinned) : size_(size), pinned_(pinned.yes) {
  if (size < 1 || size > max_size) fail("a team has 1 to 512 threads");
  pthread_barrier_init(&start_, nullptr, static_cast<unsigned>(size) + 1);
  pthread_barrier_init(&done_, nullptr, static_cast<unsigned>(size) + 1);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, stack_bytes);
  for (int i = 0; i < size; ++i) {
    Member& member = members_[static_cast<std::size_t>(i)];
    member = {this, i, {}};
    if (const int error = pthread_create(&member.thread, &attributes, &Team::main, &member); error != 0)
      fail("pthread_create", error);
  }
  pthread_attr_destroy(&attributes);
  run([](int) {});  // a first round: now every thread has run and waits again
}

Team::~Team() {
  call_ = nullptr;
  cross(&start_);
  for (int i = 0; i < size_; ++i) pthread_join(members_[static_cast<std::size_t>(i)].thread, nullptr);
  pthread_barrier_destroy(&start_);
  pthread_barrier_destroy(&done_);
}

void* Team::main(void* argument) {
  const Member& member = *static_cast<Member*>(argument);
  Team& team = *member.team;
  if (team.pinned_) team.pin(member.index);
  touch_stack(warm_stack_bytes);
  now_ns();
  for (;;) {
    cross(&team.start_);
    if (team.call_ == nullptr) return nullptr;
    team.call_(team.context_, member.index);
    cross(&team.done_);
  }
}

void Team::pin(int index) const {
  cpu_set_t allowed;
  if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  int skip = index % CPU_COUNT(&allowed);
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed) || skip-- > 0) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    ::sched_setaffinity(0, sizeof one, &one);
    return;
  }
}

}  // namespace workload
