// Exports of mlt-html-pages, opened by those that they are for: usage: node exports.mjs MODULES CHROMIUM PAGES
// speedscope reads pprof and folded stacks, pprof-format is what Datadog's profiler writes and reads pprof with. Perfetto's
// own reader is no package: tests/report/perfetto.proto stands for it.
// The last line is "N passed, N failed".
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { gunzipSync } from "node:zlib";
import { equal, expect, finish, test, patience } from "./testing.mjs";

const [modules, chromium, pages] = process.argv.slice(2);
const playwright = await import(pathToFileURL(join(modules, "playwright-core/index.mjs")));
const { Profile } = createRequire(resolve(modules, "index.js"))("pprof-format");
const browser = await playwright.chromium.launch({ executablePath: chromium, args: ["--no-sandbox"] });

const report = (name) => JSON.parse(readFileSync(join(pages, `${name}.json`), "utf8"));
const framesOf = (stack) => [...stack.kernel, ...stack.user]; // innermost first
const stacksOf = (name) =>
  report(name).processes.flatMap((process) => process.faults.stacks.map((stack) => ({ ...stack, process })));
const sum = (list) => list.reduce((total, value) => total + value, 0);

/// Of each name that is met: how many faults below it, and right in it.
function figures(stacks, nameOf) {
  const found = new Map();
  for (const stack of stacks) {
    const names = framesOf(stack).map(nameOf);
    for (const name of new Set(names)) {
      const one = found.get(name) ?? { total: 0, self: 0 };
      one.total += stack.faults;
      if (name === names[0]) one.self += stack.faults;
      found.set(name, one);
    }
  }
  return found;
}

/// What speedscope's table of functions holds: name to figures.
async function inSpeedscope(file) {
  const page = await browser.newPage();
  page.setDefaultTimeout(patience);
  const faults = [];
  page.on("pageerror", (error) => faults.push(`error: ${error}`));
  page.on("dialog", (dialog) => { faults.push(`dialog: ${dialog.message()}`); return dialog.dismiss(); });
  page.on("console", (message) => { if (message.type() === "error") faults.push(`console: ${message.text()}`); });
  await page.goto(pathToFileURL(join(modules, "speedscope/dist/release/index.html")).href);
  await page.setInputFiles("input[type=file]", join(pages, file));
  await page.getByText("Sandwich").click({ timeout: patience });
  await page.locator("table tr").nth(1).waitFor({ timeout: patience });
  const rows = await page.evaluate(() => [...document.querySelectorAll("table tr")].slice(1).map((row) => [...row.cells].map((cell) => cell.innerText)));
  equal(faults.join("\n"), "", "speedscope says");
  await page.close();
  const number = (text) => Number(text.split(" ")[0].replaceAll(",", ""));
  return new Map(rows.map(([total, self, name]) => [name, { total: number(total), self: number(self) }]));
}

function expectFigures(shown, expected) {
  for (const [name, { total, self }] of expected) {
    expect(shown.has(name), `not shown: ${name}; but ${[...shown.keys()].join(", ")}`);
    equal(shown.get(name).total, total, `total of ${name}`);
    equal(shown.get(name).self, self, `self of ${name}`);
  }
}

const basename = (path) => path.replace(/^.*\//, "");
const known = (frame) => frame.function ?? (frame.module ? `${basename(frame.module)}+0x${frame.offset.toString(16)}` : frame.address);

await test("speedscope shows the folded stacks", async () => {
  const stacks = stacksOf("busy");
  expect(stacks.some((stack) => framesOf(stack).length >= 4), "no stack to speak of");
  const shown = await inSpeedscope("busy.folded");
  expectFigures(shown, figures(stacks, (frame) => (frame.module === "[kernel]" ? `${frame.function}_[k]` : known(frame))));
  for (const { comm, pid } of report("busy").processes) {
    const all = sum(stacks.filter((stack) => stack.process.pid === pid).map((stack) => stack.faults));
    if (all) equal(shown.get(comm)?.total, all, `faults of ${comm}`);
  }
});

await test("speedscope shows the pprof profile", async () => {
  expectFigures(await inSpeedscope("busy.pprof"), figures(stacksOf("busy"), known));
});

await test("pprof-format reads every sample, its frames and its labels", async () => {
  const profile = Profile.decode(gunzipSync(readFileSync(join(pages, "busy.pprof"))));
  const text = (index) => profile.stringTable.strings[Number(index)];
  equal(profile.sampleType.map((type) => `${text(type.type)} ${text(type.unit)}`).join(), "faults count,time nanoseconds", "sample types");
  const locations = new Map(profile.location.map((location) => [location.id, location]));
  const functions = new Map(profile.function.map((one) => [one.id, one]));
  const mappings = new Map(profile.mapping.map((one) => [one.id, one]));
  const stacks = stacksOf("busy");
  equal(profile.sample.length, stacks.length, "samples");
  profile.sample.forEach((sample, i) => {
    const stack = stacks[i];
    equal(Number(sample.value[0]), stack.faults, "faults");
    equal(Number(sample.value[1]), stack.time_ns, "time");
    const frames = sample.locationId.map((id) => locations.get(id));
    equal(frames.map((frame) => text(functions.get(frame.line[0].functionId).name)).join(), framesOf(stack).map(known).join(), "frames");
    equal(frames.map((frame) => text(mappings.get(frame.mappingId)?.filename ?? 0)).join(), framesOf(stack).map((frame) => frame.module ?? "").join(), "modules");
    const labels = Object.fromEntries(sample.label.map((label) => [text(label.key), Number(label.str) ? text(label.str) : Number(label.num)]));
    equal(labels.pid, stack.process.pid, "label pid");
    equal(labels.cause, stack.cause, "label cause");
    equal(labels.origin, stack.origin, "label origin");
  });
});

await test("hostile names are names to speedscope too", async () => {
  for (const file of ["hostile.folded", "hostile.pprof"]) {
    const shown = await inSpeedscope(file);
    equal(sum([...shown.values()].map((one) => one.self)), sum(stacksOf("hostile").map((stack) => stack.faults)), `${file}: faults`);
  }
});

await browser.close();
finish();
