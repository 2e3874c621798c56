import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Bench } from "../testkit/terminal.ts";

let bench: Bench;
const write = (file: string, text: string) => {
  mkdirSync(dirname(join(bench.dir, file)), { recursive: true });
  writeFileSync(join(bench.dir, file), text);
};
const refs = (...also: string[]) => bench.run("flags", "refs", "--folder", "flags", ...also);
beforeEach(async () => {
  bench = new Bench();
  await bench.start();
  spawnSync("git", ["init", "--quiet"], { cwd: bench.dir });
  write("flags/new-lead-form.yaml", "environments: {}\n");
  write("flags/unused-one.yaml", "environments: {}\n");
  write("flags/old-one.yaml", "expires: 2026-11-01\nenvironments: {}\n");
  write(".gitignore", "made/\n");
  write("made/bundle.js", 'flags.value("new-lead-form", false)');
  write("src/page.ts", '\nexport const on = flags.value("new-lead-form", false);\n');
});
afterEach(() => bench.stop());

describe("flags refs", () => {
  it("tells where flags are used and which nobody uses, in what git does not ignore", async () => {
    const { out, exitCode } = await refs();
    expect(out).toContain("src/page.ts:2");
    expect(out).not.toContain("made/");
    expect(out).toContain("No code names: unused-one.");
    expect(exitCode).toBe(0);
    expect(await refs("new-lead-form")).toMatchObject({ out: "src/page.ts:2\n", exitCode: 0 });
    expect((await refs("no-such")).exitCode).toBe(2);
  });
  it("fails a check for a flag past its date, and for a name that is no flag", async () => {
    expect((await refs("--check")).exitCode).toBe(0);
    write("src/late.py", 'client.get_boolean_value("old-one", False)\n');
    const late = await refs("--check");
    expect(late).toMatchObject({ exitCode: 1 });
    expect(late.out).toContain("expired on 2026-11-01");
    write("src/late.py", 'client.get_boolean_value("new-laed-form", False)\n');
    const unknown = await refs("--check");
    expect(unknown).toMatchObject({ exitCode: 1 });
    expect(unknown.out).toContain("src/late.py:1  new-laed-form");
    const { flags, unknown: names } = JSON.parse((await refs("--json")).out) as { flags: object[]; unknown: object[] };
    expect(flags).toContainEqual(expect.objectContaining({ flag: "unused-one", places: [] }));
    expect(names).toEqual([{ path: "src/late.py", line: 1, name: "new-laed-form" }]);
  });
});
