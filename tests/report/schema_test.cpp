// What is rendered as JSON against the schemas in share/mlocktrace.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wrestrict"  // g++ 12 at -O2, in valijson's use of std::string::replace: a false alarm
#endif

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>
#include <vector>

#include "report/diff.h"
#include "report/fixtures.h"
#include "report/golden.h"
#include "report/json.h"
#include "report/json_schema.h"
#include "report/timeline_fixtures.h"

namespace mlt {
namespace {

using Json = nlohmann::json;
using Pointer = Json::json_pointer;

/// A schema that ships with the project.
class SchemaFile {
 public:
  explicit SchemaFile(const std::string& name)
      : document_(Json::parse(read_file(MLT_SOURCE_DIR "/share/mlocktrace/" + name))) {
    valijson::SchemaParser().populateSchema(valijson::adapters::NlohmannJsonAdapter(document_), schema_);
  }

  [[nodiscard]] const Json& document() const { return document_; }

  /// What is wrong with `object`; empty when nothing is.
  [[nodiscard]] std::string faults_of(const Json& object) const {
    valijson::ValidationResults results;
    valijson::Validator validator(valijson::Validator::kStrongTypes);
    if (validator.validate(schema_, valijson::adapters::NlohmannJsonAdapter(object), &results)) return "";
    std::string text = "invalid:";
    for (const auto& error : results) {
      text += "\n";
      for (const std::string& step : error.context) text += step;
      text += ": " + error.description;
    }
    return text;
  }

  [[nodiscard]] bool is_valid(const Json& object) const { return faults_of(object).empty(); }

 private:
  Json document_;
  valijson::Schema schema_;
};

const SchemaFile& report_schema() {
  static const SchemaFile schema("report.schema.json");
  return schema;
}

const SchemaFile& diff_schema() {
  static const SchemaFile schema("diff.schema.json");
  return schema;
}

TEST(Schema, IsMadeOfTheTableOfFields) { expect_file("docs/report.schema.json", json_schema()); }

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
bool is_open(const Pointer& at) {
  return !at.empty() && (at.back() == "evidence" || at.back() == "vmstat" || at.back() == "errors_by_errno" ||
                         at == Pointer("/latency"));
}

/// Every key that `object` has is required, and no other is known.
void expect_exact_keys(const SchemaFile& schema, const Json& object) {
  ASSERT_EQ(schema.faults_of(object), "");
  for (const Pointer& at : objects_of(object)) {
    Json with = object;
    with[at]["surprise"] = "text";
    EXPECT_FALSE(schema.is_valid(with)) << at.to_string();
    if (is_open(at)) continue;
    for (const auto& [key, value] : object[at].items()) {
      Json without = object;
      without[at].erase(key);
      EXPECT_FALSE(schema.is_valid(without)) << at.to_string() << " without " << key;
    }
  }
}

TEST(ReportSchema, AcceptsEveryRenderedReport) {
  for (const Report& report : {fixtures::quiet(), fixtures::busy(), fixtures::degraded(), fixtures::crowd(12)}) {
    EXPECT_EQ(report_schema().faults_of(parsed(report)), "");
    EXPECT_EQ(report_schema().faults_of(Json::parse(to_json_line(report))), "");
  }
}

TEST(ReportSchema, EveryKeyIsRequiredAndNoneIsUnknown) { expect_exact_keys(report_schema(), busy_trimmed()); }

TEST(ReportSchema, RejectsWrongValues) {
  const Json report = parsed(fixtures::busy());
  const auto with = [&](const char* pointer, Json value) {
    Json changed = report;
    changed.at(Pointer(pointer)) = std::move(value);
    return changed;
  };
  EXPECT_FALSE(report_schema().is_valid(with("/type", "recording")));
  EXPECT_FALSE(report_schema().is_valid(with("/schema_version", 2)));
  EXPECT_FALSE(report_schema().is_valid(with("/window/duration_ns", -1)));
  EXPECT_FALSE(report_schema().is_valid(with("/window/duration_ns", "10")));
  EXPECT_FALSE(report_schema().is_valid(with("/processes/0/faults/access/latency/unit", "us")));
  EXPECT_FALSE(report_schema().is_valid(with("/processes/0/faults/access/latency/buckets/0", Json::array({1, 2}))));
  EXPECT_FALSE(report_schema().is_valid(with("/processes/0/faults/access", 0)));
  EXPECT_FALSE(report_schema().is_valid(with("/processes/0/faults/by_cause/0/locked", "maybe")));
  EXPECT_FALSE(report_schema().is_valid(with("/coverage/audit/0/verdict", "perhaps")));
  EXPECT_FALSE(report_schema().is_valid(with("/findings/0/severity", "fatal")));
  EXPECT_FALSE(report_schema().is_valid(with("/findings/0/id", "Not A Name")));
  EXPECT_FALSE(report_schema().is_valid(with("/findings/0/evidence/failed_calls", "two")));
  EXPECT_TRUE(report_schema().is_valid(with("/processes/0/faults/access", nullptr)));
  EXPECT_FALSE(report_schema().is_valid(with("/processes/0/swap", Json::object())));
  EXPECT_FALSE(report_schema().is_valid(with("/processes/0/life/0/kind", "spawn")));
  EXPECT_TRUE(report_schema().is_valid(with("/processes/0/swap", nullptr)));
  EXPECT_TRUE(report_schema().is_valid(with("/processes/0/reclaim/memcg", nullptr)));
}

// ---- diff --json

Json parsed(const Diff& diff) { return Json::parse(diff_to_json(diff, {"a.mlt", "b.mlt"}, false)); }

TEST(DiffSchema, AcceptsEveryRenderedDiff) {
  EXPECT_EQ(diff_schema().faults_of(parsed(fixtures::calm_and_busy())), "");
  const std::vector<Report> reports{{}, fixtures::quiet(), fixtures::busy(), fixtures::degraded(), fixtures::crowd(12)};
  for (const Report& before : reports) {
    for (const Report& after : reports)
      EXPECT_EQ(diff_schema().faults_of(parsed(compare(DiffSide(before), DiffSide(after)))), "");
  }
}

TEST(DiffSchema, EveryKeyIsRequiredAndNoneIsUnknown) {
  Json diff = parsed(fixtures::calm_and_busy());
  trim(diff);
  expect_exact_keys(diff_schema(), diff);
}

TEST(DiffSchema, RejectsWrongValues) {
  const Json diff = parsed(fixtures::calm_and_busy());
  const auto is_valid_with = [&](const char* pointer, Json value) {
    Json changed = diff;
    changed.at(Pointer(pointer)) = std::move(value);
    return diff_schema().is_valid(changed);
  };
  EXPECT_FALSE(is_valid_with("/type", "report"));
  EXPECT_FALSE(is_valid_with("/schema_version", 2));
  EXPECT_FALSE(is_valid_with("/verdict", "fine"));
  EXPECT_FALSE(is_valid_with("/findings/0/change", "new"));
  EXPECT_FALSE(is_valid_with("/findings/0/before", "fatal"));
  EXPECT_FALSE(is_valid_with("/figures/0/before", "150"));
  EXPECT_FALSE(is_valid_with("/figures/0/change", "slower"));
  EXPECT_FALSE(is_valid_with("/figures/0/unit", "s"));
  EXPECT_FALSE(is_valid_with("/figures/0/command", ""));
  EXPECT_FALSE(is_valid_with("/latency/access/before", nullptr));
  EXPECT_TRUE(is_valid_with("/figures/0/before", nullptr));
  EXPECT_TRUE(is_valid_with("/findings/0/command", nullptr));
}

// Each schema is one file that needs no other: what both have is the same.
TEST(DiffSchema, HasTheLatencyOfTheReport) {
  EXPECT_EQ(diff_schema().document()["$defs"]["latency"], report_schema().document()["$defs"]["latency"]);
}

}  // namespace
}  // namespace mlt
