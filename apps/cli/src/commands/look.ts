import type { Command } from "commander";
import { addCommand, durationOption, type Outcome } from "../command.ts";
import { writeEvidencePicture } from "../evidence-picture.ts";
import { followDeployment, followRollout } from "../follow.ts";
import { effectLines, metricLines } from "../metric-words.ts";
import { addPageOptions, moreWords, type PageOptions, readPages } from "../pages.ts";
import { EXIT } from "../problem.ts";
import { deploymentWords, hostLines, isOver, isPromoted, rolloutWords } from "../rollout-words.ts";
import type { Session } from "../session.ts";
import { deploymentOf, releaseOf, rolloutOf } from "../targets.ts";
import type { Terminal } from "../terminal.ts";
import { bytes, clip, facts, milliseconds, moment, ratio, state, table } from "../text.ts";

const LOOK = "See what is there:";
const TARGET =
  "The target is a rollout (rol_...), a deployment (dep_...) or a service: its rollout under way, or else its newest one.";

/** Commands that only look at services, releases, deployments and rollouts. */
export function addLook(program: Command, terminal: Terminal, outcome: Outcome): void {
  addServices(program, terminal, outcome);
  addService(program, terminal, outcome);
  addDeployments(program, terminal, outcome);
  addDeployment(program, terminal, outcome);
  addReleases(program, terminal, outcome);
  addRelease(program, terminal, outcome);
  addRollout(program, terminal, outcome);
  addLooks(program, terminal, outcome);
  addExplain(program, terminal, outcome);
}

/** Releases on their way up whose hosts are asked for: one request each. */
const STARTING_MAX = 10;

async function hostLinesOf(session: Session, rolloutId: string | null): Promise<string[]> {
  if (rolloutId === null) return [];
  return hostLines(await session.client.getRollout({ params: { ...session.main, rolloutId } }), session.style);
}

function addServices(program: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<PageOptions>(program, terminal, outcome, {
    usage: "services",
    alias: "status",
    about: "list the services, what each environment serves, and how it does",
    group: LOOK,
    options: (command) => addPageOptions(command, "50"),
    examples: [
      ["latchkey services", "one line for each environment"],
      ["latchkey services --json", "the same for a program"],
    ],
    run: async ({ session: open, options }) => {
      const session = open();
      const page = await readPages(options, (query) => session.client.listServices({ params: session.main, query }));
      const rows = page.items.flatMap((s) =>
        s.environments.map((e) => [
          s.name,
          e.name,
          e.serving ? `release ${e.serving.number}` : "nothing yet",
          e.deployment ? state(e.deployment.status, session.style) : "-",
          `${e.requestsPerSecond.toFixed(1)}/s`,
          ratio(e.errorRatio),
          milliseconds(e.p95Ms),
        ]),
      );
      const head = ["service", "environment", "serves", "last deployment", "requests", "errors", "p95"];
      const starting = page.items
        .flatMap((s) => s.environments.map((e) => ({ ...e, service: s.name })))
        .filter((e) => e.deployment?.status === "starting")
        .slice(0, STARTING_MAX);
      const said = await Promise.all(
        starting.map(async (e) =>
          (await hostLinesOf(session, e.rolloutId)).slice(-1).map((line) => `${e.service} in ${e.name}: ${line}`),
        ),
      );
      session.print(page, () =>
        rows.length > 0
          ? [table(head, rows, session.style), ...said.flat()].join("\n") + moreWords(session, page)
          : "There are no services yet. `latchkey apply` adds those of your latchkey.config file.",
      );
      return undefined;
    },
  });
}

function addService(program: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<object>(program, terminal, outcome, {
    usage: "service <name>",
    about: "show one service: what it serves, its last deployment, its configuration",
    group: LOOK,
    examples: [
      ["latchkey service leads", "what leads serves, and by which rules it is rolled out"],
      ["latchkey service leads --json", "with the whole configuration"],
    ],
    run: async ({ session: open, args }) => {
      const session = open();
      const s = await session.client.getService({ params: { ...session.main, service: args[0] ?? "" } });
      const places = s.environments.map((e): [string, string] => {
        const serves = e.serving ? `serves release ${e.serving.number}` : "serves nothing yet";
        const last = e.deployment ? `; ${state(e.deployment.status, session.style)}: ${e.deployment.words}` : "";
        return [e.name, `${serves}${last}${e.rolloutId ? ` (${e.rolloutId})` : ""}`];
      });
      const { strategy, gates } = s.config;
      const steps =
        strategy.kind === "canary" ? `, steps ${strategy.steps.map((x) => `${x.trafficPercent} %`).join(", ")}` : "";
      const rows: [string, string][] = [
        ["address", s.url],
        ...places,
        ["sources", s.config.source],
        ["gates", gates.length > 0 ? gates.map((g) => g.name).join(", ") : "none"],
        ["strategy", `${strategy.kind.replaceAll("_", " ")}${steps}`],
        ["managed by", `${s.manager} (${s.configDigest.slice(0, 12)})`],
      ];
      session.print(s, () => `${session.style.bold(s.name)}  ${s.description}\n${facts(rows, session.style)}`);
      return undefined;
    },
  });
}

function addDeployments(program: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<PageOptions & { service?: string }>(program, terminal, outcome, {
    usage: "deployments [service]",
    about: "list deployments, newest first",
    group: LOOK,
    options: (command) => addPageOptions(command),
    examples: [
      ["latchkey deployments", "of all services"],
      ["latchkey deployments leads --limit 5", "the last five of leads"],
    ],
    run: async ({ session: open, args, options }) => {
      const session = open();
      const service = args[0];
      const page = await readPages(options, (query) =>
        session.client.listDeployments({ params: session.main, query: { ...query, ...(service ? { service } : {}) } }),
      );
      const rows = page.items.map((d) => [
        d.id,
        d.service,
        d.release ? String(d.release.number) : "-",
        state(d.status, session.style),
        moment(d.createdAt),
        clip(d.words, 80),
      ]);
      session.print(page, () =>
        rows.length > 0
          ? table(["id", "service", "release", "status", "begun", "what"], rows, session.style) +
            moreWords(session, page)
          : "Nothing was deployed yet. `latchkey ship <service> --wait` begins.",
      );
      return undefined;
    },
  });
}

function addDeployment(program: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<{ wait?: boolean; timeout?: string }>(program, terminal, outcome, {
    usage: "deployment <target>",
    about: "show one deployment: gates, changes, what became of it",
    more: "The target is a deployment (dep_...) or a service: its newest deployment. With --wait it is followed until it is promoted or over.",
    group: LOOK,
    options: (command) =>
      command
        .option("--wait", "follow it until it is promoted or over")
        .option("--timeout <time>", "stop following after this time, such as 90s, 10m or 2h; the deployment goes on"),
    examples: [
      ["latchkey deployment leads", "the newest deployment of leads"],
      ["latchkey deployment dep_... --wait", "follow one that somebody else began"],
    ],
    run: async ({ session: open, args, options }) => {
      const session = open();
      const timeoutMs = options.timeout === undefined ? null : durationOption(options.timeout, "--timeout");
      const deploymentId = await deploymentOf(session, args[0] ?? "");
      if (options.wait) await followDeployment(session, deploymentId, timeoutMs);
      const d = await session.client.getDeployment({ params: { ...session.main, deploymentId } });
      const host = d.status === "starting" ? await hostLinesOf(session, d.rolloutId) : [];
      session.print(d, () => [deploymentWords(d, session.style), ...host].join("\n"));
      return options.wait && !isPromoted(d.status) ? EXIT.notDeployed : undefined;
    },
  });
}

function addReleases(program: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<PageOptions>(program, terminal, outcome, {
    usage: "releases <service>",
    about: "list the releases of a service, newest first",
    group: LOOK,
    options: (command) => addPageOptions(command),
    examples: [
      ["latchkey releases leads", "number, commit and size of each"],
      ["latchkey ship leads --release leads/12 --wait", "roll an older one out again"],
    ],
    run: async ({ session: open, args, options }) => {
      const session = open();
      const service = args[0] ?? "";
      const page = await readPages(options, (query) =>
        session.client.listReleases({ params: { ...session.main, service }, query }),
      );
      const rows = page.items.map((r) => [
        String(r.number),
        r.id,
        moment(r.createdAt),
        `${r.commit?.slice(0, 8) ?? "-"}${r.dirty ? "+" : ""}`,
        bytes(r.sizeBytes),
        r.fault ? `rehearses ${r.fault}` : clip(r.message, 50),
      ]);
      session.print(page, () =>
        rows.length > 0
          ? table(["number", "id", "made", "commit", "size", "what"], rows, session.style) + moreWords(session, page)
          : `${service} has no releases yet. \`latchkey ship ${service} --wait\` makes the first.`,
      );
      return undefined;
    },
  });
}

function addRelease(program: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<object>(program, terminal, outcome, {
    usage: "release <id-or-number>",
    about: "show one release: what it was made of, its files, where it was deployed",
    group: LOOK,
    examples: [
      ["latchkey release leads/12", "the twelfth release of leads"],
      ["latchkey release rel_...", "the same by its id"],
    ],
    run: async ({ session: open, args }) => {
      const session = open();
      const releaseId = await releaseOf(session, args[0] ?? "");
      const r = await session.client.getRelease({ params: { ...session.main, releaseId } });
      const rows: [string, string][] = [
        ["id", r.id],
        ["made", `${moment(r.createdAt)} by ${r.createdBy}`],
        ["commit", r.commit ? `${r.commit} ${clip(r.message, 60)} (${r.author})` : "none"],
        ["working tree", r.dirty ? "had changes that were not committed" : "clean"],
        ...(r.fault ? [["rehearses", r.fault] as [string, string]] : []),
        ["digest", r.digest],
        ["size", `${bytes(r.sizeBytes)} in ${r.files.length} files`],
        ...r.deployments.map((d): [string, string] => [
          "deployed",
          `${d.environment}, ${moment(d.createdAt)}: ${state(d.status, session.style)} (${d.id})`,
        ]),
      ];
      session.print(r, () => `${session.style.bold(`${r.service}/${r.number}`)}\n${facts(rows, session.style)}`);
      return undefined;
    },
  });
}

function addRollout(program: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<{ watch?: boolean; timeout?: string; environment?: string }>(program, terminal, outcome, {
    usage: "rollout <target>",
    about: "show a rollout: its arms, the evidence, what happens next",
    more: `${TARGET} With --watch it is followed live to its very end, the holdback included; exit code 3 says that it was not promoted.`,
    group: LOOK,
    options: (command) =>
      command
        .option("--watch", "follow it live; with --json each new state is one line")
        .option("--timeout <time>", "stop watching after this time, such as 90s, 10m or 2h; the rollout goes on")
        .option("--environment <name>", "where, for a service that is rolled out in several environments"),
    examples: [
      ["latchkey rollout leads", "as it stands now"],
      ["latchkey rollout leads --watch", "every decision as it is made"],
    ],
    run: async ({ session: open, args, options }) => {
      const session = open();
      const timeoutMs = options.timeout === undefined ? null : durationOption(options.timeout, "--timeout");
      const rolloutId = await rolloutOf(session, args[0] ?? "", { environment: options.environment, mayBeOver: true });
      if (options.watch) {
        const { end } = await followRollout(session, rolloutId, timeoutMs);
        if (end === "interrupted") {
          terminal.err("\nNo longer watching. The rollout goes on.\n");
          return EXIT.interrupted;
        }
      }
      const rollout = await session.client.getRollout({ params: { ...session.main, rolloutId } });
      if (!options.watch || !session.json)
        session.print(rollout, () => rolloutWords(rollout, session.style, terminal.now()));
      if (!options.watch) return undefined;
      return isOver(rollout.state) && rollout.state === "completed" ? EXIT.done : EXIT.notDeployed;
    },
  });
}

function addLooks(program: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<{ after?: string; environment?: string }>(program, terminal, outcome, {
    usage: "looks <target>",
    about: "list the looks of the judge at a rollout, with the evidence of each",
    more: TARGET,
    group: LOOK,
    options: (command) => command.option("--environment <name>", "where, for a service that is rolled out in several"),
    examples: [
      ["latchkey looks leads", "how the evidence grew"],
      ["latchkey looks leads --json", "all figures, for a chart of your own"],
    ],
    run: async ({ session: open, args, options }) => {
      const session = open();
      const rolloutId = await rolloutOf(session, args[0] ?? "", { environment: options.environment, mayBeOver: true });
      const page = await session.client.listLooks({ params: { ...session.main, rolloutId } });
      const rows = page.items.map((look) => [
        moment(look.at),
        `${look.trafficPercent} %`,
        state(look.verdict, session.style),
        String(look.baselineRequests),
        String(look.canaryRequests),
        look.lnHarm.toFixed(2),
        look.lnSafe.toFixed(2),
      ]);
      const head = ["when", "traffic", "verdict", "baseline", "canary", "ln harm", "ln safe"];
      session.print(page, () => (rows.length > 0 ? table(head, rows, session.style) : "The judge has not looked yet."));
      return undefined;
    },
  });
}

function addExplain(program: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<{ environment?: string; svg?: string }>(program, terminal, outcome, {
    usage: "explain <target>",
    alias: "why",
    about: "say why a rollout went as it did, by replaying the recorded evidence",
    more: `${TARGET} The judge is run again over what was recorded, and every decision is compared with the one that was made then. Exit code 1 says that they differ, or that the evidence was changed.`,
    group: LOOK,
    options: (command) =>
      command
        .option("--environment <name>", "where, for a service that is rolled out in several")
        .option("--svg <file>", "also write a picture of the evidence over time, for a ticket or a report"),
    examples: [
      ["latchkey explain leads", "the newest rollout of leads"],
      ["latchkey explain leads --svg evidence.svg", "with a picture to share"],
      ["latchkey explain rol_... --json", "with the figures of the last look"],
    ],
    run: async ({ session: open, args, options }) => {
      const session = open();
      const rolloutId = await rolloutOf(session, args[0] ?? "", { environment: options.environment, mayBeOver: true });
      const e = await session.client.explainRollout({ params: { ...session.main, rolloutId } });
      const decisions = e.decisions.map(
        (d) => `  ${moment(d.at)}  ${state(d.kind, session.style)} (${d.actor}): ${d.words}`,
      );
      const effects = effectLines(e.report);
      const metrics = metricLines(e.report, session.style);
      const link = `${session.baseUrl}/rollouts/${rolloutId}?explain=1`;
      if (options.svg) await writeEvidencePicture(session, rolloutId, options.svg);
      session.print({ ...e, link }, () =>
        [...e.words, ...effects, ...metrics, `To look at and to share: ${link}`, "Decisions:", ...decisions].join("\n"),
      );
      return e.agrees && e.evidenceIntact ? EXIT.done : EXIT.error;
    },
  });
}
