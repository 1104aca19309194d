// The sections of the page, in their order.
import { choice, foldedTable, h, name, short, table } from "./dom.js";
import { NA, bytes, count, duration, fact, plural, seconds, words } from "./format.js";
import { flameGraph } from "./flame.js";
import {
  Latency, allFaults, byClass, byOrigin, byPid, callsOf, changesOf, conclusion, events, factsOf, factsTogether, hasTimeline, lifeOf, processesOf, report, spaces, span_ns, stormsOf,
  skippedFact, systemFacts, titleOf,
} from "./model.js";
import { callsOverTime, distribution, drawn, faultsOverTime, latencyOverTime, memoryOverTime, pressureOverTime } from "./plots.js";
import { addressSpace } from "./space.js";

const right = (title) => ({ title, right: true });
const at = (ns) => seconds(ns, span_ns);
const about = (...text) => h("p", { class: "about" }, text);
const toned = (tone, text) => h("span", { class: tone }, text);
const range = (start, end) => `0x${start.toString(16)}-0x${end.toString(16)} (${bytes(end - start)})`;
const many = (processes) => processes.length > 1;
const pidColumn = (processes) => (many(processes) ? [{ title: "pid", right: true }] : []);
const pidCell = (processes, item) => (many(processes) ? [item.pid ?? "others"] : []);

const sentence = (text) => `${text[0].toUpperCase()}${text.slice(1)}. `;

/// What is said of the processes in words; nothing where nothing is said.
function told(title, processes, section) {
  const rows = processes.flatMap((process) => factsOf(process)[section].map((fact) => [...pidCell(processes, process), ...fact]));
  return rows.length ? [h("h3", null, title), table(title, [...pidColumn(processes), { title: "" }, { title: "" }], rows)] : [];
}

// ---- What is wrong, why, what to do

const which = (process) => (process.group ? `${count(process.processes)} ×` : process.pid);
const subjectOf = ({ pid, processes }) =>
  processes ? `${plural(processes.count, "process").replace("processs", "processes")} (${processes.commands.map((comm) => short(comm, 40)).join(", ")}): ` : subject(pid);
const subject = (pid) => (pid == null ? "" : `pid ${pid}${byPid.get(pid)?.comm ? ` (${short(byPid.get(pid).comm, 40)})` : ""}: `);

const findingView = (finding) =>
  h("article", { class: `finding ${finding.severity}` },
    h("h3", null, h("span", { class: "word" }, finding.severity), subjectOf(finding), finding.title),
    Object.keys(finding.evidence).length
      ? h("dl", { class: "facts" }, Object.entries(finding.evidence).map(([key, value]) => {
          const [label, amount] = fact(key, value);
          return h("div", null, h("dt", null, label), h("dd", null, amount));
        }))
      : null,
    finding.processes
      ? about(`Pids ${finding.processes.pids.join(", ")}${finding.processes.count > finding.processes.pids.length ? ` and ${count(finding.processes.count - finding.processes.pids.length)} more` : ""}; counts and times are of all, the rest is of the first.`)
      : null,
    finding.advice ? h("p", null, h("strong", null, "Do: "), finding.advice) : null,
    h("p", { class: "see" }, finding.see ? `See ${finding.see}. ` : "", "Name: ", h("code", null, finding.id)));

export function verdict() {
  const doubtful = report.coverage.audit.some((check) => check.verdict === "differs") || Object.values(report.coverage.lost).some(Boolean);
  const worth = { problem: "problem", warning: "warning" }[conclusion.severity] ?? (doubtful ? "warning" : "");
  const box = h("div", { class: `verdict ${worth}` },
    h("p", { class: "said" }, conclusion.text),
    conclusion.counts ? h("p", { class: "counts" }, conclusion.counts) : null,
    conclusion.caveats.map((caveat) => h("p", { class: "caveat" }, caveat)));
  const list = report.findings.map(findingView);
  const FIRST = 8;
  const rest = list.slice(FIRST);
  return h("section", { id: "findings", "aria-labelledby": "findings-title" },
    h("h2", { id: "findings-title" }, "Verdict and findings"), box, list.slice(0, FIRST),
    rest.length ? h("details", null, h("summary", null, `${plural(rest.length, "more finding")}, none of them graver`), rest) : null);
}

// ---- What it comes to

function limitOf(locks) {
  if (locks.exempt) return "no limit (CAP_IPC_LOCK)";
  if (locks.limit_unlimited) return "no limit";
  if (locks.limit_bytes == null) return "limit n/a";
  if (locks.headroom_bytes == null) return `limit ${bytes(locks.limit_bytes)}`;
  return `limit ${bytes(locks.limit_bytes)}, ${locks.headroom_bytes < 0 ? `exceeded by ${bytes(-locks.headroom_bytes)}` : `${bytes(locks.headroom_bytes)} left`}`;
}

const sum = (values) => (values.every((value) => value == null) ? null : values.reduce((total, value) => total + (value ?? 0), 0));

/// Of a process that is gone, what it had at most.
function lockedBytes({ locks: { locked_bytes: { end, peak } } }) {
  return end == null && peak != null ? `at most ${bytes(peak)}` : bytes(end);
}

function lockedFigure(processes) {
  const small = many(processes) ? "" : limitOf(processes[0].locks);
  const end = sum(processes.map((process) => process.locks.locked_bytes.end));
  const peaks = processes.map((process) => process.locks.locked_bytes.peak).filter((peak) => peak != null);
  if (end == null && peaks.length) return ["locked at most", bytes(Math.max(...peaks)), many(processes) ? "by one process" : small];
  return ["locked at the end", bytes(end), small];
}

function figures(processes, pid) {
  const faults = allFaults(processes);
  const time = span_ns ? faults.latency.sum / span_ns : 0;
  const calls = processes.flatMap((process) => process.locks.totals ?? []).filter((total) => /^m(un)?lock/.test(total.call));
  const failed = sum(calls.map((total) => total.errors)) ?? 0;
  const list = [
    ["faults", count(faults.minor + faults.major), `${count(faults.major)} major`],
    ["time in faults", duration(faults.latency.sum), `${time > 0 && time < 0.0001 ? "< 0.01" : (time * 100).toFixed(time < 0.1 ? 2 : 0)} % of one CPU`],
    ["latency p99", faults.latency.count ? duration(faults.latency.quantile(0.99)) : "–", faults.latency.count ? `longest ${duration(faults.latency.max)}` : ""],
    lockedFigure(processes),
    ["lock calls", count(sum(calls.map((total) => total.calls)) ?? 0), failed ? toned("bad", `${count(failed)} failed`) : "none failed"],
    ["storms", count(stormsOf(pid).length), stormsOf(pid).length ? `peak ${count(Math.max(...stormsOf(pid).map((storm) => storm.peak_per_s)))}/s` : ""],
  ];
  return h("dl", { class: "figures" }, list.map(([title, amount, small]) =>
    h("div", null, h("dt", null, title), h("dd", null, amount, " ", h("small", null, small)))));
}

const faultCells = (totals) => {
  const latency = totals.latency;
  const time = (value) => (latency.count ? duration(value) : "–");
  return [count(totals.minor), count(totals.major), totals.errors ? toned("bad", count(totals.errors)) : "0", time(latency.sum),
    time(latency.quantile(0.5)), time(latency.quantile(0.9)), time(latency.quantile(0.99)), time(latency.quantile(0.999)), time(latency.max)];
};
const FAULT_COLUMNS = ["minor", "major", "errors", "time", "p50", "p90", "p99", "p99.9", "longest"].map(right);

function processTable(processes) {
  return table("The processes", [{ title: "pid", right: true }, { title: "command" }, right("faults"), right("major"), right("time"), right("p99"),
    right("longest"), right("locked"), right("lock calls"), { title: "" }],
    processes.map((process) => {
      const faults = allFaults([process]);
      return [which(process), process.comm ? name(process.comm, 40) : "of other commands", count(faults.minor + faults.major), count(faults.major), duration(faults.latency.sum),
        faults.latency.count ? duration(faults.latency.quantile(0.99)) : "–", faults.latency.count ? duration(faults.latency.max) : "–",
        lockedBytes(process), process.locks.calls_unseen ? NA : count(process.locks.calls.length + process.locks.calls_not_kept), process.exited ? factsOf(process).state : ""];
    }));
}

function whois(process) {
  return about([process.exe ? [name(process.exe, 120), ". "] : "", process.threads != null ? `${plural(process.threads, "thread")}. ` : "",
    process.parent_pid ? `Forked by pid ${process.parent_pid}. ` : "", sentence(factsOf(process).state),
    process.cgroup ? ["Cgroup ", name(process.cgroup, 100), "."] : ""]);
}

const lockWord = { no: "not locked", yes: "locked", on_fault: "locked on fault" };

function summary(host, processes, pid) {
  host.append(figures(processes, pid));
  if (!many(processes)) host.append(whois(processes[0]));
  const untimed = allFaults(processes).untimed;
  if (untimed) host.append(about(`${plural(untimed, "fault")} began before the trace${skippedFact ? ", or the kernel skipped a probe" : ""}: counted, but without a latency.`));
  const origins = Object.entries(byOrigin(processes));
  const total = table("Faults by origin", [{ title: "faults" }, ...FAULT_COLUMNS], [
    ...origins.map(([origin, totals]) => [origin, ...(totals ? faultCells(totals) : FAULT_COLUMNS.map(() => toned("quiet", NA)))]),
    [h("strong", null, origins.every(([, totals]) => totals) ? "total" : "measured"), ...faultCells(allFaults(processes)).map((cell) => h("strong", null, cell))],
  ]);
  host.append(total);
  const classes = byClass(processes, (one) => `${one.origin}, ${lockWord[one.locked] ?? "lock state n/a"}|${words(one.cause ?? "unknown")}`);
  host.append(h("h3", null, "By cause"), table("Faults by origin, lock state and cause, most time first",
    [{ title: "origin and lock state" }, { title: "cause" }, ...FAULT_COLUMNS],
    classes.map(([key, totals]) => {
      const [state, cause] = key.split("|");
      const harm = /, locked/.test(state) && !/^populate/.test(state);
      return [harm ? toned("bad", state) : state, cause, ...faultCells(totals)];
    })));
  if (many(processes)) host.append(h("h3", null, "By process"), processTable(processes));
  const threads = processes.flatMap((process) => process.faults.by_thread.map((one) => ({ ...one, pid: process.pid })));
  if (threads.length > processes.length)
    host.append(foldedTable(`By thread (${count(threads.length)})`, () => table("Faults by thread",
      [{ title: "thread", right: true }, ...pidColumn(processes), ...FAULT_COLUMNS],
      threads.map((one) => [one.tid ?? "others", ...pidCell(processes, one), ...faultCells({ ...one, latency: new Latency().add(one.latency) })]))));
}

// ---- Latency

function latencyTable(curves) {
  const quantiles = [0.5, 0.9, 0.99, 0.999];
  return table("Latency", [{ title: "" }, right("faults"), right("time"), right("shortest"), ...["p50", "p90", "p99", "p99.9"].map(right), right("longest")],
    curves.map(({ label, latency }) => [label, count(latency.count), duration(latency.sum), duration(latency.min),
      ...quantiles.map((q) => duration(latency.quantile(q))), duration(latency.max)]));
}

function bucketTable(curves) {
  return table("Buckets of the latency histogram", [right("from"), right("to"), ...curves.map((curve) => right(curve.label))],
    [...new Map(curves.flatMap((curve) => curve.latency.buckets).map((bucket) => [bucket.lo, bucket])).values()].sort((a, b) => a.lo - b.lo)
      .map(({ lo, hi }) => [duration(lo), duration(hi), ...curves.map((curve) => count(curve.latency.counts.get(lo)?.count ?? 0))]));
}

function latency(host, processes) {
  const views = {
    origin: () => Object.entries(byOrigin(processes)).map(([label, totals], i) => ({ label, colour: i, latency: totals?.latency })),
    cause: () => byClass(processes, (one) => words(one.cause ?? "unknown")).map(([label, totals], i) => ({ label, colour: i, latency: totals.latency })),
    locked: () => byClass(processes, (one) => lockWord[one.locked] ?? "lock state n/a").map(([label, totals], i) => ({ label, colour: i, latency: totals.latency })),
  };
  const state = { view: "origin", log: false };
  const figure = h("figure");
  const data = h("div");
  let entry = null;
  const draw = () => {
    const curves = views[state.view]().filter((curve) => curve.latency?.count);
    if (entry) {
      drawn().splice(drawn().indexOf(entry), 1);
      entry.u.destroy();
    }
    figure.replaceChildren();
    entry = distribution(figure, curves.slice(0, 7), state.log);
    data.replaceChildren(latencyTable(curves), foldedTable("The figures of this picture", () => bucketTable(curves.slice(0, 7))));
  };
  if (!allFaults(processes).latency.count) {
    host.append(h("p", { class: "empty" }, "No fault was timed."));
    return;
  }
  host.append(
    about("Height is faults for each doubling of latency: the count of a bucket by its width as drawn, so equal areas are equally many faults on the linear scale."),
    h("div", { class: "tools" },
      choice("Curves", [["origin", "by origin"], ["cause", "by cause"], ["locked", "by lock state"]], "origin", (view) => { state.view = view; draw(); }),
      choice("Scale", [[false, "linear"], [true, "logarithmic"]], false, (log) => { state.log = log; draw(); })),
    figure, data);
  draw();
}

// ---- Over time

const noTimeline = () =>
  h("p", { class: "empty" }, hasTimeline ? "No interval of the recording holds this process." : "Nothing over time: this page was made from a report alone. ",
    hasTimeline ? "" : ["A recording has it: ", h("code", null, "mlocktrace record -o FILE -p PID"), ", then ", h("code", null, "mlocktrace report FILE --html OUT"), "."]);

// Columns that stand only where a storm has something in them.
const STORM_COLUMNS = [
  [{ title: "mapping" }, (storm) => storm.vma && name(storm.vma)],
  [right("thread"), (storm) => storm.tid],
  [{ title: "after" }, ({ trigger, trigger_unknown }) => trigger ? name(trigger.args ? `${trigger.call}(${trigger.args})` : trigger.call) : trigger_unknown && `not known: ${trigger_unknown}`],
  [{ title: "stack, of the whole trace" }, (storm) => storm.stack && name(storm.stack)],
];

function stormTable(pid) {
  const storms = stormsOf(pid);
  if (!storms.length) return null;
  const known = STORM_COLUMNS.filter(([, value]) => storms.some(value));
  return [h("h3", null, "Storms"), table("Storms", [right("at (s)"), right("for"), right("pid"), right("faults"), right("peak /s"), right("before /s"), right("time"), { title: "cause" }, ...known.map(([column]) => column)],
    storms.map((storm) => [at(storm.start_ns), duration(storm.duration_ns), storm.pid ?? "", count(storm.faults), count(storm.peak_per_s),
      storm.baseline_per_s == null ? "–" : count(storm.baseline_per_s), duration(storm.time_ns), words(storm.cause ?? ""), ...known.map(([, value]) => value(storm) ?? "")]))];
}

function overTime(host, processes, pid) {
  callsOverTime(host, pid);
  if (!faultsOverTime(host, pid)) host.append(noTimeline());
  host.append(...(stormTable(pid) ?? []));
}

function latencyTime(host, processes, pid) {
  if (!latencyOverTime(host, pid)) {
    host.append(noTimeline());
    return;
  }
  if (events) host.append(about(`${plural(events, "single fault")} were recorded.`));
}

// ---- Locks

const outcome = (call) => (call.errno ? toned("bad", call.errno) : call.ret > 0 ? `0x${call.ret.toString(16)}` : "ok");

function locks(host, processes) {
  const calls = callsOf(processes);
  const notKept = sum(processes.map((process) => process.locks.calls_not_kept));
  if (!calls.length) host.append(h("p", { class: "empty" }, "No lock calls."));
  else {
    const explain = calls.some((call) => call.explain);
    host.append(table("Lock calls in order of time",
      [right("at (s)"), ...pidColumn(processes), { title: "call" }, { title: "result" }, right("took"), right("pages"), right("splits"), right("merges"), right("locked after"), ...(explain ? [{ title: "" }] : [])],
      calls.map((call) => [at(call.start_ns), ...pidCell(processes, call), h("code", null, `${call.call}(${short(call.args, 200)})`), outcome(call), duration(call.duration_ns),
        call.pages_populated ? count(call.pages_populated) : "", call.vma_splits || "", call.vma_merges || "", bytes(call.locked_bytes_after),
        ...(explain ? [call.explain ?? ""] : [])])));
  }
  if (notKept) host.append(about(`${plural(notKept, "further call")} were counted but not kept one by one.`));
  const totals = processes.flatMap((process) => (process.locks.totals ?? []).map((one) => ({ ...one, pid: process.pid })));
  if (totals.length)
    host.append(h("h3", null, "Totals by call"), table("Totals by call",
      [{ title: "call" }, ...pidColumn(processes), right("calls"), right("failed"), right("time"), right("pages populated"), right("populate time"), right("splits"), right("merges")],
      totals.map((one) => [one.call, ...pidCell(processes, one), count(one.calls), one.errors ? toned("bad", count(one.errors)) : "", duration(one.time_ns),
        one.pages_populated ? count(one.pages_populated) : "", one.populates ? duration(one.populate_ns) : "", one.vma_splits || "", one.vma_merges || ""])));
  host.append(...told("Waits for mmap_lock", processes, "locks"));
  const life = lifeOf(processes);
  if (life.length)
    host.append(h("h3", null, "Forks, execs, exits"), table("Forks, execs and exits",
      [right("at (s)"), ...pidColumn(processes), { title: "event" }, right("locked before"), right("after"), { title: "in force before" }],
      life.map((event) => [at(event.at_ns), ...pidCell(processes, event), [words(event.kind), event.child_pid ? ` of pid ${event.child_pid}` : "", event.comm ? [" ", name(event.comm, 60)] : ""],
        bytes(event.locked_bytes), event.kind === "exit" ? "" : bytes(event.locked_bytes_after), event.mcl_future ? `MCL_FUTURE${event.mcl_onfault ? " | MCL_ONFAULT" : ""}` : ""])));
  const lifeNotKept = sum(processes.map((process) => process.life_not_kept));
  if (lifeNotKept) host.append(about(`${plural(lifeNotKept, "further event")} of forks, execs and exits ${lifeNotKept === 1 ? "was" : "were"} counted but not kept one by one.`));
}

// ---- Memory

const PAGES = [["mlocked", "mlocked"], ["munlocked", "munlocked"], ["to_unevictable", "moved to the unevictable list"], ["rescued", "rescued from it"],
  ["culled_by_reclaim", "culled by reclaim"], ["still_locked_elsewhere", "munlocked, but still locked elsewhere"], ["locked_not_mlocked", "in locked mappings but not mlocked"]];

/// Why there is no picture of an address space.
function noSpace(space) {
  if (space) return "Its memory was never seen: it was over before it could be looked at.";
  if (!hasTimeline) return "Only a recording has it: mlocktrace record.";
  return report.target?.kind === "all" || report.target?.kind === "cgroup"
    ? "It is recorded of processes that are named with -p, and of a command."
    : "It is recorded of the processes that were named with -p, or of the command, not of their children.";
}

function memory(host, processes, pid) {
  memoryOverTime(host, pid);
  host.append(h("h3", null, "Pages"), table("Pages", [{ title: "pages" }, right("count")],
    PAGES.map(([key, label]) => [label, count(sum(processes.map((process) => process.pages[key])))])),
    ...told("Locked memory and mappings", processes, "memory"));
  const space = spaces.find((one) => (pid === 0 ? true : one.pid === pid));
  host.append(h("h3", null, "Address space before and after", space && many(processes) ? ` (pid ${space.pid})` : ""));
  if (space && (space.before.length || space.after.length)) addressSpace(host, space);
  else host.append(h("p", { class: "empty" }, noSpace(space)));
  const changes = changesOf(processes);
  if (changes.length)
    host.append(h("h3", null, "Mappings split and merged"), table("Mappings split and merged",
      [right("at (s)"), ...pidColumn(processes), { title: "" }, { title: "by" }, { title: "" }, { title: "range", mono: true }],
      changes.map((change) => [at(change.at_ns), ...pidCell(processes, change), change.kind, change.cause ?? "", change.locked ? "locked" : "",
        range(change.start, change.end) + (change.addr != null ? ` at +${bytes(change.addr - change.start)}` : "")])));
  const notKept = sum(processes.map((process) => process.vma.changes_not_kept));
  if (notKept) host.append(about(`${plural(notKept, "further change")} were counted but not kept one by one.`));
}

// ---- Reclaim and swap

function pressure(host, processes, pid) {
  const drew = pressureOverTime(host, pid);
  const said = many(processes) ? factsTogether.pressure : factsOf(processes[0]).pressure;
  if (said.length) host.append(h("h3", null, "In all"), table("Reclaim and swap", [{ title: "" }, { title: "" }], said));
  else if (!drew)
    host.append(h("p", { class: "empty" }, processes.some((process) => process.reclaim || process.swap) ? "No reclaim stalled these processes, and nothing of them was swapped." : "Reclaim and swap were not measured."));
}

// ---- Where

function where(host, processes) {
  const mappings = processes.flatMap((process) => (process.faults.by_vma ?? []).map((one) => ({ ...one, pid: process.pid })));
  if (mappings.length)
    host.append(h("h3", null, "Mappings"), table("Faults by mapping",
      [{ title: "mapping" }, ...pidColumn(processes), { title: "from", mono: true }, right("size"), { title: "mode", mono: true }, { title: "locked" }, { title: "cause of most" }, right("minor"), right("major"), right("errors"), right("time"), right("longest")],
      mappings.map((one) => [one.name ? name(one.name) : "elsewhere", ...pidCell(processes, one), one.end ? `0x${one.start.toString(16)}` : "", one.end ? bytes(one.end - one.start) : "", one.permissions ?? "", lockWord[one.locked] ?? "", words(one.cause ?? ""),
        count(one.minor), count(one.major), count(one.errors), duration(one.time_ns), duration(one.max_ns)])));
  host.append(...told("Faults and accesses that failed", processes, "failed"), h("h3", null, "Stacks"));
  flameGraph(host, processes.flatMap((process) => process.faults.stacks));
}

// ---- What it rests on

const stateTone = { exact: "fine", partial: "fair", off: "bad" };
const verdictTone = { equal: "fine", differs: "bad", unavailable: "quiet" };

function trust(host) {
  const { signals, lost, audit, audit_groups: summed } = report.coverage;
  const losses = [[lost.events, "events found no room in the ring buffer"], [lost.map_full, "faults, processes or pages found no room in a table"], [lost.missed_probes, "probes did not fire"]].filter(([n]) => n);
  if (skippedFact) host.append(h("p", { class: "fair" }, `Skipped: ${skippedFact}.`));
  host.append(losses.length
    ? h("p", { class: "bad" }, `Lost: ${losses.map(([n, what]) => `${count(n)} ${what}`).join("; ")}. The figures above are incomplete.`)
    : h("p", null, toned("fine", skippedFact ? "No fault was lost." : "Nothing was lost.")));
  if (report.window.complete_after_ns) host.append(about(`Faults count from the start, everything else from ${duration(report.window.complete_after_ns)} on.`));
  host.append(h("h3", null, "Audit: our counts beside the kernel's own"));
  const checks = [...audit, ...summed.map((group) => ({ ...group, check: `${group.check} of ${count(group.checks)} × others` }))];
  host.append(checks.length
    ? table("Audit", [{ title: "check" }, right("traced"), right("kernel"), { title: "verdict" }, { title: "source" }, { title: "why" }],
      checks.map((check) => [check.check, count(check.traced), check.kernel == null ? NA : check.slack ? `${count(check.kernel)} to ${count(check.kernel + check.slack)}` : count(check.kernel),
        toned(verdictTone[check.verdict], check.verdict), h("code", null, check.source), check.why ?? ""]))
    : h("p", { class: "empty" }, "No audit was made."));
  host.append(h("h3", null, "Signals: what was measured, and how"), table("Signals",
    [{ title: "signal" }, { title: "state" }, { title: "by" }, { title: "what that can't see" }],
    signals.map((signal) => [signal.name, toned(stateTone[signal.state], signal.state), signal.via ? h("code", null, signal.via) : "", signal.limits ?? ""])));
}

function system(host) {
  const { system: all } = report;
  const changes = Object.entries(all.vmstat).filter(([, change]) => change !== 0);
  if (changes.length)
    host.append(table("/proc/vmstat", [{ title: "/proc/vmstat", mono: true }, right("change")], changes.map(([key, change]) => [key, `${change > 0 ? "+" : ""}${count(change)}`])));
  for (const fact of systemFacts) host.append(h("p", null, `${fact}.`));
  if (all.unevictable_pages != null) host.append(h("p", null, `${plural(all.unevictable_pages, "page")} unevictable at the end, whoever's.`));
  if (all.swap_devices.length)
    host.append(table("Swap devices", [{ title: "swap" }, { title: "type" }, right("size"), right("used"), right("priority")],
      all.swap_devices.map((device) => [name(device.name), device.type, bytes(device.size_bytes), bytes(device.used_bytes), device.priority])));
  if (host.childElementCount < 2) host.append(h("p", { class: "empty" }, "Nothing of the whole system was recorded."));
}

/// [id, title, draw]; those of a process are drawn anew when another is chosen.
export const OF_PROCESSES = [
  ["summary", "Faults in sum", summary],
  ["latency", "Distribution of latency", latency],
  ["latency-time", "Latency over time", latencyTime],
  ["over-time", "Faults and lock calls over time", overTime],
  ["locks", "Lock calls", locks],
  ["memory", "Memory", memory],
  ["pressure", "Reclaim and swap", pressure],
  ["where", "Where it faults", where],
];
export const OF_ALL = [
  ["system", "The whole system", system],
  ["trust", "What this rests on", trust],
];

export { processesOf, titleOf };
