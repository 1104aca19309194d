#include "model/tables.h"

#include <algorithm>

namespace mlt::model {

std::string column_name(const Column& column, std::span<const Renamed> renamed, bool csv) {
  const auto other = std::ranges::find(renamed, column.path, &Renamed::path);
  if (other != renamed.end()) return std::string(csv && !other->csv.empty() ? other->csv : other->view);
  for (const Quantile& quantile : kQuantiles) {
    if (column.path == "latency." + std::string(quantile.key)) return std::string(quantile.name);
  }
  std::string name = column.path;
  std::ranges::replace(name, '.', '_');
  return name;
}

}  // namespace mlt::model
