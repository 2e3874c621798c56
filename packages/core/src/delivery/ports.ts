import type { Result } from "../shared/result.ts";
import type { Generation } from "./generation.ts";
import type { Health, HealthShape } from "./health-shape.ts";
import type { ArmShare } from "./routing.ts";

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
  /** How its answer is read; by the status alone when left out. */
  readonly healthShape?: HealthShape;
  readonly readyTimeoutMs: number;
  readonly environmentVariables: Readonly<Record<string, string>>;
  /** Which target runs it; `local` where nothing is said. An adapter knows the other fields of its own kind. */
  readonly target?: { readonly kind: string };
  /** What it was built from; null where git did not know. */
  readonly commit?: string | null;
}

/** A release where it runs: in each environment it has a configuration, and processes, of its own. */
export interface Run {
  readonly releaseId: string;
  readonly environment: string;
}
export interface StartFailure {
  readonly words: string;
  /** The last lines of the release's log. */
  readonly logTail: string;
}

export interface Running {
  readonly upstreams: readonly string[];
  /** That it is ready, and degraded: a sentence. Null when all is well, and of a release that ran already. */
  readonly remark: string | null;
}

export interface Target {
  /** Starts the release, or finds it running, and waits until it is ready. Answers its upstream addresses. What does not become ready is the caller's to retire. */
  ensureRunning(spec: RunSpec): Promise<Result<Running, StartFailure>>;
  /** Ends the release after its drain. Nothing happens when it does not run. */
  retire(run: Run): Promise<void>;
  /** Restarts since the release's first start, and memory now: null when nothing of the release runs here. */
  figures(run: Run): Promise<{ readonly restarts: number; readonly residentBytes: number | null }>;
  /** Where the release answers; null when nothing of it runs anywhere. */
  upstreamOf(run: Run): Promise<string | null>;
  /** What should run. Those that are not here can't be looked after: `ensureRunning` brings them. */
  runs(): Promise<readonly (Run & { readonly isHere: boolean })[]>;
  /** One round: makes the processes what they should be. */
  tend(): Promise<void>;
}

/** The platform's AbortSignal, as far as it is needed here. */
export interface CallSignal {
  readonly aborted: boolean;
  addEventListener(type: "abort", listener: () => void, options?: { readonly once?: boolean }): void;
  removeEventListener(type: "abort", listener: () => void): void;
}
/** What a host may be given along with a release. */
export interface HostCall {
  /** Shows people how far it is: a line of plain text. */
  readonly say: (line: string) => void;
  /** The answer is not waited for any more: what is under way may stop where it is, and is asked again or retired. */
  readonly signal: CallSignal;
}
/**
 * Runs the releases of one kind of target that are not processes beside the server: a provider, or a script. Whoever
 * calls it remembers what was asked: after a crash each call is made again, so both must find what they began.
 */
export interface ReleaseHost {
  /** Brings the release up without visitors, or finds it up, and answers where it is asked. Its health is the caller's to probe. */
  prepare(spec: RunSpec, call: HostCall): Promise<Result<Running, StartFailure>>;
  /** Ends the release. One that is not there is no error. Called with the newest spec that `prepare` was given. */
  retire(spec: RunSpec, call: HostCall): Promise<Result<null, StartFailure>>;
}

/** What a target that routes by itself is to do with a service's traffic. */
export interface RoutePlan {
  readonly service: string;
  readonly environment: string;
  readonly deploymentId: string;
  readonly generation: Generation;
  /** Shares add up to 100; empty where nothing was ever deployed. */
  readonly arms: readonly (ArmShare & { readonly release: string; readonly upstreams: readonly string[] })[];
  /** Paths whose requests are drawn one by one; all else stays with a visitor. */
  readonly apiPrefixes: readonly string[];
  readonly healthPath: string;
  /** The dead man's switch: while it is armed, a canary gets no visitors once no server has watched for so long. */
  readonly deadMan: { readonly isArmed: boolean; readonly afterMs: number };
  /** Answers that are counted for metrics of the service. */
  readonly counted: readonly {
    readonly name: string;
    readonly method: string;
    readonly path: string;
    readonly status: number;
  }[];
}
export interface RouteFailure {
  /** `older`: what is served is newer than what was asked for, and stays. `behind`: it is on its way, and nothing is wrong. */
  readonly kind: "older" | "failed" | "behind";
  readonly words: string;
}
export interface RouteServed {
  /** What its people should know: sentences. */
  readonly notes: readonly string[];
}
/** What splits the traffic of a service that is not behind Latchkey's gateway. */
export interface Router {
  /**
   * Sets the shares, and answers when they are served: "0 %" means that no request goes there any more. Asked again
   * for what is served it repairs what has changed since. An older generation is refused.
   */
  route(plan: RoutePlan): Promise<Result<RouteServed, RouteFailure>>;
}

/** A request that a release must answer as declared before users are sent there. */
export interface Journey {
  readonly path: string;
  readonly status: number;
  readonly contains?: string | undefined;
}
export interface Prober {
  /** Walks one journey at a release's own address; null when it answers as declared, else a sentence. */
  walk(journey: Journey, upstream: string, timeoutMs?: number): Promise<string | null>;
  /** Asks a release how it is. No answer is unhealthy. */
  health(path: string, shape: HealthShape | undefined, upstream: string, timeoutMs?: number): Promise<Health>;
}

export interface ArtifactFile {
  readonly path: string;
  readonly sha256: string;
  readonly sizeBytes: number;
}
export interface Manifest {
  /** SHA-256 over the sorted lines "<sha256>  <size>  <path>\n": equal content has an equal digest, anywhere. */
  readonly digest: string;
  readonly files: readonly ArtifactFile[];
  readonly sizeBytes: number;
}
export interface SourceState {
  readonly commit: string | null;
  readonly branch: string | null;
  readonly message: string;
  readonly author: string;
  readonly dirty: boolean;
}
export interface CommitInfo {
  readonly commit: string;
  readonly message: string;
  readonly author: string;
  readonly at: string;
}
export interface CommandResult {
  readonly outcome: "passed" | "failed" | "timed_out" | "could_not_run";
  readonly exitCode: number | null;
  /** The last characters of both streams. */
  readonly output: string;
}
export interface BuildSpec {
  readonly deploymentId: string;
  readonly folder: string;
  readonly command: readonly string[];
  readonly timeoutMs: number;
  /** The rehearsed fault; null for none. */
  readonly fault: string | null;
}
export type Built =
  | { readonly outcome: "passed"; readonly output: string; readonly manifest: Manifest; readonly source: SourceState }
  | (CommandResult & { readonly outcome: Exclude<CommandResult["outcome"], "passed"> });

/** Turns a working tree into a release and checks it. Everything can be done again: nothing of it is seen before it is whole. */
export interface Builder {
  /** What is free where releases are kept. */
  freeBytes(): Promise<number>;
  build(spec: BuildSpec): Promise<Built>;
  gate(spec: Omit<BuildSpec, "fault" | "deploymentId">): Promise<CommandResult>;
  /** The commits to the folder after `from` up to `to`, newest first. */
  changesBetween(folder: string, from: string | null, to: string | null): Promise<readonly CommitInfo[]>;
  /** Whether a commit has another one in its history; false where git does not know both. */
  contains(folder: string, newer: string, older: string): Promise<boolean>;
  /** Ends what is under way, now. Its results mean nothing. */
  abort(): void;
}

/** A commit as a repository has it. */
export type Commit = CommitInfo;

/** Repositories that are built from: what is newest on a branch, what came to it, and the sources of a commit. */
export interface Repositories {
  /** Brings the branch here; its newest commit, or a sentence. */
  fetch(repository: string, branch: string): Promise<Result<string, string>>;
  /**
   * The steps of the branch itself (first parents) after one commit up to another that changed something in one of the folders
   * ("" is all of it), newest first.
   */
  commits(
    repository: string,
    range: { readonly after: string | null; readonly upTo: string; readonly limit: number },
    folders: readonly string[],
  ): Promise<readonly Commit[]>;
  /** The whole name of a commit that is here, by that or by its beginning; null where there is none, or more than one. */
  commitOf(repository: string, beginning: string): Promise<string | null>;
  /** Whether a commit has another one in its history; false where they are not both here. */
  contains(repository: string, newer: string, older: string): Promise<boolean>;
  /** The commit's files in a folder of their own, by this id; asked twice it is the same folder. */
  checkout(repository: string, commit: string, id: string): Promise<Result<string, string>>;
  /** Removes the folders of all others. */
  keepOnly(ids: ReadonlySet<string>): Promise<void>;
  /** Of each repository that is named: forgets all branches but these, and what is kept of commits that nobody needs. */
  tidy(kept: ReadonlyMap<string, ReadonlySet<string>>): Promise<void>;
}
