import { FLAG_KEY, type FlagView } from "@latchkey/api/flags";
import { type Http, route } from "../platform/http.ts";
import { ProblemError } from "../platform/problems.ts";
import {
  archiveFlag,
  type FlagsOptions,
  moveRollout,
  noFlag,
  putFlag,
  restoreFlag,
  stored,
  switchFlag,
} from "./flags.controller.ts";
import { findFlag } from "./flags.store.ts";
import { viewFlag, viewFlags, viewVersions } from "./flags.view.ts";
import { viewResults } from "./results.view.ts";
import type { SeenUsers } from "./seen-users.ts";
import type { FlagSets } from "./sets.ts";

/** Flags: what they are, their switches and rollouts, what was changed, and who gets what. */
export function registerFlags(
  http: Http,
  o: FlagsOptions & { readonly sets: FlagSets; readonly seen: SeenUsers },
): void {
  const { db } = o.database;
  /** After a change: whoever asks this server from now on is answered by it. */
  const changed = async (project: string, key: string): Promise<FlagView> => {
    await o.sets.look();
    return now(project, key);
  };
  const now = async (project: string, key: string): Promise<FlagView> => {
    const shown = await viewFlag(db, project, key, o.now());
    if (!shown) throw noFlag(key);
    return shown;
  };

  route(http, "listFlags", async ({ project, query }) => {
    const { cursor = "", limit, search = "", tag = "", owner = "", archived, health } = query;
    const filter = { after: cursor, limit, search, tag, owner, archived: archived === "true", health };
    const definitions = query.definitions === "true";
    return viewFlags(db, project, { ...filter, definitions }, o.now());
  });
  route(http, "getFlag", async ({ project, params }) => now(project, params.flag));
  route(
    http,
    "putFlag",
    async ({ project, params, body, principal, remember }) => {
      const key = params.flag;
      if (!FLAG_KEY.test(key))
        throw new ProblemError("LK_INVALID", {
          detail: "flag: a key has letters, digits and . _ -, at most 100.",
          fields: [{ field: "flag", message: "such as new-lead-form" }],
        });
      const { definition, manager, ifVersion, reason, dryRun, rebucket } = body;
      const also = (tx: Parameters<typeof remember>[0]) =>
        dryRun ? Promise.resolve() : remember(tx, `${project} ${key}`);
      const asked = { project, principal, key, reason, also, definition, manager, ifVersion, dryRun, rebucket };
      const { changes, applied, needsApproval } = await putFlag(o, asked);
      if (applied) await o.sets.look();
      return { flag: await viewFlag(db, project, key, o.now()), applied, needsApproval, changes };
    },
    async (reference) => {
      const [project = "", key = ""] = reference.split(" ");
      return { flag: await now(project, key), applied: true, needsApproval: [], changes: [] };
    },
  );
  route(http, "switchFlag", async ({ project, params, body, principal, remember }) => {
    const { environment, isEnabled, reason } = body;
    const also = (tx: Parameters<typeof remember>[0]) => remember(tx, params.flag);
    await switchFlag(o, { project, principal, key: params.flag, reason, also, environment, isEnabled });
    return changed(project, params.flag);
  });
  route(http, "moveRollout", async ({ project, params, body, principal, remember }) => {
    const { environment, rule, percent, state, reason } = body;
    const also = (tx: Parameters<typeof remember>[0]) => remember(tx, params.flag);
    await moveRollout(o, { project, principal, key: params.flag, reason, also, environment, rule, percent, state });
    return changed(project, params.flag);
  });
  route(http, "archiveFlag", async ({ project, params, body, principal, remember }) => {
    const also = (tx: Parameters<typeof remember>[0]) => remember(tx, params.flag);
    const { archived, reason } = body;
    await archiveFlag(o, { project, principal, key: params.flag, reason, also, archived });
    return changed(project, params.flag);
  });
  route(http, "listFlagVersions", async ({ project, params, query }) => {
    if (!(await findFlag(db, project, params.flag))) throw noFlag(params.flag);
    const before = Number(query.cursor ?? Number.NaN);
    return viewVersions(db, project, {
      key: params.flag,
      before: Number.isSafeInteger(before) && Math.abs(before) < 2 ** 31 ? before : 2 ** 31 - 1,
      limit: query.limit,
    });
  });
  route(http, "restoreFlag", async ({ project, params, body, principal, remember }) => {
    const also = (tx: Parameters<typeof remember>[0]) => remember(tx, params.flag);
    const { version, reason } = body;
    await restoreFlag(o, { project, principal, key: params.flag, reason, also, version });
    return changed(project, params.flag);
  });
  route(http, "getFlagResults", async ({ project, params }) => {
    const items = await viewResults(db, project, params.flag, o.now());
    if (!items) throw noFlag(params.flag);
    return { flag: params.flag, items };
  });
  route(http, "explainFlag", async ({ project, params, body }) => {
    const { environment, context, definition } = body;
    return o.sets.explain(project, {
      key: params.flag,
      environment,
      context,
      instead: definition && stored(params.flag, definition),
    });
  });
  route(http, "previewFlag", async ({ project, params, body }) => {
    const { environment, definition } = body;
    const { users, estimated } = await o.seen.lastWeek(project, environment);
    const instead = definition && stored(params.flag, definition);
    const found = await o.sets.preview(project, { key: params.flag, environment, users, instead });
    return { ...found, variants: [...found.variants], rules: [...found.rules], estimatedUsers: estimated };
  });
}
