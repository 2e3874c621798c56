import type { Answer } from "@latchkey/api/client";
import { segmentsNamed } from "@latchkey/core/flags/model";
import { type Http, route } from "../platform/http.ts";
import type { FlagsOptions } from "./flags.controller.ts";
import { liveFlags } from "./flags.store.ts";
import { noSegment, putSegment, removeSegment } from "./segments.controller.ts";
import { listSegments } from "./segments.store.ts";
import type { FlagSets } from "./sets.ts";
import { flagOf } from "./stored.ts";

/** Segments: named conditions that flags share. */
export function registerSegments(http: Http, o: FlagsOptions & { readonly sets: FlagSets }): void {
  const { db } = o.database;
  const view = async (project: string): Promise<Answer<"listFlagSegments">["items"]> => {
    const segments = await listSegments(db, project);
    const flags = (await liveFlags(db, project)).map((row) => flagOf(row));
    return segments.map(({ key, description, condition, version, updated_at }) => ({
      ...{ key, description, when: condition, version, updatedAt: updated_at.toISOString() },
      usedBy: flags.filter((flag) => segmentsNamed(flag).has(key)).map((flag) => flag.key),
    }));
  };
  const shown = async (project: string, key: string) => {
    const found = (await view(project)).find((segment) => segment.key === key);
    if (!found) throw noSegment(key);
    return found;
  };

  route(http, "listFlagSegments", async ({ project }) => ({ items: await view(project) }));
  route(http, "putFlagSegment", async ({ project, params, body, principal, remember }) => {
    const key = params.segment;
    const also = (tx: Parameters<typeof remember>[0]) => remember(tx, key);
    await putSegment(o, { ...{ project, principal, key, also }, ...body });
    // Whoever asks this server from now on is answered by it.
    await o.sets.look();
    return shown(project, key);
  });
  route(
    http,
    "deleteFlagSegment",
    async ({ project, params, principal, remember }) => {
      const key = params.segment;
      const also = (tx: Parameters<typeof remember>[0]) => remember(tx, key);
      await removeSegment(o, { project, principal, key, reason: "", also });
      return null;
    },
    async () => null,
  );
}
