import {
  type AlertKind,
  alertFact,
  checkRunFact,
  pullRequestFact,
  reviewFact,
} from "@latchkey/core/delivery/github/facts";
import type { Fact } from "@latchkey/core/delivery/github/fold";
import type { GithubAsking, GithubRefusal, Polled, PollSubject } from "@latchkey/core/delivery/github/ports";
import { ok, type Result } from "@latchkey/core/shared/result";
import type { GithubClient } from "./client.ts";

/** The newest of each: who polls every minute misses none of them. */
const PAGE = 100;
const DELIVERIES_PAGE = 100;
/** What is delivered again in one round: the next round does the rest. */
const REDELIVERED_MAX = 50;
type Item = Readonly<Record<string, unknown>>;
const itemsOf = (data: unknown): readonly Item[] => (Array.isArray(data) ? (data as Item[]) : []);
const factsIn = (items: readonly Item[], read: (item: Item) => Result<Fact, string>): Fact[] =>
  items.flatMap((item) => {
    const fact = read(item);
    return fact.ok ? [fact.value] : [];
  });

const ALERTS: Readonly<Record<AlertKind, string>> = {
  code_scanning_alert: "code-scanning",
  dependabot_alert: "dependabot",
  secret_scanning_alert: "secret-scanning",
};

/** Asks GitHub. An answer is asked for with the ETag of the one before: "nothing new" costs nothing of the allowance. */
export function githubAsking(client: GithubClient): GithubAsking {
  return {
    poll: async (repository, what, of, etag) => {
      const { route, parameters, read } = questionOf(what, of);
      const answer = await client.ask(route, repository, {
        ...parameters,
        ...(etag ? { headers: { "if-none-match": etag } } : {}),
      });
      if (!answer.ok) return answer;
      const { status, data, headers } = answer.value;
      const newEtag = typeof headers.etag === "string" ? headers.etag : null;
      const polled: Polled = status === 304 ? { etag, facts: null } : { etag: newEtag, facts: read(data) };
      return ok(polled);
    },
    redeliver: (repository, url, sinceMs) => redeliver(client, repository, url, sinceMs),
  };
}

function questionOf(what: PollSubject, of: string) {
  if (what === "pull_request")
    return {
      route: "GET /repos/{owner}/{repo}/pulls",
      parameters: { state: "all", base: of, sort: "updated", direction: "desc", per_page: PAGE },
      read: (data: unknown) => factsIn(itemsOf(data), pullRequestFact),
    };
  if (what === "check_run")
    return {
      route: "GET /repos/{owner}/{repo}/commits/{ref}/check-runs",
      parameters: { ref: of, per_page: PAGE },
      read: (data: unknown) => factsIn(itemsOf((data as { check_runs?: unknown } | null)?.check_runs), checkRunFact),
    };
  if (what === "review")
    return {
      route: "GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews",
      parameters: { pull_number: Number(of), per_page: PAGE },
      read: (data: unknown) => factsIn(itemsOf(data), (item) => reviewFact(item, Number(of))),
    };
  if (what === "branch")
    return {
      route: "GET /repos/{owner}/{repo}/branches/{branch}",
      parameters: { branch: of },
      // What is new on the branch is asked of git: that there is something new is all that this says.
      read: () => [],
    };
  return {
    route: `GET /repos/{owner}/{repo}/${ALERTS[what]}/alerts`,
    parameters: { per_page: PAGE, sort: "updated", direction: "desc" },
    read: (data: unknown) => factsIn(itemsOf(data), (item) => alertFact(what, item)),
  };
}

/** Finds our hook by its address, and asks for what failed to be delivered. A delivery that succeeded later needs nothing. */
async function redeliver(
  client: GithubClient,
  repository: string,
  url: string,
  sinceMs: number,
): Promise<Result<number, GithubRefusal>> {
  const hooks = await client.ask("GET /repos/{owner}/{repo}/hooks", repository, { per_page: PAGE });
  if (!hooks.ok) return hooks;
  let asked = 0;
  for (const hook of itemsOf(hooks.value.data)) {
    if ((hook.config as { url?: unknown } | null)?.url !== url) continue;
    const path = "/repos/{owner}/{repo}/hooks/{hook_id}/deliveries";
    const listed = await client.ask(`GET ${path}`, repository, { hook_id: hook.id, per_page: DELIVERIES_PAGE });
    if (!listed.ok) return listed;
    const recent = itemsOf(listed.value.data).filter((d) => Date.parse(String(d.delivered_at)) >= sinceMs);
    const succeeded = new Set(recent.filter((d) => d.status === "OK").map((d) => d.guid));
    const missing = new Map(recent.filter((d) => !succeeded.has(d.guid)).map((d) => [d.guid, d.id]));
    for (const id of [...missing.values()].slice(0, REDELIVERED_MAX - asked)) {
      const again = await client.ask(`POST ${path}/{delivery_id}/attempts`, repository, {
        hook_id: hook.id,
        delivery_id: id,
      });
      if (!again.ok) return again;
      asked += 1;
    }
  }
  return ok(asked);
}
