import { createHash } from "node:crypto";
import type { FlagSource } from "@latchkey/core/flags/compile";
import { snapshotOf } from "@latchkey/core/flags/snapshot";
import type { Http } from "../platform/http.ts";
import type { ClientKeys } from "./client-keys.ts";
import { askedBy, refuse } from "./ofrep.routes.ts";
import type { FlagSets } from "./sets.ts";

const SNAPSHOT = "/flags/v1/snapshot";

/**
 * The flags of a key's environment for programs that evaluate by themselves. Only for keys of servers: rules tell who the
 * first users are, and browsers are given values. `GET /ofrep/v1/events` with the same key says when to ask again.
 */
export function registerSnapshots(http: Http, o: { readonly sets: FlagSets; readonly keys: ClientKeys }): void {
  /** Written once for each state of an environment, and not for each of the programs that ask. */
  const written = new WeakMap<FlagSource, { readonly text: string; readonly etag: string }>();
  const write = (source: FlagSource) => {
    const known = written.get(source);
    if (known) return known;
    const text = JSON.stringify(snapshotOf(source));
    const made = { text, etag: `"${createHash("sha256").update(text).digest("base64url")}"` };
    written.set(source, made);
    return made;
  };
  http.get(SNAPSHOT, async (request, reply) => {
    const asked = await askedBy(o, request, reply);
    if (!asked) return reply;
    const { project, environment, kind } = asked.by;
    if (kind !== "server")
      return refuse(reply, 403, {
        errorDetails:
          "A browser's key is answered values, not rules. Ask /ofrep/v1/evaluate/flags, or use a server's key.",
      });
    const { text, etag } = write(await o.sets.sourceOf(project, environment));
    reply.header("etag", etag).header("cache-control", "no-store");
    if (request.headers["if-none-match"] === etag) return reply.code(304).send();
    return reply.code(200).header("content-type", "application/json; charset=utf-8").send(text);
  });
}
