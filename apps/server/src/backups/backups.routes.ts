import { createReadStream } from "node:fs";
import type { Backup } from "@latchkey/api/models";
import { authorise, type Http, route } from "../platform/http.ts";
import { ProblemError } from "../platform/problems.ts";
import type { BackupsController } from "./backups.controller.ts";
import type { Shelf } from "./shelf.ts";

export function registerBackups(http: Http, o: { backups: BackupsController; shelf: Shelf; keep: number }): void {
  const found = (id: string): Backup => {
    const backup = o.backups.find(id);
    if (!backup) throw new ProblemError("LK_NOT_FOUND", { detail: `There is no backup ${id} on this server.` });
    return backup;
  };
  route(http, "listBackups", async () => ({ items: o.backups.list(), keep: o.keep }));
  route(http, "getBackup", async ({ params }) => found(params.backupId));
  route(
    http,
    "createBackup",
    async ({ principal, body, remember }) => {
      const keys = body.keys && {
        salt: Buffer.from(body.keys.salt, "base64"),
        key: Buffer.from(body.keys.key, "base64"),
      };
      return o.backups.begin(principal, { verify: body.verify, keys: keys ?? null }, remember);
    },
    async (reference) => found(reference),
  );
  /** The file itself. Outside of the contract, which is JSON. */
  http.get<{ Params: { backupId: string } }>("/api/v1/backups/:backupId/file", async (request, reply) => {
    await authorise(http, request, "backup.manage");
    const { id, state } = found(request.params.backupId);
    if (state !== "kept")
      throw new ProblemError("LK_NOT_FOUND", { detail: `The backup ${id} has no file: it is ${state}.` });
    return reply
      .header("content-type", "application/x-tar")
      .header("content-length", o.shelf.sizeOf(id))
      .header("content-disposition", `attachment; filename="latchkey-${id}.tar"`)
      .header("cache-control", "no-store")
      .send(createReadStream(o.shelf.fileOf(id)));
  });
}
