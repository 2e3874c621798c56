import { Agent, get } from "node:http";
import { paths } from "@latchkey/api/paths";
import { type Bench, type Figure, figure, quantile } from "../figure.ts";
import { authorisationOf, type Year } from "./year.ts";

/** Every read of the API with a year behind it: first pages, pages in the middle, filters, single things. */
const GOAL_MS = 100;
const TIMES = 40;
/** Pages on, from the first: enough that what was skipped would show, were it read. */
const PAGES_ON = 20;

/**
 * Reads that do work for each entry or each look, or wait on purpose: their own parts tell of them. And a backup's own page:
 * to have one of a year would take minutes.
 */
const NOT_READ = new Set(["verifyLedger", "gatewayRouting", "getBackup"]);
const base = "/api/v1/projects/main";

interface Asked {
  readonly route: string;
  readonly what: string;
  readonly path: string;
}
type Ask = (path: string) => Promise<{ ms: number; body: Page }>;
interface Page {
  readonly items?: readonly Readonly<Record<string, unknown>>[];
  readonly next?: string | null;
}

export async function measureLists(bench: Bench, year: Year): Promise<Figure[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  try {
    const ask = asker(agent, year);
    const asked = await everyRead(ask, year);
    const routes = Object.entries(paths).filter(([name, p]) => p.method === "GET" && !NOT_READ.has(name));
    const missing = routes.filter(([name]) => !asked.some((a) => a.route === name)).map(([name]) => name);
    if (missing.length > 0) throw new Error(`The bench does not read: ${missing.join(", ")}.`);
    const all: { readonly asked: Asked; readonly p95: number }[] = [];
    for (const a of asked) {
      const times: number[] = [];
      for (let i = 0; i < (bench.quick ? 5 : TIMES) && !bench.signal.aborted; i++) times.push((await ask(a.path)).ms);
      all.push({ asked: a, p95: quantile(times, 0.95) });
    }
    all.sort((a, b) => b.p95 - a.p95);
    for (const { asked: a, p95 } of all) bench.say(`p95 ${p95.toFixed(1).padStart(7)} ms  ${a.route}: ${a.what}`);
    return [
      figure(
        `slowest read of ${all.length}, p95: ${all[0]?.asked.route}, ${all[0]?.asked.what}`,
        all[0]?.p95 ?? 0,
        "ms",
        {
          below: GOAL_MS,
        },
      ),
      figure(
        "reads, median of their p95",
        quantile(
          all.map((a) => a.p95),
          0.5,
        ),
        "ms",
      ),
    ];
  } finally {
    agent.destroy();
  }
}

function asker(agent: Agent, { installation }: Year): Ask {
  const headers = authorisationOf(installation);
  return (path) =>
    new Promise((done, fail) => {
      const begun = performance.now();
      get(installation.url + path, { agent, headers }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on("data", (chunk: Buffer) => chunks.push(chunk));
        answer.once("end", () => {
          const ms = performance.now() - begun;
          const text = Buffer.concat(chunks).toString("utf8");
          if (answer.statusCode !== 200) fail(new Error(`${path}: ${answer.statusCode} ${text.slice(0, 300)}`));
          else done({ ms, body: JSON.parse(text) as Page });
        });
      }).once("error", fail);
    });
}

/** With the ids that the lists themselves give. */
async function everyRead(ask: Ask, year: Year): Promise<Asked[]> {
  const lists: readonly (readonly [route: string, what: string, path: string])[] = [
    ["listDeployments", "all", `${base}/deployments?limit=50`],
    ["listDeployments", "of a service", `${base}/deployments?limit=50&service=leads`],
    ["listDeployments", "of a service with few", `${base}/deployments?limit=50&service=archive-1`],
    ["listDeployments", "of a service with none", `${base}/deployments?limit=50&service=archive-0`],
    ["listReleases", "of a service", `${base}/services/leads/releases?limit=50`],
    ["listServices", "all", `${base}/services?limit=50`],
    ["listTokens", "all", `${base}/tokens?limit=50`],
    ["listSubjects", "all", `${base}/ledger/subjects?limit=50`],
    ["listLedger", "all", `${base}/ledger?limit=50`],
    ["listLedger", "of a type", `${base}/ledger?limit=50&type=delivery.rollout.rolled_back`],
    ["listLedger", "of a kind of types", `${base}/ledger?limit=50&type=delivery.`],
    ["listLedger", "of a rare kind of types", `${base}/ledger?limit=50&type=catalog.`],
    ["listLedger", "of a type that there is not", `${base}/ledger?limit=50&type=nothing.`],
  ];
  const asked: Asked[] = [];
  for (const [route, what, path] of lists) {
    asked.push({ route, what: `${what}, first page`, path });
    let { body } = await ask(path);
    for (let i = 1; i < PAGES_ON && body.next; i++) body = (await ask(`${path}&cursor=${body.next}`)).body;
    if (body.next) asked.push({ route, what: `${what}, page ${PAGES_ON + 1}`, path: `${path}&cursor=${body.next}` });
  }
  return [...asked, ...(await middles(year)), ...(await singles(ask, year))];
}

/** Half a year back, where no one comes by turning pages, but by a link. */
async function middles({ entries, installation }: Year): Promise<Asked[]> {
  const { items } = await installation.client.listReleases({
    params: { project: "main", service: "leads" },
    query: { limit: 1 },
  });
  const half = Math.floor(entries / 2);
  return [
    { route: "listLedger", what: "half a year back", path: `${base}/ledger?limit=50&cursor=${half}` },
    {
      route: "listLedger",
      what: "of a type, half a year back",
      path: `${base}/ledger?limit=50&type=delivery.rollout.&cursor=${half}`,
    },
    {
      route: "listReleases",
      what: "half a year back",
      path: `${base}/services/leads/releases?limit=50&cursor=${Math.ceil((items[0]?.number ?? 1) / 2)}`,
    },
  ];
}

async function singles(ask: Ask, { entries }: Year): Promise<Asked[]> {
  const newest = async (path: string) => (await ask(path)).body.items ?? [];
  const deployments = await newest(`${base}/deployments?limit=200`);
  const old = deployments.at(-1) ?? {};
  const rollout = deployments.find((d) => d.status === "rolled_back" && d.rolloutId)?.rolloutId;
  const release = (await newest(`${base}/services/leads/releases?limit=200`)).at(-1)?.id;
  const half = Math.floor(entries / 2);
  const one = (route: string, path: string): Asked => ({ route, what: "one", path });
  const subject = encodeURIComponent(`deployment/${String(old.id)}`);
  return [
    one("me", "/api/v1/me"),
    one("getSystem", "/api/v1/system"),
    one("getHealth", "/api/v1/health"),
    one("listBackups", "/api/v1/backups"),
    one("getService", `${base}/services/leads`),
    one("getRelease", `${base}/releases/${String(release)}`),
    one("getDeployment", `${base}/deployments/${String(old.id)}`),
    one("getRollout", `${base}/rollouts/${String(rollout)}`),
    one("listLooks", `${base}/rollouts/${String(rollout)}/looks`),
    one("explainRollout", `${base}/rollouts/${String(rollout)}/explain`),
    one("getLedgerEntry", `${base}/ledger/entries/${half}`),
    one("getLedgerProof", `${base}/ledger/entries/${half}/proof`),
    one("getCheckpoint", `${base}/ledger/checkpoint`),
    one("getLedgerConsistency", `${base}/ledger/consistency?from=${half}`),
    { route: "listLedger", what: "of a subject", path: `${base}/ledger?limit=50&subject=${subject}` },
  ];
}
