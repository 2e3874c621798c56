import type { Answer } from "@latchkey/api/client";
import type { Command } from "commander";
import { addCommand, type Outcome } from "../command.ts";
import { wrongUse } from "../problem.ts";
import type { Session } from "../session.ts";
import { releaseOf, rolloutOf } from "../targets.ts";
import type { Terminal } from "../terminal.ts";
import { clip, moment, plain, table } from "../text.ts";

const CHANGE = "Change what is served:";
const COMMITS_SHOWN = 20;

interface RollbackOptions {
  readonly environment: string;
  readonly to?: string;
  readonly reason?: string;
  readonly plan?: boolean;
  readonly withConfiguration?: boolean;
  readonly withFlags?: boolean;
}

/** Back to an earlier release: by the rollout under way, or by a deployment of its own. */
export function addRollback(program: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<RollbackOptions>(program, terminal, outcome, {
    usage: "rollback <target>",
    about: "go back to an earlier release, and let nothing be deployed by itself until you resume it",
    more: "The target is a service: its rollout under way goes back, or else an earlier release serves again: the one before, or --to any of the last 20 that served. One that served within the last day (rollback.windowMs) goes out all at once; an older one is judged. Afterwards merges and pipelines wait, until latchkey resume-deployments. A rollout (rol_...) or a deployment (dep_...) as the target only turns that rollout back. The reason is kept in the ledger, with your name.",
    group: CHANGE,
    options: (command) =>
      command
        .option("--reason <text>", "why, for the record")
        .option("--to <id-or-number>", "the release to go back to, such as leads/12")
        .option("--environment <name>", "where", "production")
        .option("--with-configuration", "apply the configuration of then again, in the same step")
        .option("--with-flags", "put back the flags that were changed there since the rollout began, in the same step")
        .option("--plan", "only say what it would go back to, how, and what it would undo"),
    examples: [
      ["latchkey rollback leads --plan", "what it would undo, and the releases that can be gone back to"],
      ['latchkey rollback leads --reason "customers report wrong prices"', "back to the release before"],
      [
        'latchkey rollback leads --with-flags --reason "the new form and its flag"',
        "back, with the flags that were changed along",
      ],
      ['latchkey rollback leads --to leads/12 --reason "the last good one"', "back to a certain release"],
    ],
    run: async ({ session: open, args, options }) => {
      const session = open();
      const target = args[0] ?? "";
      const reason = options.reason?.trim() ?? "";
      if (!options.plan && reason === "") throw wrongUse("--reason is missing.", "Say why, in a few words.");
      if (/^(rol|dep)_/.test(target)) return turnBack(session, target, options, reason);
      const releaseId = options.to === undefined ? undefined : await releaseOf(session, options.to);
      const params = { ...session.main, service: target };
      const asked = { environment: options.environment, ...(releaseId ? { releaseId } : {}) };
      if (options.plan) {
        const plan = await session.client.planRollback({ params, query: asked });
        session.print(plan, () => planWords(plan, session));
        return undefined;
      }
      const made = await session.client.rollBack({
        params,
        body: {
          ...{ ...asked, reason, withConfiguration: options.withConfiguration ?? false },
          withFlags: options.withFlags ?? false,
        },
      });
      session.print(
        made,
        () =>
          `${made.id}: ${made.words}\n${made.flags ? `${made.flags.words}\n` : ""}Merges and pipelines deploy nothing to ${made.environment} until: latchkey resume-deployments ${target} --environment ${made.environment} --reason "..."\nFollow it: latchkey deployment ${made.id} --wait`,
      );
      return undefined;
    },
  });
}

async function turnBack(session: Session, target: string, options: RollbackOptions, reason: string) {
  if (options.plan || options.to !== undefined || options.withConfiguration || options.withFlags)
    throw wrongUse(
      "--plan, --to, --with-configuration and --with-flags are for a service.",
      "Give the service's name instead of the rollout.",
    );
  const rolloutId = await rolloutOf(session, target, { mayBeOver: false });
  const rollout = await session.client.actOnRollout({
    params: { ...session.main, rolloutId },
    body: { action: "roll_back", reason },
  });
  session.print(
    rollout,
    () =>
      `${rollout.service} is ${plain(rollout.state)}. Next: ${rollout.next.words}\nWatch it: latchkey rollout ${rollout.id} --watch`,
  );
  return undefined;
}

function planWords(plan: Answer<"planRollback">, session: Session): string {
  const parts = [plan.words];
  if (plan.undoes.length > 0)
    parts.push(`It would undo release ${plan.undoes.map((release) => release.number).join(", ")}.`);
  if (plan.changes.length > 0) {
    const shown = plan.changes.slice(0, COMMITS_SHOWN);
    const rest = plan.changes.length - shown.length;
    parts.push(
      table(
        ["commit", "by", "what"],
        shown.map((c) => [c.commit.slice(0, 8), c.author, clip(c.message.split("\n")[0] ?? "", 60)]),
        session.style,
      ) + (rest > 0 ? `\nand ${rest} more` : ""),
    );
  }
  parts.push(...plan.cautions);
  if (plan.configuration && plan.configuration.length > 0)
    parts.push(
      table(
        ["configuration", "now", "then"],
        plan.configuration.map((c) => [c.path, clip(JSON.stringify(c.before), 40), clip(JSON.stringify(c.after), 40)]),
        session.style,
      ),
    );
  const changed = (plan.flags?.items ?? []).flatMap((item) => item.changes.map((change) => ({ item, change })));
  if (changed.length > 0)
    parts.push(
      table(
        ["flag", "field", "now", "then"],
        changed.map(({ item, change }) => [
          item.flag,
          clip(change.path.replace(`environments.${plan.environment}.`, ""), 60),
          clip(JSON.stringify(change.before), 30),
          clip(JSON.stringify(change.after), 30),
        ]),
        session.style,
      ),
    );
  if (plan.pause) parts.push(pauseWords(plan.pause));
  if (plan.candidates.length > 0)
    parts.push(
      table(
        ["release", "served from", "until", "how", "what"],
        plan.candidates.map((c) => [
          `${plan.service}/${c.release.number}`,
          moment(c.servedFrom),
          c.servedUntil === null ? "now" : moment(c.servedUntil),
          !c.filesKept ? "files collected" : c.inWindow ? "all at once" : "judged",
          clip(c.release.message.split("\n")[0] ?? "", 40),
        ]),
        session.style,
      ),
    );
  return parts.join("\n");
}

type Pause = Answer<"listDeploymentPauses">["items"][number];
const pauseWords = (p: Pause): string =>
  `Deployments of ${p.service} to ${p.environment} are paused since ${moment(p.since)} by ${p.pausedBy}: ${p.reason} (${p.waiting} waiting).`;

/** After a rollback: what waits may go on. */
export function addResumeDeployments(program: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<{ environment: string; reason?: string }>(program, terminal, outcome, {
    usage: "resume-deployments [service]",
    about: "after a rollback: let merges and pipelines deploy again, and what waited go on",
    more: "Without a service this lists where deployments are paused. What waits goes out in its turn once it is resumed: make sure that the harm is fixed in the newest of it.",
    group: CHANGE,
    options: (command) =>
      command.option("--reason <text>", "why, for the record").option("--environment <name>", "where", "production"),
    examples: [
      ["latchkey resume-deployments", "where deployments are paused, and how many wait"],
      ['latchkey resume-deployments leads --reason "the fix is merged"', "let what waits go on"],
    ],
    run: async ({ session: open, args, options }) => {
      const session = open();
      const service = args[0];
      if (service === undefined) {
        const paused = await session.client.listDeploymentPauses({ params: session.main });
        session.print(paused, () => paused.items.map(pauseWords).join("\n") || "Deployments are paused nowhere.");
        return undefined;
      }
      const reason = options.reason?.trim() ?? "";
      if (reason === "") throw wrongUse("--reason is missing.", "Say why, in a few words.");
      const answer = await session.client.resumeDeployments({
        params: { ...session.main, service },
        body: { environment: options.environment, reason },
      });
      session.print(answer, () => answer.words);
      return undefined;
    },
  });
}
