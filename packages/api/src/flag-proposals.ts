import { z } from "zod";
import { environmentName, FlagDefinition, FlagManager, flagKey, percent, reason, when } from "./flags.ts";
import { pageOf } from "./models.ts";

/** Flags by the eyes of two: what is proposed by one person and applied once another agrees. */

/** A change of a flag, as its own route takes it. */
export const FlagChange = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("put"),
    definition: FlagDefinition,
    manager: FlagManager.default("console"),
    rebucket: z.boolean().default(false),
  }),
  z.strictObject({ kind: z.literal("switch"), environment: environmentName, isEnabled: z.boolean() }),
  z.strictObject({
    kind: z.literal("rollout"),
    environment: environmentName,
    rule: z.string().max(60).default("otherwise"),
    percent: percent.optional(),
    state: z.enum(["running", "held", "killed", "done"]).optional(),
  }),
  z.strictObject({ kind: z.literal("archive"), archived: z.boolean() }),
  z.strictObject({ kind: z.literal("restore"), version: z.int().min(1).max(2_147_483_647) }),
]);
export type FlagChange = z.infer<typeof FlagChange>;

export const FlagProposal = z.object({
  id: z.string(),
  flag: z.string(),
  kind: z.enum(["put", "switch", "rollout", "archive", "restore"]),
  state: z.enum(["waiting", "applied", "rejected", "withdrawn"]),
  changes: z.array(z.object({ path: z.string(), before: z.unknown(), after: z.unknown() })),
  /**
   * Of a flag that would be turned on: all that would hold with it in that environment, variants and rules, as they are now. Whoever
   * made it while it was off needed nobody, so whoever agrees reads all of it. Empty for other changes, and once it is decided.
   */
  takesEffect: z.array(z.object({ path: z.string(), before: z.unknown(), after: z.unknown() })),
  proposedBy: z.string(),
  /** Whether whoever asks proposed it: then somebody else decides. */
  isOwn: z.boolean(),
  reason: z.string(),
  createdAt: when,
  decidedBy: z.string().nullable(),
  decisionReason: z.string().nullable(),
  decidedAt: when.nullable(),
});
export type FlagProposal = z.infer<typeof FlagProposal>;
const FlagEnvironment = z.object({ name: z.string(), needsApproval: z.boolean() });

export const flagProposalContract = {
  listFlagEnvironments: {
    summary: "The environments that flags are in, and whether their changes need a second person",
    status: 200,
    answers: z.object({ items: z.array(FlagEnvironment) }),
  },
  putFlagEnvironment: {
    summary: "Say whether changes of flags in an environment need a second person",
    body: z.strictObject({ needsApproval: z.boolean(), reason }),
    status: 200,
    answers: FlagEnvironment,
  },
  compareFlagEnvironments: {
    summary: "The flags that are not the same in two environments, and what is different",
    query: z.object({ from: environmentName, to: environmentName }),
    status: 200,
    answers: z.object({
      items: z.array(
        z.object({
          flag: z.string(),
          isInFrom: z.boolean(),
          isInTo: z.boolean(),
          /** What would be different in `to` if it were as in `from`. */
          changes: z.array(z.object({ path: z.string(), before: z.unknown(), after: z.unknown() })),
        }),
      ),
    }),
  },
  proposeFlagChange: {
    summary: "Propose a change of a flag: it is applied when another person agrees",
    body: z.strictObject({ change: FlagChange, reason }),
    status: 201,
    answers: FlagProposal,
  },
  listFlagProposals: {
    summary: "Proposed changes of flags, newest first",
    query: z.object({
      cursor: z.string().max(200).optional(),
      limit: z.coerce.number().int().min(1).max(200).default(50),
      flag: flagKey.optional(),
      state: z.enum(["waiting", "all"]).default("waiting"),
    }),
    status: 200,
    answers: pageOf(FlagProposal),
  },
  decideFlagProposal: {
    summary: "Agree to a proposed change, which applies it; or reject it, or withdraw one's own",
    body: z.strictObject({ decision: z.enum(["approve", "reject", "withdraw"]), reason }),
    status: 200,
    answers: FlagProposal,
  },
} as const;
