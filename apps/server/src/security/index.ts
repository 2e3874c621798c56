/** Security: who may come in. */
export { authenticator, createSignInLink, idempotency, seedLocalAccess } from "./access.controller.ts";
export { registerAccess } from "./access.routes.ts";
export { forgetOldSecrets } from "./access.store.ts";
