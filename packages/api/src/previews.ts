import { z } from "zod";
import { branchName } from "./github.ts";
import { Command } from "./target-command.ts";

/** Previews: an environment of its own for each open pull request. */
const when = z.iso.datetime({ offset: true });
const DAY_MS = 86_400_000;

/** Where a preview runs. What else a service may run on is refused with what to do instead. */
const PreviewTarget = z.discriminatedUnion("kind", [z.strictObject({ kind: z.literal("local") }), Command], {
  error: ({ input }) => INSTEAD[String((input as { kind?: unknown } | undefined)?.kind)],
});
const INSTEAD: Readonly<Record<string, string>> = {
  haproxy:
    "HAProxy splits the traffic between releases, and a preview has but one: leave the target out, and Latchkey's gateway serves it",
  netlify:
    "Netlify builds and serves Deploy Previews by itself, which the Pipeline page shows: leave `previews` out, or use local or command",
};

export const PreviewsConfig = z.strictObject({
  /** A preview is removed so long after its newest commit. */
  ttlMs: z
    .int()
    .min(60_000)
    .max(90 * DAY_MS)
    .default(7 * DAY_MS),
  /** So many at once; the next pull request waits until one is removed. */
  most: z.int().min(1).max(20).default(5),
  /** `own`: an empty database that goes with the preview; `none`: no DATABASE_URL. Never that of an environment. */
  database: z.enum(["none", "own"]).default("none"),
  /** Given to its processes. They stand in the configuration: no secrets. */
  variables: z
    .record(z.string().regex(/^[A-Z][A-Z0-9_]{0,99}$/, "the name of a variable, in capitals"), z.string().max(2_000))
    .refine((given) => Object.keys(given).length <= 50, "at most 50 variables")
    .default({}),
  /** Where it runs: processes beside the server, or by scripts. */
  target: PreviewTarget.default({ kind: "local" }),
});
export type PreviewsConfig = z.infer<typeof PreviewsConfig>;

export const Preview = z.object({
  service: z.string(),
  /** pr-<number>, or made of a branch's name: the environment's name. */
  name: z.string(),
  /** Null of one that a person asked for. */
  pullRequest: z.int().nullable(),
  /** `ended`: it was removed; where it has a pull request, a newer commit brings it back. */
  state: z.enum(["waiting", "building", "ready", "failed", "ended"]),
  words: z.string(),
  branch: z.string(),
  /** The newest commit of the pull request, and the one that is served. */
  commit: z.string(),
  servingCommit: z.string().nullable(),
  /** Where it is reached; null while nothing is served. */
  address: z.string().nullable(),
  createdAt: when,
  endsAt: when,
});
export type Preview = z.infer<typeof Preview>;

const reason = z.string().trim().min(1).max(300);

export const previewsContract = {
  listPreviews: {
    summary: "The previews of a project's pull requests",
    query: z.object({ service: z.string().max(100).optional() }),
    status: 200,
    answers: z.object({ items: z.array(Preview) }),
  },
  createPreview: {
    summary: "Make a preview of a branch or a commit without a pull request, or bring the one that is there up to date",
    body: z.strictObject({
      /** Its newest commit, or the branch whose history has `commit`; the branch that the service is deployed from when left out. */
      branch: branchName.optional(),
      commit: z
        .string()
        .regex(/^[0-9a-f]{7,40}$/, "a commit: 7 to 40 of 0-9 and a-f")
        .optional(),
      reason: reason.optional(),
    }),
    status: 201,
    answers: Preview,
  },
  keepPreview: {
    summary: "Let a preview stay for longer, counted from now",
    body: z.strictObject({
      forMs: z
        .int()
        .min(60_000)
        .max(90 * DAY_MS),
      reason,
    }),
    status: 200,
    answers: Preview,
  },
  removePreview: {
    summary: "Remove a preview now; where it has a pull request, a newer commit brings it back",
    body: z.strictObject({ reason }),
    status: 200,
    answers: Preview,
  },
} as const;
