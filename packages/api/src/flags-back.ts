import { z } from "zod";

/** Flags that are put back with a rollback. */
const when = z.iso.datetime({ offset: true });

/** A flag that answers otherwise in the environment than when the release that is left began to be rolled out. */
export const FlagChangedSince = z.object({
  flag: z.string(),
  version: z.int(),
  /** The version that held then; null for a flag that is newer. */
  fromVersion: z.int().nullable(),
  /** False: it would be left as it is; `words` say why. */
  isPutBack: z.boolean(),
  /** Why it is left, or what of it is not put back; empty where all is. */
  words: z.string(),
  /** From now to then. */
  changes: z.array(z.object({ path: z.string(), before: z.unknown(), after: z.unknown() })),
});
export type FlagChangedSince = z.infer<typeof FlagChangedSince>;

/** What became of the flags with a rollback that was to put them back. */
export const FlagsPutBack = z.object({
  /** When the first of the releases that were left began to be rolled out. */
  since: when,
  words: z.string(),
  putBack: z.array(z.object({ flag: z.string(), version: z.int(), words: z.string() })),
  left: z.array(z.object({ flag: z.string(), words: z.string() })),
});
export type FlagsPutBack = z.infer<typeof FlagsPutBack>;
