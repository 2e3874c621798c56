import { randomBytes } from "node:crypto";
import type { ChannelTarget } from "@latchkey/api/notifications";
import { RETRY_POLICY, type RetryPolicy } from "@latchkey/core/catalog/notifications/retry";
import { SYSTEM_ACTOR } from "@latchkey/core/delivery/rollout";
import { sql } from "kysely";
import { pino } from "pino";
import { carriers } from "../catalog/carriers.ts";
import { createChannel } from "../catalog/channels.controller.ts";
import { type DeliveryRow, listDeliveries } from "../catalog/deliveries.store.ts";
import { Dispatcher } from "../catalog/dispatcher.controller.ts";
import { type RuleDefinition, saveRule } from "../catalog/rules.store.ts";
import { Sender } from "../catalog/sender.controller.ts";
import { openSecrets, openSubjects, record } from "../ledger/index.ts";
import { drainOnce } from "../ledger/sequencer.ts";
import { reachOf } from "../platform/adapters/outgoing/reach.ts";
import { systemClock } from "../platform/clock.ts";
import { newId } from "../platform/ids.ts";
import { keepLease, type Lease } from "../platform/leases.ts";
import { type TestDatabase, testDatabase } from "./database.ts";

const log = pino({ level: process.env.LATCHKEY_TEST_LOG ?? "silent" });
const PROJECT = "main";

/** The loops of notifications on a real database, round by round, while time is made to pass. */
export class NotificationDesk {
  readonly database: TestDatabase;
  readonly lease: Lease;
  readonly subjects;
  readonly #key = randomBytes(32);
  readonly #policy: RetryPolicy;
  readonly dispatcher: Dispatcher;
  readonly sender: Sender;

  private constructor(database: TestDatabase, lease: Lease, policy: RetryPolicy) {
    this.database = database;
    this.lease = lease;
    this.#policy = policy;
    this.subjects = openSubjects(database, this.#key);
    this.dispatcher = new Dispatcher({ database, clock: systemClock, lease });
    this.sender = this.senderWith(lease);
  }

  static async open(policy: Partial<RetryPolicy> = {}): Promise<NotificationDesk> {
    const database = await testDatabase();
    const lease = await keepLease(database, log, "delivery", "desk");
    return new NotificationDesk(database, lease, { ...RETRY_POLICY, ...policy });
  }

  get carry() {
    const secrets = openSecrets(this.#key);
    return carriers({
      ...this,
      db: this.database.db,
      secrets,
      reach: reachOf(undefined),
      baseUrl: "https://lk.test",
      timeoutMs: 300,
    });
  }
  /** Another server's, with its own view of the lease. */
  senderWith(lease: Pick<Lease, "fence" | "guards">): Sender {
    return new Sender({
      database: this.database,
      log,
      clock: systemClock,
      lease,
      carry: this.carry,
      policy: this.#policy,
    });
  }

  /** A channel, and one rule that sends everything there unless another is given. */
  async channel(target: ChannelTarget, rule: Partial<RuleDefinition> | null = {}, name = newId("name")) {
    const options = {
      database: this.database,
      secrets: openSecrets(this.#key),
      reach: reachOf(undefined),
      carry: this.carry,
    };
    const principal = {
      id: "test",
      name: "test",
      kind: "system",
      role: "owner",
      project: PROJECT,
      personId: null,
    } as const;
    const made = await createChannel(options, { project: PROJECT, principal, name, target });
    await sql`delete from notification_rule where id = ${made.ruleId}`.execute(this.database.db);
    if (rule) await this.rule([made.id], rule);
    // What making it recorded is nobody's news here.
    await this.forgetSoFar();
    return made;
  }
  async rule(channel_ids: string[], rule: Partial<RuleDefinition> = {}): Promise<string> {
    const id = newId("ntr");
    const all = {
      types: [],
      services: [],
      environments: [],
      outcomes: [],
      severity: "auto",
      quietHours: null,
    } as const;
    const definition = { ...all, types: [], services: [], environments: [], outcomes: [], ...rule };
    await saveRule(this.database.db, { id, project: PROJECT, name: id, enabled: true, definition, channel_ids });
    return id;
  }
  async forgetSoFar(): Promise<void> {
    while ((await drainOnce(this.database)) > 0);
    await sql`update notification_cursor set after_sequence = (select coalesce(max(sequence), -1) from ledger_entry)`.execute(
      this.database.db,
    );
  }

  /** Something happens: an entry with a number. */
  async happens(
    subject: string,
    type: string,
    data: Record<string, unknown> = {},
    actor = SYSTEM_ACTOR,
  ): Promise<void> {
    await this.database.transaction((tx) => record(tx, { type, subject, project: PROJECT, actor, data }));
    while ((await drainOnce(this.database)) > 0);
  }

  /** One round of both loops, to its end. */
  async round(): Promise<void> {
    await this.dispatcher.round();
    await this.sender.round();
    await this.sender.idle();
  }

  /** Time goes by: all that was written down is so much older. */
  async pass(ms: number): Promise<void> {
    const by = sql`make_interval(secs => ${ms / 1_000})`;
    const { db } = this.database;
    await sql`update notification_delivery set next_at = next_at - ${by}, first_tried_at = first_tried_at - ${by},
      created_at = created_at - ${by}`.execute(db);
    await sql`update notification_channel set rests_until = rests_until - ${by}`.execute(db);
  }

  /** The newest first. */
  deliveries(): Promise<DeliveryRow[]> {
    return listDeliveries(this.database.db, PROJECT, { before: Number.MAX_SAFE_INTEGER, limit: 200 });
  }
  async states(): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const { state } of await this.deliveries()) counts[state] = (counts[state] ?? 0) + 1;
    return counts;
  }

  async close(): Promise<void> {
    await this.sender.stop();
    await this.lease.release();
    await this.database.drop();
  }
}
