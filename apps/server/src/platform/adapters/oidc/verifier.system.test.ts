import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { oidcVerifier } from "./verifier.ts";

/** An issuer that goes away, and comes back with other keys. */
let server: Server;
let issuer: string;
let answers: "keys" | "error" | "rubbish" | "nothing" = "keys";
let published: object[] = [];
let asked = 0;
const pairs: Record<string, Awaited<ReturnType<typeof generateKeyPair>>> = {};
const HOUR_MS = 3_600_000;
let clock = 0;

beforeAll(async () => {
  for (const kid of ["one", "two"]) pairs[kid] = await generateKeyPair("RS256", { extractable: true });
  published = [await jwkOf("one")];
  server = createServer((_request, response) => {
    asked += 1;
    if (answers === "nothing") return response.destroy();
    response.writeHead(answers === "error" ? 503 : 200, { "content-type": "application/json" });
    return response.end(answers === "rubbish" ? "<html>" : JSON.stringify({ keys: published }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const pair = (kid: string) => {
  const found = pairs[kid];
  if (!found) throw new Error(`no key ${kid}`);
  return found;
};
const jwkOf = async (kid: string) => ({ ...(await exportJWK(pair(kid).publicKey)), kid, alg: "RS256", use: "sig" });
const tokenBy = (kid: string) =>
  new SignJWT({})
    .setProtectedHeader({ alg: "RS256", kid })
    .setIssuer(issuer)
    .setAudience("here")
    .setSubject("repo:acme/shop")
    .setJti("1")
    .setIssuedAt()
    .setExpirationTime("5m")
    .sign(pair(kid).privateKey);

describe("an issuer that can't be asked", () => {
  // Keys are never taken for fresh: each token would have it asked.
  const made = () => oidcVerifier(issuer, { now: () => clock, keysKeptMs: 0 });

  it.each(["error", "rubbish", "nothing"] as const)(
    "(%s) is trusted by the keys that it had, for a day, and is not asked for each token",
    async (outage) => {
      answers = "keys";
      const verifier = made();
      const verify = async (kid = "one") => verifier.verify(await tokenBy(kid), "here");
      expect(await verify()).toMatchObject({ ok: true });
      answers = outage;
      clock += 23 * HOUR_MS;
      expect(await verify()).toMatchObject({ ok: true });
      const before = asked;
      for (let i = 0; i < 5; i++) expect(await verify()).toMatchObject({ ok: true });
      expect(asked).toBe(before);
      expect(await verify("two")).toMatchObject({ ok: false, error: expect.stringMatching(/^kid: /) });
      clock += 2 * HOUR_MS;
      expect(await verify()).toMatchObject({ ok: false, error: `the keys of ${issuer} can't be had at the moment` });
      answers = "keys";
      expect(await verify()).toMatchObject({ ok: true });
    },
  );

  it("lets nobody in who comes before it was ever asked", async () => {
    answers = "error";
    expect(await made().verify(await tokenBy("one"), "here")).toMatchObject({ ok: false });
  });
});
