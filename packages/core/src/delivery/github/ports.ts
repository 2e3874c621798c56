import type { Result } from "../../shared/result.ts";
import type { Fact } from "./fold.ts";

/** Why GitHub did not do or answer what was asked, and when asking again has a chance: null where no time is told. */
export interface GithubRefusal {
  readonly words: string;
  readonly retryAfterMs: number | null;
  /** What was asked for is not there: somebody has deleted it. */
  readonly isGone: boolean;
  /** GitHub's answer; null where there was none. */
  readonly status: number | null;
}

/** What GitHub should show. Each is found again by a mark of ours, so that telling twice is telling once. */
export interface CheckReport {
  readonly name: string;
  readonly headSha: string;
  readonly externalId: string;
  readonly status: "queued" | "in_progress" | "completed";
  readonly conclusion: "success" | "failure" | "cancelled" | null;
  readonly title: string;
  readonly summary: string;
  readonly detailsUrl: string;
}
export interface DeploymentReport {
  readonly ref: string;
  readonly environment: string;
  readonly description: string;
  readonly mark: string;
  readonly production: boolean;
  /** It goes again: GitHub then does not count it among the repository's lasting environments. */
  readonly transient?: true;
}
export interface StatusReport {
  readonly state: "queued" | "in_progress" | "success" | "failure" | "inactive";
  readonly description: string;
  readonly logUrl: string;
  /** Where it is to be looked at. */
  readonly environmentUrl?: string;
}
export interface CommentReport {
  readonly pullRequest: number;
  readonly mark: string;
  readonly body: string;
}

/** What Latchkey tells GitHub. The answers are GitHub's ids. `knownId` is the id of an earlier answer, where there was one. */
export interface GithubTelling {
  check(repository: string, report: CheckReport, knownId: number | null): Promise<Result<number, GithubRefusal>>;
  deployment(repository: string, report: DeploymentReport): Promise<Result<number, GithubRefusal>>;
  status(repository: string, deploymentId: number, report: StatusReport): Promise<Result<number, GithubRefusal>>;
  comment(repository: string, report: CommentReport, knownId: number | null): Promise<Result<number, GithubRefusal>>;
}

/** An answer to a question that was asked before: null where nothing has changed since. */
export interface Polled {
  readonly etag: string | null;
  readonly facts: readonly Fact[] | null;
}
export type PollSubject =
  | "pull_request"
  | "branch"
  | "check_run"
  | "review"
  | "code_scanning_alert"
  | "dependabot_alert"
  | "secret_scanning_alert";

/** What Latchkey asks GitHub, where GitHub can't reach it, and to find what was not delivered. */
export interface GithubAsking {
  poll(repository: string, what: PollSubject, of: string, etag: string | null): Promise<Result<Polled, GithubRefusal>>;
  /** Asks GitHub to deliver again what failed since; answers how many deliveries that are. */
  redeliver(repository: string, url: string, sinceMs: number): Promise<Result<number, GithubRefusal>>;
}
