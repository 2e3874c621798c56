import { type Fact, type Folded, fieldOf, fold } from "@latchkey/core/delivery/github/fold";
import type { ServiceRow } from "../catalog/index.ts";
import type { Subjects } from "../ledger/index.ts";
import type { Transaction } from "../platform/database.ts";
import { announce } from "../platform/notifications.ts";
import { savePullChange } from "./changes.store.ts";
import { type BranchRow, lockStates, type StateRow, saveStates, wantBranches } from "./github.store.ts";

/** Facts of one repository. */
export interface Told {
  readonly repository: string;
  readonly facts: readonly Fact[];
}
const nameOf = (row: Pick<StateRow, "repository" | "kind" | "key">) => `${row.repository}\n${row.kind}\n${row.key}`;

/** Who did it is a person: the name is sealed before it is written. A service is connected by its repository's small letters. */
export async function sealTold(told: readonly Told[], subjects: Pick<Subjects, "sealName">): Promise<Told[]> {
  const sealed = new Map<string, string>();
  const of = async (fact: Fact): Promise<Fact> => {
    const { author } = fact.fields;
    if (typeof author !== "string" || author === "") return fact;
    if (!sealed.has(author)) sealed.set(author, await subjects.sealName(author));
    return { ...fact, fields: { ...fact.fields, author: sealed.get(author) ?? "" } };
  };
  const out: Told[] = [];
  for (const { repository, facts } of told) {
    const all: Fact[] = [];
    for (const fact of facts) all.push(await of(fact));
    out.push({ repository, facts: all });
  }
  return out;
}

/** Folds facts into what is known, and lets follow what follows: changes of services, and branches to look at. */
export async function foldTold(
  tx: Transaction,
  told: readonly Told[],
  branches: readonly BranchRow[],
  services: readonly ServiceRow[],
): Promise<void> {
  const names = new Map<string, Pick<StateRow, "repository" | "kind" | "key">>();
  for (const { repository, facts } of told)
    for (const { kind, key } of facts) names.set(nameOf({ repository, kind, key }), { repository, kind, key });
  if (names.size === 0) return;
  const before = new Map((await lockStates(tx, [...names.values()])).map((row) => [nameOf(row), row.fields]));
  const after = new Map<string, Folded>(before);
  for (const { repository, facts } of told)
    for (const fact of facts) {
      const name = nameOf({ repository, kind: fact.kind, key: fact.key });
      after.set(name, fold(after.get(name) ?? {}, fact));
    }
  const changed: StateRow[] = [];
  for (const [name, fields] of after) {
    const of = names.get(name);
    if (of && fields !== before.get(name)) changed.push({ ...of, fields });
  }
  if (changed.length === 0) return;
  await saveStates(tx, changed);
  await wantBranches(
    tx,
    changed
      .filter((row) => row.kind === "branch" && row.key.startsWith("refs/heads/"))
      .map((row) => ({ repository: row.repository, branch: row.key.slice("refs/heads/".length) })),
  );
  // Approvals that wait for a review look at once.
  if (changed.some(({ kind }) => kind === "review" || kind === "pull_request")) await announce("approvals").execute(tx);
  for (const row of changed) if (row.kind === "pull_request") await savePull(tx, row, branches, services);
}

/** A pull request is a change of each service that is deployed from the branch that it goes to. */
async function savePull(
  tx: Transaction,
  { repository, key, fields }: StateRow,
  branches: readonly BranchRow[],
  services: readonly ServiceRow[],
): Promise<void> {
  const text = (name: string) => String(fieldOf(fields, name) ?? "");
  const time = (name: string) => {
    const ms = fieldOf(fields, name);
    return typeof ms === "number" ? new Date(ms) : null;
  };
  const state = text("state");
  for (const branch of branches) {
    if (branch.repository !== repository || branch.branch !== text("baseRef")) continue;
    if (!services.some((s) => s.project === branch.project && s.name === branch.service)) continue;
    await savePullChange(tx, {
      project: branch.project,
      service: branch.service,
      pull_request: Number(key),
      commit_sha: text("mergeSha") || null,
      title: text("title"),
      author: text("author"),
      state: state === "merged" || state === "closed" ? state : "open",
      head_sha: text("headSha") || null,
      opened_at: time("openedAtMs"),
      merged_at: time("mergedAtMs"),
    });
  }
}
