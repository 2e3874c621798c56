import type { Http } from "../platform/http.ts";
import { BackupsController, type BackupsOptions } from "./backups.controller.ts";
import { registerBackups } from "./backups.routes.ts";
import { Shelf } from "./shelf.ts";

/** Backups of the installation itself. */
export { restore } from "./restore.ts";

const KEPT = 7;

export function startBackups(
  http: Http,
  o: Omit<BackupsOptions, "shelf" | "keep"> & { readonly kept?: number | undefined },
): { stop(): Promise<void> } {
  const shelf = new Shelf(`${o.dir}/backups`);
  const keep = o.kept ?? KEPT;
  const backups = new BackupsController({ ...o, shelf, keep });
  registerBackups(http, { backups, shelf, keep });
  const tidied = backups.tidy().catch((error: unknown) => o.log.warn({ err: error }, "left-overs of backups stayed"));
  return {
    stop: async () => {
      await tidied;
      await backups.stop();
    },
  };
}
