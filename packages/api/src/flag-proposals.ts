import { z } from "zod";
import {
  environmentName,
  FlagCondition,
  FlagDefinition,
  FlagManager,
  flagKey,
  percent,
  reason,
  when,
} from "./flags.ts";
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

/** A change of a segment, as its own routes take it. */
export const FlagSegmentChange = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("set_segment"),
    description: z.string().max(1_000).default(""),
    when: FlagCondition,
  }),
  z.strictObject({ kind: z.literal("delete_segment") }),
]);
export type FlagSegmentChange = z.infer<typeof FlagSegmentChange>;

export const FlagProposal = z.object({
  id: z.string(),
  /** What it changes: a flag, or a segment; the other one is null. */
  flag: z.string().nullable(),
  segment: z.string().nullable(),
  kind: z.enum(["put", "switch", "rollout", "archive", "restore", "set_segment", "delete_segment"]),
  state: z.enum(["waiting", "applied", "rejected", "withdrawn"]),
  changes: z.array(z.object({ path: z.string(), before: z.unknown(), after: z.unknown() })),
  /**
   * Of a flag that would be turned on: all that would hold with it in that environment, variants and rules, as they are now. Whoever
   * made it while it was off needed nobody, so whoever agrees reads all of it. Empty for other changes, and once it is decided.
   */
  takesEffect: z.array(z.object({ path: z.string(), before: z.unknown(), after: z.unknown() })),
  /** Of a segment: the flags whose answers it changes, and where; as they are now while it waits, as they were once it is decided. */
  flagsChanged: z.array(z.object({ flag: z.string(), environments: z.array(z.string()) })),
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
  proposeFlagSegmentChange: {
    summary: "Propose a change of a segment: it is applied when another person agrees",
    body: z.strictObject({ change: FlagSegmentChange, reason }),
    status: 201,
    answers: FlagProposal,
  },
  listFlagProposals: {
    summary: "Proposed changes of flags and segments, newest first",
    query: z.object({
      cursor: z.string().max(200).optional(),
      limit: z.coerce.number().int().min(1).max(200).default(50),
      flag: flagKey.optional(),
      segment: flagKey.optional(),
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
