import type { Command } from "commander";
import { addCommand, type Outcome } from "../command.ts";
import { wrongUse } from "../problem.ts";
import { releaseOf } from "../targets.ts";
import type { Terminal } from "../terminal.ts";
import { moment, state, table } from "../text.ts";
import { actOn } from "./ship.ts";

interface PromoteOptions {
  readonly to?: string;
  readonly release?: string;
  readonly environment?: string;
  readonly reason: string;
}

/** A release goes on: within its rollout to everybody, or to the next environment of the path. */
export function addPromote(program: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<PromoteOptions>(program, terminal, outcome, {
    usage: "promote <target>",
    about: "promote a release to the next environment, or a rollout now, without waiting for proof",
    more: "With --to the target is a service: the release that serves the environment before goes there as it is, with what its gates found. Without, it is a rollout (rol_...), a deployment (dep_...) or a service: its rollout under way is promoted. The reason is kept in the ledger, with your name.",
    group: "Change what is served:",
    options: (command) =>
      command
        .requiredOption("--reason <text>", "why, for the record")
        .option("--to <environment>", "the next environment of the service's path, such as production")
        .option("--release <id-or-number>", "with --to: another release that has served the environment before")
        .option("--environment <name>", "where, for a service that is rolled out in several environments"),
    examples: [
      ['latchkey promote leads --to production --reason "looked at in staging"', "what serves staging goes on"],
      [`latchkey promote leads --reason "a fix that can't wait"`, "the rollout of leads that is under way"],
    ],
    run: async ({ session: open, args, options }) => {
      const session = open();
      const target = args[0] ?? "";
      if (options.to === undefined) {
        if (options.release !== undefined) throw wrongUse("--release is for --to.", "Say where to, or leave it out.");
        await actOn(session, target, "promote", options);
        return undefined;
      }
      if (options.environment !== undefined)
        throw wrongUse("--environment is for a rollout.", "Leave it out: --to says where the release goes.");
      const releaseId = options.release === undefined ? undefined : await releaseOf(session, options.release);
      const made = await session.client.promote({
        params: { ...session.main, service: target },
        body: { to: options.to, reason: options.reason, ...(releaseId === undefined ? {} : { releaseId }) },
      });
      session.print(
        made,
        () =>
          `${made.id}: release ${made.release?.number ?? "?"} goes to ${made.environment}. ${made.words}\nFollow it: latchkey deployment ${made.id} --wait`,
      );
      return undefined;
    },
  });
}

/** Where a service's releases stand on the way to production. */
export function addPath(program: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand(program, terminal, outcome, {
    usage: "path <service>",
    about: "where a service's releases stand on their way from one environment to the next",
    group: "See what is there:",
    examples: [["latchkey path leads", "each step of the path: what serves, what could go on, what it waits for"]],
    run: async ({ session: open, args }) => {
      const session = open();
      const service = args[0] ?? "";
      const answer = await session.client.listPromotions({ params: { ...session.main, service } });
      const number = (release: { number: number } | null) => (release ? `#${release.number}` : "-");
      const rows = answer.items.map((p) => [
        `${p.from} ${number(p.release)}`,
        `${p.to} ${number(p.serving)}`,
        p.automatic ? "by itself" : "by a person",
        state(p.state, session.style),
        `${p.words}${p.state === "soaking" && p.readyAt ? ` Until ${moment(p.readyAt)}.` : ""}`,
      ]);
      session.print(answer, () =>
        rows.length > 0
          ? table(["from", "to", "goes on", "state", "what"], rows, session.style)
          : `${service} has no path: its configuration names no promotions.`,
      );
      return undefined;
    },
  });
}
