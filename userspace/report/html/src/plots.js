// Pictures over time, all on one axis: a range chosen in one is chosen in all, and so is the moment under the cursor.
import uPlot from "uplot";
import { choice, colour, foldedTable, h, short, table } from "./dom.js";
import { bytes, compact, count, duration, number, percent, plural, seconds, words } from "./format.js";
import { ORIGINS, buckets, callsOf, lifeOf, linesOf, processesOf, span_ns, stormsOf } from "./model.js";

const FONT = "12px system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', Arial, sans-serif";
const LEFT = 68;
const RIGHT = 16;
const MOST_ROWS = 500;

// ---- What all plots share

let living = [];
let range = null; // seconds that are looked at; null: all

/// Forgets the plots of a page that is drawn anew.
export function reset() {
  for (const plot of living) plot.u.destroy();
  living = [];
}

export const drawn = () => living;

function zoom(from, to) {
  range = from == null ? null : [from, to];
  for (const plot of living) if (plot.timed) plot.u.setScale("x", { min: range?.[0] ?? 0, max: range?.[1] ?? span_ns / 1e9 });
}

const axis = (options) => ({
  stroke: colour("quiet"),
  font: FONT,
  grid: { stroke: colour("grid"), width: 1 },
  ticks: { stroke: colour("line"), width: 1, size: 4 },
  ...options,
});

/// Durations on a logarithmic axis: lines at 1, 2, …, 9 of each power of ten; names at the powers, and between them
/// where there are few.
function logAxis(options) {
  const splits = (_, __, min, max) => {
    const list = [];
    for (let power = 10 ** Math.floor(Math.log10(min)); power <= max; power *= 10)
      for (let digit = 1; digit < 10; digit++) if (digit * power >= min && digit * power <= max) list.push(digit * power);
    return list;
  };
  const values = (_, list) => {
    const few = list.filter((value) => /^10*$/.test(value)).length < 2;
    return list.map((value) => ((few ? /^[125]0*$/ : /^10*$/).test(value) ? duration(value) : ""));
  };
  return axis({ splits, values, filter: (_, list) => list, ...options });
}

const timeAxis = (shown) =>
  axis({
    values: (_, splits) => splits.map((value) => (shown ? `${+value.toFixed(6)} s` : "")),
    size: shown ? 28 : 4,
    space: 70,
  });

/// Moves the cursor of a plot by keys; what is under it is read out.
function walk(event, plot) {
  const u = plot.u;
  const step = event.shiftKey ? 20 : 4;
  const left = u.cursor.left >= 0 ? u.cursor.left : u.over.clientWidth / 2;
  const top = u.cursor.top >= 0 ? u.cursor.top : u.over.clientHeight / 2;
  const to = (x, y) =>
    u.setCursor({ left: Math.min(Math.max(x, 0), u.over.clientWidth - 1), top: Math.min(Math.max(y, 0), u.over.clientHeight - 1) }, true, true);
  const around = (factor) => {
    if (!plot.timed) return;
    const { min, max } = u.scales.x;
    const at = u.posToVal(left, "x");
    const from = Math.max(0, at - (at - min) * factor);
    const until = Math.min(span_ns / 1e9, at + (max - at) * factor);
    zoom(from, until);
  };
  const keys = {
    ArrowLeft: () => to(left - step, top),
    ArrowRight: () => to(left + step, top),
    ArrowUp: () => to(left, top - step),
    ArrowDown: () => to(left, top + step),
    "+": () => around(0.5),
    "-": () => around(2),
    Escape: () => zoom(null),
  };
  if (!keys[event.key]) return;
  event.preventDefault();
  keys[event.key]();
}

/// Puts a plot into `host`. `label` says in words what the picture shows.
export function plot(host, label, options, data, { timed = true, height = 200 } = {}) {
  const box = h("div", { class: "plot", tabindex: "0", role: "group", "aria-roledescription": "plot",
    "aria-label": `${label}. Arrow keys move the cursor${timed ? ", plus and minus zoom, Escape shows all" : ""}.` });
  host.append(box);
  const width = () => Math.max(280, host.clientWidth);
  const entry = { timed, box, u: null };
  entry.u = new uPlot(
    {
      width: width(),
      height,
      padding: [8, RIGHT, 0, 0],
      ...options,
      cursor: {
        ...(timed && { sync: { key: "time", setSeries: false, scales: ["x", null] } }),
        drag: { x: timed, y: false, setScale: false },
        ...options.cursor,
      },
      hooks: {
        ...options.hooks,
        setSelect: [(u) => {
          if (!timed || u.select.width < 4) return;
          zoom(u.posToVal(u.select.left, "x"), u.posToVal(u.select.left + u.select.width, "x"));
          u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
        }],
      },
    },
    data,
    box,
  );
  const canvas = box.querySelector("canvas");
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", label);
  const legend = box.querySelector(".u-legend");
  legend?.prepend(h("caption", null, "Values under the cursor"));
  for (const header of legend?.querySelectorAll("th") ?? []) header.scope = "row";
  if (timed) entry.u.over.addEventListener("dblclick", () => zoom(null));
  box.addEventListener("keydown", (event) => walk(event, entry));
  entry.fit = () => entry.u.setSize({ width: width(), height });
  living.push(entry);
  return entry;
}

addEventListener("resize", () => living.forEach((entry) => entry.fit()));

const timeScale = () => ({ time: false, range: () => range ?? [0, span_ns / 1e9] });

// ---- Storms behind everything

function drawStorms(u, storms) {
  const { ctx } = u;
  ctx.save();
  ctx.beginPath();
  ctx.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height);
  ctx.clip();
  for (const storm of storms) {
    const from = u.valToPos(storm.start_ns / 1e9, "x", true);
    const to = u.valToPos((storm.start_ns + storm.duration_ns) / 1e9, "x", true);
    ctx.fillStyle = colour("storm");
    ctx.fillRect(from, u.bbox.top, to - from, u.bbox.height);
    ctx.strokeStyle = colour("storm-line");
    ctx.setLineDash([4, 3]);
    ctx.beginPath();
    for (const x of [from, to]) {
      ctx.moveTo(Math.round(x) + 0.5, u.bbox.top);
      ctx.lineTo(Math.round(x) + 0.5, u.bbox.top + u.bbox.height);
    }
    ctx.stroke();
  }
  ctx.restore();
}

function nameStorms(u, storms) {
  const { ctx } = u;
  ctx.save();
  ctx.font = `${12 * devicePixelRatio}px system-ui, 'DejaVu Sans', sans-serif`;
  ctx.fillStyle = colour("problem");
  ctx.textAlign = "left";
  ctx.textBaseline = "top";
  for (const storm of storms) {
    const from = Math.max(u.valToPos(storm.start_ns / 1e9, "x", true), u.bbox.left);
    const to = u.valToPos((storm.start_ns + storm.duration_ns) / 1e9, "x", true);
    if (to - from > 60 * devicePixelRatio) ctx.fillText(`storm: ${words(storm.cause)}`, from + 6 * devicePixelRatio, u.bbox.top + 4 * devicePixelRatio);
  }
  ctx.restore();
}

// ---- Lines

const DASHES = [[], [7, 3], [3, 2], [9, 3, 3, 3], [], [7, 3], [3, 2]];
const faint = (variable) => colour(variable).replace(/^rgba?\(([^)]*)\)$/, "rgb($1 / 12%)").replaceAll(",", "");
// Round numbers of bytes are powers of two.
const BYTE_STEPS = Array.from({ length: 50 }, (_, i) => 2 ** i);

/// A value an interval, drawn over the whole of it: the line steps, where there is room for steps.
function lines(host, label, series, { pid, stepped = true, height = 200, unit = number, log = false, lastAxis = true, names = true }) {
  const { start_ns, duration_ns } = series.time;
  const last = start_ns.length - 1;
  const xs = start_ns.map((ns) => ns / 1e9);
  const close = (values) => [...values, values[last]];
  const storms = stormsOf(pid);
  const many = start_ns.length > 1500;
  const paths = stepped && !many ? uPlot.paths.stepped({ align: 1 }) : undefined;
  return plot(
    host,
    label,
    {
      scales: {
        x: timeScale(),
        y: log ? { distr: 4, asinh: 1, range: (_, __, max) => [0, Math.max(max, 1)] } : { range: (_, __, max) => [0, max > 0 ? max * 1.08 : 1] },
      },
      axes: [timeAxis(lastAxis), axis({ size: LEFT, values: (_, splits) => splits.map((value) => (value == null ? "" : unit === number ? compact(value) : unit(value))), space: 30, ...(unit === bytes && { incrs: BYTE_STEPS }) })],
      series: [
        { label: "at", value: (_, value) => (value == null ? "–" : `${+value.toFixed(4)} s`) },
        ...series.list.map((one, i) => ({
          label: one.label,
          stroke: colour(`series-${one.colour ?? i % 7}`),
          width: 1.5,
          dash: DASHES[(one.colour ?? i) % 7],
          paths,
          points: { show: start_ns.length < 3 },
          value: (_, value) => (value == null ? "–" : unit(value)),
        })),
      ],
      hooks: { drawClear: [(u) => drawStorms(u, storms)], draw: names ? [(u) => nameStorms(u, storms)] : [] },
    },
    [[...xs, (start_ns[last] + duration_ns[last]) / 1e9], ...series.list.map((one) => close(one.values))],
    { height },
  );
}

function intervalTable(caption, series, list, unit) {
  const { start_ns, duration_ns } = series;
  const rows = [];
  for (let i = 0; i < Math.min(start_ns.length, MOST_ROWS); i++)
    rows.push([seconds(start_ns[i], span_ns), duration(duration_ns[i]), ...list.map((one) => (one.values[i] == null ? "n/a" : unit(one.values[i])))]);
  const note = start_ns.length > MOST_ROWS ? `; the first ${MOST_ROWS} of ${count(start_ns.length)} intervals: mlocktrace report --csv has all` : "";
  return table(caption + note,
    [{ title: "at (s)", right: true }, { title: "for", right: true }, ...list.map((one) => ({ title: one.label, right: true }))], rows);
}

const rates = (values, durations) => values.map((value, i) => (value == null || !durations[i] ? null : (value / durations[i]) * 1e9));
const any = (values) => values?.some((value) => value > 0);
const peak = (values) => values.reduce((most, value) => Math.max(most, value ?? 0), 0);

// ---- Faults over time

const VIEWS = {
  origin: {
    label: "by origin",
    unit: number,
    caption: "Faults a second, by origin",
    list: (series) =>
      ORIGINS.map((origin, i) => ({ label: `${origin} /s`, colour: i, values: rates(series[origin], series.duration_ns) })).filter(
        (one) => any(one.values)),
  },
  cause: {
    label: "by cause",
    unit: number,
    caption: "Faults a second, by cause",
    list: (series) => {
      const total = (values) => values.reduce((sum, value) => sum + value, 0);
      return Object.entries(series.causes)
        .sort((a, b) => total(b[1]) - total(a[1]))
        .slice(0, 7)
        .map(([cause, values], i) => ({ label: `${words(cause)} /s`, colour: i, values: rates(values, series.duration_ns) }));
    },
  },
  time: {
    label: "time in faults",
    unit: percent,
    caption: "Time in faults, as a share of one processor",
    list: (series) => [{ label: "time in faults", colour: 4, values: series.time_ns.map((ns, i) => ns / series.duration_ns[i]) }],
  },
};

export function faultsOverTime(host, pid) {
  const series = linesOf(pid)?.series;
  if (!series?.start_ns.length) return false;
  const state = { view: "origin", log: false };
  const figure = h("figure");
  const data = h("div");
  let entry = null;
  const draw = () => {
    const view = VIEWS[state.view];
    const list = view.list(series);
    if (entry) {
      living = living.filter((one) => one !== entry);
      entry.u.destroy();
    }
    figure.replaceChildren();
    const label = list.length
      ? `${view.caption} over ${duration(span_ns)}: ${list.map((one) => `${one.label.replace(" /s", "")} up to ${view.unit(peak(one.values))}`).join(", ")}`
      : "No faults in any interval";
    entry = lines(figure, label, { time: series, list }, { pid, unit: view.unit, log: state.log, height: 230 });
    data.replaceChildren(foldedTable("The figures of this picture", () => intervalTable(view.caption, series, list, view.unit)));
  };
  host.append(
    h("div", { class: "tools" },
      choice("Faults", Object.entries(VIEWS).map(([key, view]) => [key, view.label]), state.view, (view) => { state.view = view; draw(); }),
      choice("Scale", [[false, "linear"], [true, "logarithmic"]], false, (log) => { state.log = log; draw(); }),
      h("button", { type: "button", onclick: () => zoom(null) }, "Show all of the time")),
    figure, data);
  draw();
  if (series.intervals_per_row > 1)
    host.append(h("p", { class: "about" }, `Each step is ${series.intervals_per_row} intervals of the recording: peaks within them are averaged.`));
  return true;
}

// ---- Lock calls, forks and the like on the same axis

const LANES = ["locks", "unlocks", "mappings", "failed", "fork, exec, exit"];
const laneOf = (call) => {
  if (call.errno) return 3;
  if (/^munlock/.test(call.call)) return 1;
  return /^mlock/.test(call.call) ? 0 : 2;
};

const callText = (call) =>
  `${seconds(call.start_ns, span_ns)} s  ${call.call}(${short(call.args, 80)}) = ${call.errno ?? (call.ret || "ok")}, took ${duration(call.duration_ns)}`;
const lifeText = (event) =>
  `${seconds(event.at_ns, span_ns)} s  pid ${event.pid} ${event.kind}${event.child_pid ? ` pid ${event.child_pid}` : ""}${event.comm ? ` ${short(event.comm, 40)}` : ""}`;

function marksOf(processes) {
  const marks = [
    ...callsOf(processes).map((call) => ({ at: call.start_ns, until: call.start_ns + call.duration_ns, lane: laneOf(call), text: callText(call) })),
    ...lifeOf(processes).map((event) => ({ at: event.at_ns, until: event.at_ns, lane: 4, text: lifeText(event) })),
  ];
  const lanes = LANES.map((_, i) => i).filter((i) => marks.some((mark) => mark.lane === i));
  return { marks, lanes };
}

export function callsOverTime(host, pid) {
  const processes = processesOf(pid);
  const { marks, lanes } = marksOf(processes);
  if (!marks.length) return;
  const colours = ["series-0", "series-5", "series-2", "problem", "series-3"];
  const readout = h("p", { class: "readout", role: "status" }, "");
  const center = (u, row) => u.bbox.top + ((row + 0.5) / lanes.length) * u.bbox.height;
  const draw = (u) => {
    const { ctx } = u;
    const half = (0.32 / lanes.length) * u.bbox.height;
    ctx.save();
    ctx.beginPath();
    ctx.rect(u.bbox.left - 2, u.bbox.top, u.bbox.width + 4, u.bbox.height);
    ctx.clip();
    for (const mark of marks) {
      const x = u.valToPos(mark.at / 1e9, "x", true);
      const width = Math.max(u.valToPos(mark.until / 1e9, "x", true) - x, 2 * devicePixelRatio);
      ctx.fillStyle = colour(colours[mark.lane]);
      ctx.fillRect(Math.round(x - devicePixelRatio), center(u, lanes.indexOf(mark.lane)) - half, width, half * 2);
    }
    ctx.restore();
    ctx.save();
    ctx.font = `${12 * devicePixelRatio}px system-ui, 'DejaVu Sans', sans-serif`;
    ctx.fillStyle = colour("quiet");
    ctx.textAlign = "right";
    ctx.textBaseline = "middle";
    lanes.forEach((lane, row) => ctx.fillText(["locks", "unlocks", "maps", "failed", "fork/exec"][lane], u.bbox.left - 8 * devicePixelRatio, center(u, row)));
    ctx.restore();
  };
  const nearest = (u) => {
    if (u.cursor.left == null || u.cursor.left < 0) return;
    const row = Math.floor((u.cursor.top / u.over.clientHeight) * lanes.length);
    const at = u.posToVal(u.cursor.left, "x") * 1e9;
    const reach = Math.abs(u.posToVal(u.cursor.left + 8, "x") * 1e9 - at);
    const distance = (mark) => Math.max(mark.at - at, at - mark.until, 0) + (lanes[row] === mark.lane ? 0 : reach / 2);
    const hits = marks.filter((mark) => distance(mark) <= reach).sort((a, b) => distance(a) - distance(b));
    readout.textContent = hits.length ? hits[0].text + (hits.length > 1 ? `  (and ${hits.length - 1} near it)` : "") : "";
  };
  const label = `${plural(marks.length, "lock call")}, forks and the like over time: ${lanes.map((lane) => `${LANES[lane]} ${count(marks.filter((mark) => mark.lane === lane).length)}`).join(", ")}`;
  plot(
    host,
    label,
    {
      legend: { show: false },
      scales: { x: timeScale(), y: { range: [0, 1] } },
      axes: [timeAxis(false), axis({ size: LEFT, values: () => [], grid: { show: false }, ticks: { show: false } })],
      series: [{}, { show: true, paths: () => null, points: { show: false } }],
      cursor: { y: false, points: { show: false } },
      hooks: { draw: [draw], setCursor: [nearest], drawClear: [(u) => drawStorms(u, stormsOf(pid))] },
    },
    [[0, span_ns / 1e9], [0, 0]],
    { height: 24 + lanes.length * 18 },
  );
  host.append(readout);
}

// ---- Latency over time

const ramp = () => {
  const parse = (text) => text.match(/[\d.]+/g).map(Number);
  const [low, mid, high] = ["heat-low", "heat-mid", "heat-high"].map((name) => parse(colour(name)));
  return (share) => {
    const [from, to, at] = share < 0.5 ? [low, mid, share * 2] : [mid, high, share * 2 - 1];
    return `rgb(${from.slice(0, 3).map((value, i) => Math.round(value + (to[i] - value) * at)).join(" ")})`;
  };
};

/// The cells of a grid that are not empty, of these origins: [column, bucket, count].
function cellsOf(grid, origins) {
  const cells = [];
  grid.start_ns.forEach((_, column) => {
    const counts = new Map();
    for (const origin of origins) {
      const list = grid[origin][column];
      for (let i = 0; i < list.length; i += 2) counts.set(list[i], (counts.get(list[i]) ?? 0) + list[i + 1]);
    }
    for (const [bucket, n] of counts) cells.push([column, bucket, n]);
  });
  return cells;
}

// Cells differ in size: what is comparable is faults for each second and each doubling of latency.
const density = (grid, [column, bucket, n]) => {
  const [lo, hi] = buckets[bucket];
  return n / (grid.duration_ns[column] / 1e9) / Math.log2(hi / Math.max(lo, 0.5));
};

function heat(host, readout, grid, origins, pid, scale) {
  const cells = cellsOf(grid, origins).map((cell) => ({ cell, density: density(grid, cell) }));
  if (!cells.length) return null;
  const most = cells.reduce((max, one) => Math.max(max, one.density), 0);
  const least = cells.reduce((min, one) => Math.min(min, one.density), Infinity);
  const share = (value) => (most === least ? 1 : Math.log(value / least) / Math.log(most / least));
  const bottom = cells.reduce((min, { cell }) => Math.min(min, Math.max(buckets[cell[1]][0], 1)), Infinity);
  const top = cells.reduce((max, { cell }) => Math.max(max, buckets[cell[1]][1]), 1);
  const palette = ramp();
  const shades = Array.from({ length: 64 }, (_, i) => palette(i / 63));
  scale.replaceChildren(...rampLegend(shades, least, most));
  const byCell = new Map(cells.map(({ cell }) => [cell[0] * 1000 + cell[1], cell[2]]));
  const draw = (u) => {
    const { ctx } = u;
    ctx.save();
    ctx.beginPath();
    ctx.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height);
    ctx.clip();
    const edge = (ns) => Math.round(u.valToPos(ns / 1e9, "x", true));
    const level = (ns) => Math.round(u.valToPos(Math.max(ns, 0.5), "y", true));
    for (const one of cells) {
      const [column, bucket] = one.cell;
      const left = edge(grid.start_ns[column]);
      const right = edge(grid.start_ns[column] + grid.duration_ns[column]);
      const [lo, hi] = buckets[bucket];
      const high = level(hi);
      ctx.fillStyle = shades[Math.round(share(one.density) * 63)];
      ctx.fillRect(left, high, Math.max(right - left, 1), Math.max(level(lo) - high, 1));
    }
    ctx.restore();
  };
  const tell = (u) => {
    if (u.cursor.left == null || u.cursor.left < 0) return;
    const at = u.posToVal(u.cursor.left, "x") * 1e9;
    const latency = u.posToVal(u.cursor.top, "y");
    const column = grid.start_ns.findIndex((start, i) => at >= start && at < start + grid.duration_ns[i]);
    const bucket = buckets.findIndex(([lo, hi]) => latency >= lo && latency < hi);
    if (column < 0 || bucket < 0) return;
    const end = grid.start_ns[column] + grid.duration_ns[column];
    readout.textContent = `${seconds(grid.start_ns[column], span_ns)} to ${seconds(end, span_ns)} s, ${duration(buckets[bucket][0])} to ${duration(buckets[bucket][1])}: ${plural(byCell.get(column * 1000 + bucket) ?? 0, "fault")}`;
  };
  return plot(
    host,
    `Latency of faults over time, from ${duration(bottom)} to ${duration(top)}, ${plural(grid.start_ns.length, "column")}`,
    {
      legend: { show: false },
      scales: { x: timeScale(), y: { distr: 3, range: [bottom, top] } },
      axes: [timeAxis(true), logAxis({ size: LEFT })],
      series: [{}, { paths: () => null, points: { show: false } }],
      cursor: { points: { show: false } },
      hooks: { drawClear: [(u) => drawStorms(u, stormsOf(pid))], drawAxes: [draw], setCursor: [tell] },
    },
    [[0, span_ns / 1e9], [bottom, top]],
    { height: 270 },
  );
}

function rampLegend(shades, least, most) {
  const canvas = h("canvas", { width: shades.length, height: 1, "aria-hidden": "true" });
  const ctx = canvas.getContext("2d");
  shades.forEach((shade, i) => {
    ctx.fillStyle = shade;
    ctx.fillRect(i, 0, 1, 1);
  });
  return [h("span", null, compact(least)), canvas, h("span", null, `${compact(most)} faults/s for each doubling of latency (logarithmic)`)];
}

function gridTable(grid, origins) {
  const cells = cellsOf(grid, origins);
  const rows = [];
  const perRow = Math.ceil(grid.start_ns.length / 60);
  for (let from = 0; from < grid.start_ns.length; from += perRow) {
    const until = Math.min(from + perRow, grid.start_ns.length);
    const inside = cells.filter(([column]) => column >= from && column < until).sort((a, b) => a[1] - b[1]);
    const total = inside.reduce((sum, cell) => sum + cell[2], 0);
    const quantile = (q) => {
      let below = 0;
      for (const [, bucket, n] of inside) if ((below += n) >= Math.max(1, Math.ceil(q * total))) return `≤ ${duration(buckets[bucket][1])}`;
      return "–";
    };
    const end = grid.start_ns[until - 1] + grid.duration_ns[until - 1];
    rows.push([seconds(grid.start_ns[from], span_ns), duration(end - grid.start_ns[from]), count(total), quantile(0.5), quantile(0.9), quantile(0.99), quantile(1)]);
  }
  return table("Latency over time, by the upper bound of the bucket",
    ["at (s)", "for", "faults", "p50", "p90", "p99", "longest"].map((title) => ({ title, right: true })), rows);
}

export function latencyOverTime(host, pid) {
  const grid = linesOf(pid)?.grid;
  const has = (origin) => grid[origin].some((column) => column.length);
  if (!grid || !ORIGINS.some(has)) return false;
  const figure = h("figure");
  const readout = h("p", { class: "readout", role: "status" }, "");
  const scale = h("span", { class: "ramp" });
  const data = h("div");
  let entry = null;
  const draw = (origins) => {
    if (entry) {
      living = living.filter((one) => one !== entry);
      entry.u.destroy();
    }
    figure.replaceChildren();
    entry = heat(figure, readout, grid, origins, pid, scale);
    data.replaceChildren(foldedTable("The figures of this picture", () => gridTable(grid, origins)));
  };
  const present = ORIGINS.filter(has);
  const options = [[ORIGINS, "all"], ...(present.length > 1 ? present.map((origin) => [[origin], origin]) : [])];
  host.append(
    h("div", { class: "tools" }, choice("Origin", options, ORIGINS, draw), scale), figure, readout, data);
  draw(ORIGINS);
  return true;
}

// ---- Memory, swap and reclaim

function overTime(host, pid, title, list, unit, about) {
  const series = linesOf(pid).series;
  const kept = list.filter((one) => one.values);
  host.append(h("h3", null, title));
  if (about) host.append(h("p", { class: "about" }, about));
  const figure = h("figure");
  host.append(figure);
  lines(figure, `${title}: ${kept.map((one) => `${one.label} up to ${unit(peak(one.values))}`).join(", ")}`, { time: series, list: kept },
    { pid, unit, height: 160, names: false });
  host.append(foldedTable("The figures of this picture", () => intervalTable(title, series, kept, unit)));
}

export function memoryOverTime(host, pid) {
  const series = linesOf(pid)?.series;
  if (!series || !(any(series.locked_bytes) || any(series.resident_bytes))) return false;
  overTime(host, pid, "Resident and locked memory", [
    { label: "resident", colour: 5, values: series.resident_bytes },
    { label: "locked", colour: 2, values: series.locked_bytes },
  ], bytes);
  return true;
}

export function pressureOverTime(host, pid) {
  const series = linesOf(pid)?.series;
  if (!series?.start_ns.length) return false;
  const measured = (values) => (values ? rates(values, series.duration_ns) : null);
  let drew = false;
  if (any(series.swap_in) || any(series.swap_out)) {
    overTime(host, pid, "Pages swapped, a second", [
      { label: "swapped in /s", colour: 4, values: measured(series.swap_in) },
      { label: "swapped out /s", colour: 1, values: measured(series.swap_out) },
    ], number);
    drew = true;
  }
  if (any(series.reclaim_ns)) {
    overTime(host, pid, "Time stalled in reclaim, as a share of the interval", [
      { label: "stalled", colour: 3, values: series.reclaim_ns.map((ns, i) => (ns == null ? null : ns / series.duration_ns[i])) },
    ], percent, "All threads together: it may exceed 100 %.");
    drew = true;
  }
  return drew;
}

// ---- Latency distribution

export function distribution(host, curves, log) {
  const bounds = [...new Set(curves.flatMap((curve) => curve.latency.buckets.flatMap(({ lo, hi }) => [Math.max(lo, 1), hi])))].sort((a, b) => a - b);
  // Faults for each doubling of latency: a bucket's count by its width as it is drawn. Counts alone would jump at each
  // octave, where buckets become twice as wide.
  const heights = (latency) => {
    const at = new Map(latency.buckets.map(({ lo, hi, count }) => [Math.max(lo, 1), count / Math.log2(hi / Math.max(lo, 0.5))]));
    return bounds.map((bound) => at.get(bound) ?? (log ? null : 0));
  };
  const label = `Distribution of latency: ${curves.map((curve) => `${curve.label} ${plural(curve.latency.count, "fault")}, median ${duration(curve.latency.quantile(0.5))}`).join("; ")}`;
  return plot(
    host,
    label,
    {
      scales: {
        x: { time: false, distr: 3, range: [bounds[0], bounds[bounds.length - 1]] },
        y: log ? { distr: 3 } : { range: (_, __, max) => [0, max * 1.05] },
      },
      axes: [
        logAxis({ size: 28 }),
        axis({ size: LEFT, values: (_, splits) => splits.map((value) => (value == null ? "" : compact(value))) }),
      ],
      series: [
        { label: "from", value: (_, value) => (value == null ? "–" : duration(value)) },
        ...curves.map((curve, i) => ({
          label: curve.label,
          stroke: colour(`series-${(curve.colour ?? i) % 7}`),
          fill: log ? undefined : faint(`series-${(curve.colour ?? i) % 7}`),
          dash: DASHES[(curve.colour ?? i) % 7],
          width: 1.5,
          points: { show: false },
          paths: uPlot.paths.stepped({ align: 1 }),
          value: (_, value) => (value ? compact(value) : "–"),
        })),
      ],
    },
    [bounds, ...curves.map((curve) => heights(curve.latency))],
    { timed: false, height: 250 },
  );
}

