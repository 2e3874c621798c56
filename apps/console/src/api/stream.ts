import type { QueryClient } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";
import { isUnauthenticated, project } from "./client.ts";
import { keys, queries } from "./queries.ts";
import { type Effects, onDeployment, onLedger, onRollout, onService, prepend } from "./stream-reducer.ts";
import type { LedgerEntry, Rollout, ServiceSummary } from "./types.ts";

/** The console's one connection to the server's events, and whether it stands. */
export type StreamStatus =
  | { readonly kind: "connecting" }
  | { readonly kind: "live" }
  | { readonly kind: "lost"; readonly since: number; readonly retryAt: number };

/** The server sends a heartbeat every 15 s: twice that and a bit without a word means that the line is dead. */
const SILENCE_MS = 35_000;
const RETRY_MS = [1_000, 2_000, 4_000, 8_000, 15_000] as const;

let status: StreamStatus = { kind: "connecting" };
const watchers = new Set<() => void>();
const set = (next: StreamStatus): void => {
  status = next;
  for (const watch of watchers) watch();
};

export const useStreamStatus = (): StreamStatus =>
  useSyncExternalStore(
    (watch) => {
      watchers.add(watch);
      return () => watchers.delete(watch);
    },
    () => status,
  );

const listeners = new Set<(entry: LedgerEntry) => void>();
/** Hears every new ledger entry, for announcements. Answers the way to stop. */
export function onEntry(listener: (entry: LedgerEntry) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function carryOut(client: QueryClient, effects: Effects): void {
  for (const { key, change } of effects.patches) client.setQueryData(key, change);
  for (const queryKey of effects.invalidate) void client.invalidateQueries({ queryKey });
}

function takeEntry(client: QueryClient, entry: LedgerEntry): void {
  for (const query of client.getQueryCache().findAll({ queryKey: keys.ledger }))
    client.setQueryData(query.queryKey, (old: unknown) => prepend(entry, query.queryKey, old));
  carryOut(client, onLedger(entry));
  for (const listener of listeners) listener(entry);
}

let retryNow: () => void = () => {};
export const reconnect = (): void => retryNow();

/** Keeps a connection for as long as the returned function is not called. */
export function follow(client: QueryClient): () => void {
  let source: EventSource | null = null;
  let last: number | null = null;
  let attempt = 0;
  let wasLost = false;
  let lostSince = 0;
  let timer = 0;
  let silence = 0;
  let stopped = false;

  const heard = (): void => {
    window.clearTimeout(silence);
    silence = window.setTimeout(lose, SILENCE_MS);
  };
  const lose = (): void => {
    if (stopped) return;
    source?.close();
    window.clearTimeout(silence);
    window.clearTimeout(timer);
    if (!wasLost) lostSince = Date.now();
    wasLost = true;
    const wait = RETRY_MS[Math.min(attempt, RETRY_MS.length - 1)] ?? 15_000;
    attempt += 1;
    set({ kind: "lost", since: lostSince, retryAt: Date.now() + wait });
    timer = window.setTimeout(again, wait);
  };
  // EventSource does not tell a refusal from a broken line: asking who we are does, and a 401 leads to signing in.
  const again = (): void => {
    window.clearTimeout(timer);
    client.fetchQuery({ ...queries.me(), staleTime: 0, retry: false }).then(open, (error: unknown) => {
      if (!isUnauthenticated(error)) lose();
    });
  };
  const opened = (): void => {
    attempt = 0;
    heard();
    set({ kind: "live" });
    // The ledger resumes where it was; what may be dropped on the way was dropped. The first time too: what was fetched
    // before somebody listened may have changed in between.
    void client.invalidateQueries();
    wasLost = false;
  };
  const listen = <T>(name: string, take: (data: T, event: MessageEvent<string>) => void): void =>
    source?.addEventListener(name, (event: MessageEvent<string>) => {
      heard();
      take(JSON.parse(event.data) as T, event);
    });
  const open = (): void => {
    if (stopped) return;
    source?.close();
    source = new EventSource(`/api/v1/stream?project=${project}${last === null ? "" : `&after=${last}`}`);
    source.onopen = opened;
    source.onerror = lose;
    listen<LedgerEntry>("ledger", (entry) => {
      last = entry.sequence;
      takeEntry(client, entry);
    });
    listen<Rollout>("rollout", (rollout) => carryOut(client, onRollout(rollout, new Date().toISOString())));
    listen<ServiceSummary>("service", (service) => carryOut(client, onService(service)));
    listen<{ id: string; service: string }>("deployment", (deployment) => carryOut(client, onDeployment(deployment)));
    listen<{ newest: number }>("heartbeat", ({ newest }) => {
      last ??= newest;
    });
  };
  retryNow = again;
  window.addEventListener("online", again);
  window.addEventListener("offline", lose);
  open();
  return () => {
    stopped = true;
    source?.close();
    window.clearTimeout(timer);
    window.clearTimeout(silence);
    window.removeEventListener("online", again);
    window.removeEventListener("offline", lose);
  };
}
