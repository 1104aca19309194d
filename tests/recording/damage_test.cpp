// A recording that is not as it was written: every figure is right, or one line says that something is wrong.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <random>

#include "recording/look.h"
#include "report/fixtures.h"
#include "report/golden.h"
#include "report/json.h"

namespace mlt {
namespace {

using sample::Directory;

class Damage : public testing::Test {
 protected:
  void SetUp() override {
    sample::record(sample::options(path_), fixtures::busy(), {3, 3000});
    whole_ = read_file(path_);
    report_ = to_json(fixtures::busy(), false);
  }

  // Either all of it is right, or one line says that it is not.
  void expect_right_or_refused(const std::string& bytes, const std::string& what) {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << bytes;
    const auto recording = Recording::open(path_);
    if (!recording) return expect_line(recording.error(), what);
    if (const auto report = recording->report()) {
      EXPECT_EQ(to_json(*report, false), report_) << what;
    } else {
      expect_line(report.error(), what);
    }
    std::uint64_t events = 0;
    const Status status = recording->for_each_event([&](const FaultEvent& event) {
      const FaultEvent expected = sample::event(events++);
      EXPECT_EQ(event.at_ns, expected.at_ns) << what;
      EXPECT_EQ(event.address, expected.address) << what;
      return Status();
    });
    if (status) {
      EXPECT_EQ(events, 3000U) << what;
    } else {
      expect_line(status.error(), what);
    }
    if (const auto timeline = recording->timeline()) {
      ASSERT_EQ(timeline->points.size(), 6U) << what;
      sample::expect_equal(timeline->points[2], sample::points(1)[0]);
    } else {
      expect_line(timeline.error(), what);
    }
  }

  static void expect_line(const Error& error, const std::string& what) {
    EXPECT_GT(error.message().size(), 10U) << what;
    EXPECT_EQ(error.message().find('\n'), std::string::npos) << what;
  }

  Directory directory_;
  std::string path_ = directory_.file("r");
  std::string whole_;
  std::string report_;
};

TEST_F(Damage, CutOffAnywhere) {
  for (std::size_t size = 0; size < whole_.size(); size += size < 200 ? 1 : 509)
    expect_right_or_refused(whole_.substr(0, size), fmt::format("{} bytes", size));
}

TEST_F(Damage, OneBitAnywhere) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 1500; ++i) {
    std::string bytes = whole_;
    // Every bit of the header, which everything hangs on; then anywhere.
    const std::size_t bit = i < 800 ? static_cast<std::size_t>(i) : random() % (bytes.size() * 8);
    bytes[bit / 8] ^= static_cast<char>(1 << bit % 8);
    expect_right_or_refused(bytes, fmt::format("bit {}", bit));
  }
}

TEST_F(Damage, WholePagesAnywhere) {
  for (std::size_t page = 0; page < whole_.size() / 4096; ++page) {
    std::string bytes = whole_;
    bytes.replace(page * 4096, 4096, std::string(4096, '\0'));
    expect_right_or_refused(bytes, fmt::format("page {} zero", page));
    bytes.replace(page * 4096, 4096, whole_.substr((page * 7 + 4096) % (whole_.size() - 4096) / 4096 * 4096, 4096));
    expect_right_or_refused(bytes, fmt::format("page {} replaced", page));
  }
}

TEST_F(Damage, MoreAtTheEnd) { expect_right_or_refused(whole_ + std::string(10'000, 'x'), "longer"); }

}  // namespace
}  // namespace mlt
