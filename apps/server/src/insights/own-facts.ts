import type { Fact, FactValue, Outcome } from "@latchkey/core/insights/history";
import type { DeploymentHistory } from "../delivery/index.ts";

/** What Latchkey itself deployed, as facts like anybody else's: nothing in it is guessed. */
export const OWN_SOURCE = "latchkey";

const ENDED: Readonly<Record<string, Outcome>> = {
  holdback: "soaking",
  succeeded: "succeeded",
  failed_build: "build_failed",
  failed_gate: "gate_rejected",
  failed_start: "start_failed",
  superseded: "superseded",
  unchanged: "unchanged",
};

/** How it ended, or that it has not. What no visitor met was called off, whatever it is called here. */
export function outcomeOf(d: DeploymentHistory): Outcome {
  if (d.fault !== null) return "rehearsal";
  if (d.is_joined) return "superseded";
  if (d.status === "rolled_back" || d.status === "aborted") {
    if (d.exposed_at_ms === null) return "canceled";
    return d.promoted_at === null ? "canary_aborted" : "rolled_back";
  }
  return ENDED[d.status] ?? "running";
}

const ms = (at: Date | string | null): number | null => (at === null ? null : new Date(at).getTime());

/**
 * The facts of a deployment, its commits and their pull requests. `sequence` and `atMs`: of the ledger's newest entry about
 * it: what was read later is the later word, also within one millisecond.
 */
export function ownFacts(d: DeploymentHistory, sequence: number, atMs: number): readonly Fact[] {
  const fact = (kind: Fact["kind"], key: string, id: string, fields: Readonly<Record<string, FactValue>>): Fact => ({
    ...{ source: OWN_SOURCE, id: `${id}@${sequence}`, kind, key, atMs, rank: sequence, fields },
  });
  const outcome = outcomeOf(d);
  const wasTakenBack = outcome === "canary_aborted" || outcome === "rolled_back";
  const deployment = fact("deployment", d.id, d.id, {
    ...{ source: OWN_SOURCE, service: d.service, environment: d.environment, isProduction: d.is_production, outcome },
    kind: d.is_rollback ? "rollback" : "planned",
    remedies: d.takes_back,
    label: d.number === null ? d.id : `Release ${d.number}`,
    ...{ commit: d.commit_sha, previousCommit: d.previous_commit, isAutomatic: d.by_machine },
    // Of the first one nobody can say what is new, nor of what was built of no commit.
    commits: d.is_first || d.commit_sha === null ? null : d.changes.map(({ commit }) => commit),
    ...{ requestedAtMs: ms(d.created_at), gatesStartedAtMs: ms(d.gates_from), gatesPassedAtMs: ms(d.gates_to) },
    ...{ startedAtMs: ms(d.started_at), exposedAtMs: d.exposed_at_ms, tenPercentAtMs: ms(d.ten_percent_at) },
    ...{ servedAllAtMs: ms(d.promoted_at ?? d.completed_at), finishedAtMs: ms(d.finished_at) },
    ...{ detectedAtMs: ms(d.harm_seen_at), recoveredAtMs: wasTakenBack ? ms(d.taken_back_at ?? d.finished_at) : null },
  });
  const commits = d.changes.map(({ commit, message, at }) =>
    fact("commit", commit, `${d.id}/${commit}`, {
      ...{ authoredAtMs: ms(at), committedAtMs: ms(at), title: (message.split("\n")[0] ?? "").slice(0, 200) },
    }),
  );
  const pulls = d.pulls.map(({ key, number, title, commit, openedAt, mergedAt }) =>
    fact("pull_request", `${d.service}#${number}`, `${d.id}/${key}`, {
      ...{
        number,
        title: title.slice(0, 200),
        mergeCommit: commit,
        openedAtMs: ms(openedAt),
        mergedAtMs: ms(mergedAt),
      },
    }),
  );
  return [deployment, ...commits, ...pulls];
}
