import { join } from "node:path";
import type { Logger } from "pino";
import type { Database } from "../platform/database.ts";
import type { Http } from "../platform/http.ts";
import { LEDGER_KEY } from "../platform/key-files.ts";
import { checkpoint, openSigner, startCheckpoints } from "./checkpoints.ts";
import { registerExport } from "./export.routes.ts";
import { registerLedger } from "./ledger.routes.ts";
import { onRecord } from "./record.ts";
import { drainOnce, startSequencer } from "./sequencer.ts";
import { LedgerStream } from "./stream.routes.ts";
import { registerTiles } from "./tiles.routes.ts";

export { openSigner, verifierOf } from "./checkpoints.ts";
/** The ledger: append-only, numbered, tamper-evident; and the stream of it. */
export { sequencesOf } from "./ledger.store.ts";
export { ledgerHead, ledgerStanding, verifyLedger } from "./ledger.view.ts";
export { record } from "./record.ts";

export interface Ledger {
  /** Ed25519, base64: what checkpoints are signed with. */
  readonly publicKey: string;
  /** Signs a text that begins with the name of its form. */
  signText(text: string): string;
  /** Sends an ephemeral event to those who watch a project. */
  publish(event: string, project: string, data: unknown): void;
  /** Closes the streams of credentials that are good no more. */
  recheck(): void;
  /** Whether anybody watches. */
  watched(): boolean;
  /** Numbers and signs what is still in the outbox, then ends. */
  stop(): Promise<void>;
}

export function startLedger(o: { database: Database; http: Http; log: Logger; dir: string }): Ledger {
  const signer = openSigner(join(o.dir, LEDGER_KEY));
  const stream = new LedgerStream({
    database: o.database,
    log: o.log,
    authenticate: o.http.latchkey.authenticate,
  });
  const sequencer = startSequencer(o.database, o.log, () => stream.wake());
  const off = onRecord(() => sequencer.wake());
  const checkpoints = startCheckpoints(o.database, signer, o.log);
  registerLedger(o.http, { database: o.database, signer });
  registerTiles(o.http, o.database);
  registerExport(o.http, { database: o.database, signer });
  stream.register(o.http);
  return {
    publicKey: signer.publicKey,
    signText: (text) => signer.signText(text),
    publish: (event, project, data) => stream.publish(event, project, data),
    recheck: () => void stream.recheck(),
    watched: () => stream.clientCount > 0,
    stop: async () => {
      off();
      checkpoints.stop();
      stream.stop();
      await sequencer.stop();
      while ((await drainOnce(o.database)) > 0);
      await checkpoint(o.database, signer);
    },
  };
}
