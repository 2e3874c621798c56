import type { Lead, ListQuery, NewLead, Note, Status } from "./lead.ts";

/** Where leads are kept. Every method is one transaction. */
export interface LeadStore {
  /**
   * The lead of this key if there is one already; else a new one, linked to an earlier lead of the same person and house.
   * A synthetic one is found by its id and listed nowhere, and is deleted after `SYNTHETIC_KEPT_MS`: by each new one, and by `keepTidy`.
   */
  add(lead: NewLead, idempotencyKey: string | null, synthetic?: boolean): Promise<{ lead: Lead; created: boolean }>;
  list(query: ListQuery): Promise<{ items: Lead[]; next: string | null }>;
  find(id: string): Promise<Lead | null>;
  /** Changes the status only when it still is `from`: two people can't move one lead at once. */
  move(id: string, from: Status, to: Status): Promise<Lead | null>;
  addNote(id: string, author: string, body: string): Promise<Note>;
  notes(id: string): Promise<Note[]>;
  /** Deletes synthetic leads that are at least so old, ms, with their notes. */
  forgetSynthetic(ageMs: number): Promise<void>;
  ping(): Promise<void>;
}

/** Long enough for a journey to look at what it wrote. */
export const SYNTHETIC_KEPT_MS = 60_000;

let last = 0;
/** Ids that sort by time. */
export function newId(): string {
  last = Math.max(last + 1, Date.now() * 1000);
  return `lead_${last.toString(36).padStart(12, "0")}${Math.random().toString(36).slice(2, 8).padEnd(6, "0")}`;
}
