// Builds a release of the leads application into $LATCHKEY_ARTIFACT: server.mjs, public/, migrations/, fault.json.
// With --netlify: into $LATCHKEY_ARTIFACT or dist/netlify, as functions/, public/, migrations/, netlify.toml.
// The same sources give the same bytes.
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build as bundle } from "esbuild";
import { build as buildPage } from "vite";

// React has a slow and large form for development, which Vite takes by this variable: a test's or a shell's must not choose.
process.env.NODE_ENV = "production";
const here = dirname(fileURLToPath(import.meta.url));
const isNetlify = process.argv.includes("--netlify");
const out = process.env.LATCHKEY_ARTIFACT ?? join(here, "dist", isNetlify ? "netlify" : "artifact");
const fault = process.env.LATCHKEY_FAULT;
if (isNetlify && fault) throw new Error("A fault is built into the server only: build it without --netlify.");
for (const part of ["public", "functions", "migrations"]) rmSync(join(out, part), { recursive: true, force: true });
mkdirSync(out, { recursive: true });

const banner =
  "import{createRequire as __leadsRequire}from'node:module';const require=__leadsRequire(import.meta.url);";
const bundled = (entryPoint, outfile) =>
  bundle({
    absWorkingDir: here,
    entryPoints: [entryPoint],
    outfile: join(out, outfile),
    bundle: true,
    minify: true,
    platform: "node",
    format: "esm",
    target: "node20",
    banner: { js: banner },
    external: ["pg-native"],
    logLevel: "warning",
  });

/** A source of this application, for the build itself. */
async function loaded(entryPoint) {
  const { outputFiles } = await bundle({ absWorkingDir: here, entryPoints: [entryPoint], write: false, format: "esm" });
  return import(`data:text/javascript,${encodeURIComponent(outputFiles[0].text)}`);
}

const NETLIFY = `# Written by build.mjs. The functions name their own paths, which go before the redirects.
[build]
  command = "node migrate.mjs"
  publish = "public"

[functions]
  directory = "functions"

# A script that is missing must fail as one: the catch-all would answer it with the page and status 200.
[[redirects]]
  from = "/assets/*"
  to = "/index.html"
  status = 404

[[redirects]]
  from = "/*"
  to = "/index.html"
  status = 200

[[headers]]
  for = "/assets/*"
  [headers.values]
    cache-control = "public, max-age=31536000, immutable"
`;

if (isNetlify) {
  await bundled("functions/leads.ts", "functions/leads.mjs");
  await bundled("functions/health.ts", "functions/health.mjs");
  await bundled("src/server/migrate.ts", "migrate.mjs");
  writeFileSync(join(out, "netlify.toml"), NETLIFY);
} else await bundled("src/server/main.ts", "server.mjs");
await buildPage({
  root: join(here, "src", "web"),
  configFile: join(here, "vite.config.ts"),
  logLevel: "warn",
  build: { outDir: join(out, "public"), emptyOutDir: true },
});
if (isNetlify) {
  // A page at Netlify is a file: where its flags are is settled in the build.
  const index = join(out, "public", "index.html");
  const { headOf } = await loaded("src/server/page-head.ts");
  writeFileSync(
    index,
    readFileSync(index, "utf8").replace("</head>", () => `${headOf(process.env)}</head>`),
  );
}
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
