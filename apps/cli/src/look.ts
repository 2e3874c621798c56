import type { Command } from "commander";
import { openSession, print, type Session, table } from "./session.ts";

const main = { project: "main" } as const;
const short = (iso: string): string => iso.slice(0, 19).replace("T", " ");

/** Commands that only look. */
export function addLook(program: Command): void {
  const look = (name: string, description: string, run: (session: Session, id: string) => Promise<void>) =>
    program
      .command(name)
      .description(description)
      .action(async (...args: unknown[]) => {
        const command = args.at(-1) as Command;
        await run(openSession(Boolean(command.optsWithGlobals().json)), typeof args[0] === "string" ? args[0] : "");
      });

  look("services", "services, what each serves, and how it does", async (session) => {
    const { items } = await session.client.listServices({ params: main });
    const rows = items.flatMap((s) =>
      s.environments.map((e) => [
        s.name,
        e.name,
        e.serving ? `release ${e.serving.number}` : "nothing yet",
        e.rolloutId ?? "-",
        `${e.requestsPerSecond.toFixed(1)}/s`,
      ]),
    );
    print(session, items, () =>
      rows.length > 0
        ? table(["service", "environment", "serving", "rollout", "requests"], rows)
        : "No services yet. `latchkey apply` adds those of latchkey.config.ts.",
    );
  });
  look("releases <service>", "releases of a service, newest first", async (session, service) => {
    const { items } = await session.client.listReleases({ params: { ...main, service } });
    print(session, items, () =>
      table(
        ["number", "id", "made", "commit", "fault"],
        items.map((r) => [
          String(r.number),
          r.id,
          short(r.createdAt),
          `${r.commit?.slice(0, 8) ?? "-"}${r.dirty ? "+" : ""}`,
          r.fault ?? "",
        ]),
      ),
    );
  });
  look("deployments", "deployments, newest first", async (session) => {
    const { items } = await session.client.listDeployments({ params: main });
    print(session, items, () =>
      table(
        ["id", "service", "status", "begun", "what"],
        items.map((d) => [d.id, d.service, d.status.replaceAll("_", " "), short(d.createdAt), d.words.slice(0, 90)]),
      ),
    );
  });
  look("deployment <id>", "one deployment: gates, changes, what became of it", async (session, deploymentId) => {
    const d = await session.client.getDeployment({ params: { ...main, deploymentId } });
    const gates = d.gates.map((g) => `  gate ${g.name}: ${g.status.replaceAll("_", " ")}`).join("\n");
    print(
      session,
      d,
      () =>
        `${d.service} to ${d.environment}: ${d.status.replaceAll("_", " ")}\n  ${d.words}\n${gates}${d.rolloutId ? `\n  rollout ${d.rolloutId}` : ""}`,
    );
  });
  look("rollout <id>", "a rollout as it stands: arms, evidence, what happens next", async (session, rolloutId) => {
    const r = await session.client.getRollout({ params: { ...main, rolloutId } });
    const arms = table(
      ["arm", "release", "traffic", "requests", "errors", "p95", "users"],
      r.arms.map((a) => [
        a.arm,
        String(a.releaseNumber),
        `${a.trafficPercent} %`,
        String(a.requests),
        String(a.errors),
        a.p95Ms === null ? "-" : `${Math.round(a.p95Ms)} ms`,
        String(a.users),
      ]),
    );
    print(session, r, () =>
      [
        `${r.service}: ${r.state.replaceAll("_", " ")}${r.report ? `, ${r.report.verdict}` : ""}`,
        arms,
        ...(r.report?.reasons ?? []),
        `Next: ${r.next.words}`,
        `You may: ${r.allowedActions.join(", ") || "nothing, it is over"}`,
      ].join("\n"),
    );
  });
  look("explain <rollout>", "why it went as it did; replays the recorded evidence", async (session, id) => {
    const rolloutId = id.startsWith("dep_")
      ? ((await session.client.getDeployment({ params: { ...main, deploymentId: id } })).rolloutId ?? id)
      : id;
    const e = await session.client.explainRollout({ params: { ...main, rolloutId } });
    const decisions = e.decisions.map(
      (d) => `  ${short(d.at)}  ${d.kind.replaceAll("_", " ")} (${d.actor}): ${d.words}`,
    );
    print(session, e, () => [...e.words, "Decisions:", ...decisions].join("\n"));
  });
  look("ledger [type]", "the newest ledger entries", async (session, type) => {
    const { items } = await session.client.listLedger({
      params: main,
      query: { limit: 30, ...(type ? { type } : {}) },
    });
    print(session, items, () =>
      table(
        ["number", "when", "type", "subject", "actor"],
        items.map((e) => [String(e.sequence), short(e.recordedAt), e.type, e.subject, e.actor.name]),
      ),
    );
  });
}
