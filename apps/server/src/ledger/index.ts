import type { Logger } from "pino";
import type { Database } from "../platform/database.ts";
import type { Http } from "../platform/http.ts";
import type { Notifications } from "../platform/notifications.ts";
import { checkpoint, type Signer, startCheckpoints } from "./checkpoints.ts";
import { registerExport } from "./export.routes.ts";
import { registerLedger } from "./ledger.routes.ts";
import { onRecord } from "./record.ts";
import { drainOnce, startSequencer } from "./sequencer.ts";
import { LedgerStream, type StreamFigures } from "./stream.routes.ts";
import { registerSubjects } from "./subjects.routes.ts";
import type { Subjects } from "./subjects.ts";
import { registerTiles } from "./tiles.routes.ts";

/** The ledger: append-only, numbered, tamper-evident; and the stream of it. */
export { boundKeys, idOfKeyFile, idOfPublicKey, openLedgerKeys, openSubjectsKey } from "./keys.ts";
export { allEntriesAfter, entriesBefore, findEntry, sequencesOf } from "./ledger.store.ts";
export { ledgerHead, ledgerStanding, outboxStanding } from "./ledger.view.ts";
export { record } from "./record.ts";
export { openSecrets, type Secrets } from "./secrets.ts";
export type { StreamFigures } from "./stream.routes.ts";
export { eraseSubject } from "./subjects.controller.ts";
export { openSubjects, type Subjects } from "./subjects.ts";
export { verifyLedger } from "./verification.view.ts";

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
  /** The stream and its clients, as they are now. */
  streamFigures(): StreamFigures;
  /** Numbers and signs what is still in the outbox, then ends. */
  stop(): Promise<void>;
}

export interface LedgerOptions {
  readonly database: Database;
  readonly http: Http;
  readonly log: Logger;
  readonly signer: Signer;
  readonly subjects: Subjects;
  /** Hastens the stream when another server numbered entries. */
  readonly notifications: Notifications;
}

export function startLedger(o: LedgerOptions): Ledger {
  const { signer, subjects } = o;
  const stream = new LedgerStream({
    database: o.database,
    log: o.log,
    authenticate: o.http.latchkey.authenticate,
    subjects,
  });
  const sequencer = startSequencer(o.database, o.log, () => stream.wake());
  const off = onRecord(() => sequencer.wake());
  const deaf = o.notifications.on("ledger", () => stream.wake());
  const checkpoints = startCheckpoints(o.database, signer, o.log);
  registerLedger(o.http, { database: o.database, signer, subjects });
  registerSubjects(o.http, { database: o.database, subjects });
  registerTiles(o.http, o.database);
  registerExport(o.http, { database: o.database, signer });
  stream.register(o.http);
  return {
    publicKey: signer.publicKey,
    signText: (text) => signer.signText(text),
    publish: (event, project, data) => stream.publish(event, project, data),
    recheck: () => void stream.recheck(),
    watched: () => stream.clientCount > 0,
    streamFigures: () => stream.figures,
    stop: async () => {
      off();
      deaf();
      checkpoints.stop();
      stream.stop();
      await sequencer.stop();
      while ((await drainOnce(o.database)) > 0);
      await checkpoint(o.database, signer);
    },
  };
}
