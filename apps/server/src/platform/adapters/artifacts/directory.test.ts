import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { removeDirectory, temporaryDirectory } from "../../../testing/directory.ts";
import { ArtifactStore } from "./directory.ts";

const dir = temporaryDirectory();
afterAll(() => removeDirectory(dir));
const store = new ArtifactStore(join(dir, "artifacts"));
let builds = 0;
async function build(files: Record<string, string>): Promise<string> {
  const workspace = await store.workspace(`build-${++builds}`);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(workspace, path)), { recursive: true });
    writeFileSync(join(workspace, path), text);
  }
  return workspace;
}

describe("the artifact store", () => {
  it("gives equal content an equal digest, in whatever order it was written", async () => {
    const path = fc.stringMatching(/^[a-z]{1,3}(\/[a-z]{1,3}){0,2}\.txt$/);
    await fc.assert(
      fc.asyncProperty(fc.dictionary(path, fc.string(), { minKeys: 1, maxKeys: 6 }), async (files) => {
        const one = await store.take(await build(files));
        const two = await store.take(await build(Object.fromEntries(Object.entries(files).reverse())));
        expect(two).toEqual(one);
        expect(existsSync(store.pathOf(one.digest))).toBe(true);
      }),
      { numRuns: 25 },
    );
  });

  it("gives other content, other names and another split of the same bytes another digest", async () => {
    const digests = await Promise.all(
      [{ a: "12" }, { a: "13" }, { b: "12" }, { a: "1", b: "2" }].map(
        async (files) => (await store.take(await build(files as Record<string, string>))).digest,
      ),
    );
    expect(new Set(digests).size).toBe(4);
  });

  it("refuses links and an empty folder", async () => {
    const workspace = await build({ a: "1" });
    symlinkSync("/etc/hostname", join(workspace, "link"));
    await expect(store.take(workspace)).rejects.toThrow("link is neither a file nor a folder");
    await expect(store.take(await store.workspace("empty"))).rejects.toThrow("wrote nothing");
  });

  it("starts a build over in another folder and removes what was left of the first", async () => {
    const left = await store.workspace("again");
    writeFileSync(join(left, "leftover"), "");
    const other = await store.workspace("again");
    expect(other).not.toBe(left);
    expect(existsSync(left)).toBe(false);
    expect(readdirSync(other)).toEqual([]);
  });

  it("serves files of public/ and nothing else", async () => {
    const { digest } = await store.take(
      await build({ "public/app.js": "1", "public-not/a.js": "x", "server.mjs": "s" }),
    );
    expect((await store.publicFile(digest, "app.js"))?.body.toString()).toBe("1");
    for (const path of [
      "../server.mjs",
      "../public-not/a.js",
      "../../../etc/passwd",
      "/etc/passwd",
      "",
      ".",
      "none.js",
    ])
      expect(await store.publicFile(digest, path), path).toBeNull();
  });
});
