// The address space before and after: what was split, locked, mapped and unmapped.
import { foldedTable, h, name, short, svg, table } from "./dom.js";
import { bytes, duration, plural } from "./format.js";
import { byPid, report } from "./model.js";

const WIDTH = 1000;
const ROW = 46;
const MANY = 48;

const address = (value) => `0x${value.toString(16)}`;
const read = (entries) => entries.map((entry) => ({ ...entry, from: BigInt(`0x${entry.start}`), to: BigInt(`0x${entry.end}`) }));
const same = (a, b) => a.from === b.from && a.to === b.to && a.permissions === b.permissions && a.locked === b.locked && a.name === b.name;
const titleOf = (entry) => entry.name || "anonymous";

/// What became of a mapping: of those before and after that overlap.
function changeOf(entry, others, isBefore) {
  const overlapping = others.filter((other) => other.from < entry.to && entry.from < other.to);
  if (!overlapping.length) return isBefore ? "unmapped" : "new";
  const [other] = overlapping;
  if (overlapping.length === 1 && same(entry, other)) return "";
  if (isBefore) return overlapping.length > 1 ? `split into ${overlapping.length}` : "changed";
  const said = [];
  if (overlapping.length > 1) said.push(`merged of ${overlapping.length}`);
  else if (other.from !== entry.from || other.to !== entry.to) said.push("part of a larger one before");
  if (entry.locked && !other.locked) said.push("locked");
  if (!entry.locked && other.locked) said.push("unlocked");
  if (entry.permissions !== other.permissions) said.push(`was ${other.permissions}`);
  return said.join(", ") || "changed";
}

/// Stretches of addresses between all borders, in order; those that nobody maps are gaps, and long runs without any
/// change become one.
function stretches(before, after) {
  const borders = [...new Set([...before, ...after].flatMap((entry) => [entry.from, entry.to]))].sort((a, b) => (a < b ? -1 : 1));
  const list = [];
  const holds = (entries, from) => entries.find((entry) => entry.from <= from && from < entry.to);
  for (let i = 0; i + 1 < borders.length; i++) {
    const one = { from: borders[i], to: borders[i + 1], before: holds(before, borders[i]), after: holds(after, borders[i]) };
    one.gap = !one.before && !one.after;
    one.still = !one.gap && one.before && one.after && same(one.before, one.after) && !one.after.locked;
    list.push(one);
  }
  if (before.length + after.length <= 2 * MANY) return list;
  const shown = [];
  for (let i = 0; i < list.length; ) {
    let end = i;
    while (end < list.length && (list[end].still || list[end].gap)) end++;
    const still = list.slice(i, end).filter((one) => one.still).length;
    if (still > 3) {
      shown.push({ from: list[i].from, to: list[end - 1].to, folded: still });
      i = end;
    } else {
      shown.push(...list.slice(i, Math.max(end, i + 1)));
      i = Math.max(end, i + 1);
    }
  }
  return shown;
}

const weightOf = (one) => {
  if (one.gap) return 1.2;
  if (one.folded) return 5;
  return 1.5 + Math.log2(Number(one.to - one.from) / 4096 + 1);
};

function layout(list) {
  const total = list.reduce((sum, one) => sum + weightOf(one), 0);
  let x = 0;
  for (const one of list) {
    one.x = x;
    one.width = (weightOf(one) / total) * WIDTH;
    x += one.width;
  }
  return list;
}

const tell = (entry) =>
  `${address(entry.from)}-${address(entry.to)} ${entry.permissions} ${short(titleOf(entry), 80)}: ${bytes(Number(entry.to - entry.from))}, resident ${bytes(entry.resident)}` +
  (entry.locked ? `, locked ${bytes(entry.locked_bytes)}` : "") + (entry.swapped ? `, swapped ${bytes(entry.swapped)}` : "");

/// A mapping as a box that is as full as it is resident.
function box(list, entry, y) {
  const parts = list.filter((one) => one.from >= entry.from && one.to <= entry.to && !one.folded);
  if (!parts.length) return null;
  const x = parts[0].x;
  const last = parts[parts.length - 1];
  const width = Math.max(last.x + last.width - x - 1.5, 1);
  const size = Number(entry.to - entry.from);
  const high = (value) => Math.min(ROW, (value / size) * ROW);
  const fill = entry.locked ? "var(--locked)" : "var(--unlocked)";
  const rect = (top, height, attributes) => svg("rect", { x, y: top, width, height, ...attributes });
  const label = short(titleOf(entry).replace(/^.*\//, ""), 40);
  const room = Math.floor((width - 6) / 6.2);
  return svg("g", null,
    svg("title", null, tell(entry)),
    rect(y, ROW, { fill, "fill-opacity": "0.16", stroke: fill, "stroke-width": "1", rx: "1" }),
    rect(y + ROW - high(entry.resident), high(entry.resident), { fill, "fill-opacity": "0.75" }),
    entry.swapped ? rect(y + ROW - high(entry.resident) - high(entry.swapped), high(entry.swapped), { fill: "var(--swapped)", "fill-opacity": "0.8" }) : null,
    room >= 4 ? svg("text", { x: x + 1, y: y + ROW + 13 }, label.length > room ? `${label.slice(0, room - 1)}…` : label) : null);
}

const isCommand = (pid) => report.target?.kind === "command" && report.target.pids.includes(pid);

/// The moments of a picture, and why one of them is missing.
function momentsOf(space) {
  const exited = byPid.get(space.pid)?.exited;
  const before = isCommand(space.pid) ? "before its first instruction" : "before";
  const after = exited && space.after_ns ? `last seen at ${duration(space.after_ns)}` : "after";
  return {
    before: space.before.length ? before : "before: not recorded, mlocktrace may not hold the command at its start (CAP_SYS_PTRACE)",
    after: space.after.length ? after : "after: it was over before it could be looked at",
  };
}

function picture(before, after, list, moments) {
  const second = ROW + 38;
  const height = second + ROW + 18;
  const gaps = list.filter((one) => one.gap || one.folded).flatMap((one) =>
    [14, second + 14].map((y) =>
      one.folded
        ? svg("text", { x: one.x + one.width / 2, y: y + ROW / 2 + 4, "text-anchor": "middle" }, `… ${one.folded} …`)
        : svg("path", { d: `M${one.x + one.width / 2 - 0.75} ${y + 6}v${ROW - 12}`, stroke: "var(--line)", "stroke-width": "1.5", "stroke-dasharray": "2 3" })));
  const locked = (entries) => entries.reduce((sum, entry) => sum + (entry.locked ? Number(entry.to - entry.from) : 0), 0);
  const caption = (moment, entries) => entries.length ? `${moment}: ${plural(entries.length, "mapping")}, ${bytes(locked(entries))} in locked ones` : moment;
  const captions = [caption(moments.before, before), caption(moments.after, after)];
  const label = `Address space: ${captions.join("; ")}`;
  return svg("svg", { class: "space", viewBox: `0 0 ${WIDTH} ${height + 14}`, role: "img", "aria-label": label },
    svg("title", null, label),
    svg("text", { x: 0, y: 10 }, captions[0]),
    before.map((entry) => box(list, entry, 14)),
    svg("text", { x: 0, y: second + 10 }, captions[1]),
    after.map((entry) => box(list, entry, second + 14)),
    gaps);
}

function mapTable(before, after) {
  const rows = [
    ...before.map((entry) => ({ entry, change: changeOf(entry, after, true), when: "before" })).filter((row) => row.change),
    ...after.map((entry) => ({ entry, change: changeOf(entry, before, false), when: "after" })),
  ].sort((a, b) => (a.entry.from < b.entry.from ? -1 : a.entry.from > b.entry.from ? 1 : a.when < b.when ? 1 : -1));
  return table("Mappings before and after; those that did not change once",
    [{ title: "addresses", mono: true }, { title: "" }, { title: "size", right: true }, { title: "resident", right: true },
      { title: "locked", right: true }, { title: "swapped", right: true }, { title: "mode", mono: true }, { title: "mapping" }, { title: "change" }],
    rows.map(({ entry, change, when }) => [
      `${address(entry.from)}-${address(entry.to)}`, change ? when : "", bytes(Number(entry.to - entry.from)), bytes(entry.resident),
      entry.locked ? bytes(entry.locked_bytes) : "", entry.swapped ? bytes(entry.swapped) : "", entry.permissions, name(titleOf(entry)), change]));
}

export function addressSpace(host, space) {
  const before = read(space.before);
  const after = read(space.after);
  const list = layout(stretches(before, after));
  const swatch = (variable, text) => {
    const mark = h("i", { "aria-hidden": "true" });
    mark.style.background = `var(--${variable})`;
    return h("li", null, mark, text);
  };
  host.append(
    h("figure", { class: "addresses" }, picture(before, after, list, momentsOf(space))),
    h("ul", { class: "key" }, swatch("locked", "locked mapping"), swatch("unlocked", "not locked"), swatch("swapped", "swapped out"),
      h("li", null, "A box is filled as far as it is resident. Widths grow with the logarithm of the size; dashes are unmapped.")),
    foldedTable("The mappings of this picture", () => mapTable(before, after)));
}
