import { ReportedEvents, ReportedExposures, ReportedSeen } from "@latchkey/api/experiments";
import type { FastifyReply, FastifyRequest } from "fastify";
import { check, type Http } from "../platform/http.ts";
import type { ClientKey, ClientKeys } from "./client-keys.ts";
import { type ExposuresOptions, takeEvents, takeExposures } from "./exposures.controller.ts";
import { takeKeyRows } from "./keys.store.ts";
import { allowPages, answer, refuse, unknown } from "./ofrep.routes.ts";
import type { SeenUsers } from "./seen-users.ts";

/**
 * What applications report: who met which flag, and what happened to them. With the keys of OFREP; answered when it is
 * durable. A page can only report of public flags.
 */
const EXPOSURES = "/flags/v1/exposures";
const EVENTS = "/flags/v1/events";
/** A sample of who asks, from programs that evaluate by themselves: what a change of a flag is tried on. */
const SEEN = "/flags/v1/seen";
/** 1,000 exposures with long names are about 400 KiB. */
const BODY_MAX_BYTES = 1_024 * 1_024;
/** What waits in a client for longer is of another day. */
const LATE_MAX_MS = 24 * 3_600_000;

export function registerExposures(
  http: Http,
  o: ExposuresOptions & { readonly keys: ClientKeys; readonly seen: SeenUsers },
): void {
  const options = { bodyLimit: BODY_MAX_BYTES };
  /** No clock of a client makes something happen later than now. */
  const momentOf = (at: string | undefined): number => {
    const now = o.clock.now();
    return at === undefined ? now : Math.min(now, Math.max(now - LATE_MAX_MS, Date.parse(at)));
  };
  http.post(EXPOSURES, options, async (request, reply) => {
    const by = await reportedBy(o.keys, request, reply);
    if (!by) return reply;
    const given = check(ReportedExposures, request.body, "body").exposures;
    const exposures = given.slice(0, await roomFor(o, by, given.length));
    const accepted = await takeExposures(
      o,
      by,
      exposures.map(({ at, ...one }) => ({ ...one, at: momentOf(at) })),
    );
    return answer(reply, 202, JSON.stringify({ accepted }));
  });
  http.post(EVENTS, options, async (request, reply) => {
    const by = await reportedBy(o.keys, request, reply);
    if (!by) return reply;
    const given = check(ReportedEvents, request.body, "body").events;
    const events = given.slice(0, await roomFor(o, by, given.length));
    const accepted = await takeEvents(
      o,
      by,
      events.map(({ metric, key, isBad, value, at }) => ({ metric, key, isBad, value, at: momentOf(at) })),
    );
    return answer(reply, 202, JSON.stringify({ accepted }));
  });
  http.post(SEEN, options, async (request, reply) => {
    const by = await reportedBy(o.keys, request, reply);
    if (!by) return reply;
    if (by.kind !== "server")
      return refuse(reply, 403, { errorDetails: "Users are told of by servers: use a key of a server." });
    const { seen } = check(ReportedSeen, request.body, "body");
    o.seen.take(by.project, by.environment, seen);
    return answer(reply, 202, JSON.stringify({ accepted: seen.length }));
  });
  for (const url of [EXPOSURES, EVENTS])
    http.options(url, async (_, reply) =>
      allowPages(reply)
        .header("access-control-allow-methods", "POST")
        .header("access-control-allow-headers", "authorization, x-api-key, content-type")
        .header("access-control-max-age", "86400")
        .code(204)
        .send(),
    );
}

/** A page's key is no secret: whoever has it can fill no disk with it. What comes on top is dropped, and counted at the key. */
const BROWSER_ROWS = { ofMinute: 30_000, ofDay: 5_000_000 } as const;
const roomFor = async (o: ExposuresOptions, by: ClientKey, rows: number): Promise<number> =>
  by.kind === "server" ? rows : takeKeyRows(o.database.db, by.id, rows, o.browserRows ?? BROWSER_ROWS);

async function reportedBy(keys: ClientKeys, request: FastifyRequest, reply: FastifyReply): Promise<ClientKey | null> {
  allowPages(reply);
  const by = await keys.of(request);
  if (!by) {
    unknown(reply);
    return null;
  }
  const waitMs = keys.mayReport(by);
  if (waitMs === 0) return by;
  reply.header("retry-after", String(Math.ceil(waitMs / 1_000)));
  refuse(reply, 429, { errorDetails: "This key reports too often: send up to 1,000 at once, and less often." });
  return null;
}
