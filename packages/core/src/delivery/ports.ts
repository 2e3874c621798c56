import type { Result } from "../shared/result.ts";

/** The machinery that runs a service in an environment. All calls are idempotent: asking twice is asking once. */
export interface RunSpec {
  readonly service: string;
  readonly environment: string;
  readonly deploymentId: string;
  readonly releaseId: string;
  /** What the workload sees as LATCHKEY_RELEASE, e.g. "leads@12". */
  readonly releaseName: string;
  readonly artifactDir: string;
  readonly command: readonly string[];
  readonly healthPath: string;
  readonly readyTimeoutMs: number;
  readonly environmentVariables: Readonly<Record<string, string>>;
}

export interface StartFailure {
  readonly words: string;
  /** The last lines of the release's log. */
  readonly logTail: string;
}

export interface Target {
  /** Starts the release, or finds it running, and waits until it is ready. Answers its upstream addresses. */
  ensureRunning(spec: RunSpec): Promise<Result<{ readonly upstreams: readonly string[] }, StartFailure>>;
  /** Ends the release after its drain. Nothing happens when it does not run. */
  retire(releaseId: string): Promise<void>;
  /** Restarts since the release's first start, and memory now: null when nothing of the release runs here. */
  figures(releaseId: string): Promise<{ readonly restarts: number; readonly residentBytes: number | null }>;
}
