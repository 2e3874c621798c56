import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { changedFile, contractedBeyond, type Migration, phaseOf, type SchemaState, whyNotContract } from "./schema.ts";

describe("the phase of a file", () => {
  it.each([
    ["0001-lead.sql", "create table lead ();", "expand"],
    ["0003-contract-mail.sql", "drop table lead;", "contract"],
    ["0003_contract.sql", "", "contract"],
    ["0004-contractors.sql", "", "expand"],
    ["0005-mail.sql", "-- latchkey: contract\ndrop table lead;", "contract"],
    ["0006-contract-of-sale.sql", "-- latchkey: expand\ncreate table sale ();", "expand"],
  ])("%s", (file, text, phase) => {
    expect(phaseOf(file, text)).toBe(phase);
  });
});

const sha256 = "0".repeat(64);
const file = (n: number, phase: Migration["phase"]): Migration => ({
  file: `${String(n).padStart(4, "0")}.sql`,
  phase,
  sha256,
});

it("a file is changed when it ran with another text, not when it failed with one", () => {
  const own = [file(1, "expand")];
  const ran = { ...file(1, "expand"), sha256: "1".repeat(64) };
  expect(changedFile(own, [{ ...ran, state: "applied" }])?.file).toBe("0001.sql");
  expect(changedFile(own, [{ ...ran, state: "failed" }])).toBeNull();
});

/**
 * Any history of releases that bring files, of rollbacks, contracts and the time between them: what serves knows each contract
 * that ran, so that it lacks nothing.
 */
describe("histories", () => {
  const WINDOW_MS = 100;
  const step = fc.oneof(
    fc.record({ kind: fc.constant("ship" as const), adds: fc.constantFrom(null, "expand", "contract") }),
    fc.record({
      kind: fc.constant("fork" as const),
      from: fc.nat(),
      adds: fc.constantFrom(null, "expand", "contract"),
    }),
    fc.record({ kind: fc.constant("back" as const), to: fc.nat() }),
    fc.record({ kind: fc.constant("contract" as const), byWord: fc.boolean(), dies: fc.boolean() }),
    fc.record({ kind: fc.constant("wait" as const), ms: fc.nat({ max: 150 }) }),
  );
  type Release = { number: number; migrations: readonly Migration[]; until: number | null };

  it("never serve a release over a schema that lacks what it needs", () => {
    let refused = 0;
    let contracted = 0;
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        let nowMs = 0;
        let known: SchemaState[] = [];
        const releases: Release[] = [{ number: 0, migrations: [], until: null }];
        let serving = releases[0] as Release;
        const serve = (next: Release) => {
          if (contractedBeyond(next.migrations, known)) {
            refused += 1;
            return;
          }
          serving.until = nowMs;
          next.until = null;
          serving = next;
          for (const m of next.migrations)
            if (m.phase === "expand" && !known.some((k) => k.file === m.file))
              known = [...known, { ...m, state: "applied" }];
        };
        for (const s of steps) {
          if (s.kind === "wait") nowMs += s.ms;
          if (s.kind === "back") serve(releases[s.to % releases.length] as Release);
          if (s.kind === "ship" || s.kind === "fork") {
            const parent = s.kind === "ship" ? serving : (releases[s.from % releases.length] as Release);
            const number = releases.length;
            const migrations =
              s.adds === null ? parent.migrations : [...parent.migrations, file(number, s.adds as Migration["phase"])];
            const made = { number, migrations, until: null };
            releases.push(made);
            serve(made);
          }
          if (s.kind === "contract") {
            const migration = serving.migrations.find(
              (m) => m.phase === "contract" && !known.some((k) => k.file === m.file),
            );
            if (!migration) continue;
            const reachable = releases
              .filter((r) => r === serving || r.until !== null)
              .map((r) => ({ ...r, reachableUntilMs: r === serving ? null : (r.until ?? 0) + WINDOW_MS }));
            const why = whyNotContract({ migration, reachable, isUnderWay: false, isAskedFor: s.byWord, nowMs });
            const late = reachable.some((r) => !r.migrations.includes(migration) && (r.reachableUntilMs ?? 0) > nowMs);
            // Without a person's word every release in its window can still be gone back to.
            if (!s.byWord) expect(why === null).toBe(!late);
            if (why !== null) continue;
            contracted += 1;
            known = [...known, { ...migration, state: s.dies ? "running" : "applied" }];
          }
          const gone = known.filter((k) => k.phase === "contract").map((k) => k.file);
          const has = serving.migrations.map((m) => m.file);
          expect(gone.filter((f) => !has.includes(f))).toEqual([]);
        }
      }),
      { numRuns: 500 },
    );
    // The histories really come to both.
    expect(refused).toBeGreaterThan(0);
    expect(contracted).toBeGreaterThan(0);
  });

  it("no contract begins while a deployment is under way, whoever asks", () => {
    const migration = file(1, "contract");
    const question = { migration, reachable: [], isUnderWay: true, isAskedFor: true, nowMs: 0 };
    expect(whyNotContract(question)).toMatch(/under way/);
  });
});
