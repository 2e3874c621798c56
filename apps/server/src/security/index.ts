import type { Logger } from "pino";
import type { Database } from "../platform/database.ts";
import type { Http } from "../platform/http.ts";
import { createSignInLink, seedLocalAccess } from "./access.controller.ts";
import { registerAccess } from "./access.routes.ts";
import { forgetOldSecrets } from "./access.store.ts";

/** Security: who may come in. */
export { authenticator, idempotency } from "./access.controller.ts";

export interface AccessOptions {
  readonly database: Database;
  readonly log: Logger;
  readonly version: string;
  /** `.latchkey`: holds the tokens of the local gateway and CLI, and the sign-in link. */
  readonly dir: string;
  readonly baseUrl: string;
  /** The name of who started this server. */
  readonly operator: string;
}
const FORGET_EVERY_MS = 3_600_000;

/** Adds the routes, writes the local tokens and the first sign-in link, and forgets what has expired once an hour. */
export async function startAccess(http: Http, o: AccessOptions): Promise<{ stop(): void }> {
  registerAccess(http, o);
  await seedLocalAccess(o.database, o.dir, o.operator);
  await createSignInLink(o.database, o.dir, o.baseUrl, o.operator);
  const timer = setInterval(() => {
    forgetOldSecrets(o.database.db).catch((error: unknown) =>
      o.log.warn({ err: error }, "old secrets could not be deleted"),
    );
  }, FORGET_EVERY_MS);
  return { stop: () => clearInterval(timer) };
}
