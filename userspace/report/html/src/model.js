// The data of the page, and sums over the processes that are looked at.

const parsed = JSON.parse(document.getElementById("data").textContent);

/// Two traces compared; else the page is of one.
export const diff = parsed.diff ?? null;

const nothing = { window: { duration_ns: 0 }, processes: [], process_groups: [], storms: [], findings: [], coverage: { signals: [], lost: {}, audit: [], audit_groups: [] }, system: {} };
export const report = parsed.report ?? nothing;
export const { conclusion, target, buckets, events } = parsed;
export const spaces = parsed.spaces ?? [];
/// What is said in words: the text report and Markdown say the same (report/facts.cpp).
const facts = new Map(report.processes.map((process, i) => [process, parsed.facts.processes[i]]));
/// Those of a crowd that are not listed one by one, in sum: where all are added up they are some more processes.
export const groups = report.process_groups.map((group, i) => {
  const one = { ...group, group: true, pid: null, life: [], children: [] };
  facts.set(one, parsed.facts.groups[i]);
  return one;
});
export const factsOf = (process) => facts.get(process);
export const factsTogether = parsed.facts?.together;
export const systemFacts = parsed.facts?.system ?? [];
export const skippedFact = parsed.facts?.skipped ?? "";
export const span_ns = report.window.duration_ns;
export const ORIGINS = ["access", "kernel", "populate", "remote", "unknown"];

const everyone = [...report.processes, ...groups];
export const processCount = report.processes.length + groups.reduce((count, group) => count + group.processes, 0);
export const byPid = new Map(report.processes.map((process) => [process.pid, process]));

/// The processes of a choice: 0 is all of them.
export const processesOf = (pid) => (pid === 0 ? everyone : [byPid.get(pid)]);
/// What is drawn over time; null when no timeline was recorded.
export const linesOf = (pid) => parsed.lines[everyone.length === 1 ? everyone[0].pid : pid] ?? null;
export const hasTimeline = Object.keys(parsed.lines ?? {}).length > 0;
export const choices = everyone.length > 1 ? [0, ...report.processes.map((process) => process.pid)] : report.processes.map((process) => process.pid);

// ---- Histograms

export class Latency {
  count = 0;
  sum = 0;
  min = Infinity;
  max = 0;
  counts = new Map(); // by the lower bound of the bucket

  add(latency) {
    if (!latency?.count) return this;
    this.count += latency.count;
    this.sum += latency.sum;
    this.min = Math.min(this.min, latency.min);
    this.max = Math.max(this.max, latency.max);
    for (const [lo, hi, n] of latency.buckets) {
      const bucket = this.counts.get(lo) ?? { lo, hi, count: 0 };
      bucket.count += n;
      this.counts.set(lo, bucket);
    }
    return this;
  }
  get buckets() {
    return [...this.counts.values()].sort((a, b) => a.lo - b.lo);
  }
  /// As util/histogram.cpp does it.
  quantile(q) {
    if (this.count === 0) return null;
    const rank = Math.max(1, Math.ceil(q * this.count));
    if (rank >= this.count) return this.max;
    let below = 0;
    for (const { lo, hi, count } of this.buckets) {
      if (below + count < rank) {
        below += count;
        continue;
      }
      const value = lo + Math.floor(((rank - below - 0.5) / count) * (hi - lo));
      return Math.min(Math.max(value, this.min), this.max);
    }
    return this.max;
  }
}

const emptyTotals = () => ({ minor: 0, major: 0, errors: 0, untimed: 0, latency: new Latency() });

function addTotals(sum, totals) {
  for (const key of ["minor", "major", "errors", "untimed"]) sum[key] += totals[key];
  sum.latency.add(totals.latency);
  return sum;
}

/// Totals by origin; null where no process has them measured. Of unknown origin there are none, and no totals, unless the
/// kernel skips probes.
export function byOrigin(processes) {
  const sums = {};
  for (const origin of ORIGINS) {
    const measured = processes.map((process) => process.faults[origin]).filter(Boolean);
    const sum = measured.length ? measured.reduce(addTotals, emptyTotals()) : null;
    if (origin !== "unknown" || (sum && sum.minor + sum.major > 0)) sums[origin] = sum;
  }
  return sums;
}

export function allFaults(processes) {
  const sum = emptyTotals();
  for (const process of processes)
    for (const origin of ORIGINS) if (process.faults[origin]) addTotals(sum, process.faults[origin]);
  return sum;
}

/// Totals by what `keyOf` says of a class, most time first: [[key, totals]].
export function byClass(processes, keyOf) {
  const sums = new Map();
  for (const process of processes)
    for (const one of process.faults.by_cause) {
      const key = keyOf(one);
      sums.set(key, addTotals(sums.get(key) ?? emptyTotals(), one));
    }
  return [...sums].sort((a, b) => b[1].latency.sum - a[1].latency.sum);
}

const flat = (processes, list, at) =>
  processes.flatMap((process) => list(process).map((item) => ({ ...item, pid: process.pid }))).sort((a, b) => a[at] - b[at]);

export const callsOf = (processes) => flat(processes, (process) => process.locks.calls ?? [], "start_ns");
export const changesOf = (processes) => flat(processes, (process) => process.vma.changes, "at_ns");
export const lifeOf = (processes) => flat(processes, (process) => process.life, "at_ns");
export const stormsOf = (pid) => report.storms.filter((storm) => pid === 0 || storm.pid === pid);

export const titleOf = (pid) => (pid === 0 ? "All processes" : `${pid} ${byPid.get(pid)?.comm ?? ""}`);
