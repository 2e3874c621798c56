import { cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BuiltServer } from "../testing/built-server.ts";
import { MIGRATIONS_DIR } from "../testing/database.ts";
import { removeDirectory, temporaryDirectory } from "../testing/directory.ts";
import { Journey } from "../testing/journey.ts";
import { until } from "../testing/until.ts";

/**
 * Two servers under a rollout, upgraded one after the other to a version that is the same with two migrations more: one
 * that adds, and one that takes away.
 */
const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..", "..");
const EXPAND = "9001-added.sql";
const CONTRACT = "9002-contract-taken-away.sql";
const main = { project: "main" } as const;

let servers: BuiltServer[];
let first: BuiltServer;
let second: BuiltServer;
let journey: Journey<BuiltServer>;
let newer: string;
let callers: Callers;

beforeAll(async () => {
  servers = await BuiltServer.startSeveral(2);
  [first, second] = servers as [BuiltServer, BuiltServer];
  newer = newerVersion();
  journey = await Journey.beginIn(second);
  await journey.shipFirst();
  callers = new Callers(servers);
});
afterAll(async () => {
  await callers?.stop();
  await BuiltServer.closeAll(servers);
  removeDirectory(newer);
});

/** The build that is there, laid out as it ships, with its migrations and two more. */
function newerVersion(): string {
  const dir = temporaryDirectory();
  const app = join(dir, "apps", "server");
  mkdirSync(app, { recursive: true });
  cpSync(join(ROOT, "apps", "server", "dist"), join(app, "dist"), { recursive: true });
  cpSync(MIGRATIONS_DIR, join(app, "migrations"), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(dir, "node_modules"));
  writeFileSync(join(app, "migrations", EXPAND), "alter table deployment add column added text not null default '';");
  writeFileSync(join(app, "migrations", CONTRACT), "alter table deployment drop column added;");
  return dir;
}
async function upgrade(server: BuiltServer): Promise<void> {
  expect(await server.stop()).toBe(0);
  server.program = join(newer, "apps", "server", "dist", "main.mjs");
  await server.start();
}
const migrated = async () =>
  (await second.database.pool.query<{ name: string }>("select name from schema_migration where name > '9'")).rows.map(
    (row) => row.name,
  );

/** Asks each server without a pause; one that is down does not answer, one that lives must not answer with 5xx. */
class Callers {
  answered = 0;
  readonly failures: string[] = [];
  #stopped = false;
  readonly #all: Promise<void>[];

  constructor(of: readonly BuiltServer[]) {
    this.#all = of.map((server) => this.#call(server));
  }

  async #call(server: BuiltServer): Promise<void> {
    const authorization = `Bearer ${server.tokenIn("cli.token")}`;
    for (let n = 0; !this.#stopped; n++) {
      const path = n % 2 === 0 ? "/api/v1/projects/main/deployments" : "/api/v1/system";
      const answer = await fetch(server.url + path, { headers: { authorization } }).catch(() => null);
      const text = await answer?.text().catch(() => "");
      if (answer?.status === 200) this.answered += 1;
      else if (answer) this.failures.push(`${answer.status} ${text}`);
      // 30 a second of each: below what one credential may ask.
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#all);
  }
}

describe("servers that are upgraded one after the other under a rollout", () => {
  let rolloutId: string;

  it("work on, the old one too, when the new one has added what it needs", async () => {
    rolloutId = (await journey.shipCanary()).id;
    await upgrade(first);
    expect(await migrated()).toEqual([EXPAND]);
    await until("it is said what is waited for", () => first.log.includes(`${CONTRACT} waits until no older server`));
    expect(first.log).toContain(second.id);
    // The old version drives, or takes over, and may even start anew.
    await second.kill();
    await second.start();
    await journey.drive(rolloutId, { requests: 500 }, "progressing", "holdback");
  });

  it("take away what the old one needed only when that is gone, and end the rollout", async () => {
    expect(await migrated()).toEqual([EXPAND]);
    await upgrade(second);
    await until("nothing waits any more", async () => (await migrated()).includes(CONTRACT));
    await journey.drive(rolloutId, {}, "holdback");
    expect(await journey.explain(rolloutId)).toMatchObject({ agrees: true, evidenceIntact: true });
    const verified = await until("all is signed", async () => {
      const { ledger } = await first.owner.getSystem({});
      return ledger.size === ledger.signedSize && first.owner.verifyLedger({ params: main });
    });
    expect(verified).toMatchObject({ ok: true });
  });

  it("answered no request with an error of their own", async () => {
    await callers.stop();
    expect(callers.failures).toEqual([]);
    expect(callers.answered).toBeGreaterThan(50);
  });

  it("don't let an old one start any more, and say which version is needed", async () => {
    await first.stop();
    first.program = join(ROOT, "apps", "server", "dist", "main.mjs");
    expect(await first.startAnother()).toMatch(
      /newer Latchkey, which has taken away what this version works with \(9002-contract-taken-away.sql\)/,
    );
  });
});
