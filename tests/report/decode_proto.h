// Reads protocol buffers as their own compiler does: the text that `protoc --decode` makes of them.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>

namespace mlt {

inline std::string decode_proto(const std::string& file, const std::string& message, const std::string& data) {
  const std::string path = testing::TempDir() + "mlt-proto-" + std::to_string(getpid());
  std::ofstream(path, std::ios::binary) << data;
  const std::string command =
      "protoc --proto_path=" MLT_SOURCE_DIR "/tests/report --decode=" + message + " " + file + " <" + path + " 2>&1";
  FILE* pipe = popen(command.c_str(), "r");
  std::string text;
  char buffer[4096];
  while (const std::size_t n = fread(buffer, 1, sizeof(buffer), pipe)) text.append(buffer, n);
  EXPECT_EQ(pclose(pipe), 0) << text;
  unlink(path.c_str());
  return text;
}

}  // namespace mlt
