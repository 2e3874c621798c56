import { factsOf } from "@latchkey/core/delivery/github/facts";
import { allServices } from "../catalog/index.ts";
import type { Subjects } from "../ledger/index.ts";
import type { Transactions } from "../platform/database.ts";
import type { Lease } from "../platform/leases.ts";
import {
  connectBranches,
  connectedBranches,
  type DeliveryRow,
  takeDeliveries,
  waitingDeliveries,
} from "./github.store.ts";
import { foldTold, sealTold, type Told } from "./github-states.ts";

/** In one transaction: a few milliseconds each. */
const AT_ONCE = 200;
/** GitHub's largest body has 25 MB; most have 10 kB. */
const BYTES_AT_ONCE = 32e6;

export interface DeliveriesOptions {
  readonly database: Transactions;
  readonly lease: Pick<Lease, "fence" | "guards">;
  readonly subjects: Pick<Subjects, "sealName">;
  /** Something was taken in that others go on with. */
  readonly onTaken: () => void;
}
interface Read {
  readonly id: string;
  readonly told: Told | null;
  readonly problem: string | null;
}

/** Takes in what GitHub delivered, in the order that it came: any other would come to the same. */
export class DeliveriesController {
  readonly #o: DeliveriesOptions;

  constructor(options: DeliveriesOptions) {
    this.#o = options;
  }

  /** One round; answers whether there may be more. A round that is cut short is done again: nothing of it is written by halves. */
  async tick(): Promise<boolean> {
    const { database, lease } = this.#o;
    const fence = lease.fence();
    if (fence === null) return false;
    const services = await allServices(database.db);
    await this.#connect(services, fence);
    const rows = await waitingDeliveries(database.db, AT_ONCE, BYTES_AT_ONCE);
    if (rows.length === 0) return false;
    const read = rows.map(readDelivery);
    const sealed = await sealTold(
      read.map((r) => r.told ?? { repository: "", facts: [] }),
      this.#o.subjects,
    );
    await database.transaction(async (tx) => {
      if (!(await lease.guards(tx, fence))) return;
      const taken = await takeDeliveries(
        tx,
        read.map(({ id, told, problem }) => ({ id, repository: told?.repository ?? null, problem })),
      );
      const branches = await connectedBranches(tx);
      await foldTold(
        tx,
        sealed.filter((_, i) => taken.has(read[i]?.id ?? "")),
        branches,
        services,
      );
    });
    this.#o.onTaken();
    return true;
  }

  /** The branches of services that are connected now. */
  async #connect(services: Awaited<ReturnType<typeof allServices>>, fence: number): Promise<void> {
    const wanted = services.flatMap(({ project, name, config }) =>
      config.github
        ? [{ project, service: name, repository: config.github.repository.toLowerCase(), branch: config.github.branch }]
        : [],
    );
    const named = (rows: readonly { project: string; service: string; repository: string; branch: string }[]) =>
      JSON.stringify(rows.map((r) => [r.project, r.service, r.repository, r.branch]).sort());
    if (named(await connectedBranches(this.#o.database.db)) === named(wanted)) return;
    await this.#o.database.transaction(async (tx) => {
      if (await this.#o.lease.guards(tx, fence)) await connectBranches(tx, wanted);
    });
    this.#o.onTaken();
  }
}

function readDelivery({ id, event, body }: DeliveryRow): Read {
  let payload: unknown;
  try {
    payload = JSON.parse(body.toString("utf8"));
  } catch {
    return { id, told: null, problem: `${event}: the body is not JSON` };
  }
  const told = factsOf(event, payload);
  return told.ok ? { id, told: told.value, problem: null } : { id, told: null, problem: told.error };
}
