import { flagFinder } from "../../flags/references.ts";
import { counted, type GateJudgement, judgeFigures } from "./judgement.ts";
import { addedLines } from "./unified-diff.ts";

/** A flag as this gate knows it. */
export interface FlagStanding {
  readonly key: string;
  readonly isArchived: boolean;
  /** The day (`2026-12-31`) after which it should be gone from the code; null where it has none. */
  readonly expires: string | null;
}

/**
 * Fails where a change adds a use of a flag that is archived or past its day. What was there before is not judged: who mends
 * something else is not held up by it. `today`: a day as `2026-12-31`.
 */
export function judgeFlagUses(diff: string, flags: readonly FlagStanding[], today: string): GateJudgement {
  const keys = (isArchived: boolean) => flags.filter((flag) => flag.isArchived === isArchived).map((flag) => flag.key);
  const files = addedLines(diff).map((file) => ({ ...file, isWhole: false }));
  const { uses } = flagFinder(keys(false), keys(true))(files);
  const why = new Map<string, string>();
  for (const { key, isArchived, expires } of flags)
    if (isArchived) why.set(key, "is archived");
    else if (expires !== null && expires < today) why.set(key, `was to be gone by ${expires}`);
  const wrong = uses.flatMap(({ flag, path, line }) => {
    const words = why.get(flag);
    return words === undefined ? [] : [{ flag, line: `${path}:${line}: ${flag} ${words}.` }];
  });
  const named = [...new Set(wrong.map(({ flag }) => flag))].join(", ");
  return judgeFigures(
    [
      { name: "uses added", value: uses.length, unit: "count", limit: null, holds: true },
      { name: "of flags that should be gone", value: wrong.length, unit: "count", limit: 0, holds: wrong.length === 0 },
    ],
    `The change adds ${counted(uses.length, "use")} of flags, none of one that should be gone.`,
    [`The change adds ${counted(wrong.length, "use")} of flags that should be gone: ${named}.`],
    wrong.map(({ line }) => line),
  );
}
