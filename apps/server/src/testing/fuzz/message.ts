import type { Case } from "./cases.ts";
import { SPOILS } from "./near.ts";
import { addressPartOf, jsonOf, type Resolve, type Value } from "./value.ts";

/** Writes a case down as the bytes that go over the line. */
export interface Message {
  readonly bytes: Buffer;
  /** Its first line, for whoever reads of it. */
  readonly words: string;
  readonly body: string;
}

function addressOf({ operation, request, rawQuery }: Case, resolve: Resolve): string {
  const path = operation.path.replace(/\{([^}]+)\}/g, (_, name: string) =>
    addressPartOf(request.params[name] ?? "", resolve),
  );
  if (rawQuery !== undefined) return `${path}?${rawQuery}`;
  const query = request.query;
  const isObject = typeof query === "object" && query !== null && !Array.isArray(query);
  const parts = isObject
    ? Object.entries(query as Record<string, Value>).map(
        ([key, value]) => `${addressPartOf(key, resolve)}=${addressPartOf(value, resolve)}`,
      )
    : [addressPartOf(query as Value, resolve)];
  return parts.length > 0 ? `${path}?${parts.join("&")}` : path;
}

/** Addresses hold no blanks or controls: with them the first line would end there. */
const oneWord = (address: string): string =>
  address.replace(/[\s\0]/g, (c) => `%${c.charCodeAt(0).toString(16).padStart(2, "0")}`);

export function messageOf(
  one: Case,
  credential: readonly (readonly [string, string])[],
  host: string,
  resolve: Resolve,
): Message {
  const { operation, request, spoil, trick } = one;
  const json = request.body === undefined ? null : jsonOf(request.body, resolve);
  const body = json === null ? "" : spoil ? (SPOILS[spoil]?.(json) ?? json) : json;
  const own: [string, string][] = [["Host", host]];
  if (json !== null)
    own.push(["Content-Type", "application/json"], ["Content-Length", String(Buffer.byteLength(body))]);
  else if (operation.method !== "GET") own.push(["Content-Length", "0"]);
  if (one.key !== undefined && operation.method !== "GET") own.push(["Idempotency-Key", one.key]);
  const replaced = new Set([...(trick?.headers ?? []).map(([name]) => name.toLowerCase()), ...(trick?.without ?? [])]);
  const lines = [
    ...own.filter(([name]) => !replaced.has(name.toLowerCase())),
    ...credential,
    ...(trick?.headers ?? []),
  ];
  const first = `${operation.method} ${oneWord(addressOf(one, resolve))} HTTP/1.1`;
  const head = `${first}\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
  return { bytes: Buffer.concat([Buffer.from(head, "latin1"), Buffer.from(body, "utf8")]), words: first, body };
}
