import type { Lead, Note } from "./lead.ts";
import { type LeadStore, newId, SYNTHETIC_KEPT_MS } from "./store.ts";

/** Leads in memory: demo mode without a database, and the tests of the handlers. */
export function memoryStore(): LeadStore {
  const leads: Lead[] = [];
  const byKey = new Map<string, string>();
  const notes = new Map<string, Note[]>();
  const synthetics = new Set<string>();
  const forgetSynthetic = (ageMs: number): void => {
    const until = new Date(Date.now() - ageMs).toISOString();
    for (const old of leads.filter((l) => synthetics.has(l.id) && l.createdAt <= until)) {
      leads.splice(leads.indexOf(old), 1);
      synthetics.delete(old.id);
      notes.delete(old.id);
    }
  };
  const find = (id: string) => leads.find((lead) => lead.id === id) ?? null;
  return {
    add: async ({ website: _, ...asked }, key, synthetic = false) => {
      const known = key === null ? null : find(byKey.get(key) ?? "");
      if (known) return { lead: known, created: false };
      const same = leads.find(
        (l) =>
          !synthetics.has(l.id) &&
          l.contact.email.toLowerCase() === asked.contact.email.toLowerCase() &&
          l.property.address.toLowerCase() === asked.property.address.toLowerCase(),
      );
      const lead: Lead = {
        ...asked,
        id: newId(),
        createdAt: new Date().toISOString(),
        status: "new",
        duplicateOf: synthetic ? null : (same?.id ?? null),
      };
      leads.push(lead);
      if (synthetic) {
        forgetSynthetic(SYNTHETIC_KEPT_MS);
        synthetics.add(lead.id);
      }
      if (key !== null) byKey.set(key, lead.id);
      return { lead, created: true };
    },
    list: async ({ status, q, cursor, limit }) => {
      const needle = q?.toLowerCase();
      const found = [...leads]
        .sort((a, b) => (a.id < b.id ? 1 : -1))
        .filter((l) => !synthetics.has(l.id))
        .filter((l) => (!status || l.status === status) && (!cursor || l.id < cursor))
        .filter(
          (l) =>
            !needle ||
            [l.contact.name, l.contact.email, l.property.address].some((text) => text.toLowerCase().includes(needle)),
        );
      const items = found.slice(0, limit);
      return { items, next: found.length > limit ? (items.at(-1)?.id ?? null) : null };
    },
    find: async (id) => find(id),
    move: async (id, from, to) => {
      const at = leads.findIndex((lead) => lead.id === id && lead.status === from);
      const lead = leads[at];
      if (!lead) return null;
      const moved = { ...lead, status: to };
      leads[at] = moved;
      return moved;
    },
    addNote: async (id, author, body) => {
      const note = { id: newId(), createdAt: new Date().toISOString(), author, body };
      notes.set(id, [...(notes.get(id) ?? []), note]);
      return note;
    },
    notes: async (id) => notes.get(id) ?? [],
    forgetSynthetic: async (ageMs) => forgetSynthetic(ageMs),
    ping: async () => {},
  };
}
