import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import type { Plan } from "./plan.ts";
import { World } from "./world.ts";

const SIM = fileURLToPath(new URL("../tools/sim.mjs", import.meta.url));
/** All of them in CI, some wherever somebody waits: `tools/test.mjs`. `npm run sim` has as many as one likes. */
const SEEDS = process.env.LATCHKEY_TESTS === "full" ? 2_000 : 400;

/** In a process of its own, where nothing counts which lines ran: that would take twice the time. */
test(`${SEEDS} simulated worlds hold every invariant`, { timeout: 1_500_000 }, async () => {
  const said = await new Promise<string>((done) => {
    execFile(process.execPath, [SIM, "--seeds", String(SEEDS)], (_, out, err) => done(out + err));
  });
  const last = said.trim().split("\n").at(-1);
  expect(last, said).toMatch(`${SEEDS} worlds`);
  expect(last, said).toContain(": 0 with violations.");
  process.stdout.write(`${last}\n`);
});

/** Worlds in which what is missing is needed: others would have to be many. */
const PLANS: Readonly<Record<string, Partial<Plan>>> = {
  "loop-watch": { hungLoop: { atMs: 10_000, forMs: 150_000 } },
  "dead-man": { nobody: { atMs: 25_000, forMs: 400_000 }, backupAtMs: null, restoreAtMs: [], clocksWander: false },
};

test.each(["fence", "lease-expiry", "idempotency-key", "ancestry", "loop-watch", "dead-man"] as const)(
  "a world without the %s is found out",
  async (without) => {
    for (let seed = 1; seed <= 500; seed++)
      if ((await new World({ seed, without: [without], plan: PLANS[without] ?? {} }).run()).violations.length > 0)
        return;
    expect.unreachable(`500 worlds did not notice that the ${without} is missing`);
  },
);
