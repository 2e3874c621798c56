import { spawn, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import ts from "typescript";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Installation } from "../apps/server/src/testing/installation.ts";

/** The commands and the code of docs/guides/flags-sdk.md, in an application that has only the package and what it needs. */
const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const guide = readFileSync(join(ROOT, "docs", "guides", "flags-sdk.md"), "utf8");
const commands = [...guide.matchAll(/^ {4}latchkey (.*)$/gm)].map(([, line = ""]) => line.trim());
const snippets = [...guide.matchAll(/^```tsx?\n\/\/ (\S+)\n([\s\S]*?)^```$/gm)].map(([, file = "", text = ""]) => ({
  file,
  text,
}));
let here: Installation;
const app = mkdtempSync(join(tmpdir(), "flags-app-"));

interface Ran {
  readonly exitCode: number | null;
  readonly out: string;
}
function latchkey(line: string): Promise<Ran> {
  const child = spawn(process.execPath, [join(ROOT, "tools", "latchkey.mjs"), ...line.split(" ")], {
    cwd: app,
    env: { PATH: process.env.PATH, HOME: here.dir, LATCHKEY_DIR: here.dir, LATCHKEY_URL: here.url, CI: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (part: Buffer) => (out += part.toString()));
  return new Promise((done) => child.once("close", (exitCode) => done({ exitCode, out })));
}
async function next(expected: string): Promise<Ran> {
  expect(commands.shift()).toBe(expected);
  return latchkey(expected);
}

beforeAll(async () => {
  for (const [tool, ...args] of [["tools/build.mjs", "cli"], ["packages/flags-sdk/build.mjs"]] as const) {
    const done = spawnSync(process.execPath, [join(ROOT, tool), ...args], { encoding: "utf8" });
    expect(done.status, done.stderr).toBe(0);
  }
  mkdirSync(join(app, "src"));
  mkdirSync(join(app, "node_modules", "@latchkey"), { recursive: true });
  // As installing the package would put it there: without what this repository has beside it.
  cpSync(join(ROOT, "packages", "flags-sdk", "dist"), join(app, "node_modules", "@latchkey", "flags-sdk"), {
    recursive: true,
  });
  for (const name of ["@openfeature", "react", "@types"])
    symlinkSync(join(ROOT, "node_modules", name), join(app, "node_modules", name));
  writeFileSync(join(app, "package.json"), '{"type":"module"}');
  here = await Installation.start({ writesPerSecond: 1_000 });
});
afterAll(async () => {
  await here?.close();
  rmSync(app, { recursive: true, force: true });
});

test("every command of the guide works, and its code compiles and runs", async () => {
  const created = await next("flags create new-lead-form --owner growth --expires 2027-03-31 --public");
  expect(created, created.out).toMatchObject({ exitCode: 0 });
  const written = await next("flags codegen --out src/flags.gen.ts --snapshot src/flags.snapshot.json");
  expect(written, written.out).toMatchObject({ exitCode: 0, out: expect.stringContaining("1 flag") });
  expect(await next("flags codegen --out src/flags.gen.ts --check")).toMatchObject({ exitCode: 0 });

  expect(snippets.map(({ file }) => file)).toEqual([
    ...["src/server.ts", "src/function.ts", "src/page.tsx", "src/openfeature.ts", "src/events.ts"],
  ]);
  for (const { file, text } of snippets) writeFileSync(join(app, file), text);
  expect(mistakes()).toEqual([]);

  const key = /lk_flags_\S+/.exec((await next("flags create-key api --kind server")).out)?.[0] ?? "";
  expect(/lkb_\S+/.test((await next("flags create-key web --kind browser")).out)).toBe(true);
  await latchkey("flags on new-lead-form --reason guide");
  // What the code of the guide does, in a process of its own with the built package.
  await build({
    stdin: {
      contents: `import { flags, formFor } from "./server.ts"; import { isNew } from "./openfeature.ts";
console.log(formFor({ id: "u-17", plan: "pro" }));
await flags.ready({ withinMs: 30_000 });
console.log(formFor({ id: "u-17", plan: "pro" }), await isNew("u-17"));`,
      resolveDir: join(app, "src"),
    },
    ...{
      bundle: true,
      platform: "node",
      format: "esm",
      outfile: join(app, "node_modules", "run.mjs"),
      absWorkingDir: app,
    },
    banner: { js: "import{createRequire as r}from'node:module';const require=r(import.meta.url);" },
  });
  const ran = await new Promise<Ran>((done) => {
    const env = { ...process.env, LATCHKEY_FLAGS_URL: here.url, LATCHKEY_FLAGS_KEY: key };
    const child = spawn(process.execPath, [pathToFileURL(join(app, "node_modules", "run.mjs")).pathname], { env });
    let out = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (part: Buffer) => (out += part.toString()));
    child.once("close", (exitCode) => done({ exitCode, out }));
  });
  // It ends by itself: flags keep no process alive.
  expect(ran).toEqual({ exitCode: 0, out: "the old form\nthe new form true\n" });

  const refs = await next("flags refs");
  expect(refs.out).toMatch(/^new-lead-form\s+5\s+until 2027-03-31/m);
  expect((await next("flags refs new-lead-form")).out).toContain("src/page.tsx");
  expect(await next("flags refs --check")).toMatchObject({ exitCode: 0 });
  expect(commands).toEqual([]);
});

function mistakes(): string[] {
  const program = ts.createProgram(
    snippets.map(({ file }) => join(app, file)),
    {
      ...{ strict: true, noEmit: true, allowImportingTsExtensions: true, resolveJsonModule: true },
      ...{ target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, jsx: ts.JsxEmit.ReactJSX },
      ...{ moduleResolution: ts.ModuleResolutionKind.Bundler, types: ["node"], skipLibCheck: false },
      ...{ lib: ["lib.es2023.d.ts", "lib.dom.d.ts"], typeRoots: [join(app, "node_modules", "@types")] },
    },
  );
  return ts
    .getPreEmitDiagnostics(program)
    .filter((one) => !/node_modules\/(?!@latchkey)/.test(one.file?.fileName ?? ""))
    .map((one) => `${one.file?.fileName}: ${ts.flattenDiagnosticMessageText(one.messageText, "\n")}`);
}
