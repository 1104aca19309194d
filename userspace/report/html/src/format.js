// Numbers as people read them; the same words and roundings as the text report (util/units.cpp).

const significant = (value, digits) => {
  const whole = value < 1 ? 1 : Math.floor(Math.log10(value)) + 1;
  const text = value.toFixed(Math.max(0, digits - whole));
  return text.includes(".") ? text.replace(/0+$/, "").replace(/\.$/, "") : text;
};

const scaled = (value, units, step, digits) => {
  let i = 0;
  while (i + 1 < units.length && value / units[i][0] >= step) i++;
  return `${significant(value / units[i][0], digits)}${units[i][1] && " "}${units[i][1]}`;
};

const TIME = [[1, "ns"], [1e3, "us"], [1e6, "ms"], [1e9, "s"]];
const BINARY = [[1, "B"], [2 ** 10, "KiB"], [2 ** 20, "MiB"], [2 ** 30, "GiB"], [2 ** 40, "TiB"], [2 ** 50, "PiB"]];
const LETTERS = [[1, ""], [1e3, "k"], [1e6, "M"], [1e9, "G"], [1e12, "T"]];

export const NA = "n/a";

export function duration(ns) {
  if (ns == null) return NA;
  const seconds = Math.round(ns / 1e9);
  if (seconds >= 3600) return `${Math.floor(seconds / 3600)} h ${Math.floor(seconds / 60) % 60} min`;
  if (seconds >= 600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return scaled(ns, TIME, 999.5, 3);
}

export function bytes(value) {
  if (value == null) return NA;
  if (value < 0) return `-${bytes(-value)}`;
  return scaled(value, BINARY, 1023.995, 4);
}

export const count = (value) => (value == null ? NA : Math.round(value).toLocaleString("en-US"));

/// A number that need not be whole: rates.
export function number(value) {
  if (value == null) return NA;
  return value >= 999.5 ? count(value) : significant(value, 3);
}

/// Short, for axes: "12k".
export const compact = (value) => (value < 1 && value > 0 ? significant(value, 2) : scaled(value, LETTERS, 999.5, 3).replace(" ", ""));

export const percent = (share) => `${significant(share * 100, 3)} %`;

/// Seconds since the start, as fine as `span_ns` asks for.
export function seconds(ns, span_ns) {
  const digits = Math.min(6, Math.max(0, 4 - Math.floor(Math.log10(Math.max(span_ns, 1) / 1e9) + 1)));
  return (ns / 1e9).toFixed(digits);
}

export const plural = (value, noun) => `${count(value)} ${noun}${value === 1 ? "" : "s"}`;

export const words = (name) => name.replaceAll("_", " ");

/// "limit 80 MiB" for limit_bytes: the unit is the end of the name.
export function fact(key, value) {
  if (key.endsWith("_bytes") && value >= 0) return [words(key.slice(0, -6)), bytes(value)];
  if (key.endsWith("_ns") && value >= 0) return [words(key.slice(0, -3)), duration(value)];
  return [words(key), count(value)];
}
