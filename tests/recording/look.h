// Looking into recordings.
#pragma once

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "recording/recording.h"
#include "recording/sample.h"

namespace mlt {

/// Every test's way to the file that a user has: plain SQLite, without our checksums.
class Sql {
 public:
  explicit Sql(const std::string& path, int flags = SQLITE_OPEN_READONLY) {
    EXPECT_EQ(sqlite3_open_v2(path.c_str(), &db_, flags, nullptr), SQLITE_OK);
  }
  Sql(const Sql&) = delete;
  Sql& operator=(const Sql&) = delete;
  ~Sql() { sqlite3_close(db_); }

  using Row = std::vector<std::string>;
  std::vector<Row> rows(const std::string& sql) {
    std::vector<Row> all;
    char* error = nullptr;
    sqlite3_exec(
        db_, sql.c_str(),
        [](void* to, int count, char** values, char**) {
          Row row;
          for (int i = 0; i < count; ++i) row.emplace_back(values[i] != nullptr ? values[i] : "NULL");
          static_cast<std::vector<Row>*>(to)->push_back(std::move(row));
          return 0;
        },
        &all, &error);
    EXPECT_EQ(error, nullptr) << sql << ": " << error;
    sqlite3_free(error);
    return all;
  }

 private:
  sqlite3* db_ = nullptr;
};

inline Recording must_open(const std::string& path) {
  auto recording = Recording::open(path);
  if (!recording) throw std::runtime_error(recording.error().message());
  return std::move(*recording);
}

inline std::string error_of(const std::string& path) {
  const auto recording = Recording::open(path);
  return recording ? "it opens" : recording.error().message();
}

inline std::uint64_t count_events(const Recording& recording, std::uint64_t first = 0) {
  std::uint64_t index = first;
  const Status status = recording.for_each_event([&](const FaultEvent& event) {
    sample::expect_equal(event, sample::event(index++));
    return Status();
  });
  EXPECT_TRUE(status) << status.error().message();
  return index - first;
}

}  // namespace mlt
