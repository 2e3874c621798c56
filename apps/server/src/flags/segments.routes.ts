import type { Answer } from "@latchkey/api/client";
import { FLAG_KEY, SEGMENTS_MAX } from "@latchkey/api/flags";
import { segmentsNamed } from "@latchkey/core/flags/model";
import { record } from "../ledger/index.ts";
import { actorOf } from "../platform/auth.ts";
import type { Executor } from "../platform/database.ts";
import { type Http, route } from "../platform/http.ts";
import { ProblemError } from "../platform/problems.ts";
import { checkSegmentAlone } from "./approvals.ts";
import { checkSegments } from "./checks.ts";
import type { FlagsOptions } from "./flags.controller.ts";
import { liveFlags, takeFlagGeneration } from "./flags.store.ts";
import { deleteSegment, listSegments, saveSegment } from "./segments.store.ts";
import type { FlagSets } from "./sets.ts";
import { flagOf } from "./stored.ts";

/** Segments: named conditions that flags share. */
export function registerSegments(http: Http, o: FlagsOptions & { readonly sets: FlagSets }): void {
  const { db } = o.database;
  const view = async (of: Executor, project: string): Promise<Answer<"listFlagSegments">["items"]> => {
    const segments = await listSegments(of, project);
    const flags = (await liveFlags(of, project)).map((row) => flagOf(row));
    return segments.map(({ key, description, condition, version, updated_at }) => ({
      ...{ key, description, when: condition, version, updatedAt: updated_at.toISOString() },
      usedBy: flags.filter((flag) => segmentsNamed(flag).has(key)).map((flag) => flag.key),
    }));
  };
  const shown = async (project: string, key: string) => {
    const found = (await view(db, project)).find((segment) => segment.key === key);
    if (!found) throw noSegment(key);
    return found;
  };

  route(http, "listFlagSegments", async ({ project }) => ({ items: await view(db, project) }));
  route(http, "putFlagSegment", async ({ project, params, body, principal, remember }) => {
    const key = params.segment;
    if (!FLAG_KEY.test(key))
      throw new ProblemError("LK_INVALID", {
        detail: "segment: a key has letters, digits and . _ -, at most 100.",
        fields: [{ field: "segment", message: "such as investors-abroad" }],
      });
    const reason = await o.subjects.sealWordsOf(principal.name, body.reason);
    await o.database.transaction(async (tx) => {
      await takeFlagGeneration(tx, project);
      const before = await listSegments(tx, project);
      if (!before.some((one) => one.key === key) && before.length >= SEGMENTS_MAX)
        throw new ProblemError("LK_TOO_MANY", {
          detail: `There are ${SEGMENTS_MAX} segments already.`,
          remedy: "Delete one that no flag names.",
        });
      await checkSegmentAlone(tx, project, principal, key);
      await saveSegment(tx, project, { key, description: body.description, condition: body.when });
      await checkSegments(tx, project);
      const verb = before.some((one) => one.key === key) ? "changed" : "created";
      const data = { segment: key, reason, ...shortly(body.when) };
      await record(tx, {
        ...{ type: `flags.segment.${verb}`, subject: `flag_segment/${key}`, project, actor: actorOf(principal), data },
      });
      await remember(tx, key);
    });
    // Whoever asks this server from now on is answered by it.
    await o.sets.look();
    return shown(project, key);
  });
  route(
    http,
    "deleteFlagSegment",
    async ({ project, params, principal, remember }) => {
      const key = params.segment;
      await o.database.transaction(async (tx) => {
        await takeFlagGeneration(tx, project);
        const found = (await view(tx, project)).find((segment) => segment.key === key);
        if (!found) throw noSegment(key);
        const naming = found.usedBy.slice(0, 5).join(", ");
        if (found.usedBy.length > 0)
          throw new ProblemError("LK_INVALID", {
            detail: `segment: "${key}" is named by ${naming}.`,
            fields: [{ field: "segment", message: "take it out of those flags first" }],
          });
        await deleteSegment(tx, project, key);
        await checkSegments(tx, project);
        const data = { segment: key };
        await record(tx, {
          ...{
            type: "flags.segment.deleted",
            subject: `flag_segment/${key}`,
            project,
            actor: actorOf(principal),
            data,
          },
        });
        await remember(tx, key);
      });
      return null;
    },
    async () => null,
  );
}
const noSegment = (key: string) =>
  new ProblemError("LK_NOT_FOUND", {
    detail: `There is no segment "${key}".`,
    remedy: "`latchkey flags segments` lists them.",
  });
/** An entry holds 64 KiB. */
const shortly = (when: unknown) => (JSON.stringify(when).length <= 30_000 ? { when } : {});
