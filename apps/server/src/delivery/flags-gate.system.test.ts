import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type DeploymentView, Journey } from "../testing/journey.ts";

/** A gate of kind `flags` on a repository of git: what a change adds is judged, by what the flags are that day. */
let journey: Journey;
beforeAll(async () => {
  journey = await Journey.begin();
  for (const [flag, expires] of [
    ["late-form", "2020-01-01"],
    ["gone-form", undefined],
    ["new-form", undefined],
  ] as const)
    await put(flag, expires);
  await journey.installation.owner.archiveFlag({
    params: { project: "main", flag: "gone-form" },
    body: { archived: true, reason: "everybody has it" },
  });
});
afterAll(() => journey.end());

const put = (flag: string, expires: string | undefined) =>
  journey.installation.owner.putFlag({
    params: { project: "main", flag },
    body: { definition: { environments: {}, ...(expires ? { expires } : {}) } as never, reason: "a test" },
  });
const git = (...args: string[]) =>
  execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@example.org", ...args], {
    cwd: journey.workload.root,
    stdio: "pipe",
  });
const write = (text: string) => writeFileSync(join(journey.workload.root, "app", "page.js"), text);
const commit = (text: string) => {
  write(text);
  git("add", ".");
  git("commit", "-qm", "a change");
};
async function shipped(): Promise<DeploymentView> {
  const id = await journey.ship({}, { strategy: "all_at_once" });
  const ended = await journey.untilDeployment(id, "failed_gate", "starting", "rolling_out", "succeeded");
  if (ended.status !== "failed_gate") await journey.drive(await journey.rolloutOf(id), {}, "completed");
  return journey.deployment(id);
}

describe("a gate of flags", () => {
  it("could not run where nobody can say what has changed", async () => {
    await journey.workload.apply({ gates: [{ name: "flags", kind: "flags" }] });
    const { gates } = await shipped();
    expect(gates[0]).toMatchObject({ status: "could_not_run" });
  });
  it("refuses a use that is added of a flag past its day, and lists its place", async () => {
    git("init", "-q");
    commit('flags.value("new-form", false);\n');
    const first = await shipped();
    expect(first).toMatchObject({ status: "succeeded", gates: [{ status: "passed" }] });
    commit('flags.value("new-form", false);\nflags.value("late-form", false);\nflags.get(goneForm);\n');
    const refused = await shipped();
    expect(refused).toMatchObject({ status: "failed_gate", gates: [{ status: "failed" }] });
    expect(refused.gates[0]?.details).toEqual([
      "app/page.js:2: late-form was to be gone by 2020-01-01.",
      "app/page.js:3: gone-form is archived.",
    ]);
    commit('flags.value("new-form", false);\n// late-form is gone\n');
    expect(await shipped()).toMatchObject({ status: "succeeded" });
  });
  it("does not hold up who changes something else where an old use stands", async () => {
    await put("new-form", "2020-01-01");
    commit('flags.value("new-form", false);\nchanged();\n');
    expect(await shipped()).toMatchObject({ status: "succeeded" });
  });
});
