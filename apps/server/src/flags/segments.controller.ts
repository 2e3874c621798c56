import { FLAG_KEY, SEGMENTS_MAX } from "@latchkey/api/flags";
import { type Condition, segmentsNamed } from "@latchkey/core/flags/model";
import { type Change, differences } from "@latchkey/core/shared/difference";
import { record } from "../ledger/index.ts";
import { actorOf } from "../platform/auth.ts";
import type { Transaction } from "../platform/database.ts";
import { ProblemError } from "../platform/problems.ts";
import { checkFlagsRead, checkSegmentAlone, checkUnread, flagsNaming } from "./approvals.ts";
import { checkSegments } from "./checks.ts";
import { type Asked, checkAsRead, type FlagsOptions, Rehearsed } from "./flags.controller.ts";
import { liveFlags, takeFlagGeneration } from "./flags.store.ts";
import { deleteSegment, listSegments, type SegmentRow, saveSegment } from "./segments.store.ts";
import { flagOf } from "./stored.ts";

/** Creates a segment or changes it, for all flags that name it. */
export async function putSegment(
  o: FlagsOptions,
  asked: Asked & { readonly description: string; readonly when: Condition },
): Promise<void> {
  const { project, key, description, when, under } = asked;
  if (!FLAG_KEY.test(key))
    throw new ProblemError("LK_INVALID", {
      detail: "segment: a key has letters, digits and . _ -, at most 100.",
      fields: [{ field: "segment", message: "such as investors-abroad" }],
    });
  await o.database.transaction(async (tx) => {
    await takeFlagGeneration(tx, project);
    const all = await listSegments(tx, project);
    const before = all.find((one) => one.key === key);
    if (!before && all.length >= SEGMENTS_MAX)
      throw new ProblemError("LK_TOO_MANY", {
        detail: `There are ${SEGMENTS_MAX} segments already.`,
        remedy: "Delete one that no flag names.",
      });
    const changes = differences(before && readOf(before), { description, when });
    // What is proposed and is so already is nobody's to agree to.
    if (under && changes.length === 0) return;
    if (!under) await checkSegmentAlone(tx, project, asked.principal, key);
    await saveSegment(tx, project, { key, description, condition: when });
    await checkSegments(tx, project);
    await write(o, tx, asked, { verb: before ? "changed" : "created", changes, more: shortly(when) });
  });
}

/** Deletes a segment that no flag names. */
export async function removeSegment(o: FlagsOptions, asked: Asked): Promise<void> {
  const { project, key, under } = asked;
  await o.database.transaction(async (tx) => {
    await takeFlagGeneration(tx, project);
    const before = (await listSegments(tx, project)).find((one) => one.key === key);
    if (!before && under?.kind === "approval") return;
    if (!before) throw noSegment(key);
    const naming = (await liveFlags(tx, project)).filter((row) => segmentsNamed(flagOf(row)).has(key));
    if (naming.length > 0)
      throw new ProblemError("LK_INVALID", {
        detail: `segment: "${key}" is named by ${naming
          .slice(0, 5)
          .map((flag) => flag.key)
          .join(", ")}.`,
        fields: [{ field: "segment", message: "take it out of those flags first" }],
      });
    await deleteSegment(tx, project, key);
    await checkSegments(tx, project);
    await write(o, tx, asked, { verb: "deleted", changes: differences(readOf(before), null), more: {} });
  });
}

/** What is read of a segment before it is agreed to. */
const readOf = ({ description, condition }: SegmentRow) => ({ description, when: condition });

interface Written {
  readonly verb: "created" | "changed" | "deleted";
  readonly changes: readonly Change[];
  /** What the entry says besides. */
  readonly more: Readonly<Record<string, unknown>>;
}
/** Ends a rehearsal, or looks once more at what was agreed to; then it is in the ledger. */
async function write(o: FlagsOptions, tx: Transaction, asked: Asked, w: Written): Promise<void> {
  const { project, principal, key, under } = asked;
  if (under?.kind === "rehearsal") throw new Rehearsed(w.changes, await flagsNaming(tx, project, key));
  if (under) {
    checkAsRead(key, w.changes, under.changes);
    await checkFlagsRead(tx, project, key, under.flags);
    await checkUnread(tx, project, key);
  }
  // The reason of what was proposed is sealed already, by who gave it.
  const reason = under ? asked.reason : await o.subjects.sealWordsOf(principal.name, asked.reason);
  const by = under ? { proposal: under.proposal, proposedBy: under.proposedBy.name } : {};
  const data = { segment: key, ...(reason === "" ? {} : { reason }), ...w.more, ...by };
  const of = { subject: `flag_segment/${key}`, project, actor: actorOf(principal) };
  await record(tx, { type: `flags.segment.${w.verb}`, ...of, data });
  await asked.also(tx);
  await under?.applied(tx);
}

export const noSegment = (key: string) =>
  new ProblemError("LK_NOT_FOUND", {
    detail: `There is no segment "${key}".`,
    remedy: "`latchkey flags segments` lists them.",
  });
/** An entry holds 64 KiB. */
const shortly = (when: unknown) => (JSON.stringify(when).length <= 30_000 ? { when } : {});
