// SQLite with owners and errors as values: just what a recording needs. (SQLiteCpp would do the same with exceptions,
// and leave the part that matters here, the checked pages and the modes of the journal, to its C interface.)
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "util/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace mlt {

class Database;

/// A prepared statement. Columns and parameters are numbered from 0.
class Statement {
 public:
  /// Runs it with these values for its parameters; what it returns is left. An optional without a value is NULL.
  template <typename... Values>
  Status run(const Values&... values) {
    return start(values...).and_then([this](bool) { return finish(); });
  }
  /// The same, up to the first row: whether there is one.
  template <typename... Values>
  Result<bool> start(const Values&... values) {
    [[maybe_unused]] int index = 0;
    reset();
    (bind_next(index, values), ...);
    return step();
  }
  /// On to the next row: whether there is one.
  Result<bool> step();
  Status finish();

  [[nodiscard]] bool is_null(int column) const;
  /// Unsigned numbers that SQLite does not know are kept as the signed ones of the same bits.
  [[nodiscard]] std::uint64_t number(int column) const;
  [[nodiscard]] std::optional<std::uint64_t> optional(int column) const;
  [[nodiscard]] std::string text(int column) const;
  /// Valid until the next step.
  [[nodiscard]] std::string_view bytes(int column) const;

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  explicit Statement(sqlite3_stmt* statement, const Database* database) : statement_(statement), database_(database) {}

  void reset();
  template <typename Value>
  void bind_next(int& index, const Value& value) {
    bind(index++, value);
  }
  void bind_next(int& index, const std::vector<std::optional<std::uint64_t>>& numbers) {
    for (const auto& number : numbers) bind(index++, number);
  }
  void bind(int index, std::uint64_t number);
  void bind(int index, std::optional<std::uint64_t> number);
  void bind(int index, std::uint32_t number) { bind(index, std::uint64_t{number}); }
  void bind(int index, int number) { bind(index, static_cast<std::uint64_t>(number)); }
  void bind(int index, bool value) { bind(index, std::uint64_t{value}); }
  void bind(int index, std::string_view text);
  void bind(int index, const std::string& text) { bind(index, std::string_view(text)); }
  void bind(int index, const char* text) { bind(index, std::string_view(text)); }
  struct Blob {
    std::string_view bytes;
  };
  void bind(int index, Blob blob);

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  const Database* database_;

 public:
  static Blob blob(std::string_view bytes) { return Blob{bytes}; }
};

class Database {
 public:
  /// A new file, or one that is empty, to be written by this process alone.
  static Result<std::unique_ptr<Database>> create(const std::string& path);
  /// A file that exists, to be read.
  static Result<std::unique_ptr<Database>> open(const std::string& path);
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database();

  /// Statements without parameters and results.
  Status run(const std::string& sql);
  Result<Statement> prepare(std::string_view sql) const;
  /// The number that a query without parameters returns in its one row.
  Result<std::uint64_t> number(std::string_view sql) const;

  /// Moves what is in the log into the file and empties it.
  Status checkpoint();

  /// What the last call that failed on this database means to the user.
  [[nodiscard]] Error last_error() const;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  static Result<std::unique_ptr<Database>> open_with(const std::string& path, int flags, const char* vfs);
  Database(std::string path, bool writes) : path_(std::move(path)), writes_(writes) {}

  std::string path_;
  bool writes_;
  sqlite3* db_ = nullptr;
};

}  // namespace mlt
