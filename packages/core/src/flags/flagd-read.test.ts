import { FlagdCore } from "@openfeature/flagd-core";
import { describe, expect, it } from "vitest";
import { compileFlags } from "./compile.ts";
import { readFlagd } from "./flagd-read.ts";
import type { Flag } from "./model.ts";
import { FLAGD_CASES } from "./testing/flagd-cases.ts";
import { FLAGD_FILE } from "./testing/flagd-vectors.ts";

const SILENT = { debug() {}, info() {}, warn() {}, error() {} };
const NOW = Date.UTC(2026, 10, 27);
const environment = "production";

describe.each(["flagd-2", "flagd-3"] as const)("flagd's own vectors, hashed by %s", (hashVersion) => {
  const read = readFlagd(FLAGD_FILE, { environment, hashVersion });
  const flags: Flag[] = read.flags.map(({ key, flag }) => ({ ...flag, key, isArchived: false }));
  const set = compileFlags({ flags, segments: [], environment });
  const cases = FLAGD_CASES.filter(({ only = hashVersion }) => only === hashVersion);

  it("give what they must", () => {
    const wrong: unknown[] = [];
    for (const { flag, context, byCode, value, reason, errorCode } of cases) {
      const refused = read.problems.some((problem) => problem.flag === flag && problem.isRefused);
      const found = set.evaluate(flag, context, NOW);
      const got = found.variant === null ? byCode : found.value;
      const isRight =
        JSON.stringify(got) === JSON.stringify(value) &&
        (reason === undefined || found.reason === reason) &&
        (errorCode === undefined || (errorCode === "PARSE_ERROR" ? refused : errorCode === found.errorCode));
      if (!isRight) wrong.push({ flag, context, wanted: { value, reason, errorCode }, found });
    }
    process.stdout.write(`flagd vectors, ${hashVersion}: ${cases.length - wrong.length}/${cases.length}\n`);
    expect(wrong).toEqual([]);
  });
});

describe("the vectors themselves", () => {
  it("are what flagd's own evaluator for JavaScript gives", () => {
    const core = new FlagdCore(undefined, SILENT);
    core.setConfigurations(JSON.stringify(FLAGD_FILE));
    for (const { flag, context, byCode, value, only } of FLAGD_CASES) {
      if (only === "flagd-3") continue;
      const type = typeof byCode;
      const found =
        type === "boolean"
          ? core.resolveBooleanEvaluation(flag, byCode as boolean, context as never)
          : type === "string"
            ? core.resolveStringEvaluation(flag, byCode as string, context as never)
            : type === "number"
              ? core.resolveNumberEvaluation(flag, byCode as number, context as never)
              : core.resolveObjectEvaluation(flag, byCode as object as never, context as never);
      expect({ flag, context, value: found.value }).toEqual({ flag, context, value });
    }
  });
});
