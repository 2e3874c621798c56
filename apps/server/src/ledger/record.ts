import { canonicalJson } from "@latchkey/core/shared/canonical-json";
import type { Sealed } from "@latchkey/core/shared/sealed";
import { afterCommit, type Transaction } from "../platform/database.ts";
import { newId } from "../platform/ids.ts";
import { ProblemError } from "../platform/problems.ts";
import { writeOutbox } from "./ledger.store.ts";

export interface NewEvent {
  /** e.g. delivery.rollout.promoted */
  readonly type: string;
  /** e.g. rollout/rol_… */
  readonly subject: string;
  readonly project: string;
  /** A person's name is sealed, as the principal of a request has it. */
  readonly actor: { readonly id: string; readonly kind: string; readonly name: string };
  /** No personal data: that belongs in `personal`. */
  readonly data: Readonly<Record<string, unknown>>;
  /** What is of persons, sealed with their keys (see subjects.ts): it stands among the data, and can be erased. */
  readonly personal?: Readonly<Record<string, Sealed>>;
  readonly causation?: string | null;
  readonly correlation?: string | null;
  readonly occurredAt?: Date;
  readonly source?: string;
  readonly schemaVersion?: number;
}

/** Bundles of entries have 16-bit lengths; the sequencer adds the number and the time of recording, below 100 bytes. */
const ENTRY_BYTES_MAX = 65_535 - 100;

const wakers = new Set<() => void>();
/** Calls `wake` after each commit that recorded something. */
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
    data: event.personal ? { ...event.data, ...event.personal } : event.data,
  };
  const text = canonicalJson(envelope);
  if (Buffer.byteLength(text, "utf8") > ENTRY_BYTES_MAX)
    throw new ProblemError("LK_TOO_LARGE", {
      detail: `What is to be recorded (${event.type}) has more than ${ENTRY_BYTES_MAX} bytes.`,
      remedy: "Ask for less at once.",
    });
  await writeOutbox(tx, id, text);
  afterCommit(tx, () => {
    for (const wake of wakers) wake();
  });
  return id;
}
