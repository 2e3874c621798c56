import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openProgress } from "../progress.ts";
import type { Session } from "../session.ts";
import { Bench } from "../testkit/terminal.ts";
import { calls, sendAll } from "./sending.ts";

let bench: Bench;
const sent: { readonly kind: string; readonly key: string }[] = [];
beforeEach(async () => {
  bench = new Bench();
  await bench.start();
  sent.length = 0;
  bench.server.answers = {
    postInsightFacts: ({ body }) => {
      const { facts } = body as { facts: typeof sent };
      sent.push(...facts);
      return { accepted: facts.length, known: 0 };
    },
  };
});
afterEach(async () => {
  await bench.stop();
  expect(bench.server.violations).toEqual([]);
});
const write = (name: string, text: string | object): void => {
  mkdirSync(join(bench.dir, name, ".."), { recursive: true });
  writeFileSync(join(bench.dir, name), typeof text === "string" ? text : JSON.stringify(text));
};
const AT = "2026-11-01T12:00:00Z";

describe("latchkey import csv", () => {
  it("sends all lines, or none and says which are wrong", async () => {
    write("d.csv", `deployment,finished_at,outcome\nd1,${AT},\nd2,${AT},failed\n`);
    expect((await bench.run("import", "csv", "d.csv", "--service", "leads")).out).toContain("2 sent: 2 new, 0 known");
    expect(sent.map(({ key }) => key)).toEqual(["csv:leads/deployment/d1", "csv:leads/deployment/d2"]);
    write("d.csv", `deployment,finished_at\nd3,${AT}\nd4,soon\n`);
    const { exitCode, err } = await bench.run("import", "csv", "d.csv", "--service", "leads");
    expect(exitCode).toBe(1);
    expect(err).toContain('line 3, column 2 (finished_at): must be a time such as 2026-01-31T12:00:00Z, not "soon"');
    expect(err).toContain("Nothing was taken in.");
    expect(sent).toHaveLength(2);
  });
  it("names a file that is not there, and sends nothing with --dry-run", async () => {
    expect((await bench.run("import", "csv", "d.csv", "--service", "leads")).err).toContain("There is no file");
    write("d.csv", `deployment,finished_at\nd1,${AT}\n`);
    const { out } = await bench.run("import", "csv", "d.csv", "--service", "leads", "--dry-run", "--json");
    expect(JSON.parse(out)).toMatchObject({ deployments: 1, facts: 1, sent: null });
    expect(bench.server.asked).toEqual([]);
  });
});

describe("latchkey import github", () => {
  const API = "https://api.github.com/repos/hidden/shop";
  const pull = { url: `${API}/pulls/12`, number: 12, title: "A form", created_at: AT, merged_at: null, base: {} };
  const release = { id: 1, tag_name: "v1", published_at: AT, target_commitish: "main" };
  it("reads every page of a folder, and says what it made of them", async () => {
    write("pages/a/pulls.json", [pull]);
    write("pages/releases.json", [release, { name: "a label" }]);
    const { out } = await bench.run("import", "github", "pages", "--service", "leads");
    expect(out).toContain("each of 1 releases is taken for one");
    expect(out).toContain("Left out: 1 that are no pull request");
    expect(sent.map(({ key }) => key)).toEqual(["hidden/shop#12", "github:hidden/shop/release/1"]);
  });
  it("wants to know the repository, and good pages", async () => {
    write("pages/releases.json", [release]);
    expect((await bench.run("import", "github", "pages", "--service", "leads")).err).toContain(
      "--repository owner/name",
    );
    expect(
      (await bench.run("import", "github", "pages", "--service", "leads", "--repository", "hidden/shop")).exitCode,
    ).toBe(0);
    write("pages/pulls.json", [{ ...pull, created_at: "soon" }]);
    expect((await bench.run("import", "github", "pages", "--service", "leads")).err).toContain(
      "pulls.json[0].created_at: must be",
    );
    write("pages/broken.json", "{");
    expect((await bench.run("import", "github", "pages", "--service", "leads")).err).toContain(
      "broken.json is no JSON",
    );
    mkdirSync(join(bench.dir, "empty"));
    expect((await bench.run("import", "github", "empty", "--service", "leads")).err).toContain("no *.json");
    expect((await bench.run("import", "github", "gone", "--service", "leads")).err).toContain("no folder");
  });
});

describe("latchkey import cdevents", () => {
  const event = (id: string, content: object) => ({
    context: { version: "0.5.0", id, source: "/ci", type: "dev.cdevents.service.deployed.0.2.0", timestamp: AT },
    subject: { id: "leads", content },
  });
  it("reads one event a line, the same one once", async () => {
    const line = JSON.stringify(event("1", { artifactId: "a" }));
    write("events.jsonl", `${line}\n\n${line}\n`);
    expect((await bench.run("import", "cdevents", "events.jsonl")).out).toMatch(/deployments +1\n/);
    write("events.jsonl", `${line}\n${JSON.stringify(event("2", {}))}\n`);
    expect((await bench.run("import", "cdevents", "events.jsonl")).err).toContain(
      "line 2: subject.content.artifactId: is missing",
    );
  });
});

describe("facts that are sent", () => {
  const fact = (id: number, length = 0) => ({
    ...({ source: "csv:leads", id: String(id), kind: "commit", key: String(id), atMs: 0, rank: 0 } as const),
    fields: { title: "x".repeat(length) },
  });
  it("go in calls that the server takes, all of them, in order", () => {
    const many = Array.from({ length: 1_201 }, (_, i) => fact(i));
    expect([...calls(many)].map(({ length }) => length)).toEqual([500, 500, 201]);
    expect([...calls(many)].flat()).toEqual(many);
    expect([...calls([fact(1, 400_000), fact(2, 400_000), fact(3, 900_000)])].map(({ length }) => length)).toEqual([
      1, 1, 1,
    ]);
    expect([...calls([])]).toEqual([]);
  });
  it("are counted, and the way is told", async () => {
    const said: string[] = [];
    const terminal = { isInteractive: false, now: () => 0, err: (text: string) => void said.push(text) };
    const progress = openProgress({ json: false, terminal } as unknown as Session, "err");
    const answer = await sendAll(
      Array.from({ length: 700 }, (_, i) => fact(i)),
      async (call) => ({ accepted: 1, known: call.length - 1 }),
      progress,
    );
    expect(answer).toEqual({ accepted: 2, known: 698 });
    expect(said).toEqual(["Sent 500 of 700 facts\n"]);
  });
});
