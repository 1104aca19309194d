// Names the kernel, so that a log says what it is of.
#include <gtest/gtest.h>
#include <sys/utsname.h>

#include <csignal>
#include <cstdio>

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  utsname name{};
  uname(&name);
  printf("live tests on Linux %s %s\n", static_cast<const char*>(name.release), static_cast<const char*>(name.machine));
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
