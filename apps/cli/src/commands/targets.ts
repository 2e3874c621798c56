import { resolve } from "node:path";
import type { Answer } from "@latchkey/api/client";
import type { ServiceConfig } from "@latchkey/api/models";
import { targetOf } from "@latchkey/api/targets";
import type { Command } from "commander";
import { addCommand, type Call, type Outcome } from "../command.ts";
import { addPageOptions, moreWords, type PageOptions, readPages } from "../pages.ts";
import { EXIT, wrongUse } from "../problem.ts";
import { CHECK_ENVIRONMENT, checkTarget, type Step } from "../target-check.ts";
import type { Terminal } from "../terminal.ts";
import { moment, type Style, state, table } from "../text.ts";

/** Where each service runs, and the shares that are served there. */
export function addTargets(program: Command, terminal: Terminal, outcome: Outcome): void {
  const targets = addCommand<PageOptions>(program, terminal, outcome, {
    usage: "targets",
    about: "where each service runs, who splits its traffic, and the shares that are served",
    group: "See what is there:",
    options: (command) => addPageOptions(command, "50"),
    examples: [["latchkey targets", "of all services, in all environments"]],
    run: async ({ session: open, options }) => {
      const session = open();
      const page = await readPages(options, (query) => session.client.listTargets({ params: session.main, query }));
      const rows = page.items.map((t) => [
        t.service,
        t.environment,
        t.kind,
        state(t.state, session.style),
        t.shares.map((share) => `${share.release} ${share.trafficPercent} %`).join(", ") || "-",
        t.acknowledgedAt ? moment(t.acknowledgedAt) : "-",
        [t.error ?? t.words, ...t.notes].join(" "),
      ]);
      const head = ["service", "environment", "target", "state", "serves", "since", "what"];
      session.print(page, () =>
        rows.length > 0
          ? table(head, rows, session.style) + deploysText(page.items, session.style) + moreWords(session, page)
          : "There are no services: `latchkey apply` adds one.",
      );
      return undefined;
    },
  });
  addCommand<CheckOptions>(targets, terminal, outcome, {
    usage: "check <service>",
    about: "walk the scripts of a target of kind command through their contract, here",
    more: `The scripts run on this machine, with a release that nobody visits: each call twice, an older generation, an unknown release. They are told the environment ${CHECK_ENVIRONMENT}; a script that does not go by it moves real traffic. Exit code 1 when something is wrong.`,
    options: (command) =>
      command
        .option("--environment <name>", "whose target; the service's first environment when left out")
        .option("-f, --file <file>", "take the service from this configuration, and ask no server")
        .option("--folder <folder>", "a built release, instead of one that answers everything")
        .option("--commit <id>", "the commit that the scripts are told")
        .option("--yes", "do not ask"),
    examples: [
      ["latchkey targets check shop", "as it was applied"],
      ["latchkey targets check shop -f latchkey.config.yaml --environment staging --yes", "before it is, in CI"],
    ],
    run: check,
  });
}

interface CheckOptions {
  readonly environment?: string;
  readonly file?: string;
  readonly folder?: string;
  readonly commit?: string;
  readonly yes?: boolean;
}

async function check(call: Call<CheckOptions>): Promise<number> {
  const { options, terminal } = call;
  const service = await serviceOf(call);
  const environment = options.environment ?? service.environments[0] ?? "production";
  if (!service.environments.includes(environment))
    throw wrongUse(
      `${service.name} has no environment ${environment}.`,
      `It has ${service.environments.join(", ")}: --environment ${service.environments[0]}.`,
    );
  const target = targetOf(service, environment);
  if (target.kind !== "command")
    throw wrongUse(
      `The target of ${service.name} in ${environment} is ${target.kind}: it has no scripts.`,
      "Only a target of kind command is checked. See docs/guides/command-target.md.",
    );
  const question = `Run the scripts of ${service.name} here, for the environment ${CHECK_ENVIRONMENT}?`;
  if (!options.yes && !terminal.canAsk)
    throw wrongUse("The scripts run for real, and nobody is there to agree.", "Add --yes to run them.");
  if (!options.yes && !(await terminal.agrees(question))) return EXIT.done;
  const end = new AbortController();
  const stopListening = terminal.onInterrupt(() => end.abort());
  try {
    const steps = await checkTarget({
      ...{ service, target, variables: terminal.env, nowMs: () => terminal.now(), signal: end.signal },
      folder: options.folder === undefined ? null : resolve(terminal.cwd, options.folder),
      commit: options.commit ?? null,
      pause: (ms) => terminal.pause(ms),
      took: (step) => options.json !== true && terminal.out(stepWords(step)),
      say: (line) => options.json !== true && terminal.err(`     ${line}\n`),
    });
    const wrong = steps.filter((step) => !step.ok).length;
    if (options.json) terminal.out(`${JSON.stringify({ service: service.name, environment, steps }, null, 2)}\n`);
    else terminal.out(wrong === 0 ? "The scripts keep the contract.\n" : `${wrong} of ${steps.length} steps failed.\n`);
    return wrong === 0 ? EXIT.done : EXIT.error;
  } finally {
    stopListening();
  }
}

const stepWords = ({ ok, what, words }: Step): string =>
  `${ok ? "ok  " : "BAD "} ${what}${words === "" ? "" : `: ${words}`}\n`;

async function serviceOf({ session: open, args, options, terminal }: Call<CheckOptions>): Promise<ServiceConfig> {
  const [name = ""] = args;
  if (options.file === undefined) {
    const session = open();
    return (await session.client.getService({ params: { ...session.main, service: name } })).config;
  }
  const { readServices } = await import("@latchkey/config/load");
  const services = await readServices(resolve(terminal.cwd, options.file));
  const found = services.find((service) => service.name === name);
  if (found) return found;
  throw wrongUse(`${options.file} has no service ${name}.`, `It has ${services.map((s) => s.name).join(", ")}.`);
}

/** What providers have of each service: which deploy is shown, and where each answers. */
function deploysText(targets: Answer<"listTargets">["items"], style: Style): string {
  const head = ["deploy", "service", "state", "commit", "for", "shown", "address"];
  const rows = targets.flatMap((t) =>
    (t.deploys ?? []).map((deploy) => [
      deploy.id,
      `${t.service} in ${t.environment}`,
      deploy.state,
      deploy.commit?.slice(0, 8) ?? "-",
      deploy.pullRequest === null ? (deploy.context ?? "-") : `#${deploy.pullRequest}`,
      [deploy.isPublished ? "published" : "", deploy.isLocked ? "locked" : ""].filter(Boolean).join(", ") || "-",
      deploy.address ?? "-",
    ]),
  );
  return rows.length > 0 ? `\n${table(head, rows, style)}` : "";
}
