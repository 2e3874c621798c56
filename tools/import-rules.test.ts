import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterEach, describe, expect, it } from "vitest";

/** The rules are only worth what they find: each is broken here on purpose, in a small tree of the same shape. */
const ROOT = resolve(import.meta.dirname, "..");
const trees: string[] = [];
afterEach(() => {
  for (const tree of trees.splice(0)) rmSync(tree, { recursive: true, force: true });
});

async function check(files: Readonly<Record<string, string>>): Promise<{ code: number; output: string }> {
  const tree = mkdtempSync(join(tmpdir(), "latchkey-rules-"));
  trees.push(tree);
  for (const name of ["tsconfig.json", "tsconfig.base.json"]) cpSync(join(ROOT, name), join(tree, name));
  symlinkSync(join(ROOT, "node_modules"), join(tree, "node_modules"));
  for (const dir of ["packages", "apps"]) mkdirSync(join(tree, dir));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(tree, path)), { recursive: true });
    writeFileSync(join(tree, path), text);
  }
  const run = promisify(execFile)(process.execPath, [join(ROOT, "tools", "import-rules.mjs"), tree]);
  return run.then(
    ({ stdout }) => ({ code: 0, output: stdout }),
    (error: { code: number; stdout: string; stderr: string }) => ({
      code: error.code,
      output: error.stdout + error.stderr,
    }),
  );
}

const plain = "export const one = 1;\n";
/** One violation a rule; the folders do not touch each other, so that all stand in one tree (a run takes seconds). */
const CASES: readonly (readonly [rule: string, files: Readonly<Record<string, string>>])[] = [
  [
    "core-is-pure",
    { "packages/core/src/delivery/a.ts": 'import { readFileSync } from "node:fs";\nreadFileSync("x");\n' },
  ],
  [
    "platform-knows-no-room",
    {
      "apps/server/src/platform/knows-a-room.ts":
        'import { one } from "../ledger/index.ts";\nexport const two = one;\n',
      "apps/server/src/ledger/index.ts": plain,
    },
  ],
  [
    "order-of-ledger",
    {
      "apps/server/src/ledger/looks-up.ts": 'import { one } from "../delivery/index.ts";\nexport const two = one;\n',
      "apps/server/src/delivery/index.ts": plain,
    },
  ],
  [
    "room-by-its-front-door",
    {
      "apps/server/src/delivery/climbs-in.ts": 'import { one } from "../ledger/b.ts";\nexport const two = one;\n',
      "apps/server/src/ledger/b.ts": plain,
    },
  ],
  [
    "only-stores-touch-sql",
    { "apps/server/src/ledger/writes-sql.ts": 'import { sql } from "kysely";\nexport const two = sql;\n' },
  ],
  [
    "only-routes-see-http",
    {
      "apps/server/src/ledger/a.controller.ts": 'import { one } from "../platform/http.ts";\nexport const two = one;\n',
      "apps/server/src/platform/http.ts": plain,
    },
  ],
  [
    "console-speaks-only-the-api",
    {
      "apps/console/src/a.ts": 'import { one } from "../../server/src/a.ts";\nexport const two = one;\n',
      "apps/server/src/a.ts": plain,
    },
  ],
  [
    "no-cycles",
    {
      "packages/api/src/a.ts": 'import { two } from "./b.ts";\nexport const one = () => two;\n',
      "packages/api/src/b.ts": 'import { one } from "./a.ts";\nexport const two = () => one;\n',
    },
  ],
  [
    "no-test-code-in-production",
    {
      "packages/api/src/uses-a-test.ts": 'import { one } from "./a.test.ts";\nexport const two = one;\n',
      "packages/api/src/a.test.ts": plain,
    },
  ],
];

describe("the import rules", () => {
  it("find a planted violation of each", async () => {
    const { code, output } = await check(Object.assign({}, ...CASES.map(([, files]) => files)));
    for (const [rule] of CASES) expect(output).toContain(`${rule}:`);
    expect(output).toContain(`${CASES.length} violations.`);
    expect(code).toBe(1);
  });

  it("leave a tree alone that keeps them", async () => {
    const { code, output } = await check({
      "apps/server/src/delivery/a.ts": 'import { one } from "../ledger/index.ts";\nexport const two = one;\n',
      "apps/server/src/ledger/index.ts": plain,
    });
    expect(output).toContain("2 modules read, 0 violations.");
    expect(code).toBe(0);
  });

  it("are red when no module at all is read", async () => {
    const { code, output } = await check({});
    expect(output).toContain("0 modules read");
    expect(code).toBe(1);
  });
});
