#include "truth.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "suite/construction.h"

namespace live {

Json read_truth(const std::string& line) {
  Json truth = Json::parse(line, nullptr, false);
  EXPECT_TRUE(truth.is_object()) << "no truth: " << line;
  if (!truth.is_object()) return truth;
  const std::string broken = suite::broken_construction(truth);
  if (broken.empty()) return truth;
  const std::string name = truth.at("workload");
  EXPECT_EQ(getenv("MLT_PINNED"), nullptr) << name << " must hold on this kernel: " << broken;
  printf("%s: its construction does not hold on this kernel: %s; compared with the kernel's own counters\n",
         name.c_str(), broken.c_str());
  return suite::by_the_kernels_counters(std::move(truth));
}

}  // namespace live
