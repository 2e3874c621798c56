// Builds the package as it is installed elsewhere, into packages/flags-sdk/dist or the folder that is named:
// `node packages/flags-sdk/build.mjs`, then `npm pack packages/flags-sdk/dist`. The same sources give the same bytes.
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import ts from "typescript";

const here = dirname(fileURLToPath(import.meta.url));
const packages = dirname(here);
const out = resolve(process.argv[2] ?? join(here, "dist"));
const ENTRIES = {
  node: "node",
  "openfeature-server": "node",
  web: "browser",
  react: "browser",
  "openfeature-web": "browser",
};

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
for (const platform of ["node", "browser"]) {
  const names = Object.keys(ENTRIES).filter((name) => ENTRIES[name] === platform);
  await build({
    entryPoints: names.map((name) => join(here, "src", `${name}.ts`)),
    outdir: out,
    outExtension: { ".js": ".mjs" },
    ...{
      bundle: true,
      format: "esm",
      platform,
      target: platform === "node" ? "node20" : "es2022",
      logLevel: "warning",
    },
    external: ["react", "@openfeature/server-sdk", "@openfeature/web-sdk"],
    absWorkingDir: packages,
  });
}

/** Declarations of the entries and of all that they name, as a tree of their own: nothing of it is installed beside. */
function declarations() {
  const program = ts.createProgram(
    Object.keys(ENTRIES).map((name) => join(here, "src", `${name}.ts`)),
    {
      ...{
        declaration: true,
        emitDeclarationOnly: true,
        strict: true,
        skipLibCheck: true,
        exactOptionalPropertyTypes: true,
      },
      ...{
        target: ts.ScriptTarget.ES2023,
        module: ts.ModuleKind.ESNext,
        moduleResolution: ts.ModuleResolutionKind.Bundler,
      },
      ...{
        allowImportingTsExtensions: true,
        types: ["node"],
        paths: { "@latchkey/core/*": [join(packages, "core", "src", "*.ts")] },
        outDir: join(out, "types"),
        rootDir: packages,
      },
    },
  );
  const { diagnostics, emitSkipped } = program.emit();
  const failures = [...ts.getPreEmitDiagnostics(program), ...diagnostics];
  if (emitSkipped || failures.length > 0)
    throw new Error(failures.map((one) => ts.flattenDiagnosticMessageText(one.messageText, "\n")).join("\n"));
  for (const path of readdirSync(join(out, "types"), { recursive: true, encoding: "utf8" })) {
    if (!path.endsWith(".d.ts")) continue;
    const file = join(out, "types", path);
    const core = relative(dirname(file), join(out, "types", "core", "src"));
    const text = readFileSync(file, "utf8")
      .replace(/(["'])@latchkey\/core\/([^"']+)\1/g, (_, quote, name) => `${quote}${core}/${name}.js${quote}`)
      .replace(/(["'])(\.{1,2}\/[^"']+)\.ts\1/g, "$1$2.js$1");
    writeFileSync(file, text);
  }
}
declarations();

const { name, version, description, license, peerDependencies, peerDependenciesMeta } = JSON.parse(
  readFileSync(join(here, "package.json"), "utf8"),
);
const types = (entry) => `./types/flags-sdk/src/${entry}.d.ts`;
const manifest = {
  ...{ name, version, description, license, type: "module", engines: { node: ">=20" }, sideEffects: false },
  exports: Object.fromEntries(
    Object.keys(ENTRIES).map((entry) => [`./${entry}`, { types: types(entry), default: `./${entry}.mjs` }]),
  ),
  ...{ peerDependencies, peerDependenciesMeta },
};
writeFileSync(join(out, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
cpSync(join(packages, "..", "LICENSE"), join(out, "LICENSE"));
console.log(`Built into ${out}.`);
