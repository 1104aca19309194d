#include "kernel/tracefs.h"

#include <unistd.h>

namespace mlt {

std::string find_in_tracefs(const std::string& name, int mode) {
  for (const char* mount : {"/sys/kernel/tracing/", "/sys/kernel/debug/tracing/"}) {
    std::string path = mount + name;
    if (access(path.c_str(), mode) == 0) return path;
  }
  return {};
}

}  // namespace mlt
