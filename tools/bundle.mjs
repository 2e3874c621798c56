// TypeScript that is run from the sources: bundled into node_modules/.cache and imported from there.
import { basename, dirname, join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { ROOT } from "./install.mjs";

/** Imports a TypeScript file of this repository; packages of node_modules stay where they are. */
export async function importSource(path) {
  const name = relative(ROOT, path).replace(/[\\/]/g, "-");
  const outfile = join(ROOT, "node_modules", ".cache", "latchkey", `${basename(name, ".ts")}.mjs`);
  await build({
    entryPoints: [path],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    sourcemap: "inline",
    packages: "external",
    alias: {
      "@latchkey/core": join(ROOT, "packages", "core", "src"),
      "@latchkey/api": join(ROOT, "packages", "api", "src"),
    },
    absWorkingDir: dirname(path),
    logLevel: "warning",
  });
  return import(`${pathToFileURL(outfile).href}?at=${Date.now()}`);
}
