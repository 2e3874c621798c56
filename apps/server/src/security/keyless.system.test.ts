import { createHmac, randomUUID } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, exportSPKI, generateKeyPair, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Installation } from "../testing/installation.ts";
import { problemOf } from "../testing/problem.ts";
import { Workload } from "../testing/workload.ts";

let installation: Installation;
let workload: Workload;
let server: Server;
let issuer: string;
let keys: Awaited<ReturnType<typeof generateKeyPair>>;
let others: Awaited<ReturnType<typeof generateKeyPair>>;
let keysAsked = 0;

beforeAll(async () => {
  keys = await generateKeyPair("RS256", { extractable: true });
  others = await generateKeyPair("RS256", { extractable: true });
  const jwk = { ...(await exportJWK(keys.publicKey)), kid: "one", alg: "RS256", use: "sig" };
  server = createServer((request, response) => {
    keysAsked += 1;
    const isThere = request.url === "/.well-known/jwks";
    response.writeHead(isThere ? 200 : 404, { "content-type": "application/json" });
    response.end(JSON.stringify({ keys: [jwk] }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  installation = await Installation.start({ githubOidcIssuer: issuer });
  workload = new Workload(installation);
  await workload.apply({
    github: {
      repository: "Acme/Shop",
      keyless: {
        repositoryId: 7,
        workflow: "acme/shop/.github/workflows/deploy.yml@refs/heads/main",
        environment: "production",
      },
    },
  });
});
afterAll(async () => {
  await installation.close();
  server.closeAllConnections();
  server.close();
});

const now = () => Math.floor(Date.now() / 1000);
const good = () => ({
  iss: issuer,
  aud: installation.url,
  sub: "repo:acme/shop:environment:production",
  iat: now(),
  nbf: now(),
  exp: now() + 300,
  repository: "acme/shop",
  repository_id: "7",
  ref: "refs/heads/main",
  environment: "production",
  job_workflow_ref: "acme/shop/.github/workflows/deploy.yml@refs/heads/main",
  run_id: "12",
  event_name: "push",
  jti: randomUUID(),
});
const signed = (claims: object, o: { key?: typeof keys.privateKey; kid?: string } = {}) =>
  new SignJWT({ ...claims }).setProtectedHeader({ alg: "RS256", kid: o.kid ?? "one" }).sign(o.key ?? keys.privateKey);
const anybody = () => installation.clientWith("");
const exchange = (token: string, service = workload.name) => anybody().exchangeToken({ body: { token, service } });
const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

describe("a workflow's token", () => {
  it("is exchanged for one that may ship for 15 minutes, and nothing else", async () => {
    const made = await exchange(await signed(good()));
    expect(made).toMatchObject({ project: "main", service: workload.name });
    expect(Date.parse(made.expiresAt) - Date.now()).toBeLessThanOrEqual(15 * 60_000);
    const client = installation.clientWith(made.token);
    expect((await client.me({})).principal).toMatchObject({ role: "ci", name: "workflow of Acme/Shop" });
    expect((await problemOf(client.listTokens({ params: { project: "main" } }))).code).toBe("LK_FORBIDDEN");
    const entries = await installation.owner.listLedger({ query: { type: "security.workflow_token.exchanged" } });
    expect(JSON.stringify(entries)).not.toContain(made.token);
  });

  const wrong: [string, (claims: ReturnType<typeof good>) => object, RegExp][] = [
    [
      "that has expired",
      (c) => ({ ...c, iat: now() - 600, nbf: now() - 600, exp: now() - 300 }),
      /exp: the token has expired/,
    ],
    ["that was made hours ago", (c) => ({ ...c, iat: now() - 7_200 }), /iat: the token has expired or is too old/],
    ["without an end", (c) => ({ ...c, exp: undefined }), /exp: the token lacks this claim/],
    [
      "for another audience",
      (c) => ({ ...c, aud: "https://elsewhere.example" }),
      /aud: the token is for another audience/,
    ],
    ["of another issuer", (c) => ({ ...c, iss: "https://elsewhere.example" }), /iss: the token is not one of/],
    ["of a fork", (c) => ({ ...c, repository: "eve/shop", repository_id: "8" }), /repository_id: the token says "8"/],
    [
      "of a new repository with the old name",
      (c) => ({ ...c, repository_id: "9" }),
      /repository_id: the token says "9"/,
    ],
    [
      "of a renamed repository",
      (c) => ({ ...c, repository: "acme/store" }),
      /repository: the token says "acme\/store"/,
    ],
    ["of another branch", (c) => ({ ...c, ref: "refs/pull/1/merge" }), /ref: the token says "refs\/pull\/1\/merge"/],
    ["of another environment", (c) => ({ ...c, environment: "preview" }), /environment: the token says "preview"/],
    [
      "of another workflow",
      (c) => ({ ...c, job_workflow_ref: "eve/x/.github/workflows/y.yml@refs/heads/main" }),
      /job_workflow_ref: /,
    ],
    [
      "without its repository's number",
      (c) => ({ ...c, repository_id: undefined }),
      /repository_id: the token lacks this claim/,
    ],
    [
      "of a pull request, though its run is on the branch",
      (c) => ({ ...c, event_name: "pull_request_target" }),
      /event_name: a run of a pull request gets no token/,
    ],
    [
      "whose subject is a pull request",
      (c) => ({ ...c, sub: "repo:acme/shop:pull_request" }),
      /event_name: a run of a pull request gets no token/,
    ],
    [
      "of a fork's copy of the workflow",
      (c) => ({ ...c, job_workflow_ref: "eve/shop/.github/workflows/deploy.yml@refs/heads/main" }),
      /job_workflow_ref: the token says "eve\/shop/,
    ],
    [
      "of the environment, but another branch",
      (c) => ({ ...c, ref: "refs/heads/mine" }),
      /ref: the token says "refs\/heads\/mine"/,
    ],
    ["from the future", (c) => ({ ...c, iat: now() + 120, nbf: now() }), /iat: /],
    ["that is not good yet", (c) => ({ ...c, nbf: now() + 120 }), /nbf: /],
    ["without a name of its own", (c) => ({ ...c, jti: undefined }), /jti: the token lacks this claim/],
    ["without an environment", (c) => ({ ...c, environment: undefined }), /environment: the token lacks this claim/],
  ];
  it.each(wrong)("%s is refused", async (_words, change, words) => {
    const problem = await problemOf(exchange(await signed(change(good()))));
    expect([problem.status, problem.code]).toEqual([401, "LK_UNAUTHENTICATED"]);
    expect(problem.detail).toMatch(words);
  });

  it("is good once, also when it is shown twice at once or to a server that was started again", async () => {
    const claims = good();
    const token = await signed(claims);
    const twice = await Promise.allSettled([exchange(token), exchange(token)]);
    expect(twice.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    await installation.stop();
    await installation.start({ githubOidcIssuer: issuer });
    // It listens on another port now, and is another audience.
    const again = await problemOf(exchange(await signed({ ...claims, aud: installation.url })));
    expect([again.status, again.detail]).toEqual([401, expect.stringMatching(/jti: this token was exchanged before/)]);
  });

  it("that is refused is not used up: what was wrong may be put right", async () => {
    const token = await signed(good());
    expect((await problemOf(exchange(token, "another"))).status).toBe(401);
    expect(await exchange(token)).toMatchObject({ service: workload.name });
  });

  it("with a clock that is half a minute off is taken", async () => {
    const late = { ...good(), iat: now() + 20, nbf: now() + 20 };
    expect(await exchange(await signed(late))).toMatchObject({ service: workload.name });
  });

  it("that somebody else signed is refused", async () => {
    const forged = await problemOf(exchange(await signed(good(), { key: others.privateKey })));
    expect(forged.detail).toMatch(/signature: not made by/);
    const unknown = await problemOf(exchange(await signed(good(), { kid: "two" })));
    expect(unknown.detail).toMatch(/kid: .* has no such key/);
  });

  it("that nobody signed, or that is signed with the public key as if it were a secret, is refused", async () => {
    const none = `${encoded({ alg: "none" })}.${encoded(good())}.`;
    expect((await problemOf(exchange(none))).detail).toMatch(/alg: only RS256 is taken/);
    const head = `${encoded({ alg: "HS256", kid: "one" })}.${encoded(good())}`;
    const secret = await exportSPKI(keys.publicKey);
    const confused = `${head}.${createHmac("sha256", secret).update(head).digest("base64url")}`;
    expect((await problemOf(exchange(confused))).detail).toMatch(/alg: only RS256 is taken/);
    expect((await problemOf(exchange("no token"))).detail).toMatch(/it is no signed JWT/);
  });

  it("for a service that is not connected is refused", async () => {
    const problem = await problemOf(exchange(await signed(good()), "another"));
    expect(problem.detail).toMatch(/service: no service "another" of this project is connected/);
  });

  it("does not make the server ask for the issuer's keys each time", () => {
    expect(keysAsked).toBeLessThan(5);
  });
});
