import type { Logger } from "pino";
import type { Verifier } from "../platform/adapters/oidc/verifier.ts";
import type { Http } from "../platform/http.ts";
import { createSignInLink, operatorOf, sealNamesInClear, seedLocalAccess } from "./access.controller.ts";
import { type AccessRoutesOptions, registerAccess } from "./access.routes.ts";
import { forgetOldSecrets } from "./access.store.ts";
import { registerKeyless } from "./keyless.routes.ts";
import { registerPeople } from "./people.routes.ts";

/** Security: who may come in. */
export { authenticator, idempotency } from "./access.controller.ts";
export { personOfCredential } from "./access.store.ts";

export { recordRefusals } from "./refusals.controller.ts";

export interface AccessOptions extends AccessRoutesOptions {
  /** Of the tokens that GitHub gives to workflows. */
  readonly verifier: Verifier;
  readonly log: Logger;
}
const FORGET_EVERY_MS = 3_600_000;

/** Adds the routes, writes the local tokens and the first sign-in link, and forgets what has expired once an hour. */
export async function startAccess(http: Http, o: AccessOptions): Promise<{ stop(): void }> {
  registerAccess(http, o);
  registerPeople(http, o);
  registerKeyless(http, { database: o.database, verifier: o.verifier, audience: o.baseUrl });
  await sealNamesInClear(o.database.db, o.subjects);
  await seedLocalAccess(o.database, o.dir, o.operator, o.subjects);
  const name = await o.subjects.sealName(o.operator);
  const personId = await operatorOf(o.database.db, name);
  await createSignInLink(o.database, o.dir, o.baseUrl, { name, personId });
  const timer = setInterval(() => {
    forgetOldSecrets(o.database.db).catch((error: unknown) =>
      o.log.warn({ err: error }, "old secrets could not be deleted"),
    );
  }, FORGET_EVERY_MS);
  return { stop: () => clearInterval(timer) };
}
