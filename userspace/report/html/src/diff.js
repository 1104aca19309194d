// Two traces side by side.
import { choice, foldedTable, h, table } from "./dom.js";
import { bytes, duration, number, percent } from "./format.js";
import { Latency, diff } from "./model.js";
import { distribution, drawn } from "./plots.js";

const VERDICTS = { regression: "problem", mixed: "warning", improvement: "", same: "" };
const TONES = { worse: "bad", better: "fine", changed: "", noise: "quiet", unknown: "quiet" };
const UNITS = { per_second: (value) => `${number(value)}/s`, nanoseconds: duration, share: percent, bytes };

const valueText = (figure, value) => (value == null ? "n/a" : UNITS[figure.unit](value));

function changeText({ before, after }) {
  if (before == null || after == null) return "";
  if (before === 0) return after === 0 ? "" : "new";
  if (after === 0) return "gone";
  const ratio = after / before;
  return ratio >= 10 ? `× ${number(ratio)}` : `${ratio >= 1 ? "+" : "−"}${number(Math.abs(ratio - 1) * 100)} %`;
}

function findingView(one) {
  const severity = one.after ?? one.before;
  const changed = one.before && one.after && one.before !== one.after ? `, was ${one.before}` : "";
  return h("article", { class: `finding ${["came", "graver"].includes(one.change) ? severity : "info"}` },
    h("h3", null, h("span", { class: "word" }, `${one.change}: ${severity}${changed}`), one.command ? `${one.command}: ` : "", one.title),
    one.advice && one.change !== "went" ? h("p", null, h("strong", null, "Do: "), one.advice) : null,
    h("p", { class: "see" }, "Name: ", h("code", null, one.id)));
}

function figureTable(caption, figures) {
  const right = (title) => ({ title, right: true });
  return table(caption, [{ title: "figure" }, right("before"), right("after"), right("change"), { title: "" }, { title: "how it was judged" }],
    figures.map((figure) => {
      const tone = TONES[figure.change];
      return [figure.title, valueText(figure, figure.before), valueText(figure, figure.after),
        h("span", { class: tone }, changeText(figure)), h("span", { class: tone }, figure.change), h("span", { class: "quiet" }, figure.why)];
    }));
}

const differs = (figure) => !["noise", "unknown"].includes(figure.change);

function figuresOf(host) {
  const commands = [...new Set(diff.figures.map((figure) => figure.command))];
  for (const command of commands) {
    const own = diff.figures.filter((figure) => figure.command === command);
    const shown = own.filter(differs);
    const rest = own.filter((figure) => !differs(figure));
    const title = command ?? "All processes";
    host.append(h("h3", null, title));
    host.append(shown.length ? figureTable(`Figures that differ: ${title}`, shown) : h("p", { class: "about" }, "No figure differs by more than chance."));
    if (rest.length) host.append(foldedTable(`${rest.length} that do not, or can't be judged`, () => figureTable(`Other figures: ${title}`, rest)));
  }
}

const valuesText = (values) => values.map(({ value, processes }) => `${value ?? "none"} (${processes})`).join(", ");

function valuesOf(host) {
  if (!diff.values.length) return;
  host.append(table("Values that differ", [{ title: "processes with" }, { title: "before" }, { title: "after" }],
    diff.values.map((one) => [one.command ? `${one.command}: ${one.key}` : one.key, valuesText(one.before), valuesText(one.after)])));
}

let latencyHost;

/// Draws what depends on the theme.
export function drawDiff() {
  const origins = Object.keys(diff.latency);
  if (!latencyHost || !origins.length) return;
  const state = { origin: origins[0], log: false };
  const figure = h("figure");
  let entry = null;
  const draw = () => {
    const { before, after } = diff.latency[state.origin];
    const curves = [["before", before, 5], ["after", after, 0]]
      .map(([label, latency, colour]) => ({ label, colour, latency: new Latency().add(latency) }))
      .filter((curve) => curve.latency.count);
    if (entry) {
      drawn().splice(drawn().indexOf(entry), 1);
      entry.u.destroy();
    }
    figure.replaceChildren();
    entry = distribution(figure, curves, state.log);
  };
  latencyHost.replaceChildren(
    h("div", { class: "tools" },
      choice("Origin", origins.map((origin) => [origin, origin]), state.origin, (origin) => { state.origin = origin; draw(); }),
      choice("Scale", [[false, "linear"], [true, "logarithmic"]], false, (log) => { state.log = log; draw(); })),
    figure);
  draw();
}

export function diffSections(section) {
  const findings = section("findings", "Verdict");
  findings.append(
    h("div", { class: `verdict ${VERDICTS[diff.verdict]}` },
      h("p", { class: "said" }, diff.text), h("p", { class: "counts" }, diff.verdict === "same" ? "no difference" : diff.verdict),
      diff.caveats.map((caveat) => h("p", { class: "caveat" }, caveat))),
    ...diff.findings.map(findingView));
  const figures = section("figures", "What differs");
  valuesOf(figures);
  figuresOf(figures);
  const parts = [["findings", "Verdict"], ["figures", "What differs"]];
  const main = h("main", { id: "main" }, findings, figures);
  if (Object.keys(diff.latency).length) {
    const latency = section("latency", "Distribution of latency");
    latency.append(h("p", { class: "about" }, "Height is faults for each doubling of latency, of all processes."));
    latencyHost = h("div");
    latency.append(latencyHost);
    main.append(latency);
    parts.push(["latency", "Distribution of latency"]);
  }
  const method = section("method", "How differences are told from chance");
  method.append(h("p", null, diff.method));
  main.append(method);
  parts.push(["method", "How differences are told from chance"]);
  return { main, parts };
}
