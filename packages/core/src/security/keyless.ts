/** What a service pins a workflow's token to, and whether a token says so. Pure: the signature is checked before. */
export interface Pins {
  readonly repository: string;
  readonly repositoryId: number;
  /** The file and ref of the workflow: GitHub's claim job_workflow_ref. */
  readonly workflow: string;
  readonly ref: string;
  readonly environment?: string | undefined;
}

/** Runs of a pull request may run what somebody proposes, and of these one runs on the branch that it would go to. */
const EVENTS_REFUSED: readonly unknown[] = ["pull_request", "pull_request_target"];

/** Why a token is not one of the pinned workflow: a sentence that names the claim. Null when it is. */
export function refusalOf(claims: Readonly<Record<string, unknown>>, pins: Pins): string | null {
  const must: readonly (readonly [string, string])[] = [
    ["repository_id", String(pins.repositoryId)],
    ["repository", pins.repository.toLowerCase()],
    ["job_workflow_ref", pins.workflow],
    ["ref", pins.ref],
    ...(pins.environment === undefined ? [] : ([["environment", pins.environment]] as const)),
  ];
  for (const [name, wanted] of must) {
    const said = Object.hasOwn(claims, name) ? claims[name] : undefined;
    if (typeof said !== "string") return `${name}: the token lacks this claim`;
    // GitHub takes names of repositories for the same whatever the size of their letters.
    const own = name === "repository" ? said.toLowerCase() : said;
    if (own !== wanted)
      return `${name}: the token says "${said.slice(0, 200)}", and the service is pinned to "${wanted}"`;
  }
  const event = Object.hasOwn(claims, "event_name") ? claims.event_name : undefined;
  if (EVENTS_REFUSED.includes(event) || String(claims.sub).endsWith(":pull_request"))
    return "event_name: a run of a pull request gets no token";
  return null;
}
