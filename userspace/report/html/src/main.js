// Puts the page together.
import "uplot/dist/uPlot.min.css";
import "./style.css";
import { forgetColours, h, name, short } from "./dom.js";
import { bytes, duration, plural } from "./format.js";
import { drawDiff, diffSections } from "./diff.js";
import { choices, diff, processCount, processesOf, report, target, titleOf } from "./model.js";
import { drawn, reset } from "./plots.js";
import { OF_ALL, OF_PROCESSES, verdict } from "./sections.js";

const section = (id, title) => h("section", { id, "aria-labelledby": `${id}-title` }, h("h2", { id: `${id}-title` }, title));

let chosen = choices[0];
const hosts = new Map();

function drawProcesses() {
  reset();
  if (diff) return drawDiff();
  for (const [id, title, draw] of OF_PROCESSES) {
    const host = hosts.get(id);
    host.replaceChildren(h("h2", { id: `${id}-title` }, title));
    draw(host, processesOf(chosen), chosen);
  }
}

// ---- Theme: the system's, until one says otherwise

const dark = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light")) === "dark";

function themeButton() {
  const button = h("button", { type: "button" });
  const label = () => (button.textContent = isDark() ? "Light" : "Dark");
  const repaint = () => {
    label();
    forgetColours();
    if (choices.length || diff) drawProcesses();
  };
  button.addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    repaint();
  });
  dark.addEventListener("change", repaint);
  label();
  button.setAttribute("aria-label", "Switch between light and dark");
  return button;
}

function processBar() {
  const select = h("select", { id: "process", onchange: () => { chosen = choices[select.selectedIndex]; drawProcesses(); } },
    choices.map((pid) => h("option", { value: pid, selected: pid === chosen }, short(titleOf(pid), 60))));
  return h("div", { class: "bar" }, h("label", { for: "process" }, "The sections below show"), select);
}

function top() {
  const { host, window: time } = report;
  const start = new Date(time.start_unix_ns / 1e6);
  const began = time.start_unix_ns ? start.toISOString().replace("T", " ").replace(/\.\d+Z$/, " UTC") : "unknown";
  const memory = host.memory_bytes ? `, ${bytes(host.memory_bytes)} of memory` : "";
  return h("header", { class: "top" },
    h("h1", null, "mlocktrace: ", name(target, 100)),
    h("div", { class: "controls" }, themeButton()),
    h("p", { class: "meta" }, `Traced for ${duration(time.duration_ns)} from ${began}. Linux ${host.kernel} ${host.arch}, ${plural(host.cpus, "CPU")}${memory}, ${bytes(host.page_size)} pages. ${plural(processCount, "process")}.`.replace("processs", "processes")));
}

const contentsOf = (parts) =>
  h("nav", { class: "contents", "aria-label": "Contents" }, h("ol", null, parts.map(([id, title]) => h("li", null, h("a", { href: `#${id}` }, title)))));

function frame(header, parts, main, foot) {
  document.body.append(h("a", { class: "skip", href: "#findings" }, "Skip to the findings"),
    h("div", { class: "frame" }, header, contentsOf(parts), main,
      h("footer", null, `${foot} This file is complete: it loads nothing. The pictures are drawn by uPlot 1.6.32, © Leon Sorokin, MIT licence.`)));
}

function buildDiff() {
  document.title = `mlocktrace diff: ${short(diff.before, 40)}, ${short(diff.after, 40)}`;
  const { main, parts } = diffSections(section);
  const header = h("header", { class: "top" },
    h("h1", null, "mlocktrace diff: ", name(diff.before, 60), " → ", name(diff.after, 60)),
    h("div", { class: "controls" }, themeButton()));
  frame(header, parts, main, `Made by mlocktrace ${diff.tool.version}.`);
}

function build() {
  document.title = `mlocktrace: ${short(target, 80)}`;
  const main = h("main", { id: "main" }, verdict());
  const parts = [["findings", "Verdict and findings"]];
  if (choices.length > 1) main.append(processBar());
  for (const [id, title] of choices.length ? OF_PROCESSES : []) {
    hosts.set(id, section(id, title));
    main.append(hosts.get(id));
    parts.push([id, title]);
  }
  for (const [id, title, draw] of OF_ALL) {
    const host = section(id, title);
    draw(host);
    main.append(host);
    parts.push([id, title]);
  }
  frame(top(), parts, main, `Made by mlocktrace ${report.tool.version} (report schema ${report.schema_version}).`);
}

if (diff) buildDiff();
else build();
if (choices.length || diff) drawProcesses();
// For the tests: what is drawn, to look at its pixels.
document.documentElement.dataset.plots = String(drawn().length);
