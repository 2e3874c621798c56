import { z } from "zod";
import { Command } from "./target-command.ts";

/** Previews: an environment of its own for each open pull request. */
const when = z.iso.datetime({ offset: true });
const DAY_MS = 86_400_000;

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
  target: z.union([z.strictObject({ kind: z.literal("local") }), Command]).default({ kind: "local" }),
});
export type PreviewsConfig = z.infer<typeof PreviewsConfig>;

export const Preview = z.object({
  service: z.string(),
  /** pr-<number>: the environment's name. */
  name: z.string(),
  pullRequest: z.int(),
  /** `ended`: it was removed, and a newer commit brings it back. */
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
    summary: "Remove a preview now; a newer commit of its pull request brings it back",
    body: z.strictObject({ reason }),
    status: 200,
    answers: Preview,
  },
} as const;
