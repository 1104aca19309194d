// The report as one HTML file that needs nothing else: no network, no other file, no server.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/series.h"
#include "model/timeline.h"

namespace mlt {

/// `json`, valid JSON, so that it can stand in a <script> element: nothing in it can end the element.
std::string escape_for_script(std::string_view json);

/// The program of the page and its frame, as scripts/bundle-html made them: everything before and after the data.
struct HtmlFrame {
  std::string_view before;
  std::string_view after;
};
HtmlFrame html_frame();

/// Collects a recording point by point and event by event; what is kept does not grow with their number.
class HtmlBuilder {
 public:
  explicit HtmlBuilder(const Report& report);

  void add(const TimelinePoint& point);
  void add(const AddressSpace& space) { spaces_.push_back(space); }
  void add(const FaultEvent& event);
  /// Something that the reader must know, shown with the verdict.
  void add_note(std::string note) { notes_.push_back(std::move(note)); }

  [[nodiscard]] std::string take() const;

 private:
  /// Of the processes with the most faults; 0: of all processes together.
  struct Lines {
    Series series;
    LatencyGrid grid;         // from points
    LatencyGrid events_grid;  // from events
    bool has_grid = false;
  };
  [[nodiscard]] std::string data() const;

  const Report& report_;
  std::map<std::uint32_t, Lines> lines_;
  std::vector<AddressSpace> spaces_;
  std::vector<std::string> notes_;
  std::uint64_t events_ = 0;
};

/// The page of a report without events.
std::string to_html(const Report& report, const Timeline& timeline = {});

}  // namespace mlt
