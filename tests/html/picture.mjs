// Takes a picture of the top of a page: usage: node picture.mjs MODULES CHROMIUM PAGE PICTURE
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [modules, chromium, file, picture] = process.argv.slice(2);
const playwright = await import(pathToFileURL(join(modules, "playwright-core/index.mjs")));
const browser = await playwright.chromium.launch({ executablePath: chromium, args: ["--no-sandbox", "--disable-lcd-text"] });
const page = await browser.newPage({ viewport: { width: 960, height: 800 }, colorScheme: "light" });
await page.goto(pathToFileURL(file).href);
await page.waitForFunction(() => document.documentElement.dataset.plots !== undefined);
// The verdict, and what it is about, are far apart on the page: what lies between is left out.
await page.evaluate(() => {
  for (const id of ["summary", "latency", "locks", "memory", "pressure", "where", "system", "trust"]) document.getElementById(id)?.remove();
  for (const details of document.querySelectorAll("details.data, .contents, .bar, .finding:nth-of-type(n+2), #over-time h3, #over-time .scroll, .skip, footer, #latency-time > p"))
    details.remove();
  document.querySelector(".frame").style.display = "block";
  dispatchEvent(new Event("resize"));
});
await page.waitForTimeout(200);
await page.screenshot({ path: picture, fullPage: true });
await browser.close();
