// TypeScript that is run from the sources: bundled into node_modules/.cache and imported from there.
import { readdirSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { ROOT } from "./install.mjs";

/** Every package of ours, whatever is added: one that is left out would be handed to Node as TypeScript. */
const OUR_PACKAGES = Object.fromEntries(
  readdirSync(join(ROOT, "packages")).map((name) => [`@latchkey/${name}`, join(ROOT, "packages", name, "src")]),
);

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
    alias: OUR_PACKAGES,
    absWorkingDir: dirname(path),
    logLevel: "warning",
  });
  return import(`${pathToFileURL(outfile).href}?at=${Date.now()}`);
}
