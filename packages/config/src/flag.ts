import type { FlagDefinition } from "@latchkey/api/flags";
import type { z } from "zod";

/** A flag as it is written: everything that has a default may be left out. */
export type FlagInput = z.input<typeof FlagDefinition>;

/** Types for `flags/<key>.ts`: `export default defineFlag({ ... })`. */
export function defineFlag(flag: FlagInput): FlagInput {
  return flag;
}
