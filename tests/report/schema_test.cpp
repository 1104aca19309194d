// Rendered reports against share/mlocktrace/report.schema.json.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wrestrict"  // g++ 12 at -O2, in valijson's use of std::string::replace: a false alarm
#endif

#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>
#include <vector>

#include "report/fixtures.h"
#include "report/golden.h"
#include "report/json.h"

namespace mlt {
namespace {

using Json = nlohmann::json;
using Pointer = Json::json_pointer;

class Schema : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    const Json document = Json::parse(read_file(MLT_SOURCE_DIR "/share/mlocktrace/report.schema.json"));
    schema_ = std::make_unique<valijson::Schema>();
    valijson::SchemaParser().populateSchema(valijson::adapters::NlohmannJsonAdapter(document), *schema_);
  }
  static void TearDownTestSuite() { schema_.reset(); }

  /// What is wrong with `report`; empty when nothing is.
  static std::string faults_of(const Json& report) {
    valijson::ValidationResults results;
    valijson::Validator validator(valijson::Validator::kStrongTypes);
    if (validator.validate(*schema_, valijson::adapters::NlohmannJsonAdapter(report), &results)) return "";
    std::string text = "invalid:";
    for (const auto& error : results) {
      text += "\n";
      for (const std::string& step : error.context) text += step;
      text += ": " + error.description;
    }
    return text;
  }

  static bool is_valid(const Json& report) { return faults_of(report).empty(); }

 private:
  static std::unique_ptr<valijson::Schema> schema_;
};

std::unique_ptr<valijson::Schema> Schema::schema_;

Json parsed(const Report& report) { return Json::parse(to_json(report, false)); }

/// Leaves one element in every array of objects or arrays: the others have the same schema.
void trim(Json& value) {
  if (value.is_array() && value.size() > 1 && value.front().is_structured())
    value.erase(value.begin() + 1, value.end());
  if (!value.is_structured()) return;
  for (Json& child : value) trim(child);
}

Json busy_trimmed() {
  Json report = parsed(fixtures::busy());
  trim(report);
  return report;
}

/// Appends every object below `value`, as a pointer from the top.
void collect_objects(const Json& value, const Pointer& at, std::vector<Pointer>& found) {
  if (value.is_object()) {
    found.push_back(at);
    for (const auto& [key, child] : value.items()) collect_objects(child, at / key, found);
  } else if (value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i) collect_objects(value[i], at / i, found);
  }
}

std::vector<Pointer> objects_of(const Json& report) {
  std::vector<Pointer> found;
  collect_objects(report, Pointer(), found);
  return found;
}

/// Objects whose keys the schema leaves open.
bool is_open(const Pointer& at) { return !at.empty() && (at.back() == "evidence" || at.back() == "vmstat"); }

TEST_F(Schema, AcceptsEveryRenderedReport) {
  for (const Report& report : {fixtures::quiet(), fixtures::busy(), fixtures::degraded(), fixtures::crowd(12)}) {
    EXPECT_EQ(faults_of(parsed(report)), "");
    EXPECT_EQ(faults_of(Json::parse(to_json_line(report))), "");
  }
}

TEST_F(Schema, EveryKeyIsRequired) {
  const Json report = busy_trimmed();
  ASSERT_EQ(faults_of(report), "");
  for (const Pointer& at : objects_of(report)) {
    if (is_open(at)) continue;
    for (const auto& [key, value] : report[at].items()) {
      Json without = report;
      without[at].erase(key);
      EXPECT_FALSE(is_valid(without)) << at.to_string() << " without " << key;
    }
  }
}

TEST_F(Schema, NoKeyIsUnknown) {
  const Json report = busy_trimmed();
  for (const Pointer& at : objects_of(report)) {
    Json with = report;
    with[at]["surprise"] = "text";
    EXPECT_FALSE(is_valid(with)) << at.to_string();
  }
}

TEST_F(Schema, RejectsWrongValues) {
  const Json report = parsed(fixtures::busy());
  const auto with = [&](const char* pointer, Json value) {
    Json changed = report;
    changed.at(Pointer(pointer)) = std::move(value);
    return changed;
  };
  EXPECT_FALSE(is_valid(with("/type", "recording")));
  EXPECT_FALSE(is_valid(with("/schema_version", 2)));
  EXPECT_FALSE(is_valid(with("/window/duration_ns", -1)));
  EXPECT_FALSE(is_valid(with("/window/duration_ns", "10")));
  EXPECT_FALSE(is_valid(with("/processes/0/faults/access/latency/unit", "us")));
  EXPECT_FALSE(is_valid(with("/processes/0/faults/access/latency/buckets/0", Json::array({1, 2}))));
  EXPECT_FALSE(is_valid(with("/processes/0/faults/access", 0)));
  EXPECT_FALSE(is_valid(with("/processes/0/faults/by_cause/0/locked", "maybe")));
  EXPECT_FALSE(is_valid(with("/coverage/audit/0/verdict", "perhaps")));
  EXPECT_FALSE(is_valid(with("/findings/0/severity", "fatal")));
  EXPECT_FALSE(is_valid(with("/findings/0/id", "Not A Name")));
  EXPECT_FALSE(is_valid(with("/findings/0/evidence/failed_calls", "two")));
  EXPECT_TRUE(is_valid(with("/processes/0/faults/access", nullptr)));
  EXPECT_TRUE(is_valid(with("/processes/0/swap", Json::object())));
}

}  // namespace
}  // namespace mlt
