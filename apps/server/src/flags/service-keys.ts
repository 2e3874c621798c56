import { createHmac, hkdfSync } from "node:crypto";
import type { Actor } from "@latchkey/core/delivery/rollout";
import type { Logger } from "pino";
import { record } from "../ledger/index.ts";
import type { Transaction, Transactions } from "../platform/database.ts";
import { newId } from "../platform/ids.ts";
import { takeFlagGeneration } from "./flags.store.ts";
import { insertServiceKey, isKeyRevoked, revokeServiceKeys } from "./keys.store.ts";

const SERVICES_ACTOR: Actor = { id: "services", kind: "system", name: "Keys of services" };
/** So often somebody may revoke a service's key; each time its next start has another. */
const KEYS_MAX = 100;

/**
 * Where previews ask for flags: one environment for all, so that a file can say what holds in them. What they meet and report never
 * counts for an environment with users.
 */
export const PREVIEW_ENVIRONMENT = "preview";
/** Whose keys a preview has. */
export const previewAs = (service: string, preview: string): string => `${service} ${preview}`;

const namesOf = (service: string) => ({ server: service, browser: `${service} in browsers` });

/** A preview ended, and its keys with it, in the transaction that ends it. */
export async function revokePreviewKeys(
  tx: Transaction,
  { project, service, preview, actor }: Record<"project" | "service" | "preview", string> & { readonly actor: Actor },
): Promise<void> {
  const names = Object.values(namesOf(previewAs(service, preview)));
  await takeFlagGeneration(tx, project);
  for (const gone of await revokeServiceKeys(tx, { project, environment: PREVIEW_ENVIRONMENT, names }))
    await record(tx, {
      ...{ type: "flags.key.revoked", subject: `flag_key/${gone.id}`, project, actor },
      data: { key: gone.id, name: gone.name, environment: gone.environment, kind: gone.kind },
    });
}

export interface ServiceKeysOptions {
  readonly database: Transactions;
  readonly log: Logger;
  /** What keys are derived from: the same service has the same key after a restart, and nobody has to keep it. */
  readonly keyEncryptionKey: Buffer;
  /** Where programs on this machine ask, and pages in browsers. */
  readonly url: string;
  readonly publicUrl: string;
}

/** The keys by which releases that run here ask for flags: made when a service starts first, handed over in its environment. */
export class ServiceKeys {
  readonly #o: ServiceKeysOptions;
  readonly #secret: Buffer;

  constructor(o: ServiceKeysOptions) {
    this.#o = o;
    this.#secret = Buffer.from(hkdfSync("sha256", o.keyEncryptionKey, "", "latchkey flag keys of services", 32));
  }

  /** Variables for a release's environment; none when they can't be made: a release starts without flags, by its snapshot. */
  async variablesFor(project: string, service: string, environment: string): Promise<Record<string, string>> {
    try {
      const key = await this.#keyOf(project, service, environment, "server");
      const browserKey = await this.#keyOf(project, service, environment, "browser");
      return {
        LATCHKEY_FLAGS_URL: this.#o.url,
        LATCHKEY_FLAGS_KEY: key,
        LATCHKEY_FLAGS_PUBLIC_URL: this.#o.publicUrl,
        LATCHKEY_FLAGS_BROWSER_KEY: browserKey,
      };
    } catch (error) {
      this.#o.log.warn({ err: error, service, environment }, "no keys for flags; the release starts without them");
      return {};
    }
  }

  async #keyOf(project: string, service: string, environment: string, kind: "server" | "browser"): Promise<string> {
    for (let n = 0; n < KEYS_MAX; n++) {
      const mac = createHmac("sha256", this.#secret)
        .update([project, service, environment, kind, n].join("\n"))
        .digest();
      const key =
        kind === "server"
          ? `lk_flags_${mac.toString("base64url")}`
          : `lkb_${mac.subarray(0, 16).toString("base64url")}`;
      const state = await isKeyRevoked(this.#o.database.db, key);
      if (state === false) return key;
      if (state === null) {
        await this.#o.database.transaction((tx) => this.#make(tx, { project, service, environment, kind, key }));
        return key;
      }
    }
    throw new Error(`the keys of ${service} in ${environment} were revoked ${KEYS_MAX} times`);
  }

  async #make(
    tx: Transaction,
    {
      project,
      service,
      environment,
      kind,
      key,
    }: Record<"project" | "service" | "environment" | "key", string> & { kind: "server" | "browser" },
  ): Promise<void> {
    const id = newId("flk");
    const name = namesOf(service)[kind];
    const row = { id, project, name, environment, kind, shown: kind === "browser" ? key : null };
    const isNew = await insertServiceKey(tx, { ...row, created_by: SERVICES_ACTOR }, key);
    if (!isNew) return;
    await record(tx, {
      ...{ type: "flags.key.created", subject: `flag_key/${id}`, project, actor: SERVICES_ACTOR },
      data: { key: id, name, environment, kind },
    });
  }
}
