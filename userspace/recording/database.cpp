#include "recording/database.h"

#include <sqlite3.h>

#include <cerrno>

#include "recording/checked_pages.h"

namespace mlt {

void Statement::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

void Statement::bind(int index, std::uint64_t number) {
  sqlite3_bind_int64(statement_.get(), index + 1, static_cast<sqlite3_int64>(number));
}

void Statement::bind(int index, std::optional<std::uint64_t> number) {
  if (number) return bind(index, *number);
  sqlite3_bind_null(statement_.get(), index + 1);
}

// Not copied: the statement is run before the caller's value goes.
void Statement::bind(int index, std::string_view text) {
  sqlite3_bind_text64(statement_.get(), index + 1, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
}

void Statement::bind(int index, Blob blob) {
  sqlite3_bind_blob64(statement_.get(), index + 1, blob.bytes.data(), blob.bytes.size(), SQLITE_STATIC);
}

void Statement::reset() { sqlite3_reset(statement_.get()); }

Result<bool> Statement::step() {
  const int status = sqlite3_step(statement_.get());
  if (status == SQLITE_ROW) return true;
  if (status == SQLITE_DONE) return false;
  auto error = database_->last_error();
  sqlite3_reset(statement_.get());
  return fail(std::move(error));
}

Status Statement::finish() {
  if (sqlite3_reset(statement_.get()) != SQLITE_OK) return fail(database_->last_error());
  return {};
}

bool Statement::is_null(int column) const { return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL; }

std::uint64_t Statement::number(int column) const {
  return static_cast<std::uint64_t>(sqlite3_column_int64(statement_.get(), column));
}

std::optional<std::uint64_t> Statement::optional(int column) const {
  return is_null(column) ? std::nullopt : std::optional(number(column));
}

std::string Statement::text(int column) const { return std::string(bytes(column)); }

std::string_view Statement::bytes(int column) const {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_.get(), column));
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

Result<std::unique_ptr<Database>> Database::open_with(const std::string& path, int flags, const char* vfs) {
  std::unique_ptr<Database> database(new Database(path, (flags & SQLITE_OPEN_READWRITE) != 0));
  // SQLite takes ":memory:" and the like for something else than a file.
  const std::string name = path.starts_with('/') ? path : "./" + path;
  if (sqlite3_open_v2(name.c_str(), &database->db_, flags | SQLITE_OPEN_NOMUTEX, vfs) != SQLITE_OK)
    return fail(database->last_error());
  sqlite3_extended_result_codes(database->db_, 1);
  // A file may be made by somebody else: nothing that it holds is run with more rights than it needs.
  sqlite3_db_config(database->db_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(database->db_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  return database;
}

Result<std::unique_ptr<Database>> Database::create(const std::string& path) {
  auto database = open_with(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, writing_vfs());
  if (!database) return database;
  int reserve = kChecksumBytes;
  sqlite3_file_control((*database)->db_, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserve);
  return database;
}

Result<std::unique_ptr<Database>> Database::open(const std::string& path) {
  const auto attempt = [&]() -> Result<std::unique_ptr<Database>> {
    auto database = open_with(path, SQLITE_OPEN_READONLY, reading_vfs());
    if (!database) return database;
    sqlite3_db_config((*database)->db_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    if (Status status = (*database)->run("PRAGMA locking_mode = EXCLUSIVE"); !status)
      return tl::unexpected(status.error());
    return database;
  };
  constexpr const char* kRead = "SELECT count(*) FROM sqlite_schema";
  auto database = attempt();
  if (!database) return database;
  const auto tables = (*database)->number(kRead);
  if (tables) return database;
  if (sqlite3_extended_errcode((*database)->db_) != SQLITE_READONLY_ROLLBACK) return tl::unexpected(tables.error());
  // Killed in the moment in which it was closed: what was begun must be undone in the file first.
  database->reset();
  auto writer = open_with(path, SQLITE_OPEN_READWRITE, writing_vfs());
  if (!writer) return writer;
  // Undone, it has a log again, which nobody shares.
  if (Status status = (*writer)->run("PRAGMA locking_mode = EXCLUSIVE"); !status) return tl::unexpected(status.error());
  if (const auto undone = (*writer)->number(kRead); !undone) return tl::unexpected(undone.error());
  writer->reset();
  return attempt();
}

Database::~Database() { sqlite3_close_v2(db_); }

Status Database::run(const std::string& sql) {
  if (sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) return fail(last_error());
  return {};
}

Result<Statement> Database::prepare(std::string_view sql) const {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(db_, sql.data(), static_cast<int>(sql.size()), &statement, nullptr) != SQLITE_OK)
    return fail(last_error());
  return Statement(statement, this);
}

Result<std::uint64_t> Database::number(std::string_view sql) const {
  auto statement = prepare(sql);
  if (!statement) return tl::unexpected(statement.error());
  const auto row = statement->start();
  if (!row) return tl::unexpected(row.error());
  return *row ? statement->number(0) : 0;
}

Status Database::checkpoint() {
  if (sqlite3_wal_checkpoint_v2(db_, "main", SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr) != SQLITE_OK)
    return fail(last_error());
  return {};
}

Error Database::last_error() const {
  const std::string doing = (writes_ ? "cannot write the recording " : "cannot read ") + path_;
  const auto error = [](std::string what, int number = 0, std::string hint = {}) {
    return Error{std::move(what), number, std::move(hint), ExitStatus::error};
  };
  const int code = sqlite3_extended_errcode(db_);
  const int number = sqlite3_system_errno(db_);
  switch (code & 0xff) {
    // The disk, or the limit that was set.
    case SQLITE_FULL: return error(doing, ENOSPC, "what was recorded so far is kept");
    case SQLITE_BUSY: return error(path_ + " is being recorded now", 0, "end that recording first");
    case SQLITE_CANTOPEN: return error(doing, number);
    case SQLITE_READONLY: return error(doing, EACCES);
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT: return error(path_ + " is damaged: " + sqlite3_errmsg(db_));
    case SQLITE_IOERR:
      if (code == SQLITE_IOERR_DATA) return error(path_ + " is damaged: a page does not match its checksum");
      if (code == SQLITE_IOERR_SHORT_READ) return error(path_ + " is damaged: it ends too early");
      if (number != 0) return error(doing, number);
      [[fallthrough]];
    default: return error(doing + ": " + sqlite3_errmsg(db_));
  }
}

}  // namespace mlt
