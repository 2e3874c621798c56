import { readFileSync } from "node:fs";
import { type Product, until } from "../../apps/supervisor/src/product.testkit.ts";
import type { Cluster } from "./cluster.ts";

/** What must not be so after servers were lost: effects that came twice, and entries that did not come. */
export interface ClusterFaults {
  readonly doubled: readonly string[];
  readonly lost: readonly string[];
}
const SETTLED_MS = 60_000;
/** Entries that a deployment or a rollout has once at most, whoever drove it and however often that changed. */
const ONCE = [
  "delivery.deployment.requested",
  "delivery.deployment.gates_passed",
  "delivery.deployment.ended",
  "delivery.rollout.created",
  "delivery.rollout.promoted",
  "delivery.rollout.roll_back_begun",
  "delivery.release.created",
];

/** Looks at the whole of it, once all is numbered and signed. `acknowledged` are the deployments that were promised. */
export async function faultsOfCluster(cluster: Cluster, acknowledged: readonly string[]): Promise<ClusterFaults> {
  const { client, database } = cluster;
  const rows = async <T extends object>(sql: string, values: unknown[] = []): Promise<T[]> =>
    (await database.query<T>(sql, values)).rows;
  await until(
    "all entries are signed",
    async () => {
      const { ledger } = await client.getSystem({});
      const [waiting] = await rows<{ n: string }>("select count(*) as n from ledger_outbox");
      return ledger.size === ledger.signedSize && waiting?.n === "0" ? true : null;
    },
    SETTLED_MS,
  );
  const doubled: string[] = [];
  const lost: string[] = [];
  const made = await rows<{ id: string }>("select id from deployment");
  for (const { id } of made) if (!acknowledged.includes(id)) doubled.push(`deployment ${id} was made besides`);
  const entries = await rows<{ type: string; subject: string; n: string }>(
    "select type, subject, count(*) as n from ledger_entry where type = any($1) group by type, subject",
    [ONCE],
  );
  for (const { type, subject, n } of entries) if (n !== "1") doubled.push(`${subject} has ${type} ${n} times`);
  const has = (type: string, id: string) => entries.some((e) => e.type === type && e.subject === `deployment/${id}`);
  for (const id of acknowledged)
    for (const type of ["delivery.deployment.requested", "delivery.deployment.ended"])
      if (!has(type, id)) lost.push(`${id} has no entry ${type}`);
  const unexplained = await rows<{ id: string }>(
    "select d.event_id as id from rollout_decision d left join ledger_entry e on e.id = d.event_id where e.id is null",
  );
  for (const { id } of unexplained) lost.push(`a decision's entry ${id} is not in the ledger`);
  const verified = await client.verifyLedger({ params: { project: "main" } });
  if (!verified.ok) lost.push(`the ledger does not verify: ${verified.words}`);
  return { doubled, lost };
}

const LOOK_EVERY_MS = 1_000;
/** A process that another one takes the place of has ten seconds to end. */
const LOOKS_MAX = 12;

/** Looks at the releases' processes while servers come and go: no release may run twice for longer than an ending takes. */
export class ProcessWatch {
  readonly doubled: string[] = [];
  readonly #product: Product;
  readonly #seen = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;

  constructor(product: Product) {
    this.#product = product;
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS);
  }

  #look(): void {
    const counts = new Map<string, number>();
    for (const pid of this.#product.processes()) {
      const release = releaseOf(pid);
      if (release !== null) counts.set(release, (counts.get(release) ?? 0) + 1);
    }
    for (const release of this.#seen.keys()) if ((counts.get(release) ?? 0) < 2) this.#seen.delete(release);
    for (const [release, n] of counts) {
      if (n < 2) continue;
      const looks = (this.#seen.get(release) ?? 0) + 1;
      this.#seen.set(release, looks);
      if (looks === LOOKS_MAX) this.doubled.push(`${release} ran ${n} times`);
    }
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

function releaseOf(pid: number): string | null {
  try {
    const line = readFileSync(`/proc/${pid}/environ`, "utf8")
      .split("\0")
      .find((text) => text.startsWith("LATCHKEY_RELEASE="));
    return line?.slice("LATCHKEY_RELEASE=".length) ?? null;
  } catch {
    return null;
  }
}
