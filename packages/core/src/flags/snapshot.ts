import type { FlagSource } from "./compile.ts";
import { rulesIn } from "./compile.ts";
import type { Flag, Segment } from "./model.ts";

/** The flags of one environment as a program carries them: what it needs to decide by itself, and nothing else. */
export interface FlagSnapshot extends FlagSource {
  readonly format: typeof SNAPSHOT_FORMAT;
}
export const SNAPSHOT_FORMAT = "latchkey-flags/1";

/** What an environment's evaluation needs: no other environment's rules, no words for people. */
export function snapshotOf({ flags, segments, environment }: FlagSource): FlagSnapshot {
  const here = flags.flatMap((flag): Flag[] => {
    const rules = rulesIn(flag, environment);
    if (!rules) return [];
    const { schema: _, expires: _day, ...needed } = flag;
    return [{ ...needed, description: "", owner: "", tags: [], environments: { [environment]: rules } }];
  });
  return {
    format: SNAPSHOT_FORMAT,
    environment,
    flags: here,
    segments: segments.map((segment) => ({ ...segment, description: "" })),
  };
}

/**
 * What was read from a file or a server as a snapshot; a sentence for people when it is none. Looks only as far as
 * compiling needs: a server of ours wrote it.
 */
export function readSnapshot(given: unknown): FlagSnapshot | string {
  if (!isRecord(given)) return "A snapshot is an object.";
  if (given.format !== SNAPSHOT_FORMAT)
    return `It is no snapshot of flags that this version reads: its format should be ${SNAPSHOT_FORMAT}.`;
  const { environment, flags, segments } = given;
  if (typeof environment !== "string") return "environment must be a text.";
  if (!Array.isArray(flags) || !flags.every(isFlag)) return "flags must be a list of flags.";
  if (!Array.isArray(segments) || !segments.every(isSegment)) return "segments must be a list of segments.";
  return { format: SNAPSHOT_FORMAT, environment, flags, segments };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isFlag = (value: unknown): value is Flag =>
  isRecord(value) &&
  typeof value.key === "string" &&
  typeof value.salt === "string" &&
  isRecord(value.variants) &&
  isRecord(value.environments) &&
  Object.values(value.environments).every(
    (rules) => isRecord(rules) && Array.isArray(rules.rules) && Array.isArray(rules.prerequisites),
  );
const isSegment = (value: unknown): value is Segment =>
  isRecord(value) && typeof value.key === "string" && isRecord(value.when);
