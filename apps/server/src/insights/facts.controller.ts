import { createHash } from "node:crypto";
import type { Actor } from "@latchkey/core/delivery/rollout";
import { type Fact, type FactValue, incidentOf, type Thing } from "@latchkey/core/insights/history";
import { canonicalJson } from "@latchkey/core/shared/canonical-json";
import { registerValue } from "@latchkey/core/shared/registers";
import { record } from "../ledger/index.ts";
import type { Transaction } from "../platform/database.ts";
import { markDirty, takeFacts } from "./facts.store.ts";

/** In an entry. */
const SOURCES_MAX = 20;

const text = (thing: Thing, name: string): string[] => {
  const value = registerValue(thing, name);
  return typeof value === "string" ? [value] : [];
};
const texts = (thing: Thing, name: string): string[] => {
  const value: FactValue = registerValue(thing, name);
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
};

/** Takes in what somebody sent, with an entry of who it was, unless all of it was known. Answers how many were new. */
export async function submit(
  tx: Transaction,
  { project, facts, actor }: { readonly project: string; readonly facts: readonly Fact[]; readonly actor: Actor },
): Promise<number> {
  const taken = await takeIn(tx, project, facts);
  if (taken === 0) return 0;
  const sources = [...new Set(facts.map((fact) => fact.source))].slice(0, SOURCES_MAX);
  const sha256 = createHash("sha256").update(canonicalJson(facts)).digest("hex");
  await record(tx, {
    ...{ type: "insights.facts.taken", subject: "insights", project, actor },
    data: { sources, taken, sha256 },
  });
  return taken;
}

/** Takes facts in and notes in the same transaction which records they change. Answers how many were new. */
export async function takeIn(tx: Transaction, project: string, facts: readonly Fact[]): Promise<number> {
  const { accepted, changed } = await takeFacts(tx, project, facts);
  const deployments = new Set<string>();
  const incidents = new Set<string>();
  const commits = new Set<string>();
  for (const { before, after } of changed) {
    const { kind, key, registers } = after;
    const both = (read: (thing: Thing) => readonly string[]) => [...read(before), ...read(registers)];
    if (kind === "commit") commits.add(key);
    if (kind === "pull_request")
      for (const commit of both((t) => [...text(t, "mergeCommit"), ...texts(t, "commits")])) commits.add(commit);
    if (kind === "deployment") for (const other of [key, ...both((t) => text(t, "remedies"))]) deployments.add(other);
    if (kind === "incident") {
      incidents.add(key);
      for (const deployment of both((t) => incidentOf(key, t).links.map((link) => link.deployment)))
        deployments.add(deployment);
    }
    if (kind === "correction") {
      for (const deployment of both((t) => text(t, "deployment"))) deployments.add(deployment);
      for (const incident of both((t) => text(t, "incident"))) incidents.add(incident);
    }
  }
  if (changed.length > 0)
    await markDirty(tx, project, { deployments: [...deployments], incidents: [...incidents], commits: [...commits] });
  return accepted;
}
