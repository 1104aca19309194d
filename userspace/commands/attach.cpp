#include "commands/attach.h"

#include <malloc.h>

#include <utility>

#include "util/say.h"

namespace mlt {

Result<Attached> attach(const PlanOptions& wishes, KernelFacts facts, const SessionOptions& options) {
  std::optional<Error> first_error;
  // Every round takes at least one program or kind of hook away, so this ends.
  while (true) {
    auto plan = make_plan(wishes, facts);
    if (!plan) {
      // When everything was refused, what the kernel said first is the reason.
      Error error = plan.error();
      if (first_error && error.status == ExitStatus::unsupported && !first_error->hint.empty())
        error.hint = first_error->hint;
      return fail(std::move(error));
    }
    std::optional<Refusal> refusal;
    auto session = Session::start(*plan, options, refusal);
    if (session) {
      // The kernel's types were read, more than once when a plan was refused: give that memory back.
      malloc_trim(0);
      return Attached{std::move(*plan), std::move(*session)};
    }
    if (!refusal) return tl::unexpected(session.error());
    if (!first_error) first_error = session.error();
    if (options.verbose) say(refusal->program + ": " + refusal->reason);
    if (refusal->kind.empty()) {
      facts.refused_programs[refusal->program] = refusal->reason;
    } else {
      facts.refused_kinds[refusal->kind] = refusal->reason;
    }
  }
}

}  // namespace mlt
