import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { reportFiles } from "./files.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "reports-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const write = (path: string, text: string): void => {
  mkdirSync(join(folder, path, ".."), { recursive: true });
  writeFileSync(join(folder, path), text);
};
const since = async (pattern: string, act: () => void): Promise<Record<string, string>> => {
  const before = await reportFiles.mark(folder, pattern);
  act();
  const written = await reportFiles.writtenSince(folder, pattern, before);
  if (!written.ok) throw new Error(written.error);
  return Object.fromEntries(written.value.map(({ path, bytes }) => [path, new TextDecoder().decode(bytes)]));
};

describe("reports", () => {
  it("are those that were written since, whatever lay there", async () => {
    write("out/old.xml", "old");
    write("out/again.xml", "before");
    const act = () => {
      write("out/again.xml", "after!");
      write("out/new.xml", "new");
    };
    expect(await since("out/*.xml", act)).toEqual({ "out/again.xml": "after!", "out/new.xml": "new" });
  });

  it("are found when the same text is written again", async () => {
    write("a.json", "same");
    expect(await since("a.json", () => write("a.json", "same"))).toEqual({ "a.json": "same" });
  });

  it("are none where nothing was written, however new what lies there says it is", async () => {
    write("a.json", "old");
    const future = new Date("2100-01-01");
    utimesSync(join(folder, "a.json"), future, future);
    expect(await since("a.json", () => {})).toEqual({});
  });

  it("are found in folders, but not in those of packages", async () => {
    const act = () => {
      write("a/reports/b.xml", "1");
      write("a/node_modules/c/reports/d.xml", "2");
    };
    expect(await since("**/reports/*.xml", act)).toEqual({ "a/reports/b.xml": "1" });
  });

  it("are no links, and lie in no other folder", async () => {
    const outside = mkdtempSync(join(tmpdir(), "outside-"));
    const act = () => {
      writeFileSync(join(outside, "a.xml"), "secret");
      symlinkSync(join(outside, "a.xml"), join(folder, "a.xml"));
    };
    expect(await since("a.xml", act)).toEqual({});
    expect(await since("../**/*.xml", () => {})).toEqual({});
    expect(await since(join(outside, "a.xml"), () => writeFileSync(join(outside, "a.xml"), "again"))).toEqual({});
    rmSync(outside, { recursive: true });
  });
});
