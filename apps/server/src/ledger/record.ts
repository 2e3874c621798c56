import { canonicalJson } from "@latchkey/core/shared/canonical-json";
import type { Transaction } from "../platform/database.ts";
import { newId } from "../platform/ids.ts";
import { ProblemError } from "../platform/problems.ts";
import { writeOutbox } from "./ledger.store.ts";

export interface NewEvent {
  /** e.g. delivery.rollout.promoted */
  readonly type: string;
  /** e.g. rollout/rol_… */
  readonly subject: string;
  readonly project: string;
  readonly actor: { readonly id: string; readonly kind: string; readonly name: string };
  /** No personal data in clear. */
  readonly data: Readonly<Record<string, unknown>>;
  readonly causation?: string | null;
  readonly correlation?: string | null;
  readonly occurredAt?: Date;
  readonly source?: string;
  readonly schemaVersion?: number;
}

/** Bundles of entries have 16-bit lengths; the sequencer adds the number and the time of recording, below 100 bytes. */
const ENTRY_BYTES_MAX = 65_535 - 100;

const wakers = new Set<() => void>();
/** Calls `wake` soon after each record; the transaction may not have committed yet, so the sequencer also polls. */
export function onRecord(wake: () => void): () => void {
  wakers.add(wake);
  return () => wakers.delete(wake);
}

/** Writes an event to the outbox, in the transaction of the change that it tells of. Answers its id. */
export async function record(tx: Transaction, event: NewEvent): Promise<string> {
  const id = newId("evt");
  const envelope = {
    specversion: "1.0",
    id,
    type: event.type,
    source: event.source ?? "latchkey/server",
    subject: event.subject,
    project: event.project,
    actor: event.actor,
    occurredAt: (event.occurredAt ?? new Date()).toISOString(),
    causation: event.causation ?? null,
    correlation: event.correlation ?? null,
    schemaVersion: event.schemaVersion ?? 1,
    data: event.data,
  };
  const text = canonicalJson(envelope);
  if (Buffer.byteLength(text, "utf8") > ENTRY_BYTES_MAX)
    throw new ProblemError("LK_TOO_LARGE", {
      detail: `What is to be recorded (${event.type}) has more than ${ENTRY_BYTES_MAX} bytes.`,
      remedy: "Ask for less at once.",
    });
  await writeOutbox(tx, id, text);
  setTimeout(() => {
    for (const wake of wakers) wake();
  }, 5);
  return id;
}
