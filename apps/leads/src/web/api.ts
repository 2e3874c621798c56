import { useCallback, useEffect, useRef, useState } from "react";
import type { Note, Lead as StoredLead } from "../leads/lead.ts";
import { visitor } from "./visitor.ts";

/** As the API shows it: with a score where that is turned on for it. */
export type Lead = StoredLead & { readonly score?: number };

/** Calls the API; an error's message is a sentence for people. */
export async function call<T>(
  path: string,
  options: { method?: string; body?: unknown; key?: string } = {},
): Promise<T> {
  // The server tells Latchkey how the visitor's requests went, for the variants that they have.
  const who = visitor();
  const headers: Record<string, string> = who ? { "x-visitor": who } : {};
  if (options.body !== undefined) headers["content-type"] = "application/json";
  if (options.key) headers["idempotency-key"] = options.key;
  const response = await fetch(path, {
    method: options.method ?? "GET",
    headers,
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
  }).catch(() => {
    throw new Error("We can't be reached just now. Check your connection and try again.");
  });
  const body = (await response.json().catch(() => null)) as { detail?: string } | null;
  if (!response.ok) throw new Error(body?.detail ?? "Something went wrong. Please try again.");
  return body as T;
}

export interface Loaded<T> {
  readonly data: T | null;
  readonly error: string | null;
  readonly reload: () => void;
}

export function useLoad<T>(path: string): Loaded<T> {
  const [data, setData] = useState<T | null>(null);
  const [error, setError] = useState<string | null>(null);
  // Answers may come in another order than they were asked for: only the newest question counts.
  const asked = useRef(0);
  const reload = useCallback(() => {
    asked.current += 1;
    const mine = asked.current;
    setError(null);
    call<T>(path)
      .then((loaded) => mine === asked.current && setData(loaded))
      .catch((cause: Error) => {
        if (mine !== asked.current) return;
        // What was shown before belongs to another question.
        setData(null);
        setError(cause.message);
      });
  }, [path]);
  useEffect(reload, [reload]);
  return { data, error, reload };
}

export type { Note };
