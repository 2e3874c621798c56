import type { Fact } from "../history.ts";
import { factOf, type ImportContext } from "./fact.ts";
import { commitFinder, type FirstParentLine, firstParentLine, type LoggedCommit } from "./git-graph.ts";
import { fitsPattern, type NamedPullRequest, pullRequestIn, revertsIn } from "./git-messages.ts";

export interface GitTag {
  readonly name: string;
  /** The commit that it stands for. */
  readonly commit: string;
  /** When it was made; of a tag without a message, the commit's time. */
  readonly atMs: number;
}

export interface GitHistory extends ImportContext {
  /** `owner/name`, or what the repository is called otherwise. */
  readonly repository: string;
  /** The whole history of the branch, in any order: with a part of it, what a deployment brought would be a guess. */
  readonly log: readonly LoggedCommit[];
  readonly tip: string;
  /** What is a deployment: a tag that fits a pattern, or each state of the branch. */
  readonly deployments: { readonly by: "tags"; readonly patterns: readonly string[] } | { readonly by: "first-parent" };
  readonly tags: readonly GitTag[];
  /** In a repository of several services: the commits that touched this one's path, with the path; null: all are its. */
  readonly touched: { readonly path: string; readonly commits: ReadonlySet<string> } | null;
  /** Only deployments from then on are told, with all that they brought, and what was committed since. */
  readonly sinceMs: number | null;
}

export interface GitFacts {
  readonly facts: readonly Fact[];
  readonly commits: number;
  readonly pullRequests: number;
  readonly deployments: number;
  /** Deployments that took back what an earlier one had brought. */
  readonly hotfixes: number;
  /** Tags that fit but are not on the branch's first-parent line: what they brought can't be told from it. */
  readonly tagsAside: readonly string[];
}

interface Deployed {
  readonly key: string;
  readonly label: string;
  readonly commit: string;
  readonly position: number;
  readonly atMs: number;
  readonly previous: Deployed | null;
  /** Null for the first of all: it may have brought anything. */
  readonly commits: readonly string[] | null;
}
interface Pull extends NamedPullRequest {
  readonly merge: LoggedCommit;
  /** Null where a squash left no trace of them. */
  readonly commits: readonly string[] | null;
}
interface Revert {
  readonly by: LoggedCommit;
  readonly reverted: string;
}

/** Deployments, pull requests and commits from a repository's history. The same history always gives the same facts. */
export function gitFacts(history: GitHistory): GitFacts {
  const branch = firstParentLine(history.log, history.tip);
  const pulls = pullRequestsOf(branch);
  const reverts = revertsOf(branch, pulls);
  const own = ownCommits(history, branch, pulls);
  const { deployed, tagsAside } = deploymentsOf(history, branch, own);
  const told = deployed.filter(({ atMs }) => history.sinceMs === null || atMs >= history.sinceMs);
  const wanted = new Set(told.flatMap(({ commits }) => commits ?? []));
  const isTold = ({ sha, committedAtMs }: LoggedCommit): boolean =>
    own.has(sha) && (history.sinceMs === null || committedAtMs >= history.sinceMs || wanted.has(sha));
  const commits = history.log.filter(isTold);
  const merged = pulls.filter(({ merge }) => isTold(merge));
  const mended = reversals(branch, deployed, reverts, own);
  const revertedBy = new Map(reverts.map(({ by, reverted }) => [by.sha, reverted]));
  return {
    facts: [
      ...commits.map((commit) => commitFact(history, commit, revertedBy.get(commit.sha))),
      ...merged.map((pull) => pullFact(history, pull)),
      ...told.map((one) =>
        deploymentFact(
          history,
          one,
          mended.filter(({ by }) => by === one),
        ),
      ),
      ...mended.filter(({ by }) => told.includes(by)).map((one) => reversalFact(history, one, mended)),
    ],
    ...{ commits: commits.length, pullRequests: merged.length, deployments: told.length, tagsAside },
    hotfixes: told.filter((one) => mended.some(({ by }) => by === one)).length,
  };
}

/** Each pull request once: the merge on the branch's own line is the one that counts, before the same title elsewhere. */
function pullRequestsOf({ commits, positionOf, brought }: FirstParentLine): readonly Pull[] {
  const pulls = new Map<number, Pull>();
  const weight = ({ merge }: Pull): number => (positionOf.has(merge.sha) ? 2 : 0) + (merge.parents.length > 1 ? 1 : 0);
  for (const merge of commits.values()) {
    const named = pullRequestIn(merge);
    if (!named) continue;
    const position = positionOf.get(merge.sha);
    const isWhole = merge.parents.length > 1 && position !== undefined;
    const own = isWhole ? (brought[position] ?? []).filter((sha) => sha !== merge.sha) : null;
    const pull: Pull = { ...named, merge, commits: own };
    const known = pulls.get(named.number);
    if (known && !isBetter(weight(pull), pull, weight(known), known)) continue;
    pulls.set(named.number, pull);
  }
  return [...pulls.values()];
}
const isBetter = (weight: number, a: Pull, knownWeight: number, b: Pull): boolean => {
  if (weight !== knownWeight) return weight > knownWeight;
  if (a.merge.committedAtMs !== b.merge.committedAtMs) return a.merge.committedAtMs < b.merge.committedAtMs;
  return a.merge.sha < b.merge.sha;
};

/** What takes back what. To take a revert back is to bring a change again, and says nothing against the revert. */
function revertsOf({ commits }: FirstParentLine, pulls: readonly Pull[]): readonly Revert[] {
  const find = commitFinder(commits);
  const mergeOf = new Map(pulls.map(({ number, merge }) => [number, merge.sha]));
  const said: Revert[] = [];
  for (const by of commits.values()) {
    const named = revertsIn(by);
    const found = [...named.commits.map(find), ...named.pullRequests.map((number) => mergeOf.get(number) ?? null)];
    for (const reverted of new Set(found)) if (reverted && reverted !== by.sha) said.push({ by, reverted });
  }
  const takers = new Set(said.map(({ by }) => by.sha));
  return said.filter(({ reverted }) => !takers.has(reverted));
}

/** The commits that are the service's; a pull request that touched it brings its merge with it. */
function ownCommits(
  { touched, log }: GitHistory,
  { broughtAt }: FirstParentLine,
  pulls: readonly Pull[],
): ReadonlySet<string> {
  const all = log.filter(({ sha }) => broughtAt.has(sha)).map(({ sha }) => sha);
  if (!touched) return new Set(all);
  const own = new Set(all.filter((sha) => touched.commits.has(sha)));
  const merges = pulls.filter(({ commits }) => commits?.some((sha) => own.has(sha))).map(({ merge }) => merge.sha);
  return new Set([...own, ...merges]);
}

interface State {
  readonly commit: LoggedCommit;
  readonly position: number;
  readonly atMs: number;
  /** Null: the state of the branch itself. */
  readonly tag: string | null;
}

function deploymentsOf(history: GitHistory, branch: FirstParentLine, own: ReadonlySet<string>) {
  const { states, tagsAside } = statesOf(history, branch);
  const place = `${history.source}/${history.service}/${history.environment}`;
  const deployed: Deployed[] = [];
  for (const { commit, position, atMs, tag } of states) {
    const previous = deployed.at(-1) ?? null;
    const since = branch.brought.slice((previous?.position ?? -1) + 1, position + 1).flat();
    const commits = since.filter((sha) => own.has(sha));
    // Nothing of this service changed, so that this state of the branch did not deploy it.
    if (tag === null && history.touched && commits.length === 0) continue;
    const key = `${place}/${commit.sha}${tag === null ? "" : `/${tag}`}`;
    deployed.push({
      ...{ key, label: tag ?? commit.sha.slice(0, SHORT), commit: commit.sha },
      ...{ position, atMs, previous, commits: previous ? commits : null },
    });
  }
  return { deployed, tagsAside };
}

function statesOf(history: GitHistory, { line, positionOf }: FirstParentLine) {
  if (history.deployments.by === "first-parent") {
    const states = line.map((commit, position): State => ({ commit, position, atMs: commit.committedAtMs, tag: null }));
    return { states, tagsAside: [] };
  }
  const { patterns } = history.deployments;
  const states: State[] = [];
  const tagsAside: string[] = [];
  for (const { name, commit: sha, atMs } of history.tags) {
    if (!fitsPattern(name, patterns)) continue;
    const position = positionOf.get(sha);
    const commit = position === undefined ? undefined : line[position];
    if (position === undefined || !commit) tagsAside.push(name);
    else states.push({ commit, position, atMs, tag: name });
  }
  // By place and not by time: what a tag holds is decided by where it stands.
  states.sort((a, b) => a.position - b.position || a.atMs - b.atMs || ((a.tag ?? "") < (b.tag ?? "") ? -1 : 1));
  return { states, tagsAside };
}

/** A deployment that took back what an earlier one had brought. */
interface Reversal {
  readonly of: Deployed;
  readonly by: Deployed;
  readonly commit: LoggedCommit;
  readonly reverted: string;
}

/** What was reverted before it was deployed never reached anybody; what the first one brought was there before we look. */
function reversals(
  { broughtAt }: FirstParentLine,
  deployed: readonly Deployed[],
  reverts: readonly Revert[],
  own: ReadonlySet<string>,
): readonly Reversal[] {
  const bringer = (sha: string): Deployed | undefined => {
    const at = broughtAt.get(sha);
    if (at === undefined || !own.has(sha)) return undefined;
    return firstFrom(deployed, at);
  };
  return reverts.flatMap(({ by: commit, reverted }) => {
    const of = bringer(reverted);
    const by = bringer(commit.sha);
    if (!of || !by || by.position <= of.position) return [];
    return of.commits === null && of.commit !== reverted ? [] : [{ of, by, commit, reverted }];
  });
}

/** The first deployment that stands at or behind a place of the line. */
function firstFrom(deployed: readonly Deployed[], position: number): Deployed | undefined {
  let low = 0;
  let high = deployed.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((deployed[middle]?.position ?? 0) < position) low = middle + 1;
    else high = middle;
  }
  return deployed[low];
}

function commitFact({ source, repository }: GitHistory, commit: LoggedCommit, reverts: string | undefined): Fact {
  const { sha, authoredAtMs, committedAtMs, title, parents } = commit;
  return factOf({
    ...{ source, id: `commit:${sha}`, kind: "commit", key: sha, atMs: committedAtMs },
    fields: { repository, authoredAtMs, committedAtMs, title, isMerge: parents.length > 1, reverts },
  });
}

function pullFact({ source, repository }: GitHistory, { number, title, merge, commits }: Pull): Fact {
  const { sha, committedAtMs } = merge;
  return factOf({
    ...{
      source,
      id: `pull:${number}:${sha}`,
      kind: "pull_request",
      key: `${repository}#${number}`,
      atMs: committedAtMs,
    },
    fields: { repository, number, title, mergedAtMs: committedAtMs, mergeCommit: sha, commits: commits ?? undefined },
  });
}

/** Enough of a commit's name to tell it from every other one. */
const SHORT = 12;
const shortOf = (sha: string): string => sha.slice(0, SHORT);
/** For ids, which the source stands beside. */
const placeOf = ({ source }: GitHistory, { key }: Deployed): string => key.slice(source.length + 1);

function deploymentFact(history: GitHistory, one: Deployed, mended: readonly Reversal[]): Fact {
  const { source, service, environment, touched } = history;
  const { key, label, commit, atMs, previous, commits } = one;
  const remedied = newest(mended);
  const path = touched ? `:${touched.path}` : "";
  return factOf({
    ...{ source, kind: "deployment", key, atMs },
    // What it brought depends on what was before it: with another one before, it is another word.
    id: `deployment:${placeOf(history, one)}:${previous ? shortOf(previous.commit) : "first"}${path}`,
    fields: {
      ...{ source, service, environment, commit, label, outcome: "succeeded" },
      kind: remedied ? "hotfix" : commits?.length === 0 ? "redeploy" : "planned",
      ...{ remedies: remedied?.of.key, previousCommit: previous?.commit, commits: commits ?? undefined },
      ...{ servedAllAtMs: atMs, finishedAtMs: atMs },
    },
  });
}

const newest = (mended: readonly Reversal[]): Reversal | undefined =>
  mended.reduce<Reversal | undefined>(
    (best, one) => (best && best.of.position >= one.of.position ? best : one),
    undefined,
  );

/**
 * That something which a deployment had brought had to be taken back, and when all of that was done. When harm was seen is
 * not in a repository: somebody knew at the latest when the first revert was written.
 */
function reversalFact(history: GitHistory, one: Reversal, all: readonly Reversal[]): Fact {
  const { of, by, commit, reverted } = one;
  const sofar = all.filter((other) => other.of === of && other.by.position <= by.position);
  const known = sofar.map((other) => other.commit.authoredAtMs).filter((atMs) => atMs >= of.atMs);
  return factOf({
    ...{ source: history.source, kind: "deployment", key: of.key },
    id: `reverted:${placeOf(history, of)}:${shortOf(commit.sha)}:${shortOf(by.commit)}`,
    // A tag may have been made long after what is tagged: its own word must not be the later one.
    ...{ atMs: Math.max(of.atMs, by.atMs), rank: 1 },
    fields: {
      outcome: "rolled_back",
      ...{ revertedCommit: reverted, revertedBy: commit.sha },
      recoveredAtMs: Math.max(...sofar.map((other) => other.by.atMs)),
      detectedAtMs: known.length > 0 ? Math.min(...known) : undefined,
    },
  });
}
