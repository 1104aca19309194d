// Why the findings can be believed: a row a rule.
#pragma once

#include <span>
#include <string_view>

namespace mlt {

struct Proof {
  std::string_view finding;
  std::string_view measured;    // what proves its title
  std::string_view look_alike;  // what looks the same, and what tells them apart
};

/// In the order of the rules. docs/findings.md is made of them.
std::span<const Proof> all_proofs();

}  // namespace mlt
