import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  deploymentsOfPreview,
  type OpenPull,
  type PreviewFacts,
  type PreviewStep,
  previewNameByHand,
  previewNameOf,
  previewSteps,
} from "./preview.ts";

const NOW = 1_000_000;
const policy = { ttlMs: 1_000, most: 2 };
const pull = (number: number, more: Partial<OpenPull> = {}): OpenPull => ({
  ...{ number, commit: `c${number}`, branch: "topic", isFork: false },
  ...more,
});
const facts = (pullRequest: number, more: Partial<PreviewFacts> = {}): PreviewFacts => ({
  ...{ name: previewNameOf(pullRequest), pullRequest, state: "ready", wantedCommit: `c${pullRequest}` },
  ...{ triedCommit: `c${pullRequest}`, hasRun: true, isBuilding: false },
  ...{ endsAtMs: NOW + 500, nextAtMs: 0, hasRemains: false },
  ...more,
});
const kinds = (steps: readonly PreviewStep[]) => steps.map((s) => `${s.kind} ${s.name}`);
const waiting = { state: "waiting", triedCommit: null, hasRun: false } as const;

describe("previews", () => {
  it("are opened for open pull requests, never for a fork or over an environment of that name", () => {
    const pulls = [pull(1), pull(2, { isFork: true }), pull(3)];
    expect(kinds(previewSteps(policy, pulls, [], ["pr-3"], NOW))).toEqual(["open pr-1"]);
  });
  it("are built while there is a place, the oldest pull request first; others wait and say so", () => {
    const there = [facts(9), facts(8, { ...waiting, state: "failed" }), facts(7, waiting)];
    expect(kinds(previewSteps(policy, [pull(7), pull(8), pull(9)], there, [], NOW))).toEqual([
      "build pr-7",
      "wait pr-8",
    ]);
  });
  it("are renewed by a newer commit, also after they ended, and by nothing else", () => {
    const ended = facts(1, { state: "ended", hasRun: false });
    expect(kinds(previewSteps(policy, [pull(1)], [ended], [], NOW))).toEqual([]);
    expect(kinds(previewSteps(policy, [pull(1, { commit: "d" })], [ended], [], NOW))).toEqual(["renew pr-1"]);
  });
  it("come back with a pull request that is opened again before the last of them was taken away", () => {
    const closed = facts(1, { state: "ended", hasRun: false, triedCommit: null, hasRemains: true });
    expect(kinds(previewSteps(policy, [pull(1)], [closed], [], NOW))).toEqual(["renew pr-1"]);
  });
  it("end when the pull request closes, by time, and with the configuration; remains hold back the forgetting", () => {
    const step = (p: typeof policy | null, pulls: OpenPull[], f: PreviewFacts) => previewSteps(p, pulls, [f], [], NOW);
    expect(step(policy, [], facts(1))).toEqual([{ kind: "end", name: "pr-1", why: "closed" }]);
    expect(step(policy, [pull(1)], facts(1, { endsAtMs: NOW }))).toEqual([
      { kind: "end", name: "pr-1", why: "expired" },
    ]);
    expect(step(null, [pull(1)], facts(1))).toEqual([{ kind: "end", name: "pr-1", why: "off" }]);
    const ended = { state: "ended", hasRun: false } as const;
    expect(kinds(step(policy, [], facts(1, { ...ended, hasRemains: true })))).toEqual([]);
    expect(kinds(step(policy, [], facts(1, ended)))).toEqual(["forget pr-1"]);
  });

  it("made by hand need no pull request, come first, and are forgotten once nothing of them is left", () => {
    const hand = (more: Partial<PreviewFacts>) => facts(0, { pullRequest: null, name: "topic", ...more });
    const step = (p: PreviewFacts, taken: string[] = []) => previewSteps(policy, [], [p], taken, NOW);
    expect(step(hand({}))).toEqual([]);
    expect(step(hand({ endsAtMs: NOW }))).toEqual([{ kind: "end", name: "topic", why: "expired" }]);
    expect(step(hand({}), ["topic"])).toEqual([{ kind: "end", name: "topic", why: "taken" }]);
    expect(kinds(step(hand({ state: "ended", hasRun: false })))).toEqual(["forget topic"]);
    expect(step(hand({ state: "ended", hasRun: false, hasRemains: true }))).toEqual([]);
    const there = [facts(1, waiting), hand(waiting)];
    expect(kinds(previewSteps({ ...policy, most: 1 }, [pull(1)], there, [], NOW))).toEqual(["build topic"]);
  });
  it("made by hand have a name that a host may have, and no pull request could", () => {
    const name = (branch: string, mark: string | null = null) => previewNameByHand({ branch, commit: null }, mark);
    expect(["Feature/New_form", "pr-12", "12", "a"].map((branch) => name(branch))).toEqual([
      "feature-new-form",
      ...[null, null, null],
    ]);
    expect([name("pr-12", "ab12cd"), name("12", "ab12cd")]).toEqual(["pr-12-ab12cd", "b-12-ab12cd"]);
    expect(previewNameByHand({ branch: "main", commit: "0123456789" }, null)).toBe("commit-01234567");
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 80 }), fc.constantFrom(null, "ab12cd"), (branch, mark) => {
        expect(name(branch, mark) ?? "fine").toMatch(/^[a-z][a-z0-9-]{1,39}$/);
        expect(name(branch, mark) ?? "fine").not.toMatch(/^pr-[0-9]+$/);
      }),
    );
  });

  it("are shown with the commit that is served and the newest, each as it stands", () => {
    const row = { id: "pre_1", service: "leads", name: "pr-1", words: "Building\ncommit b.", url: "http://console/" };
    const of = (more: { state: PreviewFacts["state"]; servingCommit: string | null }) =>
      deploymentsOfPreview({ ...row, wantedCommit: "b", address: more.servingCommit && "http://pr-1/", ...more }).map(
        ({ mark, status }) => [mark, status.state, status.environmentUrl],
      );
    expect(of({ state: "waiting", servingCommit: null })).toEqual([["pre_1/b", "queued", undefined]]);
    expect(of({ state: "building", servingCommit: "a" })).toEqual([
      ["pre_1/b", "in_progress", undefined],
      ["pre_1/a", "success", "http://pr-1/"],
    ]);
    expect(of({ state: "failed", servingCommit: "a" })[0]).toEqual(["pre_1/b", "failure", undefined]);
    expect(of({ state: "ready", servingCommit: "b" })).toEqual([["pre_1/b", "success", "http://pr-1/"]]);
    expect(of({ state: "ended", servingCommit: null })).toEqual([]);
  });

  it("never take up more places than there are, and never build a fork or a closed pull request", () => {
    const number = fc.integer({ min: 1, max: 8 });
    const pulls = fc.uniqueArray(
      fc.record({ number, commit: fc.constantFrom("a", "b"), branch: fc.constant("t"), isFork: fc.boolean() }),
      { selector: (p) => p.number },
    );
    const there = fc.uniqueArray(
      fc
        .record({ pullRequest: number, wantedCommit: fc.constantFrom("a", "b"), hasRun: fc.boolean() })
        .map(({ pullRequest, ...more }) =>
          facts(pullRequest, { ...more, triedCommit: null, state: more.hasRun ? "ready" : "waiting" }),
        ),
      { selector: (p) => p.pullRequest },
    );
    fc.assert(
      fc.property(pulls, there, (open, known) => {
        const steps = previewSteps(policy, open, known, [], NOW);
        const own = open.filter((p) => !p.isFork).map((p) => previewNameOf(p.number));
        const built = steps.filter((s) => s.kind === "build").map((s) => s.name);
        const running = known.filter((p) => p.hasRun && own.includes(p.name)).map((p) => p.name);
        expect(new Set([...built, ...running]).size).toBeLessThanOrEqual(Math.max(policy.most, running.length));
        for (const s of steps) if (["open", "renew", "build"].includes(s.kind)) expect(own).toContain(s.name);
        for (const p of known) if (!own.includes(p.name)) expect(kinds(steps)).toContain(`end ${p.name}`);
      }),
    );
  });
});
