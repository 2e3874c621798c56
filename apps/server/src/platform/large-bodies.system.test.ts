import { createHash, randomBytes } from "node:crypto";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { createClient } from "@latchkey/api/client";
import type { Problem } from "@latchkey/api/models";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { saveEvidence } from "../delivery/gate-evidence.store.ts";
import { Installation } from "../testing/installation.ts";
import { jsonOf } from "../testing/problem.ts";
import { Workload } from "../testing/workload.ts";

let installation: Installation;
let workload: Workload;
let token: string;
beforeAll(async () => {
  installation = await Installation.start();
  workload = new Workload(installation);
  await workload.apply({ gates: [{ name: "tests", kind: "tests", from: "ci" }] });
  token = (await installation.owner.createToken({ body: { name: "a pipeline", role: "ci" } })).secret;
});
afterAll(() => installation.close());

const commit = "a".repeat(40);
/** Ten million characters, which don't compress to nothing. */
const report = `<testsuites>${"x".repeat(6_000_000)}${randomBytes(1_900_000).toString("hex")}</testsuites>`;
const send = (body: Buffer | string, headers: Record<string, string> = {}, as: string | null = token) =>
  fetch(`${installation.url}/api/v1/projects/main/services/${workload.name}/evidence`, {
    method: "POST",
    body,
    headers: {
      "content-type": "application/json",
      ...(as === null ? {} : { authorization: `Bearer ${as}` }),
      ...headers,
    },
  });
const gzip = { "content-encoding": "gzip" };
const bomb = gzipSync(Buffer.alloc(200_000_000, " "));
const refused = async (answer: Response) => {
  const { code, detail, fields } = await jsonOf<Problem>(answer);
  return [answer.status, code, detail, fields?.[0]?.field];
};

describe("a report over HTTP", () => {
  it("may have ten megabytes, which the client compresses by itself", async () => {
    const sent: { bytes: number; coding: string | undefined }[] = [];
    const client = createClient({
      ...{ baseUrl: installation.url, token },
      fetch: (input, init) => {
        const { headers, body } = init as { headers: Record<string, string>; body: ArrayBuffer };
        sent.push({ bytes: body.byteLength, coding: headers["content-encoding"] });
        return fetch(input, init);
      },
    });
    const params = { project: "main", service: workload.name };
    const made = await client.submitEvidence({ params, body: { gate: "tests", commit, report } });
    expect(made.sha256).toBe(createHash("sha256").update(report).digest("hex"));
    expect(sent).toEqual([{ bytes: expect.any(Number), coding: "gzip" }]);
    expect(sent[0]?.bytes).toBeLessThan(report.length / 2);
  });

  it("may come as it is, too, and in one small piece compressed", async () => {
    const body = JSON.stringify({ gate: "tests", commit, report });
    expect((await send(body)).status).toBe(201);
    expect(
      (await send(gzipSync(JSON.stringify({ gate: "tests", commit, report: "<testsuites/>" })), gzip)).status,
    ).toBe(201);
  });

  it("is refused where it grows beyond the limit, which the answer names", async () => {
    expect(bomb.length).toBeLessThan(1_000_000);
    expect(await refused(await send(bomb, gzip))).toEqual([
      413,
      "LK_TOO_LARGE",
      "The body is over 16 MB once it is decompressed.",
      undefined,
    ]);
    expect(await refused(await send(JSON.stringify({ report: "x".repeat(17_000_000) })))).toEqual([
      413,
      "LK_TOO_LARGE",
      "The body is over 16 MB.",
      undefined,
    ]);
  });

  it("of somebody who is not known is not even decompressed", async () => {
    expect((await send(bomb, gzip, null)).status).toBe(401);
    expect((await send(bomb, gzip, "nobody")).status).toBe(401);
  });

  it("says what is wrong with how it is compressed", async () => {
    const body = JSON.stringify({ gate: "tests", commit, report: "<testsuites/>" });
    expect(await refused(await send(body, gzip))).toEqual([400, "LK_INVALID", expect.stringContaining("gzip"), "body"]);
    expect(await refused(await send(gzipSync(body).subarray(0, 40), gzip))).toEqual(
      expect.arrayContaining([400, "LK_INVALID", "body"]),
    );
    expect(await refused(await send(brotliCompressSync(body), { "content-encoding": "br" }))).toEqual(
      expect.arrayContaining([400, "LK_INVALID", "content-encoding"]),
    );
  });

  it("gives way to newer ones, by their number and by what they take", async () => {
    const { db } = installation.database.owner;
    const keep = async (commit_sha: string, size: number) => {
      const actor = { id: "p", kind: "person", name: "somebody" } as const;
      const row = { id: `evi_${commit_sha}`, project: "main", service: "kept", commit_sha, gate: "tests", url: null };
      await saveEvidence(
        db,
        { ...row, report: "x".repeat(size), sha256: "", sent_by: actor },
        { reports: 3, bytes: 100 },
      );
      const found = await sql<{ commit_sha: string }>`select commit_sha from gate_evidence where service = 'kept'
        order by sent_at`.execute(db);
      return found.rows.map((one) => one.commit_sha);
    };
    for (const commit_sha of ["a", "b", "c"]) await keep(commit_sha, 10);
    expect(await keep("d", 10)).toEqual(["b", "c", "d"]);
    expect(await keep("e", 75)).toEqual(["c", "d", "e"]);
    expect(await keep("f", 200)).toEqual(["f"]);
  });

  it("takes a few at once, and makes room again", async () => {
    const body = gzipSync(JSON.stringify({ gate: "tests", commit, report: "<testsuites/>" }));
    for (let i = 0; i < 12; i++) expect((await send(body, gzip)).status).toBe(201);
  });
});
