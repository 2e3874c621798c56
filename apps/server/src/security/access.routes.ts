import { record, type Subjects } from "../ledger/index.ts";
import { actorOf, type Principal } from "../platform/auth.ts";
import type { Database } from "../platform/database.ts";
import { type Http, route } from "../platform/http.ts";
import { newId } from "../platform/ids.ts";
import { ProblemError } from "../platform/problems.ts";
import {
  COOKIE,
  createSignInLink,
  hashOf,
  issue,
  newSecret,
  operatorOf,
  SESSION_DAYS,
  secretOf,
  sessionMs,
} from "./access.controller.ts";
import {
  findToken,
  insertToken,
  listTokens,
  revokeByHash,
  revokeToken,
  spendSignIn,
  type TokenRow,
} from "./access.store.ts";

const present = (row: TokenRow) => ({
  id: row.id,
  name: row.name,
  role: row.role,
  createdAt: row.created_at.toISOString(),
  expiresAt: row.expires_at.toISOString(),
  lastUsedAt: row.last_used_at?.toISOString() ?? null,
});
const meOf = (p: Principal, version: string) => ({
  principal: { id: p.id, name: p.name, kind: p.kind, role: p.role },
  project: p.project,
  version,
});

export interface AccessRoutesOptions {
  readonly database: Database;
  readonly version: string;
  /** `.latchkey`: holds the sign-in link. */
  readonly dir: string;
  readonly baseUrl: string;
  /** The name of who started this server. */
  readonly operator: string;
  /** Seals names before they are written. */
  readonly subjects: Subjects;
  /** A credential is good no more: what it keeps open is closed. */
  readonly onRevoked: () => void;
}

export function registerAccess(http: Http, o: AccessRoutesOptions): void {
  const { db } = o.database;

  route(http, "signIn", async ({ body, reply }) => {
    const secret = newSecret();
    const session = await o.database.transaction(async (tx) => {
      const link = await spendSignIn(tx, hashOf(body.secret));
      if (!link)
        throw new ProblemError("LK_SIGN_IN_SPENT", { detail: "A sign-in link works once, within 15 minutes." });
      const id = newId("tok");
      await insertToken(
        tx,
        {
          id,
          project: link.project,
          name: link.name,
          role: link.role,
          kind: "session",
          expires_at: new Date(Date.now() + sessionMs),
          person_id: link.person_id,
        },
        hashOf(secret),
      );
      await record(tx, {
        type: "security.session.started",
        subject: `session/${id}`,
        project: link.project,
        actor: { id, kind: "person", name: link.name },
        data: { role: link.role, days: SESSION_DAYS },
      });
      return {
        id,
        name: link.name,
        kind: "person" as const,
        role: link.role,
        project: link.project,
        personId: link.person_id,
      };
    });
    reply.header(
      "set-cookie",
      `${COOKIE}=${secret}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${Math.floor(sessionMs / 1000)}`,
    );
    // The next link is ready for the next person.
    const name = await o.subjects.sealName(o.operator);
    await createSignInLink(o.database, o.dir, o.baseUrl, { name, personId: await operatorOf(db, name) });
    return meOf(session, o.version);
  });

  route(http, "signOut", async ({ request, reply, principal, project }) => {
    const secret = secretOf(request);
    await o.database.transaction(async (tx) => {
      if (secret) await revokeByHash(tx, hashOf(secret));
      await record(tx, {
        type: "security.session.ended",
        subject: `session/${principal.id}`,
        project,
        actor: actorOf(principal),
        data: {},
      });
    });
    o.onRevoked();
    reply.header("set-cookie", `${COOKIE}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0`);
    return null;
  });

  route(http, "createSignInLink", async ({ principal, project }) => {
    const link = await createSignInLink(o.database, o.dir, o.baseUrl, principal);
    await o.database.transaction((tx) =>
      record(tx, {
        type: "security.sign_in_link.created",
        subject: `principal/${principal.id}`,
        project,
        actor: actorOf(principal),
        data: { expiresAt: link.expiresAt },
      }),
    );
    return link;
  });

  route(http, "me", async ({ principal }) => meOf(principal, o.version));

  route(http, "listTokens", async ({ project, query }) => {
    const rows = await listTokens(db, project, query.cursor, query.limit);
    return { items: rows.map(present), next: rows.length === query.limit ? (rows.at(-1)?.id ?? null) : null };
  });

  route(http, "createToken", async ({ project, body, principal }) => {
    // A gateway is no person; what people call their tokens often is.
    const sealedName = body.role === "gateway" ? null : await o.subjects.sealName(body.name);
    return o.database.transaction(async (tx) => {
      const { id, secret } = await issue(tx, {
        project,
        name: sealedName ?? body.name,
        role: body.role,
        kind: body.role === "gateway" ? "gateway" : "token",
        ms: body.expiresInDays * 86_400_000,
        personId: body.role === "gateway" ? null : principal.personId,
      });
      await record(tx, {
        type: "security.token.created",
        subject: `token/${id}`,
        project,
        actor: actorOf(principal),
        data: {
          ...(sealedName ? {} : { name: body.name }),
          role: body.role,
          expiresInDays: body.expiresInDays,
        },
        ...(sealedName ? { personal: { name: sealedName } } : {}),
      });
      const row = await findToken(tx, id);
      if (!row) throw new Error("the token just written is not there");
      return { token: present(row), secret };
    });
  });

  route(
    http,
    "revokeToken",
    async ({ project, params, principal, remember }) => {
      await o.database.transaction(async (tx) => {
        if (!(await revokeToken(tx, project, params.tokenId)))
          throw new ProblemError("LK_NOT_FOUND", { detail: `There is no token "${params.tokenId}".` });
        await record(tx, {
          type: "security.token.revoked",
          subject: `token/${params.tokenId}`,
          project,
          actor: actorOf(principal),
          data: {},
        });
        await remember(tx, "revoked");
      });
      o.onRevoked();
      return null;
    },
    async () => null,
  );
}
