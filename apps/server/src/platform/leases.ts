import { sql } from "kysely";
import type { Logger } from "pino";
import { type Clock, systemClock } from "./clock.ts";
import { type Executor, operation, type Transactions } from "./database.ts";
import type { LoopWatch } from "./loop-watch.ts";

/**
 * Leases: work that one server at a time may do. Owner, fence and expiry are in the database and expire by its clock,
 * so that servers' clocks need not agree. It keeps two servers from doing the same long work side by side. Who stood
 * still may believe in it too long: what such work writes is guarded where it is written (by the lease's fence, row
 * locks, phases, step counts). No session locks: poolers break them.
 */
const TTL_MS = 6_000;
/** Three tries before it expires. */
const RENEW_MS = 2_000;

/** For work that is no loop. */
const GOES_ROUND = { hangs: () => false };

export interface Lease {
  /** True while this process holds it, by its own monotonic clock from before the last renewal was asked for. */
  held(): boolean;
  /** Grows with each change of owner; null while it is not held. */
  fence(): number | null;
  /**
   * For a transaction of work that began under this fence: whether nobody had the lease since. While it is true nobody
   * takes the lease before the transaction ends.
   */
  guards(tx: Executor, fence: number): Promise<boolean>;
  /** How long nobody looked after the work before this fence, milliseconds: also if a holder came and died before it looked. */
  vacantMs(fence: number): Promise<number>;
  /** The work was looked at under this fence: what was vacant before is over. */
  watched(fence: number): Promise<void>;
  /** Gives it up, so that another server need not wait for its expiry. */
  release(): Promise<void>;
}

/**
 * Takes or renews a lease: its fence, or null while another owner's has not expired. `anew` says that this is a new
 * life of the owner: what its earlier life held it takes over at once, under a new fence.
 */
export const claim = operation(
  "claim",
  async (db: Executor, name: string, owner: string, ttlMs: number, anew: boolean = false): Promise<number | null> => {
    const ttl = sql`make_interval(secs => ${ttlMs / 1000})`;
    const taken = await sql<{
      fence: string;
    }>`insert into lease (name, owner, expires_at) values (${name}, ${owner}, now() + ${ttl})
    on conflict (name) do update set
      vacant_ms = case when lease.owner = excluded.owner and lease.expires_at > now() and not ${anew} then lease.vacant_ms
        else lease.vacant_ms + greatest(0, extract(epoch from now() - lease.expires_at) * 1000) end,
      fence = case when lease.owner = excluded.owner and lease.expires_at > now() and not ${anew} then lease.fence else lease.fence + 1 end,
      owner = excluded.owner, expires_at = excluded.expires_at
    where lease.owner = excluded.owner or lease.expires_at <= now()
    returning fence`.execute(db);
    const row = taken.rows[0];
    return row ? Number(row.fence) : null;
  },
);

export const holdsFence = operation(
  "holdsFence",
  async (tx: Executor, name: string, owner: string, fence: number): Promise<boolean> => {
    // An expired lease that nobody took is as good as held: its fence says that nothing has happened since.
    const found = await sql`select 1 from lease where name = ${name} and owner = ${owner} and fence = ${fence}
      for share`.execute(tx);
    return found.rows.length > 0;
  },
);

/**
 * How long nobody had the lease before this fence, or had it and did not come to look (`noteWatched`), by the database's clock,
 * milliseconds; 0 where another fence has it by now.
 */
export const vacantBefore = operation(
  "vacantBefore",
  async (db: Executor, name: string, fence: number): Promise<number> => {
    const found = await sql<{
      vacant_ms: number;
    }>`select vacant_ms from lease where name = ${name} and fence = ${fence}`.execute(db);
    return found.rows[0]?.vacant_ms ?? 0;
  },
);

export const noteWatched = operation(
  "noteWatched",
  async (db: Executor, name: string, owner: string, fence: number): Promise<void> => {
    await sql`update lease set vacant_ms = 0 where name = ${name} and owner = ${owner} and fence = ${fence}`.execute(
      db,
    );
  },
);

export const giveUp = operation("giveUp", async (db: Executor, name: string, owner: string): Promise<void> => {
  await sql`update lease set expires_at = now() where name = ${name} and owner = ${owner}`.execute(db);
});

/** Whether somebody does the work of a lease, by the database's clock. */
export const isHeld = operation("isHeld", async (db: Executor, name: string): Promise<boolean> => {
  return (await sql`select 1 from lease where name = ${name} and expires_at > now()`.execute(db)).rows.length > 0;
});

/**
 * Keeps trying to hold a lease until it is released; not while `watch` says that the work under it hangs. The owner is the installation's folder, whose lock one process
 * has: after a crash its successor need not wait for the expiry.
 */
export async function keepLease(
  database: Transactions,
  log: Logger,
  name: string,
  owner: string,
  clock: Clock = systemClock,
  watch: Pick<LoopWatch, "hangs"> = GOES_ROUND,
): Promise<Lease> {
  let anew = true;
  let fence: number | null = null;
  let goodUntil = 0;
  let stopped = false;
  let hung = false;
  const renew = async () => {
    // Who hangs does not work: the lease runs out, and whoever else is there takes it. It is asked for again afterwards.
    if (watch.hangs() !== hung) {
      hung = !hung;
      log.warn({ lease: name }, hung ? "the work under the lease hangs: it is not renewed" : "the work goes on");
    }
    if (hung) return;
    const asked = clock.monotonic();
    try {
      const now = await claim(database.db, name, owner, TTL_MS, anew);
      anew = false;
      const isNew = now !== null && now !== fence;
      fence = now;
      if (now !== null) goodUntil = asked + TTL_MS;
      if (isNew) log.info({ lease: name, fence: now }, "lease taken");
    } catch (error) {
      log.warn({ err: error, lease: name }, "the lease could not be renewed");
    }
  };
  let callOff = () => {};
  const again = () => {
    callOff = clock.after(RENEW_MS, () => {
      again();
      void renew();
    });
  };
  await renew();
  again();
  const held = () => !stopped && fence !== null && clock.monotonic() < goodUntil;
  return {
    held,
    fence: () => (held() ? fence : null),
    guards: (tx, asked) => holdsFence(tx, name, owner, asked),
    vacantMs: (asked) => vacantBefore(database.db, name, asked),
    watched: (asked) => noteWatched(database.db, name, owner, asked),
    release: async () => {
      stopped = true;
      callOff();
      await giveUp(database.db, name, owner).catch(() => {});
    },
  };
}
