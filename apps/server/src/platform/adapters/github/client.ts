import type { GithubRefusal } from "@latchkey/core/delivery/github/ports";
import { err, ok, type Result } from "@latchkey/core/shared/result";
import { request } from "@octokit/request";
import type { GithubAccess } from "./configured.ts";

/** GitHub answers within 10 s or cuts the connection itself. */
const TIMEOUT_MS = 15_000;
const USER_AGENT = "latchkey";
/** The version of the API that is asked for, as GitHub names it. */
const API_VERSION = "2022-11-28";

export interface Answered {
  readonly status: number;
  readonly data: unknown;
  readonly headers: Readonly<Record<string, string | number | undefined>>;
}
export type Parameters = Readonly<Record<string, unknown>>;

/** Whose word a request is. */
export interface Asking {
  readonly apiUrl: string;
  readonly token: string;
  readonly now: () => number;
}

/**
 * Asks GitHub's REST API once. What can't be done is a refusal with a sentence, and with the time that GitHub names for
 * another try. `route` as GitHub's documentation has it, e.g. "GET /repos/{owner}/{repo}/hooks".
 */
export async function askGithub(
  own: Asking,
  route: string,
  parameters: Parameters,
): Promise<Result<Answered, GithubRefusal>> {
  const { headers, ...rest } = parameters as { headers?: Readonly<Record<string, string>> };
  try {
    const answer = await request(route, {
      ...rest,
      baseUrl: own.apiUrl.replace(/\/$/, ""),
      headers: {
        authorization: `Bearer ${own.token}`,
        "user-agent": USER_AGENT,
        "x-github-api-version": API_VERSION,
        ...headers,
      },
      request: { signal: AbortSignal.timeout(TIMEOUT_MS), redirect: "follow" },
    });
    return ok({ status: answer.status, data: answer.data, headers: answer.headers });
  } catch (error) {
    return refusalOf(route, error, own.now);
  }
}

function refusalOf(route: string, error: unknown, now: () => number): Result<Answered, GithubRefusal> {
  const { status, message, response } = error as {
    status?: number;
    message?: string;
    response?: { headers?: Readonly<Record<string, string | number | undefined>> };
  };
  const headers = response?.headers ?? {};
  // Not modified: the client takes it for an error, and it is the best of answers.
  if (status === 304) return ok({ status, data: null, headers });
  const words = `GitHub ${status ? `answered ${status}` : "did not answer"} to ${route}: ${String(message ?? "")
    .split("\n")[0]
    ?.slice(0, 300)}`;
  const isGone = status === 404 || status === 410;
  return err({ words, retryAfterMs: retryAfter(headers, now), isGone, status: response ? (status ?? null) : null });
}

/** Retry-After, or the moment at which the allowance is whole again (rate limits of the REST API). */
function retryAfter(headers: Readonly<Record<string, string | number | undefined>>, now: () => number): number | null {
  const after = Number(headers["retry-after"]);
  if (Number.isFinite(after) && after > 0) return after * 1_000;
  if (String(headers["x-ratelimit-remaining"]) !== "0") return null;
  const resetMs = Number(headers["x-ratelimit-reset"]) * 1_000;
  return Number.isFinite(resetMs) ? Math.max(1_000, resetMs - now()) : null;
}

/** Asks GitHub's REST API about repositories, with the token of each. */
export class GithubClient {
  readonly #o: Pick<GithubAccess, "apiUrl" | "tokenFor" | "forgetTokenOf">;

  constructor(access: Pick<GithubAccess, "apiUrl" | "tokenFor" | "forgetTokenOf">) {
    this.#o = access;
  }

  async ask(route: string, repository: string, parameters: Parameters = {}): Promise<Result<Answered, GithubRefusal>> {
    const token = await this.#o.tokenFor(repository);
    if (!token.ok) return token;
    const [owner = "", repo = ""] = repository.split("/");
    const own = { apiUrl: this.#o.apiUrl, token: token.value, now: Date.now };
    const answer = await askGithub(own, route, { ...parameters, owner, repo });
    if (!answer.ok && answer.error.status === 401) this.#o.forgetTokenOf(repository);
    return answer;
  }
}
