import { createHash } from "node:crypto";
import { type FlagdFile, flagdFile } from "@latchkey/core/flags/flagd-write";
import type { Http } from "../platform/http.ts";
import type { ClientKey, ClientKeys } from "./client-keys.ts";
import type { FlagSets } from "./sets.ts";

/**
 * The flags of an environment in flagd JSON, for flagd itself (its sync over HTTP asks with `If-None-Match`) and for every
 * evaluator of its format. Rules are no secret to a server, but to a browser: only keys of servers are answered.
 */
const SYNC = "/flagd/v1/sync";
interface Written {
  readonly generation: number;
  readonly etag: string;
  readonly body: string;
}
/** Environments whose flags are kept written; more than a project has. */
const KEPT_MAX = 200;

export function registerFlagd(http: Http, o: { readonly sets: FlagSets; readonly keys: ClientKeys }): void {
  const kept = new Map<string, Written>();
  const written = async ({ project, environment }: ClientKey): Promise<Written> => {
    const source = await o.sets.source(project, environment);
    const name = `${project}/${environment}`;
    const known = kept.get(name);
    if (known?.generation === source.generation) return known;
    const { file, leftOut } = flagdFile(source, { flagSetId: name });
    const told: FlagdFile = {
      ...file,
      // An evaluator knows nothing of these: whoever looks into it finds why.
      ...(leftOut.length > 0
        ? { metadata: { ...file.metadata, leftOut: leftOut.map(({ flag, path }) => `${flag} (${path})`).join(", ") } }
        : {}),
    };
    const body = JSON.stringify(told);
    const etag = `"${createHash("sha256").update(body).digest("base64url")}"`;
    if (kept.size >= KEPT_MAX) kept.clear();
    const made = { generation: source.generation, etag, body };
    kept.set(name, made);
    return made;
  };
  http.get(SYNC, async (request, reply) => {
    const refuse = (status: number, detail: string) => reply.code(status).send({ errorDetails: detail });
    reply.header("cache-control", "no-cache");
    const by = await o.keys.of(request);
    if (!by)
      return refuse(401, "Send a key of a server: Authorization: Bearer. `latchkey flags create-key` makes one.");
    if (by.kind === "browser")
      return refuse(403, "Browsers are given values, by OFREP, never rules: use a key of a server.");
    const waitMs = o.keys.within(by);
    if (waitMs > 0) {
      reply.header("retry-after", String(Math.ceil(waitMs / 1_000)));
      return refuse(429, "This key asks too often.");
    }
    const { etag, body } = await written(by);
    reply.header("etag", etag);
    const known = (request.headers["if-none-match"] ?? "").split(",").map((one) => one.trim().replace(/^W\//, ""));
    if (known.includes(etag)) return reply.code(304).send();
    return reply.header("content-type", "application/json; charset=utf-8").send(body);
  });
}
