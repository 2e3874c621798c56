import type { GithubRefusal } from "@latchkey/core/delivery/github/ports";
import { err, ok, type Result } from "@latchkey/core/shared/result";
import { request } from "@octokit/request";

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

/** Asks GitHub's REST API. What can't be done is a refusal with a sentence, and with the time that GitHub names for another try. */
export class GithubClient {
  readonly #apiUrl: string;
  readonly #token: () => Promise<string | null>;
  readonly #now: () => number;

  constructor(o: {
    readonly apiUrl: string;
    readonly token: () => Promise<string | null>;
    readonly now?: () => number;
  }) {
    this.#apiUrl = o.apiUrl.replace(/\/$/, "");
    this.#token = o.token;
    this.#now = o.now ?? Date.now;
  }

  /** `route` as GitHub's documentation has it, e.g. "GET /repos/{owner}/{repo}/hooks". */
  async ask(route: string, repository: string, parameters: Parameters = {}): Promise<Result<Answered, GithubRefusal>> {
    const token = await this.#token();
    if (token === null)
      return err({
        words: "this server has no token for GitHub (--github-token-file)",
        retryAfterMs: 60_000,
        isGone: false,
      });
    const [owner = "", repo = ""] = repository.split("/");
    const { headers, ...rest } = parameters as { headers?: Readonly<Record<string, string>> };
    try {
      const answer = await request(route, {
        ...rest,
        owner,
        repo,
        baseUrl: this.#apiUrl,
        headers: {
          authorization: `Bearer ${token}`,
          "user-agent": USER_AGENT,
          "x-github-api-version": API_VERSION,
          ...headers,
        },
        request: { signal: AbortSignal.timeout(TIMEOUT_MS), redirect: "follow" },
      });
      return ok({ status: answer.status, data: answer.data, headers: answer.headers });
    } catch (error) {
      return this.#refusal(route, error);
    }
  }

  #refusal(route: string, error: unknown): Result<Answered, GithubRefusal> {
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
    return err({ words, retryAfterMs: this.#retryAfter(headers), isGone: status === 404 || status === 410 });
  }

  /** Retry-After, or the moment at which the allowance is whole again (rate limits of the REST API). */
  #retryAfter(headers: Readonly<Record<string, string | number | undefined>>): number | null {
    const after = Number(headers["retry-after"]);
    if (Number.isFinite(after) && after > 0) return after * 1_000;
    if (String(headers["x-ratelimit-remaining"]) !== "0") return null;
    const resetMs = Number(headers["x-ratelimit-reset"]) * 1_000;
    return Number.isFinite(resetMs) ? Math.max(1_000, resetMs - this.#now()) : null;
  }
}
