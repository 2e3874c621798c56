import { randomBytes } from "node:crypto";
import type { Answer } from "@latchkey/api/client";
import { CLIENT_KEYS_MAX } from "@latchkey/api/flags";
import { record } from "../ledger/index.ts";
import { actorOf } from "../platform/auth.ts";
import { type Http, route } from "../platform/http.ts";
import { newId } from "../platform/ids.ts";
import { ProblemError } from "../platform/problems.ts";
import type { FlagsOptions } from "./flags.controller.ts";
import { takeFlagGeneration } from "./flags.store.ts";
import { type ClientKeyRow, insertClientKey, keyHash, listClientKeys, revokeClientKey } from "./keys.store.ts";

/** A secret of 256 bits; a browser's key only has to be nobody else's. The prefix says which it is. */
const newKey = (kind: "server" | "browser"): string =>
  kind === "server"
    ? `lk_flags_${randomBytes(32).toString("base64url")}`
    : `lkb_${randomBytes(16).toString("base64url")}`;

/** Keys by which applications ask for flags. */
export function registerKeys(http: Http, o: FlagsOptions & { readonly onRevoked: (id: string) => void }): void {
  const { db } = o.database;
  const present = (row: ClientKeyRow & { readonly dropped: number }): Answer<"listFlagKeys">["items"][number] => ({
    ...{ id: row.id, name: row.name, environment: row.environment, kind: row.kind, key: row.shown },
    ...{ createdAt: row.created_at.toISOString(), createdBy: row.created_by.name },
    ...{ lastUsedAt: row.last_used_at?.toISOString() ?? null, droppedRows: row.dropped },
  });
  route(http, "listFlagKeys", async ({ project }) => ({ items: (await listClientKeys(db, project)).map(present) }));
  route(http, "createFlagKey", async ({ project, body, principal }) => {
    const { kind, name, environment } = body;
    const secret = newKey(kind);
    const id = newId("flk");
    const row = {
      ...{ id, project, name, environment, kind, created_by: actorOf(principal) },
      shown: kind === "browser" ? secret : null,
    };
    await o.database.transaction(async (tx) => {
      await takeFlagGeneration(tx, project);
      if ((await listClientKeys(tx, project)).length >= CLIENT_KEYS_MAX)
        throw new ProblemError("LK_TOO_MANY", {
          detail: `There are ${CLIENT_KEYS_MAX} keys already.`,
          remedy: "Revoke one that nobody uses: the list says when each was used last.",
        });
      await insertClientKey(tx, row, keyHash(secret));
      await record(tx, {
        ...{ type: "flags.key.created", subject: `flag_key/${id}`, project, actor: actorOf(principal) },
        data: { key: id, name, environment, kind },
      });
    });
    return { key: present({ ...row, created_at: new Date(), last_used_at: null, dropped: 0 }), secret };
  });
  route(
    http,
    "revokeFlagKey",
    async ({ project, params, principal, remember }) => {
      await o.database.transaction(async (tx) => {
        await takeFlagGeneration(tx, project);
        const gone = await revokeClientKey(tx, project, params.keyId);
        if (!gone)
          throw new ProblemError("LK_NOT_FOUND", {
            detail: `There is no key "${params.keyId}".`,
            remedy: "`latchkey flags keys` lists them.",
          });
        await record(tx, {
          ...{ type: "flags.key.revoked", subject: `flag_key/${gone.id}`, project, actor: actorOf(principal) },
          data: { key: gone.id, name: gone.name, environment: gone.environment, kind: gone.kind },
        });
        await remember(tx, "revoked");
      });
      o.onRevoked(params.keyId);
      return null;
    },
    async () => null,
  );
}
