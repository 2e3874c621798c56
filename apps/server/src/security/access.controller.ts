import { createHash, randomBytes } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { holdsSealed, subjectOf } from "@latchkey/core/shared/sealed";
import { findPersonBySubject, insertPerson } from "../catalog/index.ts";
import type { Subjects } from "../ledger/index.ts";
import type { Authenticate, Credentials, IdempotencyStore, Principal } from "../platform/auth.ts";
import type { Database, Executor, Transactions } from "../platform/database.ts";
import { newId } from "../platform/ids.ts";
import { ProblemError } from "../platform/problems.ts";
import {
  beginAnswer,
  findBySecret,
  finishAnswer,
  forgetAnswer,
  giveCredentials,
  insertToken,
  namesOfPeople,
  rememberAnswer,
  renameCredentials,
  type TokenRow,
} from "./access.store.ts";

export const COOKIE = "lk_session";
const DAY_MS = 86_400_000;
export const SESSION_DAYS = 7;
const SIGN_IN_MS = 15 * 60_000;
/** The local files' tokens are renewed by each start that finds them with less than a month left. */
const LOCAL_DAYS = 90;

export const hashOf = (secret: string): Buffer => createHash("sha256").update(secret).digest();
/** 256 random bits; the prefix lets a secret scanner know one of ours. */
export const newSecret = (): string => `lk_${randomBytes(32).toString("base64url")}`;

export async function issue(
  db: Executor,
  o: Pick<TokenRow, "project" | "name" | "role" | "kind"> & { ms: number; personId?: string | null },
): Promise<{ id: string; secret: string; expiresAt: Date }> {
  const secret = newSecret();
  const id = newId("tok");
  const expiresAt = new Date(Date.now() + o.ms);
  await insertToken(
    db,
    {
      ...{ id, project: o.project, name: o.name, role: o.role, kind: o.kind },
      expires_at: expiresAt,
      person_id: o.personId ?? null,
    },
    hashOf(secret),
  );
  return { id, secret, expiresAt };
}

function secretOf(request: Credentials): string | null {
  const { authorization, cookie } = request.headers;
  if (authorization?.startsWith("Bearer ")) return authorization.slice(7).trim();
  const found = cookie?.split(/;\s*/).find((part) => part.startsWith(`${COOKIE}=`));
  return found ? found.slice(COOKIE.length + 1) : null;
}

export { secretOf };

const KIND = { session: "person", person: "person", token: "token", gateway: "gateway", sign_in: "person" } as const;

/** A page asks many things within a second: its credential is looked up once. Other servers' revocations wait as long. */
const KEPT_MS = 1_000;
const KEPT_MAX = 1_000;

/** Tells who asks; `forget` is called when a credential of this server was revoked. */
export function authenticator(database: Database): Authenticate & { forget(): void } {
  const kept = new Map<string, { readonly until: number; readonly principal: Principal }>();
  // Counts revocations: what was looked up before one must not be kept after it.
  let revocations = 0;
  const authenticate = async (request: Credentials): Promise<Principal | null> => {
    const secret = secretOf(request);
    if (!secret || secret.length > 200) return null;
    const hash = hashOf(secret);
    const key = hash.toString("base64");
    const known = kept.get(key);
    if (known && known.until > performance.now()) return known.principal;
    kept.delete(key);
    const before = revocations;
    const row = await findBySecret(database.db, hash);
    if (!row || row.kind === "sign_in") return null;
    const principal = {
      id: row.id,
      name: row.name,
      kind: KIND[row.kind],
      role: row.role,
      project: row.project,
      personId: row.person_id,
    };
    const until = performance.now() + Math.min(KEPT_MS, row.expires_at.getTime() - Date.now());
    if (kept.size >= KEPT_MAX) kept.clear();
    if (before === revocations) kept.set(key, { until, principal });
    return principal;
  };
  const forget = () => {
    revocations += 1;
    kept.clear();
  };
  return Object.assign(authenticate, { forget });
}

/** `server` is what the list of servers calls this one; null where there is no such list. */
export function idempotency(database: Transactions, server: string | null = null): IdempotencyStore {
  const { db } = database;
  return {
    begin: async (actor, route, key, bodySha256) => {
      const known = await beginAnswer(db, actor, route, key, bodySha256, server);
      if (!known) return { kind: "new" };
      if (known.body_sha256 !== bodySha256) return { kind: "other_body" };
      if (known.status === null)
        return known.reference === null ? { kind: "under_way" } : { kind: "effected", reference: known.reference };
      return { kind: "done", status: known.status, answer: known.answer ?? "" };
    },
    remember: async (tx, actor, route, key, reference) => {
      if (await rememberAnswer(tx, actor, route, key, reference)) return;
      // What was done in this transaction is undone: it has been done before.
      throw new ProblemError("LK_BUSY", {
        detail: "The same request was worked on twice, and the other one was quicker.",
        remedy: "Ask again for its answer.",
        retryAfterMs: 1_000,
      });
    },
    finish: (actor, route, key, status, answer) => finishAnswer(db, actor, route, key, status, answer),
    forget: (actor, route, key) => forgetAnswer(db, actor, route, key, server),
  };
}

function writePrivately(file: string, text: string): void {
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

/** Files that the local gateway and CLI read their token from: reused while good. */
export async function seedLocalAccess(
  database: Database,
  dir: string,
  operator: string,
  subjects: Subjects,
): Promise<void> {
  const wanted = [
    { file: "gateway.token", name: "local gateway", role: "gateway", kind: "gateway" },
    { file: "cli.token", name: await subjects.sealName(operator), role: "owner", kind: "person" },
  ] as const;
  for (const { file, name, role, kind } of wanted) {
    const path = join(dir, file);
    const known = existsSync(path) ? await findBySecret(database.db, hashOf(readFileSync(path, "utf8").trim())) : null;
    // Whoever was erased and comes back is somebody new.
    const isOfNobody = known !== null && (await subjects.isErased(known.name));
    if (known && !isOfNobody && known.expires_at.getTime() - Date.now() > 30 * DAY_MS) continue;
    const personId = kind === "person" ? await operatorOf(database.db, name) : null;
    const { secret } = await issue(database.db, {
      project: "main",
      name,
      role,
      kind,
      ms: LOCAL_DAYS * DAY_MS,
      personId,
    });
    writePrivately(path, `${secret}\n`);
  }
}

/** The person who runs this installation, by the sealed name: an owner, who leads. Made at the first start, with what was signed in with before. */
export async function operatorOf(db: Executor, name: string): Promise<string> {
  const subjectId = subjectOf(name) ?? "";
  for (;;) {
    const known = await findPersonBySubject(db, "main", subjectId);
    if (known) {
      await giveCredentials(db, name, known.id);
      return known.id;
    }
    const id = newId("per");
    const person = { id, project: "main", name, subject_id: subjectId, role: "owner", raci: ["lead"] } as const;
    await insertPerson(db, { ...person, commit_names: [], github_login: null });
  }
}

/** Names that an earlier version wrote in clear are sealed: those of people and their tokens. */
export async function sealNamesInClear(db: Executor, subjects: Subjects): Promise<void> {
  for (const name of await namesOfPeople(db))
    if (!holdsSealed(name)) await renameCredentials(db, name, await subjects.sealName(name));
}

/** A link that signs one browser in, once, within 15 minutes. `whom.name` is sealed. The secret is in the fragment: servers and logs never see it. */
export async function createSignInLink(
  database: Database,
  dir: string,
  baseUrl: string,
  whom: { readonly name: string; readonly personId: string | null },
): Promise<{ url: string; expiresAt: string }> {
  const link = await signInLinkFor(database.db, baseUrl, { ...whom, project: "main", role: "owner" });
  writePrivately(join(dir, "sign-in.url"), `${link.url}\n`);
  return link;
}

/** The same for anybody. The secret is in the answer and nowhere else. */
export async function signInLinkFor(
  db: Executor,
  baseUrl: string,
  whom: Pick<TokenRow, "project" | "name" | "role"> & { readonly personId: string | null },
): Promise<{ url: string; expiresAt: string }> {
  const { secret, expiresAt } = await issue(db, { ...whom, kind: "sign_in", ms: SIGN_IN_MS });
  return { url: `${baseUrl}/sign-in#${secret}`, expiresAt: expiresAt.toISOString() };
}

export const sessionMs = SESSION_DAYS * DAY_MS;
