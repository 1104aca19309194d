// Makes page.html: src/, uPlot and the style in one file, with the hashes that its Content-Security-Policy names.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const [modules, output] = process.argv.slice(2);
const { build } = await import(pathToFileURL(join(modules, "esbuild/lib/main.js")));

const { outputFiles } = await build({
  entryPoints: [join(here, "src/main.js")],
  bundle: true,
  minify: true,
  format: "iife",
  target: ["chrome123", "firefox120", "safari17.5"],
  legalComments: "none",
  nodePaths: [modules],
  outdir: "out",
  write: false,
  logLevel: "warning",
});
const part = (suffix) => outputFiles.find((file) => file.path.endsWith(suffix)).text.trim();
const script = part(".js");
const style = part(".css");
if (/<\/(script|style)|<!--/i.test(script + style)) throw new Error("the bundle would end its own element");

const hash = (text) => `sha256-${createHash("sha256").update(text).digest("base64")}`;
const licence = readFileSync(join(modules, "uplot/LICENSE"), "utf8").trim().replaceAll("--", "- -");
const parts = { "SCRIPT-HASH": hash(script), "STYLE-HASH": hash(style), STYLE: style, SCRIPT: script, LICENCE: `Contains uPlot.\n\n${licence}\n` };
const page = readFileSync(join(here, "frame.html"), "utf8").replace(/@([A-Z-]+)@/g, (all, name) => parts[name] ?? all);
writeFileSync(output, page);
