// Compares what is made with a file that is committed, most of them in tests/golden. MLT_UPDATE_GOLDEN=1 writes the
// files instead.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

namespace mlt {

inline std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// `path` is that of a file in the source tree.
inline void expect_file(const std::string& path, const std::string& actual) {
  const std::string full = MLT_SOURCE_DIR "/" + path;
  if (std::getenv("MLT_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(full, std::ios::binary) << actual;
    return;
  }
  EXPECT_EQ(read_file(full), actual) << "differs from " << full << "; MLT_UPDATE_GOLDEN=1 rewrites it";
}

inline void expect_golden(const std::string& name, const std::string& actual) {
  expect_file("tests/golden/" + name, actual);
}

}  // namespace mlt
