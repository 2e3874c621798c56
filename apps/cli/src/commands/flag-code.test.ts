import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Bench } from "../testkit/terminal.ts";

const ROOT = join(import.meta.dirname, "..", "..", "..", "..");
const SDK = join(ROOT, "packages", "flags-sdk", "src");
let bench: Bench;
beforeEach(async () => {
  bench = new Bench();
  await bench.start();
  mkdirSync(join(bench.dir, "flags"));
  write(
    "flags/new-lead-form.yaml",
    "description: One step less\nowner: growth\nenvironments: {production: {otherwise: {kind: variant, variant: on}}}\n",
  );
  write(
    "flags/colour.yaml",
    "type: string\nvariants: {on: blue, off: grey}\nenvironments: {production: {otherwise: {kind: variant, variant: on}}}\n",
  );
});
afterEach(() => bench.stop());
const write = (file: string, text: string) => writeFileSync(join(bench.dir, file), text);
const codegen = (...also: string[]) => bench.run("flags", "codegen", "--folder", "flags", ...also);

/** What TypeScript says of a file of the bench, line by line. */
function mistakesIn(file: string): string[] {
  const program = ts.createProgram([join(bench.dir, file)], {
    ...{
      strict: true,
      noEmit: true,
      allowImportingTsExtensions: true,
      skipLibCheck: true,
      exactOptionalPropertyTypes: true,
    },
    ...{ target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext, jsx: ts.JsxEmit.ReactJSX },
    ...{
      moduleResolution: ts.ModuleResolutionKind.Bundler,
      typeRoots: [join(ROOT, "node_modules", "@types")],
      types: ["node"],
    },
  });
  return ts.getPreEmitDiagnostics(program).map((one) => {
    const line = one.file && one.start !== undefined ? one.file.getLineAndCharacterOfPosition(one.start).line + 1 : 0;
    return `${line}: ${ts.flattenDiagnosticMessageText(one.messageText, "\n")}`;
  });
}

describe("generated code", () => {
  it("compiles with the SDK; unknown flags and wrong types do not", async () => {
    expect(await codegen()).toMatchObject({ exitCode: 0, out: "Wrote flags.gen.ts: 2 flags.\n" });
    const head = `import { openFlags } from "${SDK}/node.ts";
import { useFlag } from "${SDK}/react.ts";
import { openWebFlags } from "${SDK}/web.ts";
import { type Flags, colour, newLeadForm } from "./flags.gen.ts";
const flags = openFlags<Flags>({});
`;
    write(
      "good.ts",
      `${head}export const a: boolean = flags.value("new-lead-form", false, { targetingKey: "u" });
export const b: string = flags.get(colour);
export const c: boolean = useFlag(newLeadForm);
export const d: string = openWebFlags<Flags>({}).value("colour", "red");
export const e: boolean = openFlags({}).value("any-key", false);
`,
    );
    expect(mistakesIn("good.ts")).toEqual([]);
    write(
      "bad.ts",
      `${head}flags.value("new-laed-form", false);
flags.value("new-lead-form", "yes");
export const wrong: number = flags.value("colour", "red");
export const other: boolean = flags.get(colour);
openWebFlags<Flags>({}).value("colours", "red");
export const wide: string = openFlags({}).value("any-key", false);
export const hook: string = useFlag(newLeadForm);
`,
    );
    expect(mistakesIn("bad.ts").map((line) => line.split(":")[0])).toEqual(["6", "7", "8", "9", "10", "11", "12"]);
  });
  it("no longer has a flag that is gone, so that code that names it does not compile", async () => {
    await codegen();
    write("use.ts", 'import { colour } from "./flags.gen.ts";\nexport const name = colour.key;\n');
    expect(mistakesIn("use.ts")).toEqual([]);
    write("flags.gen.ts", readFileSync(join(bench.dir, "flags.gen.ts"), "utf8").replace(/export const colour.*\n/, ""));
    expect(mistakesIn("use.ts").join()).toContain("colour");
  });
  it("is checked in CI: exit code 1 once it is out of date, and nothing is written", async () => {
    expect(await codegen("--check")).toMatchObject({ exitCode: 1 });
    await codegen();
    expect(await codegen("--check")).toMatchObject({ exitCode: 0, out: "flags.gen.ts is up to date.\n" });
    const before = readFileSync(join(bench.dir, "flags.gen.ts"), "utf8");
    write("flags/third.yaml", "environments: {}\n");
    const checked = await codegen("--check");
    expect(checked.exitCode).toBe(1);
    expect(checked.err).toContain("latchkey flags codegen --out flags.gen.ts --folder flags");
    expect(readFileSync(join(bench.dir, "flags.gen.ts"), "utf8")).toBe(before);
  });
  it("is up to date in this repository", async () => {
    const out = join(ROOT, "apps", "leads", "src", "flags", "flags.gen.ts");
    const checked = await bench.run("flags", "codegen", "--folder", join(ROOT, "flags"), "--out", out, "--check");
    expect(checked.exitCode).toBe(0);
  });
  it("comes with a snapshot that a program starts from", async () => {
    expect(await codegen("--snapshot", "flags.snapshot.json")).toMatchObject({ exitCode: 0 });
    const snapshot: unknown = JSON.parse(readFileSync(join(bench.dir, "flags.snapshot.json"), "utf8"));
    expect(snapshot).toMatchObject({ format: "latchkey-flags/1", environment: "production", segments: [] });
    write(
      "flags/named.yaml",
      "environments: {production: {rules: [{id: a, when: {kind: segment, segment: x}, serve: {kind: variant, variant: on}}], otherwise: {kind: variant, variant: off}}}\n",
    );
    expect((await codegen()).err).toContain("named names the segment x");
  });
});
