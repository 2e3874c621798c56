import { describe, expect, it } from "vitest";
import { onDeployment, onLedger, onRollout, onService, prepend } from "./stream-reducer.ts";
import type { LedgerEntry, Rollout, ServiceSummary } from "./types.ts";

const entry = (over: Partial<LedgerEntry>): LedgerEntry => ({
  sequence: 7,
  id: "evt_7",
  type: "delivery.rollout.advanced",
  source: "latchkey/server",
  subject: "rollout/rol_1",
  project: "main",
  actor: { id: "system", kind: "system", name: "Latchkey" },
  occurredAt: "2026-01-01T00:00:00Z",
  recordedAt: "2026-01-01T00:00:00Z",
  causation: null,
  correlation: "dep_1",
  schemaVersion: 1,
  data: { deploymentId: "dep_1", service: "leads" },
  leafHash: "",
  ...over,
});

const applied = (effects: ReturnType<typeof onRollout>, key: readonly unknown[], old: unknown): unknown =>
  effects.patches.find((p) => JSON.stringify(p.key) === JSON.stringify(key))?.change(old);

describe("an entry of the ledger", () => {
  it("of a batch makes old what goes out with it, and of a trial the pages of the search", () => {
    const of = (follows: boolean) => ({ deploymentId: "dep_0", releaseId: "rel_0", follows });
    const batch = onLedger(
      entry({ data: { deploymentId: "dep_1", carries: [of(true), { ...of(false), deploymentId: "dep_1" }] } }),
    );
    expect(batch.invalidate).toContainEqual(["deployment", "dep_0"]);
    expect(batch.invalidate).not.toContainEqual(["rollout"]);
    const trial = onLedger(entry({ data: { deploymentId: "dep_2", carries: [of(false)] } }));
    expect(trial.invalidate).toEqual(expect.arrayContaining([["rollout"], ["deployment"]]));
    const ended = onLedger(entry({ type: "delivery.deployment.ended", subject: "deployment/dep_3", data: {} }));
    expect(ended.invalidate).toEqual(expect.arrayContaining([["rollout"], ["deployment"]]));
  });
  it("makes old what it is about, and nothing else", () => {
    const { invalidate } = onLedger(entry({}));
    expect(invalidate).toContainEqual(["rollout", "rol_1"]);
    expect(invalidate).toContainEqual(["deployment", "dep_1"]);
    expect(invalidate).not.toContainEqual(["tokens"]);
    expect(onLedger(entry({ type: "security.token.revoked", subject: "token/tok_1", data: {} })).invalidate).toEqual([
      ["tokens"],
    ]);
  });

  it("goes on top of the newest, once", () => {
    const old = { items: [entry({ sequence: 6 })], next: null };
    const next = prepend(entry({}), ["ledger", "newest"], old) as typeof old;
    expect(next.items.map((e) => e.sequence)).toEqual([7, 6]);
    expect(prepend(entry({}), ["ledger", "newest"], next)).toBe(next);
  });

  it("goes into a filtered list only where it belongs", () => {
    const old = { pages: [{ items: [], next: null }], pageParams: [""] };
    const into = (type: string, subject: string) => prepend(entry({}), ["ledger", "list", type, subject], old);
    expect(into("security.", "")).toBe(old);
    expect(into("", "rollout/rol_2")).toBe(old);
    expect(into("delivery.", "rollout/rol_1")).not.toBe(old);
  });

  it("leaves alone what nobody has asked for yet", () => {
    expect(prepend(entry({}), ["ledger", "newest"], undefined)).toBeUndefined();
  });
});

describe("a rollout after a look", () => {
  const rollout = { id: "rol_1", trafficPercent: 10, report: { atMs: 2_000, metrics: [] } } as unknown as Rollout;
  const effects = onRollout(rollout, "2026-01-01T00:00:02Z");

  it("replaces the rollout and adds its look to the charts", () => {
    expect(applied(effects, ["rollout", "rol_1"], null)).toBe(rollout);
    const page = { items: [{ atMs: 1_000 }], next: null };
    expect(applied(effects, ["looks", "rol_1"], page)).toMatchObject({ items: [{ atMs: 1_000 }, { atMs: 2_000 }] });
  });

  it("adds no look twice, and none to charts that are not shown", () => {
    const page = { items: [{ atMs: 2_000 }], next: null };
    expect(applied(effects, ["looks", "rol_1"], page)).toBe(page);
    expect(applied(effects, ["looks", "rol_1"], undefined)).toBeUndefined();
  });
});

describe("a service with its traffic", () => {
  const service = (status: string) =>
    ({
      name: "leads",
      url: "new",
      environments: [{ deployment: { id: "dep_1", status } }],
    }) as unknown as ServiceSummary;

  it("keeps the configuration that its page has", () => {
    const merged = applied(onService(service("succeeded")), ["service", "leads"], { config: 1, url: "old" });
    expect(merged).toMatchObject({ config: 1, url: "new" });
  });

  it("leaves deployments alone: they have an event of their own", () => {
    expect(onService(service("gating")).invalidate).toEqual([]);
    expect(onDeployment({ id: "dep_1", service: "leads" }).invalidate).toContainEqual(["deployment", "dep_1"]);
  });
});
