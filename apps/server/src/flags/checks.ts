import type { Flag } from "@latchkey/core/flags/model";
import { type FlagProblem, flagProblems, segmentProblems } from "@latchkey/core/flags/validate";
import type { Executor } from "../platform/database.ts";
import { ProblemError } from "../platform/problems.ts";
import { liveFlags, type StoredDefinition, switchesOf } from "./flags.store.ts";
import { listSegments } from "./segments.store.ts";
import { flagOf, segmentOf } from "./stored.ts";

const FIELDS_MAX = 20;
const refuse = (problems: readonly FlagProblem[], within: string): ProblemError => {
  const fields = problems.slice(0, FIELDS_MAX).map(({ path, message }) => ({ field: `${within}${path}`, message }));
  return new ProblemError("LK_INVALID", { detail: fields.map((f) => `${f.field}: ${f.message}`).join("; "), fields });
};

/** Refuses a flag that can't be beside the others: names field and fix. Also others that would no longer be good. */
export async function checkFlag(tx: Executor, project: string, flag: Flag): Promise<void> {
  const segments = (await listSegments(tx, project)).map(segmentOf);
  const others = (await allLive(tx, project)).filter((one) => one.key !== flag.key);
  if (!flag.isArchived) {
    const problems = flagProblems(flag, { flags: [...others, flag], segments });
    if (problems.length > 0) throw refuse(problems, "definition.");
  }
  const after = flag.isArchived ? others : [...others, flag];
  for (const other of others) {
    const isNaming = Object.values(other.environments).some((rules) =>
      rules.prerequisites.some((needed) => needed.flag === flag.key),
    );
    const problems = isNaming ? flagProblems(other, { flags: after, segments }) : [];
    if (problems.length > 0)
      throw new ProblemError("LK_INVALID", {
        detail: `flag: ${other.key} needs it as it was: ${problems[0]?.message}.`,
        fields: [{ field: "flag", message: `change ${other.key} first` }],
      });
  }
}

/** Refuses that the users of a share are silently chosen anew. */
export function checkBuckets(key: string, now: StoredDefinition, wanted: StoredDefinition): void {
  const field = now.hashVersion !== wanted.hashVersion ? "hashVersion" : now.salt !== wanted.salt ? "salt" : null;
  const gives = Object.values(now.environments).some((rules) =>
    [...rules.rules.map(({ serve }) => serve), rules.otherwise].some(({ kind }) => kind !== "variant"),
  );
  if (!field || !gives) return;
  const fix = `leave it at ${JSON.stringify(now[field])}, or say rebucket (latchkey flags apply --rebucket)`;
  throw new ProblemError("LK_INVALID", {
    detail: `definition.${field}: ${key} gives shares of users: with another ${field} others would get them, at once.`,
    fields: [{ field: `definition.${field}`, message: fix }],
  });
}

/** Refuses segments that can't be, or that a flag needs otherwise. */
export async function checkSegments(tx: Executor, project: string): Promise<void> {
  const segments = (await listSegments(tx, project)).map(segmentOf);
  for (const segment of segments) {
    const problems = segmentProblems(segment, segments);
    if (problems.length > 0) throw refuse(problems, "");
  }
}

async function allLive(tx: Executor, project: string): Promise<Flag[]> {
  const switches = await switchesOf(tx, project, null);
  return (await liveFlags(tx, project)).map((row) => flagOf(row, switches));
}
