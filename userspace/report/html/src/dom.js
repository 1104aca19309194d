// Building the page. Whatever comes from the data becomes a text node, never markup.

// Control characters, bidirectional controls and line separators are shown, not obeyed.
const STEERING = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
const LONGEST = 160;

export const visible = (text) =>
  String(text).replace(STEERING, (c) => `\\${c < "\u0100" ? "x" : "u"}${c.charCodeAt(0).toString(16).padStart(2, "0")}`);

/// `text` for display: what is too long loses its middle.
export function short(text, longest = LONGEST) {
  const shown = visible(text);
  if (shown.length <= longest) return shown;
  const head = Math.ceil(longest * 0.6);
  return `${shown.slice(0, head)} … ${shown.slice(head - longest)}`;
}

const append = (element, children) => {
  for (const child of children.flat(Infinity)) {
    if (child == null || child === false) continue;
    element.append(child instanceof Node ? child : short(child, 4000));
  }
  return element;
};

const set = (element, attributes) => {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value != null && value !== false) element.setAttribute(name, visible(value));
  }
  return element;
};

export const h = (tag, attributes, ...children) => append(set(document.createElement(tag), attributes), children);

export const svg = (tag, attributes, ...children) =>
  append(set(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes), children);

/// A name that a traced system chose: whole on hover when it is shown shortened.
export function name(text, longest = LONGEST) {
  const shown = short(text, longest);
  return h("span", { class: "name", title: shown === visible(text) ? null : short(text, 2000) }, shown);
}

const ROWS_AT_ONCE = 200;

/// columns: [{title, right, mono}]; rows: lists of texts or nodes, the first cell names the row.
export function table(caption, columns, rows) {
  const cell = (content, i) =>
    h(i === 0 ? "th" : "td",
      { scope: i === 0 ? "row" : null, class: [columns[i].right && "right", columns[i].mono && "mono"].filter(Boolean).join(" ") || null },
      content);
  const body = h("tbody");
  let shown = 0;
  const more = h("button", { type: "button", class: "more", onclick: () => show(rows.length) });
  const show = (until) => {
    for (; shown < Math.min(until, rows.length); shown++) body.append(h("tr", null, rows[shown].map(cell)));
    more.hidden = shown >= rows.length;
    more.textContent = `Show all ${rows.length.toLocaleString("en-US")} rows`;
  };
  show(ROWS_AT_ONCE);
  return h("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": caption },
    h("table", null, h("caption", null, caption),
      h("thead", null, h("tr", null, columns.map((column) =>
        h("th", { scope: "col", class: column.right ? "right" : null }, column.title)))),
      body),
    more);
}

/// A table that is made when it is opened.
export function foldedTable(summary, make) {
  const details = h("details", { class: "data" }, h("summary", null, summary));
  details.addEventListener("toggle", () => {
    if (details.open && details.childElementCount === 1) details.append(make());
  });
  return details;
}

/// One of several, as radio buttons: options [[value, label]].
let groups = 0;
export function choice(legend, options, chosen, onchange) {
  const group = `choice-${++groups}`;
  return h("fieldset", { class: "choice" }, h("legend", null, legend),
    options.map(([value, label]) =>
      h("label", null,
        h("input", { type: "radio", name: group, checked: value === chosen, onchange: () => onchange(value) }),
        h("span", null, label))));
}

// Colours of the style sheet as a canvas takes them; they change with the theme.
const colours = new Map();
export const forgetColours = () => colours.clear();
export function colour(variable) {
  if (colours.has(variable)) return colours.get(variable);
  const probe = h("span");
  probe.style.color = `var(--${variable})`;
  document.body.append(probe);
  const resolved = getComputedStyle(probe).color;
  probe.remove();
  colours.set(variable, resolved);
  return resolved;
}
