// Opens the pages of mlt-html-pages in Chromium: usage: node check.mjs MODULES CHROMIUM PAGES
// The last line is "N passed, N failed".
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { equal, expect, finish, test, patience } from "./testing.mjs";

const [modules, chromium, pages] = process.argv.slice(2);
const playwright = await import(pathToFileURL(join(modules, "playwright-core/index.mjs")));
const browser = await playwright.chromium.launch({ executablePath: chromium, args: ["--no-sandbox"] });

/// The page, and all that it should not have done.
async function open(name, options = {}) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, colorScheme: "light", ...options });
  page.setDefaultTimeout(patience);
  const url = pathToFileURL(join(pages, name)).href;
  page.faults = [];
  page.on("console", (message) => page.faults.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => page.faults.push(`error: ${error.stack}`));
  page.on("request", (request) => {
    if (request.url() !== url) page.faults.push(`request: ${request.url()}`);
  });
  page.on("dialog", (dialog) => page.faults.push(`dialog: ${dialog.message()}`));
  await page.goto(url);
  await page.waitForFunction(() => document.documentElement.dataset.plots !== undefined, null, { timeout: patience });
  return page;
}

async function expectNoFaults(page) {
  equal(page.faults.join("\n"), "", "the page did");
  equal(await page.evaluate(() => window.pwned), undefined, "window.pwned");
}

/// Of each plot, how many colours its canvas has.
const coloursOfPlots = (page) =>
  page.evaluate(() =>
    [...document.querySelectorAll(".uplot canvas")].map((canvas) => {
      const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
      copy.drawImage(canvas, 0, 0);
      const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
      const seen = new Set();
      for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 60) seen.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
      return seen.size;
    }));

async function expectDrawn(page, plots) {
  const colours = await coloursOfPlots(page);
  equal(colours.length, plots, "plots");
  expect(colours.every((n) => n >= 3), `a plot is blank: colours ${colours}`);
}

for (const name of readdirSync(pages).filter((file) => file.endsWith(".html")).sort()) {
  await test(`${name}: no error, no request, well formed`, async () => {
    const page = await open(name);
    const problems = await page.evaluate(() => {
      const found = [];
      for (const canvas of document.querySelectorAll("canvas"))
        if (!canvas.ariaHidden && !(canvas.getAttribute("role") === "img" && canvas.getAttribute("aria-label"))) found.push("a canvas without words");
      for (const table of document.querySelectorAll("table")) {
        if (!table.caption?.textContent) found.push("a table without a caption");
        if (table.querySelector("th:not([scope])")) found.push("a header cell without a scope");
      }
      for (const section of document.querySelectorAll("section"))
        if (!section.querySelector("h2") || section.children.length < 2) found.push(`an empty section: ${section.id}`);
      for (const link of document.querySelectorAll("a[href^='#']"))
        if (!document.querySelector(link.getAttribute("href"))) found.push(`a dead link: ${link.href}`);
      const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
      if (new Set(ids).size !== ids.length) found.push("an id twice");
      if (document.querySelectorAll("h1").length !== 1 || document.querySelectorAll("main").length !== 1) found.push("not one h1 and one main");
      if (/NaN|undefined|Infinity|\[object/.test(document.body.innerText)) found.push(`odd text: ${document.body.innerText.match(/.{30}(NaN|undefined|Infinity|\[object).{30}/)?.[0]}`);
      return found;
    });
    equal(problems.join("; "), "", "problems");
    await expectNoFaults(page);
    await page.close();
  });
}

await test("every plot of a recording is drawn, in light and in dark", async () => {
  const page = await open("busy.html");
  await expectDrawn(page, 7);
  const light = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await page.getByRole("button", { name: "Switch between light and dark" }).click();
  expect((await page.evaluate(() => getComputedStyle(document.body).backgroundColor)) !== light, "the switch changes nothing");
  await expectDrawn(page, 7);
  await page.close();
  const dark = await open("busy.html", { colorScheme: "dark" });
  expect((await dark.evaluate(() => getComputedStyle(document.body).backgroundColor)) !== light, "the system's theme changes nothing");
  await expectNoFaults(dark);
  await dark.close();
});

await test("the first screen says what is wrong, why, and what to do", async () => {
  const page = await open("busy.html");
  for (const text of ["locking failed, RLIMIT_MEMLOCK is too small", "limit", "Do: Raise the limit to 88 MiB"]) {
    const box = await page.getByText(text).first().boundingBox();
    expect(box && box.y + box.height < 900, `not on the first screen: ${text}`);
  }
  await page.close();
});

await test("the keyboard reaches everything, and one sees where it is", async () => {
  const page = await open("busy.html");
  const met = new Map();
  for (let i = 0; i < 150; i++) {
    await page.keyboard.press("Tab");
    const one = await page.evaluate(() => {
      const element = document.activeElement;
      if (element === document.body) return null;
      return { kind: element.className === "plot" ? "plot" : element.tagName, seen: getComputedStyle(element).outlineStyle !== "none", text: element.outerHTML.slice(0, 80) };
    });
    if (!one) break;
    expect(one.seen, `no focus to be seen on ${one.text}`);
    if (i === 0) expect(one.text.includes("skip"), "the skip link is not first");
    met.set(one.kind, (met.get(one.kind) ?? 0) + 1);
  }
  equal(met.get("plot"), 7, "plots reached");
  for (const kind of ["A", "BUTTON", "SELECT", "INPUT", "SUMMARY", "DIV"]) expect(met.get(kind), `never reached: ${kind}`);
  await page.close();
});

await test("keys move the cursor of a plot, zoom all of them, and show all again", async () => {
  const page = await open("busy.html");
  const heat = page.locator("#latency-time .plot");
  const readout = page.locator("#latency-time .readout");
  const ticks = async () => (await coloursOfPlots(page)).length && page.evaluate(() => document.querySelector("#over-time .u-legend")?.textContent);
  await heat.focus();
  await page.keyboard.press("ArrowRight");
  expect(/ to .* s, .* faults?$/.test(await readout.textContent()), `the readout says: ${await readout.textContent()}`);
  const before = await readout.textContent();
  for (let i = 0; i < 6; i++) await page.keyboard.press("Shift+ArrowRight");
  expect((await readout.textContent()) !== before, "the cursor does not move");
  expect(/\d/.test(await ticks()), "the other plots do not follow the cursor");
  const wide = await heat.screenshot();
  await page.keyboard.press("+");
  expect(!wide.equals(await heat.screenshot()), "plus does not zoom");
  await page.keyboard.press("Escape");
  await expectDrawn(page, 7);
  await expectNoFaults(page);
  await page.close();
});

await test("a table stands behind every picture", async () => {
  const page = await open("busy.html");
  const details = page.locator("details.data");
  const n = await details.count();
  expect(n >= 7, `only ${n} tables`);
  for (let i = 0; i < n; i++) {
    await details.nth(i).locator("summary").click();
    // The table is made when the details open, which the browser tells in its own time.
    await details.nth(i).locator("tbody tr").first().waitFor({ state: "attached", timeout: patience });
  }
  await expectNoFaults(page);
  await page.close();
});

await test("another process can be looked at, and other curves", async () => {
  const page = await open("busy.html");
  await page.locator("#process").selectOption("4250");
  expect((await page.locator("#summary").textContent()).includes("Forked by pid 4242"), "the summary is not of the child");
  await page.locator("#process").selectOption("4242");
  for (const label of ["by cause", "by lock state", "time in faults", "logarithmic"])
    for (const choice of await page.getByLabel(label, { exact: true }).all()) await choice.check();
  await expectDrawn(page, 7);
  await expectNoFaults(page);
  await page.close();
});

/// The cells of the first column of a table, by its caption.
const firstCells = (page, caption) =>
  page.locator("table").filter({ has: page.locator("caption", { hasText: caption }) }).first().locator("tbody tr > :first-child").allTextContents();

await test("what the kernel skipped is told, and has an origin of its own", async () => {
  const page = await open("skipping.html");
  const trust = await page.locator("#trust").innerText();
  expect(trust.includes("Skipped: 5 faults of unknown class and 1 fault of unknown duration, counted all the same: the kernel skipped a probe."), `told: ${trust}`);
  expect(trust.includes("No fault was lost.") && !trust.includes("Nothing was lost."), `told: ${trust}`);
  const row = page.locator("#summary tr").filter({ has: page.locator("> :first-child", { hasText: /^unknown$/ }) });
  equal((await row.locator("> *").allTextContents()).slice(0, 4).join(" "), "unknown 5 0 0", "the row");
  equal((await firstCells(page, "Faults by origin")).join(" "), "access kernel populate remote unknown total", "rows");
  const total = page.locator("#summary tr").filter({ has: page.locator("> :first-child", { hasText: /^total$/ }) });
  equal((await total.locator("> *").allTextContents())[1], "400", "faults in total");
  expect((await page.locator("#summary").innerText()).includes("6 faults began before the trace, or the kernel skipped a probe: counted, but without a latency."), "why they have no latency");
  expect((await page.locator("#over-time").innerText()).includes("unknown /s"), "no curve of them over time");
  await expectDrawn(page, 3);
  await expectNoFaults(page);
  await page.close();
});

await test("where nothing was skipped, nothing is said of it", async () => {
  const page = await open("unskipping.html");
  const trust = await page.locator("#trust").innerText();
  expect(trust.includes("Nothing was lost.") && !trust.includes("Skipped"), `told: ${trust}`);
  equal((await firstCells(page, "Faults by origin")).join(" "), "access kernel populate remote total", "rows");
  await page.close();
});

await test("hostile names are shown and never run", async () => {
  const page = await open("hostile.html");
  for (const summary of await page.locator("summary").all()) await summary.click();
  expect((await page.locator("body").textContent()).includes("</script><script>window.pwned=1</script>"), "the name is not shown");
  equal(await page.locator("img").count(), 0, "images");
  expect(!/[\u0000-\u0008\u001b\u202e]/.test(await page.locator("body").innerText()), "control characters pass");
  // What would run if a name did get through: the page's policy forbids it.
  await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "window.pwned = 2";
    document.body.append(script);
  });
  equal(await page.evaluate(() => window.pwned), undefined, "window.pwned");
  expect(page.faults.length === 1 && page.faults[0].includes("Content Security Policy"), `unexpected: ${page.faults}`);
  await page.close();
});

await test("a narrow window needs no scrolling sideways", async () => {
  for (const name of ["busy.html", "hostile.html", "crowd.html"]) {
    const page = await open(name, { viewport: { width: 390, height: 800 } });
    equal(await page.evaluate(() => document.documentElement.scrollWidth), 390, `${name} is wide`);
    await page.close();
  }
});

await test("100,000 intervals are drawn in three seconds, with every peak", async () => {
  const page = await open("long.html");
  // Of the page's own thread: the machine may have other work to do.
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  await page.reload();
  await page.waitForFunction(() => document.documentElement.dataset.plots !== undefined, null, { timeout: patience });
  const { metrics } = await session.send("Performance.getMetrics");
  const seconds = metrics.find((metric) => metric.name === "TaskDuration").value;
  console.log(`100,000 intervals: ${seconds.toFixed(2)} s of processor time`);
  expect(seconds > 0.01 && seconds < 3, `took ${seconds} s`);
  await expectDrawn(page, 4);
  // Spikes of one interval among 100,000: 10 of 4,000 faults a second stand above a wave of 110.
  const peaks = await page.evaluate(() => {
    const canvas = document.querySelector("#over-time .uplot canvas");
    const ctx = canvas.getContext("2d");
    const { data } = ctx.getImageData(0, Math.round(canvas.height * 0.3), canvas.width, 1);
    let peaks = 0;
    let inside = false;
    for (let x = 80; x < canvas.width; x++) {
      const [r, g, b, a] = data.slice(x * 4, x * 4 + 4);
      const line = a > 120 && b - r > 60;
      if (line && !inside) peaks++;
      inside = line;
    }
    return peaks;
  });
  equal(peaks, 10, "spikes");
  await page.close();
});

await browser.close();
finish();
