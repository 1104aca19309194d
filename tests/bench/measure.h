// The measurements, in the machine that is measured. Each gives a JSON object of figures; whatever could not be
// measured is null, with a "problem" that says why.
#pragma once

#include "program.h"
#include "tracer.h"

namespace bench {

struct MeasureOptions {
  int settle_seconds = 10;
  bool peers = false;
  std::string only;    // part of the names of the tracers that are wanted
  bool quick = false;  // only what is compared with the figures that are kept
};

live::Json measure(const MeasureOptions& options);

}  // namespace bench
