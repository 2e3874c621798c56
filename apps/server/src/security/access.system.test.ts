import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Installation } from "../testing/installation.ts";
import { problemOf } from "../testing/problem.ts";
import { until } from "../testing/until.ts";

let installation: Installation;
beforeAll(async () => {
  installation = await Installation.start();
});
afterAll(() => installation.close());

const post = (path: string, headers: Record<string, string>, body: unknown = {}) =>
  fetch(installation.url + path, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
const signIn = (secret: string, headers: Record<string, string> = {}) => post("/api/v1/sign-in", headers, { secret });
const secretOf = (link: string) => new URL(link).hash.slice(1);
const newLink = async () => secretOf((await installation.owner.createSignInLink({})).url);
async function session(): Promise<string> {
  const answer = await signIn(await newLink());
  return (answer.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
}
const me = (headers: Record<string, string>) => fetch(`${installation.url}/api/v1/me`, { headers });

describe("signing in", () => {
  it("works with the link that the start leaves, for a session that is the operator's", async () => {
    const answer = await signIn(secretOf(readFileSync(join(installation.dir, "sign-in.url"), "utf8").trim()));
    expect(answer.status).toBe(200);
    const cookie = answer.headers.get("set-cookie") ?? "";
    expect(cookie).toMatch(/^lk_session=lk_[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=604800$/);
    const who = await me({ cookie: `other=1; ${cookie.split(";")[0]}` });
    expect(await who.json()).toMatchObject({ principal: { kind: "person", role: "owner" }, project: "main" });
  });

  it("ends with signing out, which is in the ledger", async () => {
    const cookie = await session();
    expect((await post("/api/v1/sign-out", { cookie })).status).toBe(204);
    expect((await me({ cookie })).status).toBe(401);
    const ended = () => installation.owner.listLedger({ query: { type: "security.session.ended" } });
    expect(await until("it is recorded", async () => (await ended()).items[0])).toMatchObject({
      actor: { kind: "person" },
    });
  });

  it("leaves a new link for the next person, readable only by the operator", async () => {
    const file = join(installation.dir, "sign-in.url");
    const before = readFileSync(file, "utf8");
    await signIn(secretOf(before.trim()));
    expect(readFileSync(file, "utf8")).not.toBe(before);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(join(installation.dir, "cli.token")).mode & 0o777).toBe(0o600);
    expect(existsSync(`${file}.new`)).toBe(false);
  });

  it("works once, however many try at the same time", async () => {
    const secret = await newLink();
    const answers = await Promise.all(Array.from({ length: 6 }, () => signIn(secret)));
    expect(answers.map((a) => a.status).sort()).toEqual([200, 401, 401, 401, 401, 401]);
    const late = await signIn(secret);
    expect(await late.json()).toMatchObject({ code: "LK_SIGN_IN_SPENT", remedy: expect.stringContaining("sign-in") });
  });

  it("does not work after its time", async () => {
    const secret = await newLink();
    await sql`update access_token set expires_at = now() where kind = 'sign_in'`.execute(installation.database.db);
    expect((await signIn(secret)).status).toBe(401);
  });

  it("takes no other secret, and a link is no token", async () => {
    expect((await signIn(installation.secretIn("cli.token"))).status).toBe(401);
    expect((await me({ authorization: `Bearer ${await newLink()}` })).status).toBe(401);
  });

  it("ends with signing out", async () => {
    const cookie = await session();
    expect((await me({ cookie })).status).toBe(200);
    const out = await post("/api/v1/sign-out", { cookie });
    expect(out.status).toBe(204);
    expect(out.headers.get("set-cookie")).toContain("Max-Age=0");
    expect((await me({ cookie })).status).toBe(401);
  });

  it("ends by itself after its days", async () => {
    const cookie = await session();
    await sql`update access_token set expires_at = now() where kind = 'session'`.execute(installation.database.db);
    expect((await me({ cookie })).status).toBe(401);
  });
});

describe("a write by cookie", () => {
  it("must come from a page of our own", async () => {
    const cookie = await session();
    const write = (origin: string) =>
      post("/api/v1/projects/main/tokens", { cookie, origin }, { name: "a", role: "viewer" });
    expect((await write(installation.url)).status).toBe(201);
    for (const origin of ["https://evil.example", "null", installation.url.replace("127.0.0.1", "localhost")]) {
      const refused = await write(origin);
      expect(refused.status, origin).toBe(403);
      expect(await refused.json(), origin).toMatchObject({ code: "LK_ORIGIN" });
    }
  });
});

describe("tokens", () => {
  it("show their secret once, and it is stored nowhere", async () => {
    const made = await installation.owner.createToken({ body: { name: "deploy bot", role: "viewer" } });
    expect(made.secret).toMatch(/^lk_[\w-]{43}$/);
    await until("it is in the ledger", async () =>
      (await installation.owner.listLedger({ query: { subject: `token/${made.token.id}` } })).items.at(0),
    );
    const tables = await sql<{ table_name: string }>`select table_name from information_schema.tables
      where table_schema = 'public'`.execute(installation.database.db);
    for (const { table_name } of tables.rows) {
      const rows = await sql<{ row: string }>`select t::text as row from ${sql.table(table_name)} t`.execute(
        installation.database.db,
      );
      expect(
        rows.rows.filter(({ row }) => row.includes(made.secret)),
        table_name,
      ).toEqual([]);
    }
    const listed = await installation.owner.listTokens({});
    expect(JSON.stringify(listed)).not.toContain(made.secret);
    expect(listed.items.find((t) => t.id === made.token.id)).toMatchObject({ name: "deploy bot", role: "viewer" });
  });

  it("say when they were last used", async () => {
    const { id, secret } = await installation.tokenOf("viewer");
    const listed = async () => (await installation.owner.listTokens({})).items.find((t) => t.id === id);
    expect((await listed())?.lastUsedAt).toBeNull();
    await installation.clientWith(secret).me({});
    expect((await listed())?.lastUsedAt).not.toBeNull();
  });

  it("are refused from the moment they are revoked, and leave the list", async () => {
    const { id, secret } = await installation.tokenOf("viewer");
    const client = installation.clientWith(secret);
    await client.me({});
    await installation.owner.revokeToken({ params: { project: "main", tokenId: id } });
    expect((await problemOf(client.me({}))).status).toBe(401);
    expect((await installation.owner.listTokens({})).items.map((t) => t.id)).not.toContain(id);
    const again = installation.owner.revokeToken({ params: { project: "main", tokenId: id } });
    expect(await problemOf(again)).toMatchObject({ status: 404, code: "LK_NOT_FOUND" });
  });

  it("are refused once they have expired", async () => {
    const { id, secret } = await installation.tokenOf("owner");
    await sql`update access_token set expires_at = now() where id = ${id}`.execute(installation.database.db);
    expect((await problemOf(installation.clientWith(secret).me({}))).code).toBe("LK_UNAUTHENTICATED");
  });

  it("are paged, newest first", async () => {
    const made: string[] = [];
    for (let i = 0; i < 5; i++) made.unshift((await installation.tokenOf("viewer")).id);
    const first = await installation.owner.listTokens({ query: { limit: 3 } });
    const second = await installation.owner.listTokens({ query: { limit: 3, cursor: first.next ?? "" } });
    expect([...first.items, ...second.items].map((t) => t.id).slice(0, 5)).toEqual(made);
  });

  it("are checked before they are made", async () => {
    const bad = installation.owner.createToken({ body: { name: "", role: "king" as "owner", expiresInDays: 9_999 } });
    const problem = await problemOf(bad);
    expect(problem.status).toBe(400);
    expect(problem.fields?.map((f) => f.field)).toEqual(["name", "role", "expiresInDays"]);
  });
});

describe("the tokens of the local gateway and CLI", () => {
  it("stay over a restart while they are good, and are renewed when they end soon", async () => {
    const cli = installation.secretIn("cli.token");
    const gateway = installation.secretIn("gateway.token");
    await installation.stop();
    await sql`update access_token set expires_at = now() + interval '3 days' where kind = 'gateway'`.execute(
      installation.database.db,
    );
    await installation.start();
    expect(installation.secretIn("cli.token")).toBe(cli);
    expect(installation.secretIn("gateway.token")).not.toBe(gateway);
    expect((await installation.owner.me({})).principal.role).toBe("owner");
  });
});
