import type { Role } from "@latchkey/core/security/authorisation";
import { sql } from "kysely";
import { type Executor, operation } from "../platform/database.ts";
import { isLiving } from "../platform/servers.ts";

export interface TokenRow {
  readonly id: string;
  readonly project: string;
  readonly name: string;
  readonly role: Role;
  readonly kind: "person" | "token" | "gateway" | "session" | "sign_in";
  readonly created_at: Date;
  readonly expires_at: Date;
  readonly last_used_at: Date | null;
  readonly person_id: string | null;
}
const COLUMNS = sql`id, project, name, role, kind, created_at, expires_at, last_used_at, person_id`;

export const insertToken = operation(
  "insertToken",
  async (
    db: Executor,
    row: Pick<TokenRow, "id" | "project" | "name" | "role" | "kind" | "expires_at"> &
      Partial<Pick<TokenRow, "person_id">>,
    secretHash: Buffer,
  ): Promise<void> => {
    await sql`insert into access_token (id, project, name, role, kind, secret_hash, expires_at, person_id)
    values (${row.id}, ${row.project}, ${row.name}, ${row.role}, ${row.kind}, ${secretHash}, ${row.expires_at}, ${row.person_id ?? null})`.execute(
      db,
    );
  },
);
export const findToken = operation("findToken", async (db: Executor, id: string): Promise<TokenRow | null> => {
  return (await sql<TokenRow>`select ${COLUMNS} from access_token where id = ${id}`.execute(db)).rows[0] ?? null;
});
/** The token of a secret while it is good; its last use is noted at most once a minute. */
export const findBySecret = operation(
  "findBySecret",
  async (db: Executor, secretHash: Buffer): Promise<TokenRow | null> => {
    const found = await sql<TokenRow>`select ${COLUMNS} from access_token
    where secret_hash = ${secretHash} and revoked_at is null and expires_at > now()`.execute(db);
    const row = found.rows[0];
    if (!row) return null;
    if (row.last_used_at === null || Date.now() - row.last_used_at.getTime() > 60_000) {
      await sql`update access_token set last_used_at = now() where id = ${row.id}`.execute(db);
    }
    return row;
  },
);
/** Spends a one-time secret: true for the first caller only. */
export const spendSignIn = operation(
  "spendSignIn",
  async (tx: Executor, secretHash: Buffer): Promise<TokenRow | null> => {
    const spent = await sql<TokenRow>`update access_token set revoked_at = now()
    where secret_hash = ${secretHash} and kind = 'sign_in' and revoked_at is null and expires_at > now() returning ${COLUMNS}`.execute(
      tx,
    );
    return spent.rows[0] ?? null;
  },
);
export const listTokens = operation(
  "listTokens",
  async (db: Executor, project: string, before: string | undefined, limit: number): Promise<TokenRow[]> => {
    const found = await sql<TokenRow>`select ${COLUMNS} from access_token
    where project = ${project} and kind in ('token', 'gateway') and revoked_at is null and expires_at > now()
      and (${before ?? null}::text is null or id < ${before ?? null})
    order by id desc limit ${limit}`.execute(db);
    return found.rows;
  },
);
export const revokeToken = operation(
  "revokeToken",
  async (tx: Executor, project: string, id: string): Promise<boolean> => {
    const done =
      await sql`update access_token set revoked_at = now() where id = ${id} and project = ${project} and kind in ('token', 'gateway') and revoked_at is null returning id`.execute(
        tx,
      );
    return done.rows.length > 0;
  },
);
export const revokeByHash = operation("revokeByHash", async (db: Executor, secretHash: Buffer): Promise<void> => {
  await sql`update access_token set revoked_at = now() where secret_hash = ${secretHash}`.execute(db);
});
/** Names on credentials of people: all but those of gateways. */
export const namesOfPeople = operation("namesOfPeople", async (db: Executor): Promise<string[]> => {
  const found = await sql<{ name: string }>`select distinct name from access_token where kind <> 'gateway'`.execute(db);
  return found.rows.map((row) => row.name);
});
export const renameCredentials = operation(
  "renameCredentials",
  async (db: Executor, from: string, to: string): Promise<void> => {
    await sql`update access_token set name = ${to} where name = ${from} and kind <> 'gateway'`.execute(db);
  },
);
export const forgetOldSecrets = operation("forgetOldSecrets", async (db: Executor): Promise<void> => {
  await sql`delete from access_token where kind in ('session', 'sign_in') and expires_at < now() - interval '1 day'`.execute(
    db,
  );
  // Of a workflow's token each run gets one: they would be rows for ever. The ledger has them.
  await sql`delete from access_token where kind = 'token' and role = 'ci' and expires_at < now() - interval '1 day'
    and expires_at - created_at <= interval '1 hour'`.execute(db);
  await sql`delete from idempotent_answer where created_at < now() - interval '24 hours'`.execute(db);
});

interface AnswerRow {
  readonly body_sha256: string;
  readonly status: number | null;
  readonly answer: string | null;
  /** Set in the transaction that did what was asked. */
  readonly reference: string | null;
}
/** A request whose server died before it answered is open again after this long, where it is not known which that was. */
const STUCK_SECONDS = 60;

export const beginAnswer = operation(
  "beginAnswer",
  async (
    db: Executor,
    actor: string,
    route: string,
    key: string,
    bodySha256: string,
    server: string | null,
  ): Promise<AnswerRow | null> => {
    const isOfOneThatIsGone = sql`(idempotent_answer.server is not null and not exists (select 1 from server
      where server.id = idempotent_answer.server and server.started_at <= idempotent_answer.created_at and ${isLiving}))`;
    const made = await sql`insert into idempotent_answer (actor, route, key, body_sha256, server)
    values (${actor}, ${route}, ${key}, ${bodySha256}, ${server})
    on conflict (actor, route, key) do update set created_at = now(), body_sha256 = excluded.body_sha256,
      status = null, answer = null, reference = null, server = excluded.server
      where idempotent_answer.created_at < now() - interval '24 hours'
        or (idempotent_answer.status is null and idempotent_answer.reference is null
          and (idempotent_answer.created_at < now() - make_interval(secs => ${STUCK_SECONDS}) or ${isOfOneThatIsGone}))
    returning key`.execute(db);
    if (made.rows.length > 0) return null;
    const found = await sql<AnswerRow>`select body_sha256, status, answer, reference from idempotent_answer
    where actor = ${actor} and route = ${route} and key = ${key}`.execute(db);
    return found.rows[0] ?? null;
  },
);
/**
 * Writes with an effect what it came to. False when the same request has come to something already, or was given up: whoever
 * was slow may have been taken for gone, by another server or by the same one, and only the first of them counts.
 */
export const rememberAnswer = operation(
  "rememberAnswer",
  async (tx: Executor, actor: string, route: string, key: string, reference: string): Promise<boolean> => {
    const found = await sql`update idempotent_answer set reference = ${reference}
      where actor = ${actor} and route = ${route} and key = ${key} and reference is null
      returning 1`.execute(tx);
    return found.rows.length > 0;
  },
);
export const finishAnswer = operation(
  "finishAnswer",
  async (db: Executor, actor: string, route: string, key: string, status: number, answer: string): Promise<void> => {
    await sql`update idempotent_answer set status = ${status}, answer = ${answer} where actor = ${actor} and route = ${route} and key = ${key}`.execute(
      db,
    );
  },
);
export const forgetAnswer = operation(
  "forgetAnswer",
  async (db: Executor, actor: string, route: string, key: string, server: string | null): Promise<void> => {
    await sql`delete from idempotent_answer where actor = ${actor} and route = ${route} and key = ${key}
      and status is null and reference is null and server is not distinct from ${server}`.execute(db);
  },
);

/** Whose doing what a credential did was; null where that is not known. */
export const personOfCredential = operation(
  "personOfCredential",
  async (db: Executor, id: string): Promise<string | null> => {
    const found = await sql<{ person_id: string | null }>`select person_id from access_token where id = ${id}`.execute(
      db,
    );
    return found.rows[0]?.person_id ?? null;
  },
);
/** Credentials that were made before there were persons, by the name on them. */
export const giveCredentials = operation(
  "giveCredentials",
  async (db: Executor, name: string, personId: string): Promise<void> => {
    await sql`update access_token set person_id = ${personId}
      where name = ${name} and person_id is null and kind in ('person', 'session', 'sign_in')`.execute(db);
  },
);
/** What a person may do, all that this person signs in with may. Tokens keep what they were made for, and no more. */
export const setRoleOf = operation("setRoleOf", async (tx: Executor, personId: string, role: Role): Promise<void> => {
  await sql`update access_token set role = ${role} where person_id = ${personId} and kind in ('person', 'session', 'sign_in')`.execute(
    tx,
  );
});
export const revokeAllOf = operation("revokeAllOf", async (tx: Executor, personId: string): Promise<void> => {
  await sql`update access_token set revoked_at = now() where person_id = ${personId} and revoked_at is null`.execute(
    tx,
  );
});
