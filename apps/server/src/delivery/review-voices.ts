import type { GateConfig } from "@latchkey/api/gates";
import { whyNot } from "@latchkey/core/catalog/approval";
import { type Folded, fieldOf } from "@latchkey/core/delivery/github/fold";
import { type Review, type ReviewedPull, voicesOfReviews } from "@latchkey/core/delivery/github/reviews";
import { type ApprovalRow, knownBy, type PersonRow, takeReviews } from "../catalog/index.ts";
import type { Transactions } from "../platform/database.ts";
import { findChange } from "./changes.store.ts";
import type { GateContext } from "./gate-runner.ts";
import { findState, reviewsOfPulls, type StateRow } from "./github.store.ts";

/** What stands where a name was that can't be read any more: two of them are not one person. */
const NOBODY: readonly string[] = ["", "erased", "unreadable"];

export interface ReviewParts {
  readonly database: Transactions;
  /** Sealed names in clear, in the same order. */
  readonly openNames: (sealed: readonly string[]) => Promise<readonly string[]>;
}

/**
 * Takes the reviews on GitHub for what they are: words of people who are known by their names there. Answers what is to be said
 * of them, a sentence each. Only where all that is new came with pull requests: a review of one says nothing of the others.
 */
export async function reviewsFor(
  parts: ReviewParts,
  gate: GateConfig,
  around: {
    readonly context: GateContext;
    readonly approval: ApprovalRow;
    readonly steps: readonly string[];
    readonly people: readonly PersonRow[];
  },
): Promise<string[]> {
  const counted = gate.reviews ?? "head";
  const { deployment, service, release } = around.context;
  const repository = (deployment.source?.repository ?? service.config.github?.repository)?.toLowerCase();
  if (counted === "off" || repository === undefined || !release?.commit_sha || release.dirty) return [];
  const { db } = parts.database;
  const pulls = new Map<number, { readonly fields: Folded; readonly reviews: readonly StateRow[] }>();
  for (const step of around.steps) {
    const change = await findChange(db, deployment.project, deployment.service, step);
    if (change?.pull_request == null || change.commit_sha !== step || change.state !== "merged")
      return [`Reviews on GitHub don't count: ${step.slice(0, 8)} came without a pull request that is known.`];
    const fields = await findState(db, repository, "pull_request", String(change.pull_request));
    if (!fields) return [`Reviews on GitHub don't count yet: pull request #${change.pull_request} is not known.`];
    pulls.set(change.pull_request, { fields, reviews: [] });
  }
  if (pulls.size === 0) return [];
  const found = await reviewsOfPulls(db, repository, [...pulls.keys()]);
  for (const [number, pull] of pulls)
    pulls.set(number, { ...pull, reviews: found.filter((row) => fieldOf(row.fields, "pull") === number) });
  const read = await readable(parts, pulls);
  const { approving, holding } = voicesOfReviews(read, counted);
  const byLogin = await personsByLogin(parts, around.people);
  const may = (login: string) => {
    const [person, other] = byLogin.get(login) ?? [];
    // Two people of one name on GitHub: one review would be two voices.
    return person && !other && whyNot(around.approval, { ...person, knownBy: knownBy(person) }) === null
      ? person
      : null;
  };
  const holders = holding.flatMap((login) => may(login) ?? []);
  const numbers = [...pulls.keys()].sort((a, b) => a - b).map((n) => `#${n}`);
  const reason = `Approved ${numbers.length === 1 ? "pull request" : "pull requests"} ${numbers.join(", ")} on GitHub.`;
  const voices =
    holders.length > 0
      ? []
      : approving.flatMap((login) => {
          const person = may(login);
          const actor = person && ({ id: person.id, kind: "person", name: person.name } as const);
          return person && actor ? [{ personId: person.id, reason, actor }] : [];
        });
  await parts.database.transaction((tx) =>
    takeReviews(tx, { id: around.approval.id, project: around.approval.project, voices }),
  );
  return holders.map(({ name }) => `${name} asks for changes on GitHub: no review counts until that is over.`);
}

/** The pull requests with the names on GitHub in clear and in small letters, as they are compared. */
async function readable(
  { openNames }: ReviewParts,
  pulls: ReadonlyMap<number, { readonly fields: Folded; readonly reviews: readonly StateRow[] }>,
): Promise<ReviewedPull[]> {
  const text = (fields: Folded, name: string) => String(fieldOf(fields, name) ?? "");
  const sealed = [...pulls.values()].flatMap(({ fields, reviews }) => [
    text(fields, "author"),
    ...reviews.map((row) => text(row.fields, "author")),
  ]);
  const opened = [...(await openNames(sealed))];
  const login = () => {
    const name = (opened.shift() ?? "").toLowerCase();
    return NOBODY.includes(name) ? null : name;
  };
  return [...pulls].map(([number, { fields, reviews }]) => ({
    number,
    author: login(),
    headSha: text(fields, "headSha") || null,
    reviews: reviews.map(
      (row): Review => ({
        id: Number(row.key),
        login: login(),
        state: text(row.fields, "state"),
        commit: text(row.fields, "commit") || null,
        submittedAtMs: Number(fieldOf(row.fields, "submittedAtMs") ?? 0),
        isDismissed: fieldOf(row.fields, "dismissed") === true,
      }),
    ),
  }));
}

async function personsByLogin(
  { openNames }: ReviewParts,
  people: readonly PersonRow[],
): Promise<ReadonlyMap<string, readonly PersonRow[]>> {
  const named = people.filter((person) => person.github_login !== null);
  const logins = await openNames(named.map((person) => person.github_login ?? ""));
  const by = new Map<string, PersonRow[]>();
  for (const [i, person] of named.entries()) {
    const login = (logins[i] ?? "").toLowerCase();
    if (!NOBODY.includes(login)) by.set(login, [...(by.get(login) ?? []), person]);
  }
  return by;
}
