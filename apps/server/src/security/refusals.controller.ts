import type { Logger } from "pino";
import { record } from "../ledger/index.ts";
import { actorOf, type OnRefusal } from "../platform/auth.ts";
import type { Database } from "../platform/database.ts";

/** At most this many refusals a minute and principal are recorded: a broken script must not fill the ledger. */
const PER_MINUTE = 60;
const MINUTE_MS = 60_000;

/** Records writes that somebody known asked for and did not get: what was asked is told by route and codes, never by content. */
export function recordRefusals(database: Database, log: Logger, now: () => number = Date.now): OnRefusal {
  const windows = new Map<string, { startedAt: number; count: number; dropped: number }>();
  return (principal, route, params, problem) => {
    const at = now();
    for (const [id, w] of windows) if (at - w.startedAt > MINUTE_MS && id !== principal.id) windows.delete(id);
    const known = windows.get(principal.id);
    const fresh = !known || at - known.startedAt > MINUTE_MS;
    const window = fresh ? { startedAt: at, count: 0, dropped: 0 } : known;
    windows.set(principal.id, window);
    if (window.count >= PER_MINUTE) {
      window.dropped += 1;
      return;
    }
    window.count += 1;
    const droppedBefore = fresh ? (known?.dropped ?? 0) : 0;
    database
      .transaction((tx) =>
        record(tx, {
          type: "security.request.refused",
          subject: `principal/${principal.id}`,
          project: principal.project,
          actor: actorOf(principal),
          data: {
            route,
            params,
            code: problem.code,
            status: problem.status,
            fields: (problem.details.fields ?? []).map((f) => f.field),
            ...(droppedBefore > 0 ? { droppedBefore } : {}),
          },
        }),
      )
      .catch((error: unknown) => log.warn({ err: error, route }, "a refused request could not be recorded"));
  };
}
