// Builds a release of the leads application into $LATCHKEY_ARTIFACT: server.mjs, public/, migrations/, fault.json.
// The same sources give the same bytes.
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build as bundle } from "esbuild";
import { build as buildPage } from "vite";

const here = dirname(fileURLToPath(import.meta.url));
const out = process.env.LATCHKEY_ARTIFACT ?? join(here, "dist", "artifact");
const fault = process.env.LATCHKEY_FAULT;
rmSync(join(out, "public"), { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const banner =
  "import{createRequire as __leadsRequire}from'node:module';const require=__leadsRequire(import.meta.url);";
await bundle({
  absWorkingDir: here,
  entryPoints: ["src/server/main.ts"],
  outfile: join(out, "server.mjs"),
  bundle: true,
  minify: true,
  platform: "node",
  format: "esm",
  target: "node20",
  banner: { js: banner },
  external: ["pg-native"],
  logLevel: "warning",
});
await buildPage({
  root: join(here, "src", "web"),
  configFile: join(here, "vite.config.ts"),
  logLevel: "warn",
  build: { outDir: join(out, "public"), emptyOutDir: true },
});
cpSync(join(here, "migrations"), join(out, "migrations"), { recursive: true });
if (fault) {
  // A healthy rehearsal is a release of its own although nothing else differs: it says which rehearsal it is for.
  writeFileSync(
    join(out, "fault.json"),
    `${JSON.stringify({ fault, ...(fault === "none" ? { rehearsal: process.env.LATCHKEY_REHEARSAL } : {}) })}\n`,
  );
  if (fault === "broken-page") {
    const index = join(out, "public", "index.html");
    writeFileSync(index, readFileSync(index, "utf8").replace(/\/assets\/index-[^"]+\.js/, "/assets/index-missing.js"));
  }
}
console.log(`Built ${fault ? `with the fault ${fault} ` : ""}into ${out}.`);
