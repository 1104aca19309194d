// Compares a rendered report with a file in tests/golden. MLT_UPDATE_GOLDEN=1 writes the files instead.
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

inline void expect_golden(const std::string& name, const std::string& actual) {
  const std::string path = std::string(MLT_SOURCE_DIR "/tests/golden/") + name;
  if (std::getenv("MLT_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path, std::ios::binary) << actual;
    return;
  }
  EXPECT_EQ(read_file(path), actual) << "differs from " << path << "; MLT_UPDATE_GOLDEN=1 rewrites it";
}

}  // namespace mlt
