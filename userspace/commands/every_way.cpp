#include "commands/every_way.h"

#include <algorithm>
#include <set>

#include "trace/attach.h"

namespace mlt {

namespace {

using Ways = std::vector<TriedWay*>;

// A way of this kind that the kernel lacks nothing for.
bool has_kind(const Signal& signal, std::string_view kind, const KernelFacts& facts) {
  return std::ranges::any_of(
      signal.alternatives, [&](const Alternative& way) { return way.kind == kind && unavailable(way, facts).empty(); });
}

// Together they are loaded and attached: one way of each signal, and of one kind, as two programs of different kinds on
// the same function count twice (see `conflict` in plan.cpp).
Ways next_round(const Ways& pending) {
  Ways round;
  const std::string_view kind = pending.front()->way->kind;
  for (TriedWay* tried : pending) {
    const bool there =
        std::ranges::any_of(round, [&](const TriedWay* other) { return other->signal == tried->signal; });
    if (tried->way->kind == kind && !there) round.push_back(tried);
  }
  return round;
}

// What the ways of a round can't be without is measured by the same kind of hooks where that can be had.
std::vector<SignalWish> wishes_of(const Ways& round, const KernelFacts& facts) {
  std::vector<SignalWish> wishes;
  for (const TriedWay* tried : round) wishes.push_back({std::string(tried->signal->name), {}, tried->way});
  for (std::size_t i = 0; i < wishes.size(); ++i) {  // grows: what is needed may need something, too
    for (const Alternative& way : find_signal(wishes[i].name)->alternatives) {
      if (way.needs_signal.empty() || (wishes[i].way != nullptr && wishes[i].way != &way)) continue;
      const std::string needed(way.needs_signal);
      if (std::ranges::find(wishes, needed, &SignalWish::name) != wishes.end()) continue;
      const std::string kind(round.front()->way->kind);
      wishes.push_back({needed, has_kind(*find_signal(needed), kind, facts) ? kind : ""});
    }
  }
  return wishes;
}

std::string reason_in(const Plan& plan, const TriedWay& tried) {
  const PlannedSignal& planned = *plan.find(tried.signal->name);
  if (planned.way == tried.way) return {};
  const auto rejected = std::ranges::find(planned.rejected, tried.way, &RejectedWay::way);
  return rejected != planned.rejected.end() ? rejected->reason : "not tried";
}

Status try_round(const Ways& round, const ProbesOptions& options, const SessionOptions& session) {
  auto kernel = probe_kernel(options.common.btf_path, true);
  if (!kernel) return tl::unexpected(kernel.error());
  const PlanOptions wishes{wishes_of(round, kernel->facts), true, true};
  const auto attached = attach(wishes, std::move(*kernel), session, [](Session&) { return Status(); });
  if (!attached) return tl::unexpected(attached.error());
  for (TriedWay* tried : round) tried->reason = reason_in(attached->plan, *tried);
  return {};
}

}  // namespace

Result<std::vector<TriedWay>> try_every_way(const Plan& best, const ProbesOptions& options,
                                            const SessionOptions& session) {
  auto kernel = probe_kernel(options.common.btf_path, true);
  if (!kernel) return tl::unexpected(kernel.error());
  std::vector<TriedWay> all;
  for (const PlannedSignal& planned : best.signals) {
    if (!planned.wanted) continue;
    for (const Alternative& way : planned.signal->alternatives)
      all.push_back({planned.signal, &way, unavailable(way, kernel->facts)});
  }
  kernel->types = {};
  Ways pending;
  for (TriedWay& tried : all) {
    if (tried.reason.empty() && best.find(tried.signal->name)->way != tried.way) pending.push_back(&tried);
  }
  while (!pending.empty()) {
    const Ways round = next_round(pending);
    if (Status status = try_round(round, options, session); !status) return tl::unexpected(status.error());
    std::erase_if(pending, [&](TriedWay* tried) { return std::ranges::find(round, tried) != round.end(); });
  }
  return all;
}

}  // namespace mlt
