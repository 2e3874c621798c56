import examples from "@octokit/webhooks-examples/api.github.com/index.json" with { type: "json" };
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { instantOf } from "../../shared/instant.ts";
import { EVENTS, factsOf } from "./facts.ts";
import { type Fact, type Folded, fieldOf, fold } from "./fold.ts";

type Example = { readonly name: string; readonly examples: readonly unknown[] };
const published = (examples as readonly Example[]).filter(({ name }) => (EVENTS as readonly string[]).includes(name));

/** The state of everything after a history, by repository, kind and key. */
function foldAll(told: readonly (Fact & { readonly repository: string })[]): Record<string, Folded> {
  const states: Record<string, Folded> = {};
  for (const fact of told) {
    const name = `${fact.repository} ${fact.kind} ${fact.key}`;
    states[name] = fold(states[name] ?? {}, fact);
  }
  return Object.fromEntries(Object.entries(states).sort(([a], [b]) => (a < b ? -1 : 1)));
}

describe("GitHub's own example payloads", () => {
  it("are there for every event but the one that GitHub publishes none for", () => {
    expect(EVENTS.filter((event) => !published.some(({ name }) => name === event))).toEqual(["secret_scanning_alert"]);
  });

  it.each(published.map((e) => [e.name, e.examples] as const))("%s: every one is read", (name, payloads) => {
    expect(payloads.length).toBeGreaterThan(0);
    for (const payload of payloads) {
      const told = factsOf(name, payload);
      expect(told).toMatchObject({ ok: true });
      if (told.ok) expect(told.value?.facts).toHaveLength(1);
    }
  });

  it("end in the same state in any order, doubled or late", () => {
    const told = published.flatMap(({ name, examples: payloads }) =>
      payloads.flatMap((payload) => {
        const read = factsOf(name, payload);
        if (!read.ok || read.value === null) return [];
        const { repository, facts } = read.value;
        return facts.map((fact) => ({ ...fact, repository }));
      }),
    );
    const ordered = foldAll([...told].sort((a, b) => a.atMs - b.atMs));
    fc.assert(
      fc.property(fc.shuffledSubarray([...told, ...told], { minLength: told.length * 2 }), (shuffled) => {
        expect(foldAll(shuffled)).toEqual(ordered);
      }),
      { numRuns: 30 },
    );
  });
});

describe("the fold", () => {
  // Few times, ranks and values: equal ones are what goes wrong.
  const facts = fc.array(
    fc.record({
      atMs: fc.integer({ min: 0, max: 3 }),
      rank: fc.integer({ min: 0, max: 2 }),
      fields: fc.dictionary(fc.constantFrom("a", "b", "c"), fc.constantFrom("x", "y", null, 1, true), {
        maxKeys: 3,
      }),
    }),
    { maxLength: 8 },
  );
  const all = (told: readonly Pick<Fact, "atMs" | "rank" | "fields">[]) => told.reduce<Folded>(fold, {});

  it("is the same for any order, with any of them twice", () => {
    fc.assert(
      fc.property(
        facts.chain((told) =>
          fc.tuple(fc.constant(told), fc.shuffledSubarray([...told, ...told], { minLength: told.length * 2 })),
        ),
        ([told, shuffled]) => {
          expect(all(shuffled)).toEqual(all(told));
        },
      ),
    );
  });

  it("never goes back: what is newer by the source's time stays", () => {
    fc.assert(
      fc.property(facts, (told) => {
        const end = all(told);
        for (const fact of told)
          for (const name of Object.keys(fact.fields)) expect(end[name]?.atMs ?? -1).toBeGreaterThanOrEqual(fact.atMs);
      }),
    );
  });

  it("keeps a merged pull request merged when the word of its opening comes last", () => {
    const base = { number: 7, title: "Wider form", created_at: "2026-01-01T00:00:00Z", head: { sha: "b" } };
    const opened = { ...base, state: "open", updated_at: "2026-01-01T00:00:00Z" };
    const merged = {
      ...base,
      state: "closed",
      updated_at: "2026-01-02T00:00:00Z",
      merged_at: "2026-01-02T00:00:00Z",
      merge_commit_sha: "c",
    };
    const repository = { id: 1, full_name: "Ada/Shop" };
    const told = [merged, opened].flatMap((pull_request) => {
      const read = factsOf("pull_request", { repository, pull_request });
      return read.ok && read.value ? read.value.facts : [];
    });
    const state = all(told);
    expect([fieldOf(state, "state"), fieldOf(state, "mergeSha")]).toEqual(["merged", "c"]);
  });
});

describe("reading what comes in", () => {
  it("answers for whatever it is given", () => {
    const anything = fc.anything({ withNullPrototype: true });
    fc.assert(
      fc.property(fc.constantFrom(...EVENTS, "star"), anything, (event, payload) => {
        expect(typeof factsOf(event, payload).ok).toBe("boolean");
      }),
    );
  });

  it("answers for the examples with parts of them taken out or replaced", () => {
    const all = published.flatMap(({ name, examples: payloads }) => payloads.map((payload) => ({ name, payload })));
    fc.assert(
      fc.property(
        fc.constantFrom(...all),
        fc.integer({ min: 0, max: 400 }),
        fc.jsonValue(),
        ({ name, payload }, at, put) => {
          let n = 0;
          const broken: unknown = JSON.parse(JSON.stringify(payload), (_key, value: unknown) =>
            n++ === at ? put : value,
          );
          const told = factsOf(name, broken);
          if (told.ok) expect(() => JSON.stringify(told.value)).not.toThrow();
          else expect(told.error).toContain(name);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("keeps no character that can't be stored, and never a secret", () => {
    const told = factsOf("secret_scanning_alert", {
      repository: { id: 1, full_name: "ada/shop" },
      alert: { number: 1, state: "open\0", secret: "hush", secret_type: "\ud800", created_at: "2026-01-01T00:00:00Z" },
    });
    expect(JSON.stringify(told)).not.toMatch(/hush|\\u0000|\\ud800/);
  });
});

describe("moments", () => {
  it("are those of Date, in every zone", () => {
    const form = fc.tuple(
      fc.date({ min: new Date("1970-01-01T00:00:00Z"), max: new Date("2199-12-31T00:00:00Z"), noInvalidDate: true }),
      fc.constantFrom("Z", "+02:00", "-05:30"),
    );
    fc.assert(
      fc.property(form, ([date, zone]) => {
        const text = date.toISOString().replace("Z", zone);
        expect(instantOf(text)).toBe(Date.parse(text));
      }),
    );
    expect([instantOf("yesterday"), instantOf("2026-13-01T00:00:00Z")]).toEqual([null, null]);
  });
});
