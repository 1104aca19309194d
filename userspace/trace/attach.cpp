#include "trace/attach.h"

#include <malloc.h>

#include <utility>

#include "util/say.h"

namespace mlt {

namespace {

// A refused probe of the later part leaves alone what counts already, where the new plan has no other use for it.
Status attach(const Plan& plan, const Kernel& kernel, const SessionOptions& options, const OnFaults& on_faults,
              std::optional<Session>& session, std::optional<Refusal>& refusal) {
  if (!session || !session->serves(plan)) {
    session.reset();
    auto started = Session::start(plan, kernel, options, refusal);
    if (!started) return tl::unexpected(started.error());
    session = std::move(*started);
    if (Status status = on_faults(*session); !status) return status;
  }
  return session->attach_rest(plan, kernel, refusal);
}

}  // namespace

Result<Attached> attach(const PlanOptions& wishes, Kernel kernel, const SessionOptions& options,
                        const OnFaults& on_faults) {
  std::optional<Error> first_error;
  KernelFacts& facts = kernel.facts;
  std::optional<Session> session;
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
    const Status status = attach(*plan, kernel, options, on_faults, session, refusal);
    if (status) {
      // Give back the memory of the kernel's types.
      kernel.types = {};
      malloc_trim(0);
      return Attached{std::move(*plan), std::move(*session)};
    }
    if (!refusal) return tl::unexpected(status.error());
    if (!first_error) first_error = status.error();
    if (options.verbose) say(refusal->program + ": " + refusal->reason);
    if (refusal->kind.empty()) {
      facts.refused_programs[refusal->program] = refusal->reason;
    } else {
      facts.refused_kinds[refusal->kind] = refusal->reason;
    }
  }
}

}  // namespace mlt
