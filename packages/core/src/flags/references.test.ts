import { describe, expect, it } from "vitest";
import { flagFinder, type SourceFile } from "./references.ts";

const file = (path: string, text: string, isWhole = true): SourceFile => ({
  path,
  isWhole,
  lines: text.split("\n").map((line, i) => ({ line: i + 1, text: line })),
});
const KEYS = ["new-lead-form", "beta", "advanced-analytics"];
const found = (...files: SourceFile[]) => flagFinder(KEYS)(files);
const where = (...files: SourceFile[]) =>
  found(...files).uses.map((use) => `${use.path}:${use.line} ${use.flag} ${use.by}`);

describe("uses of flags", () => {
  it("are found by the names that codegen made, as the file calls them", () => {
    const text = `import { type Flags, newLeadForm, advancedAnalytics as figures } from "./flags.gen.ts";
if (flags.get(newLeadForm)) show();
const has = useFlag(figures);
// newLeadForm is gone soon
const other = advancedAnalytics;`;
    expect(where(file("src/a.tsx", text))).toEqual([
      "src/a.tsx:2 new-lead-form name",
      "src/a.tsx:3 advanced-analytics name",
    ]);
    // A name that comes from elsewhere is something else.
    expect(where(file("src/b.ts", 'import { newLeadForm } from "./forms.ts";\nnewLeadForm();'))).toEqual([]);
  });
  it.each([
    ["a.py", 'client.get_boolean_value("new-lead-form", False)'],
    ["a.go", 'on, _ := client.BooleanValue(ctx, "new-lead-form", false, user)'],
    ["a.java", 'boolean on = client.getBooleanValue("new-lead-form", false);'],
    ["a.js", "const KEY = 'new-lead-form';"],
    ["a.ts", "flags.value(`new-lead-form`, false)"],
  ])("are found by their keys in %s", (path, text) => {
    expect(where(file(path, text))).toEqual([`${path}:1 new-lead-form key`]);
  });
  it("of one word are only meant where a flag is asked for", () => {
    expect(where(file("a.ts", 'const stage = "beta";'))).toEqual([]);
    expect(where(file("a.ts", 'flags.value("beta", false)'))).toEqual(["a.ts:1 beta key"]);
  });
  it("are not comments, documents, or generated code", () => {
    expect(where(file("a.py", '# "new-lead-form"'), file("a.md", '"new-lead-form"'))).toEqual([]);
    const generated = "// Written by `latchkey flags codegen`. Do not change it.\n" + 'const a = "new-lead-form";';
    expect(where(file("flags.gen.ts", generated))).toEqual([]);
  });
  it("of a change are found without its imports", () => {
    expect(where(file("a.ts", "  if (flags.get(newLeadForm)) {", false))).toEqual(["a.ts:1 new-lead-form name"]);
  });
});

describe("names that are no flags", () => {
  it("are found where a flag is asked for, and nowhere else", () => {
    const { unknown } = found(
      file("a.ts", 'flags.value("new-laed-form", false);\nmap.get("new-laed-form");\nuseFlag("old");'),
    );
    expect(unknown).toEqual([
      { path: "a.ts", line: 1, name: "new-laed-form" },
      { path: "a.ts", line: 3, name: "old" },
    ]);
  });
});
