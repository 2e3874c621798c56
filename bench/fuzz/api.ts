import { sql } from "kysely";
import { Campaign, type Finding } from "../../apps/server/src/testing/fuzz/campaign.ts";
import { Furnished } from "../../apps/server/src/testing/fuzz/ground.ts";
import { type Bench, type Figure, figure } from "../figure.ts";
import { BareServer } from "./server.ts";

const REQUESTS = 100_000;
const QUICK_REQUESTS = 3_000;
/** A fifth by those who may not: they are told apart by who they are, the others by what they send. */
const UNAUTHORISED_SHARE = 0.2;
/** Enough to keep the server busy while cases are made. */
const LANES = 8;

/** All routes of the description, asked with valid, almost valid and hostile requests; the seed makes the same cases again. */
export async function fuzzApi(bench: Bench): Promise<Figure[]> {
  const requests = bench.quick ? QUICK_REQUESTS : REQUESTS;
  const server = new BareServer(bench.root);
  try {
    bench.say("Starting a server of its own ...");
    await server.start();
    const scene = await Furnished.make(server);
    bench.say(`Asking by those who may not, seed ${bench.seed} ...`);
    // The lease is with another server: controllers rest, so whatever changes was changed by a request.
    await server.restart(() =>
      sql`update lease set owner = 'another server', expires_at = now() + interval '1 day'`.execute(server.db),
    );
    const refused = new Campaign(scene, bench.seed);
    const from = performance.now();
    const changed = await refused.unauthorised(Math.round(requests * UNAUTHORISED_SHARE), LANES);
    await server.restart(() => sql`delete from lease`.execute(server.db));
    bench.say(`Asking by those who may, seed ${bench.seed} ...`);
    const campaign = new Campaign(scene, bench.seed);
    await campaign.authorised(requests - refused.tally.requests, LANES, () => bench.signal.aborted || !server.lives);
    const seconds = (performance.now() - from) / 1_000;
    const errors = server.errors();
    for (const found of [...refused.tally.findings, ...campaign.tally.findings]) bench.say(lineOf(found));
    for (const words of changed) bench.say(`WRONG: requests by those who may not changed ${words}`);
    for (const line of errors.slice(0, 20)) bench.say(`THE SERVER WROTE: ${line.slice(0, 1_500)}`);
    if (!server.lives) bench.say("WRONG: the server has ended");
    const ledger = await scene.ground.owner.verifyLedger({});
    return figuresOf({
      refused,
      campaign,
      seconds,
      changed,
      errors: errors.length,
      routes: scene.operations.length,
      isIntact: ledger.ok,
    });
  } finally {
    await server.end();
  }
}

const lineOf = ({ operation, what, message, faults, count }: Finding): string =>
  `WRONG (${count} times): ${operation}, ${what}: ${faults.join("; ")}\n    ${message}`;

function figuresOf(o: {
  refused: Campaign;
  campaign: Campaign;
  seconds: number;
  changed: readonly string[];
  errors: number;
  routes: number;
  isIntact: boolean;
}): Figure[] {
  const [a, b] = [o.refused.tally, o.campaign.tally];
  const requests = a.requests + b.requests;
  const none = { below: 1 };
  const wrong = [...a.findings, ...b.findings].reduce((n, found) => n + found.count, 0);
  return [
    figure("requests", requests, ""),
    figure("requests a second, cases made in the same time", requests / o.seconds, "1/s"),
    figure("answers of 5xx, and none", a.serverErrors + b.serverErrors, "", none),
    figure("answers that tell of our insides", a.insides + b.insides, "", none),
    figure("answers that are not as described", wrong, "", none),
    figure("tables and files changed by requests without the right to", o.changed.length, "", none),
    figure("errors in the server's log", o.errors, "", none),
    figure("routes asked without the right to", (100 * a.asked.size) / o.routes, "%", { atLeast: 100 }),
    // Three want what others have signed or been given, or a service at Netlify, which no fuzz finds.
    figure("routes asked, and got through to", (100 * b.taken.size) / (o.routes - 3), "%", { atLeast: 100 }),
    figure("valid requests by those who may", b.valid, ""),
    figure("of these answered 2xx", (100 * b.validTaken) / Math.max(1, b.valid), "%"),
    figure("the ledger verifies afterwards", o.isIntact ? 1 : 0, "", { atLeast: 1 }),
  ];
}
