import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Installation } from "../testing/installation.ts";
import { problemOf } from "../testing/problem.ts";
import { until } from "../testing/until.ts";
import { idempotency } from "./access.controller.ts";

let installation: Installation;
beforeAll(async () => {
  installation = await Installation.start();
});
afterAll(() => installation.close());

const refusals = async () =>
  (await installation.owner.listLedger({ query: { type: "security.request.refused", limit: 200 } })).items;

describe("a write that is refused", () => {
  it("is in the ledger with who asked, what for and why, and nothing of its content", async () => {
    const body = { fault: "secret-words", environment: "production" };
    const { code } = await problemOf(
      installation.owner.ship({ params: { project: "main", service: "nowhere" }, body }),
    );
    expect(code).toBe("LK_NOT_FOUND");
    const entry = await until("it is recorded", async () => (await refusals())[0]);
    expect(entry.data).toMatchObject({
      route: "ship",
      code: "LK_NOT_FOUND",
      status: 404,
      params: { service: "nowhere" },
    });
    expect(JSON.stringify(entry)).not.toContain("secret-words");
  });

  it("for want of the right role is recorded as well; a read, or a stranger's request, is not", async () => {
    const viewer = await installation.tokenOf("viewer");
    const before = (await refusals()).length;
    const asViewer = installation.clientWith(viewer.secret);
    expect((await problemOf(asViewer.createToken({ body: { name: "more", role: "owner" } }))).code).toBe(
      "LK_FORBIDDEN",
    );
    expect((await problemOf(asViewer.listTokens({}))).code).toBe("LK_FORBIDDEN");
    expect((await problemOf(installation.clientWith("lk_nobody").createSignInLink({}))).code).toBe(
      "LK_UNAUTHENTICATED",
    );
    await until("the first is recorded", async () => (await refusals()).length > before);
    expect((await refusals()).length).toBe(before + 1);
    expect((await refusals())[0]).toMatchObject({ actor: { id: viewer.id }, data: { route: "createToken" } });
  });

  it("many times over does not fill the ledger", async () => {
    const owner = await installation.tokenOf("owner");
    const client = installation.clientWith(owner.secret);
    for (let i = 0; i < 70; i++)
      await problemOf(client.revokeToken({ params: { project: "main", tokenId: `tok_${i}` } }));
    const own = async () => (await refusals()).filter((e) => e.actor.id === owner.id).length;
    await until("60 are recorded", async () => (await own()) === 60);
  });
});

describe("tokens of gateways", () => {
  it("are listed and can be revoked; the stream that a token opened ends with it", async () => {
    const made = await installation.owner.createToken({ body: { name: "edge", role: "gateway" } });
    const listed = await installation.owner.listTokens({ query: { limit: 200 } });
    expect(listed.items.map((t) => t.id)).toContain(made.token.id);
    await installation.owner.revokeToken({ params: { project: "main", tokenId: made.token.id } });
    expect((await installation.owner.listTokens({ query: { limit: 200 } })).items.map((t) => t.id)).not.toContain(
      made.token.id,
    );

    const reader = await installation.tokenOf("viewer");
    const headers = { authorization: `Bearer ${reader.secret}` };
    const stream = await fetch(`${installation.url}/api/v1/stream`, { headers });
    const ended = (async () => {
      for await (const _ of stream.body ?? []);
      return true;
    })();
    await installation.owner.revokeToken({ params: { project: "main", tokenId: reader.id } });
    expect(await ended).toBe(true);
  });
});

describe("a write whose answer was lost", () => {
  it("is not done again: the server died after it committed, and answers now", async () => {
    const made = await installation.owner.createToken({ body: { name: "doomed", role: "viewer" } });
    const params = { project: "main", tokenId: made.token.id };
    await installation.owner.revokeToken({ params, idempotencyKey: "lost" });
    // As a crash between the commit and the answer leaves it.
    await installation.database.pool.query(
      "update idempotent_answer set status = null, answer = null where key = 'lost'",
    );
    expect(await installation.owner.revokeToken({ params, idempotencyKey: "lost" })).toBeNull();
    const other = { project: "main", tokenId: "tok_other" };
    expect((await problemOf(installation.owner.revokeToken({ params: other, idempotencyKey: "lost" }))).code).toBe(
      "LK_IDEMPOTENCY_REUSED",
    );
  });

  it("is done once when who worked on it stood still, and was taken for gone", async () => {
    const { database } = installation;
    const store = idempotency(database);
    const key = ["prn_slow", "ship", "slow", "0".repeat(64)] as const;
    const [actor, route, name] = key;
    expect((await store.begin(...key)).kind).toBe("new");
    await database.pool.query("update idempotent_answer set created_at = now() - interval '61 s' where key = 'slow'");
    expect((await store.begin(...key)).kind).toBe("new");
    await database.transaction((tx) => store.remember(tx, actor, route, name, "the quick one"));
    const slow = database.transaction((tx) => store.remember(tx, actor, route, name, "the slow one"));
    await expect(slow).rejects.toMatchObject({ code: "LK_BUSY" });
    expect(await store.begin(...key)).toEqual({ kind: "effected", reference: "the quick one" });
  });
});
