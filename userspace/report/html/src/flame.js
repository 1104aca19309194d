// Flame graph of the stacks that faulted, root on top.
import { choice, foldedTable, h, name, short, table } from "./dom.js";
import { count, duration, percent, plural, words } from "./format.js";

const ROW = 21;
const NARROWEST = 0.0008;

const nameOf = (frame) => frame.function || (frame.module ? `${frame.module.replace(/^.*\//, "")}+0x${frame.offset.toString(16)}` : frame.address);
const isCode = (frame) => frame.function || frame.module;
/// Outermost first. What a program without frame pointers makes of its callers is no code: such frames are left out.
const callersOf = (stack) => stack.user.slice(0, stack.user.findLastIndex(isCode) + 1).reverse();
const isCut = (stack) => stack.user.length > 0 && !isCode(stack.user[stack.user.length - 1]);
const pathOf = (stack) => [...callersOf(stack), ...[...stack.kernel].reverse()];

function treeOf(stacks, valueOf) {
  const root = { name: "all faults with a stack", value: 0, children: new Map() };
  for (const stack of stacks) {
    const value = valueOf(stack);
    root.value += value;
    let node = root;
    for (const frame of pathOf(stack)) {
      const key = nameOf(frame);
      if (!node.children.has(key)) node.children.set(key, { name: key, module: frame.module, value: 0, children: new Map(), parent: node });
      node = node.children.get(key);
      node.value += value;
    }
  }
  return root;
}

// Told apart by where the code is, not by chance: one colour a module.
const tone = (module) => {
  if (!module) return "#d8d4c8";
  if (module.startsWith("[")) return "#e6b88a";
  let hash = 0;
  for (const c of module) hash = (hash * 31 + c.charCodeAt(0)) >>> 0;
  return ["#e9cf8f", "#dfc07c", "#e8d9a8", "#d9c48c", "#efd9a0"][hash % 5];
};

function draw(host, root, focus, unit, onfocus) {
  const ancestors = [];
  for (let node = focus; node; node = node.parent) ancestors.unshift(node);
  let depth = 0;
  const boxes = [];
  const put = (node, left, width, row) => {
    depth = Math.max(depth, row + 1);
    const box = h("button", { type: "button", title: `${node.name} (${node.module ?? ""}) ${unit(node.value)}, ${percent(node.value / root.value)}`,
      "aria-label": `${node.name}, ${unit(node.value)}, ${percent(node.value / root.value)}, level ${row + 1}`, onclick: () => onfocus(node) },
      width > 0.02 ? short(node.name, 120) : "");
    box.style.left = `${left * 100}%`;
    box.style.width = `calc(${width * 100}% - 1px)`;
    box.style.top = `${row * ROW}px`;
    box.style.background = node === root ? "#cfd3d8" : tone(node.module);
    boxes.push(box);
  };
  const descend = (node, left, width, row) => {
    put(node, left, width, row);
    let at = left;
    for (const child of [...node.children.values()].sort((a, b) => b.value - a.value)) {
      const share = (child.value / node.value) * width;
      if (share >= NARROWEST) descend(child, at, share, row + 1);
      at += share;
    }
  };
  ancestors.slice(0, -1).forEach((node, row) => put(node, 0, 1, row));
  descend(focus, 0, 1, ancestors.length - 1);
  host.style.height = `${depth * ROW}px`;
  host.replaceChildren(...boxes);
}

function hottest(stacks) {
  return table("Stacks, most faults first",
    [{ title: "faults", right: true }, { title: "time", right: true }, { title: "origin" }, { title: "cause" }, { title: "stack, outermost first" }],
    [...stacks].sort((a, b) => b.faults - a.faults).map((stack) =>
      [count(stack.faults), duration(stack.time_ns), stack.origin, words(stack.cause ?? ""), name(pathOf(stack).map(nameOf).join(" → "), 400)]));
}

export function flameGraph(host, stacks) {
  if (!stacks.length) {
    host.append(h("p", { class: "empty" }, "No stacks were recorded. Record with ", h("code", null, "-U"), " for the program's own functions, with ",
      h("code", null, "-K"), " for the kernel's: ", h("code", null, "mlocktrace record -U -K -o FILE -p PID"), "."));
    return;
  }
  const graph = h("div", { class: "flame", role: "group", "aria-label": "Flame graph of stacks that faulted; a press on a frame shows it alone" });
  const show = (byTime) => {
    const root = treeOf(stacks, (stack) => (byTime ? stack.time_ns : stack.faults));
    const unit = byTime ? duration : (value) => `${count(value)} faults`;
    const focus = (node) => draw(graph, root, node, unit, focus);
    focus(root);
  };
  host.append(
    h("div", { class: "tools" }, choice("Width", [[false, "faults"], [true, "time in faults"]], false, show)),
    graph, foldedTable("The stacks of this picture", () => hottest(stacks)));
  const cut = stacks.filter(isCut).reduce((sum, stack) => sum + stack.faults, 0);
  if (cut)
    host.append(h("p", { class: "about" }, `Of ${plural(cut, "fault")} the outermost callers are not known: user stacks are followed by frame pointers, and something on them was built without (`,
      h("code", null, "-fno-omit-frame-pointer"), " keeps them)."));
  show(false);
}
