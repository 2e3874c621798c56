import { z } from "zod";

/** How a service is connected to GitHub, what its changes are, and where each of them is. */
const when = z.iso.datetime({ offset: true });
const repositoryName = z
  .string()
  .regex(/^[A-Za-z0-9]([A-Za-z0-9-]{0,38})\/[A-Za-z0-9._-]{1,100}$/, 'owner and name, such as "acme/shop"');
export const branchName = z
  .string()
  .max(255)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._/-]*$/, "the name of a branch");
const folder = z
  .string()
  .max(400)
  .regex(
    /^(\.?[A-Za-z0-9_@+-][A-Za-z0-9._@+ -]*(\/\.?[A-Za-z0-9_@+-][A-Za-z0-9._@+ -]*)*)?$/,
    "a folder inside the repository, such as apps/shop",
  );

/** What a token of a GitHub workflow must say before it is exchanged: the names of GitHub's claims. */
export const KeylessConfig = z.strictObject({
  /** The repository's number: a name can be given to another repository later. */
  repositoryId: z.int().min(1),
  /** The workflow's file and ref, e.g. acme/shop/.github/workflows/deploy.yml@refs/heads/main. */
  workflow: z
    .string()
    .regex(/^[^/]+\/[^/]+\/\.github\/workflows\/[^/@]+@.+$/, "owner/name/.github/workflows/file.yml@ref"),
  /** The environment that the job names; without it any job of the workflow may ask. */
  environment: z.string().min(1).max(255).optional(),
  /** Where the workflow runs; refs/heads/<branch> when left out. */
  ref: z.string().startsWith("refs/").max(255).optional(),
});

export const GithubConfig = z.strictObject({
  repository: repositoryName,
  branch: branchName.default("main"),
  /** Folder of the repository that `source` is relative to. */
  path: folder.default(""),
  /** Folders of the repository whose changes are changes of this service; without any, the service's sources. */
  watch: z.array(folder).max(20).optional(),
  /** A push to the branch that changes the service is deployed. */
  deployOnMerge: z.boolean().default(true),
  /** Where it is deployed; the service's first environment when left out. */
  environment: z.string().max(40).optional(),
  keyless: KeylessConfig.optional(),
});
export type GithubConfig = z.infer<typeof GithubConfig>;

export const ChangeState = z.enum(["open", "merged", "closed"]);
export const Change = z.object({
  service: z.string(),
  /** pr-<number>, or the commit of a change that came without a pull request. */
  key: z.string(),
  state: ChangeState,
  title: z.string(),
  author: z.string(),
  pullRequest: z.int().nullable(),
  commit: z.string().nullable(),
  url: z.string().nullable(),
  openedAt: when.nullable(),
  mergedAt: when.nullable(),
  committedAt: when.nullable(),
  /** When production first served every visitor from it. */
  deployedAt: when.nullable(),
  deploymentId: z.string().nullable(),
  /** From the pull request's opening (without one, from the commit) to production: the guide's lead time. */
  leadTimeMs: z.number().nullable(),
});
export type Change = z.infer<typeof Change>;

export const StageName = z.enum(["open", "checks", "merged", "building", "gating", "queued", "canary", "production"]);
export type StageName = z.infer<typeof StageName>;
export const StageView = z.object({
  name: StageName,
  state: z.enum(["waiting", "running", "done", "failed", "skipped"]),
  startedAt: when.nullable(),
  /** How long it took, or has taken so far. */
  durationMs: z.number().nullable(),
  words: z.string(),
});
export type StageView = z.infer<typeof StageView>;

/** A change on its way: picture first, words where something is in its way. */
export const PipelineItem = z.object({
  service: z.string(),
  environment: z.string(),
  change: Change,
  stage: StageName,
  stages: z.array(StageView),
  trafficPercent: z.number().nullable(),
  /** What keeps it from going on; null while nothing does. */
  blockedBy: z.string().nullable(),
  over: z.boolean(),
  deploymentId: z.string().nullable(),
  rolloutId: z.string().nullable(),
  /** Where the provider shows the pull request's preview; left out where it shows none. */
  previewUrl: z.string().optional(),
});
export type PipelineItem = z.infer<typeof PipelineItem>;

export const Connection = z.object({
  service: z.string(),
  repository: z.string(),
  branch: z.string(),
  seenCommit: z.string().nullable(),
  fetchedAt: when.nullable(),
  problem: z.string().nullable(),
});
export const Pipeline = z.object({
  items: z.array(PipelineItem),
  connections: z.array(Connection),
  /** Whether deliveries can be taken, and what could not be read or told of late. */
  github: z.object({
    webhooks: z.enum(["ready", "no_secret"]),
    api: z.enum(["ready", "no_token"]),
    /** Whom GitHub takes the server for. Only an App may write checks: with a token, a commit status stands for them. */
    identity: z.enum(["app", "token", "nobody"]),
    waitingDeliveries: z.int(),
    unreadableDeliveries: z.int(),
    lateReports: z.int(),
  }),
});
export type Pipeline = z.infer<typeof Pipeline>;

export const OidcExchange = z.strictObject({
  /** The token that GitHub gave the job (its `id-token`). */
  token: z.string().min(1).max(20_000),
  service: z.string().max(40),
  project: z.string().max(40).default("main"),
});
export const OidcToken = z.object({
  token: z.string(),
  expiresAt: when,
  project: z.string(),
  service: z.string(),
});
