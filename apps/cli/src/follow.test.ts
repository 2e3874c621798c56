import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Deployment, Rollout } from "./rollout-words.ts";
import { Refusal } from "./testkit/contract-server.ts";
import * as example from "./testkit/examples.ts";
import { Bench } from "./testkit/terminal.ts";

let bench: Bench;
beforeEach(async () => {
  bench = new Bench();
  await bench.start();
});
afterEach(async () => {
  await bench.stop();
  expect(bench.server.violations).toEqual([]);
});

const done: Rollout = {
  ...example.rollout,
  state: "completed",
  decisions: [example.decision, { ...example.decision, kind: "promoted", words: "It is proved safe." }],
};
const rolledBack: Rollout = { ...done, state: "rolled_back" };
const deployed = (status: Deployment["status"]): Deployment => ({
  ...example.deployment,
  status,
  words: `It is ${status}.`,
});
const before = (status: Deployment["status"]): Deployment => ({ ...deployed(status), rolloutId: null });
/** Answers one after the other; the last one stays. */
const inTurn =
  <T>(...answers: T[]) =>
  (): T => {
    const [next] = answers;
    if (next === undefined) throw new Error("nothing to answer");
    if (answers.length > 1) answers.shift();
    return next;
  };
/** The deployment's end arrives by the stream: it is told once its rollout has been looked at. */
function endsWith(status: Deployment["status"], rollout: Rollout): void {
  let over = false;
  bench.server.answers = {
    ship: () => before("building"),
    getDeployment: () => (over ? deployed(status) : example.deployment),
    getRollout: () => {
      const now = over ? rollout : example.rollout;
      if (!over) {
        over = true;
        setImmediate(() => {
          bench.server.emit("rollout", rollout);
          bench.server.emit("ledger", { ...example.entry, sequence: 9, subject: "deployment/dep_1" });
        });
      }
      return now;
    },
  };
}

describe("ship --wait", () => {
  it.each([
    ["succeeded", 0],
    ["holdback", 0],
    ["rolled_back", 3],
    ["aborted", 3],
    ["superseded", 3],
  ] as const)("%s: exit code %i", async (status, exitCode) => {
    endsWith(status, status === "rolled_back" ? rolledBack : done);
    const ran = await bench.run("ship", "leads", "--wait");
    expect(ran.exitCode).toBe(exitCode);
    expect(ran.out).toContain("exposed: The release takes its first 10 % of the traffic.");
    expect(ran.out).toContain("10 % to release 2, 10 requests, 0 errors");
    expect(ran.out).toContain("latchkey explain rol_1");
    expect(ran.out).not.toContain("asking every");
  });
  it("tells build, gates and a failed build, without a stream that would tell of them", async () => {
    bench.server.answers = {
      ship: () => before("building"),
      getDeployment: inTurn(before("building"), before("gating"), {
        ...before("failed_build"),
        buildOutput: "make: no rule\n",
      }),
    };
    const { exitCode, out } = await bench.run("ship", "leads", "--wait");
    expect(exitCode).toBe(3);
    expect(out).toMatch(/Building: .*\nGating: .*\n[\s\S]*failed build[\s\S]*make: no rule/);
  });
  it.each(["failed_gate", "failed_start", "unchanged"] as const)("%s ends it", async (status) => {
    bench.server.answers = { ship: () => before("building"), getDeployment: () => before(status) };
    expect((await bench.run("ship", "leads", "--wait")).exitCode).toBe(status === "unchanged" ? 0 : 3);
  });
  it("gives the deployment as one JSON object with --json", async () => {
    endsWith("succeeded", done);
    const { out, err } = await bench.run("ship", "leads", "--wait", "--json");
    expect(JSON.parse(out)).toMatchObject({ id: "dep_1", status: "succeeded" });
    expect(err).toBe("");
  });
  it("says so when nobody visits, and what to do", async () => {
    let looks = 0;
    bench.server.streams = false;
    bench.server.answers = {
      ship: () => example.deployment,
      getRollout: () => example.rollout,
      getDeployment: () => (++looks > 30 ? deployed("rolled_back") : example.deployment),
    };
    const { out } = await bench.run("ship", "leads", "--wait");
    expect(out.match(/npm run traffic/g)).toHaveLength(1);
    expect(out).toContain("No visitors: nothing has come in for 15 s");
  });
  it("stops following after --timeout, says that it goes on, exit code 3", async () => {
    bench.server.answers = { ship: () => before("building"), getDeployment: () => before("building") };
    const { exitCode, err } = await bench.run("ship", "leads", "--wait", "--timeout", "50ms", "--json");
    expect(exitCode).toBe(3);
    expect(JSON.parse(err)).toMatchObject({ code: "LK_CLI_TIMEOUT", exitCode: 3 });
  });
  it("Ctrl-C stops the following only", async () => {
    bench.server.answers = {
      ship: () => example.deployment,
      getDeployment: () => example.deployment,
      getRollout: () => {
        setImmediate(() => bench.interrupt());
        return example.rollout;
      },
    };
    const { exitCode, err } = await bench.run("ship", "leads", "--wait");
    expect(exitCode).toBe(130);
    expect(err).toContain("The deployment goes on");
  });
});

describe("rollout --watch", () => {
  it("follows the stream, each state one line of JSON", async () => {
    bench.server.answers = {
      getRollout: () => {
        setImmediate(() => {
          bench.server.emit("rollout", { ...example.rollout, id: "rol_other", trafficPercent: 99 });
          bench.server.emit("rollout", { ...example.rollout, trafficPercent: 50 });
          bench.server.emit("rollout", done);
        });
        return example.rollout;
      },
    };
    const ran = await bench.run("rollout", "rol_1", "--watch", "--json");
    const states = ran.out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Rollout);
    // Asked once, at the start: the rest came by the stream.
    expect(bench.server.asked.filter((a) => a.name === "getRollout").length).toBeLessThanOrEqual(2);
    expect(states.map((s) => [s.state, s.trafficPercent])).toEqual([
      ["progressing", 10],
      ["progressing", 50],
      ["completed", 10],
    ]);
  });
  it("says when the stream ends, asks instead, and bears a server that is away for a while", async () => {
    let calls = 0;
    bench.server.answers = {
      getRollout: () => {
        calls += 1;
        if (calls === 1) {
          setImmediate(() => {
            bench.server.streams = false;
            bench.server.endStreams();
          });
          return example.rollout;
        }
        if (calls < 4) return new Refusal(503, "LK_UNAVAILABLE");
        return calls < 6 ? example.rollout : rolledBack;
      },
    };
    const { exitCode, out } = await bench.run("rollout", "rol_1", "--watch");
    expect(exitCode).toBe(3);
    expect(out).toContain("The live stream ended; asking every 1 s instead.");
    expect(out).toContain("The server does not answer.");
    expect(out).toContain("The server answers again.");
    expect(out.match(/promoted: It is proved safe/g)).toHaveLength(1);
  });
  it("does not bear a refusal", async () => {
    bench.server.answers = {};
    expect((await bench.run("rollout", "rol_1", "--watch")).exitCode).toBe(1);
  });
});

describe("ledger tail", () => {
  it("leaves no entry out over a gap in the stream, and repeats none", async () => {
    const at = (sequence: number) => ({ ...example.entry, sequence });
    let asked = 0;
    bench.server.answers = {
      listLedger: () => {
        asked += 1;
        if (asked === 1) return example.page(at(1));
        if (asked === 2)
          setImmediate(() => {
            bench.server.emit("ledger", at(2));
            bench.server.streams = false;
            bench.server.endStreams();
          });
        if (asked === 4) setImmediate(() => bench.interrupt());
        return asked === 2 ? example.page(at(1)) : example.page(at(4), at(3), at(2), at(1));
      },
    };
    const { exitCode, out } = await bench.run("ledger", "tail", "--json");
    expect(exitCode).toBe(0);
    expect(
      out
        .trim()
        .split("\n")
        .map((line) => (JSON.parse(line) as { sequence: number }).sequence),
    ).toEqual([2, 3, 4]);
  });
});
