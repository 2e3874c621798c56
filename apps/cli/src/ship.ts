import type { Answer } from "@latchkey/api/client";
import type { Command } from "commander";
import { EXIT, openSession, print, type Session } from "./session.ts";

type Deployment = Answer<"getDeployment">;
const POLL_MS = 1_000;
const ENDED = [
  "holdback",
  "succeeded",
  "rolled_back",
  "failed_build",
  "failed_gate",
  "failed_start",
  "aborted",
  "superseded",
  "unchanged",
];

export function addShip(program: Command): void {
  program
    .command("ship <service>")
    .description("build the working tree, pass its gates, and roll it out under judgement")
    .option("--environment <name>", "where to", "production")
    .option(
      "--fault <fault>",
      "rehearse: none (a healthy one), errors=5%, latency=+50%, crash-after=200, leak, slow-tail=3%x10, broken-page",
    )
    .option("--strategy <kind>", "canary, blue_green or all_at_once")
    .option("--release <id>", "roll out this release instead of building one")
    .option("--reason <text>", "why, for the record", "")
    .option("--if-busy <what>", "with a rollout under way: refuse, queue or supersede", "refuse")
    .option("--wait", "follow it to its end")
    .addHelpText(
      "after",
      "\nExamples:\n  latchkey ship leads --wait\n  latchkey ship leads --fault errors=5% --wait     rehearse a bad release: it is rolled back by itself\n\nExit code 3: it was not deployed, or rolled back.",
    )
    .action(async (service: string, options: Record<string, string | boolean | undefined>, command: Command) => {
      const session = openSession(Boolean(command.optsWithGlobals().json));
      const body = {
        environment: String(options.environment),
        reason: String(options.reason ?? ""),
        ifBusy: options.ifBusy as "refuse",
        ...(options.fault ? { fault: String(options.fault) } : {}),
        ...(options.strategy ? { strategy: options.strategy as "canary" } : {}),
        ...(options.release ? { releaseId: String(options.release) } : {}),
      };
      const made = await session.client.ship({ params: { project: "main", service }, body });
      if (!options.wait) {
        print(session, made, () => `${made.id}: ${made.words}\nFollow it: latchkey deployment ${made.id}`);
        return;
      }
      const end = await follow(session, made.id);
      process.exitCode = ["succeeded", "holdback", "unchanged"].includes(end.status) ? EXIT.ok : EXIT.notDeployed;
    });
}

/** Prints what changes until the deployment is promoted or over. */
async function follow(session: Session, id: string): Promise<Deployment> {
  let said = "";
  for (;;) {
    const deployment = await session.client.getDeployment({ params: { project: "main", deploymentId: id } });
    const line = await lineOf(session, deployment);
    if (line !== said && !session.json) process.stdout.write(`${line}\n`);
    said = line;
    if (ENDED.includes(deployment.status)) {
      if (session.json) process.stdout.write(`${JSON.stringify(deployment)}\n`);
      else if (deployment.rolloutId) process.stdout.write(`Why: latchkey explain ${deployment.rolloutId}\n`);
      if (deployment.status === "failed_build" && !session.json) process.stdout.write(deployment.buildOutput);
      return deployment;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function lineOf(session: Session, deployment: Deployment): Promise<string> {
  const status = deployment.status.replaceAll("_", " ").padEnd(12);
  if (!deployment.rolloutId || deployment.status !== "rolling_out") return `${status} ${deployment.words}`;
  const rollout = await session.client.getRollout({ params: { project: "main", rolloutId: deployment.rolloutId } });
  const canary = rollout.arms.find((arm) => arm.arm === "canary");
  const report = rollout.report;
  const evidence = report
    ? `harm ${Math.max(0, Math.round((report.lnHarm / report.lnHarmThreshold) * 100))} %, proof of safety ${Math.max(0, Math.min(100, Math.round((report.lnSafe / report.lnSafeThreshold) * 100)))} %`
    : "no evidence yet";
  return `${status} ${rollout.trafficPercent} % to the canary, ${canary?.requests ?? 0} requests, ${canary?.errors ?? 0} errors; ${evidence}`;
}
