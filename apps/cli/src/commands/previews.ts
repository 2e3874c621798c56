import type { Command } from "commander";
import { addCommand, type Outcome } from "../command.ts";
import { wrongUse } from "../problem.ts";
import type { Session } from "../session.ts";
import type { Terminal } from "../terminal.ts";
import { moment, parseDuration, state, table } from "../text.ts";

const ACTIONS = ["create", "keep", "remove"];
interface Options {
  readonly reason?: string;
  readonly branch?: string;
  readonly commit?: string;
  readonly for: string;
}

/** 3d, or what every other time of the commands may be. */
const timeOf = (text: string): number | null =>
  /^[0-9]{1,3}d$/.test(text) ? Number.parseInt(text, 10) * 86_400_000 : parseDuration(text);

/** What a person decides about one: the words of the command line, checked. */
function decided(service: string, action: string, called: string | undefined, options: Options) {
  if (!ACTIONS.includes(action))
    throw wrongUse(`"${action}" is nothing that is done to a preview.`, `One of ${ACTIONS.join(", ")}.`);
  if (action === "create") {
    if (called !== undefined) throw wrongUse(`create takes no "${called}".`, "Say --branch or --commit.");
    if (options.branch === undefined && options.commit === undefined)
      throw wrongUse(
        "create needs --branch or --commit.",
        `Such as \`latchkey previews ${service} create --branch topic\`.`,
      );
    return { action: "create" as const };
  }
  if (called === undefined)
    throw wrongUse(
      `${action} needs a preview: the number of its pull request, or its name.`,
      `Such as \`latchkey previews ${service} ${action} 12\`.`,
    );
  if (options.reason === undefined) throw wrongUse(`${action} needs --reason.`, "Say why: it is kept in the ledger.");
  const forMs = timeOf(options.for);
  if (forMs === null) throw wrongUse(`--for: "${options.for}" is no time.`, "Such as 3d, 8h or 90m.");
  return { action: action as "keep" | "remove", preview: called, reason: options.reason, forMs };
}

/** Environments of pull requests and branches: what is there, and what a person decides about one. */
export function addPreviews(program: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<Options>(program, terminal, outcome, {
    usage: "previews [service] [action] [preview]",
    about: "list the previews of a project; make one by hand, keep one for longer, or remove it",
    more: "Without an action it lists. `create` makes a preview of --branch or --commit without a pull request; asked again it brings the branch's newest commit. `keep` lets one stay for --for, counted from now; `remove` takes it away: one of a pull request comes back with a newer commit. A preview is called by its name, or by the number of its pull request. `keep` and `remove` need --reason, which is kept in the ledger with your name.",
    group: "See what is there:",
    options: (command) =>
      command
        .option("--branch <name>", "with create: the branch; the one that the service is deployed from when left out")
        .option("--commit <sha>", "with create: a commit in the history of the branch, instead of its newest")
        .option("--reason <text>", "why, for the record; keep and remove need it")
        .option("--for <time>", "with keep: how long from now, such as 3d or 8h", "3d"),
    examples: [
      ["latchkey previews leads", "where each pull request of leads is to be looked at"],
      ["latchkey previews leads create --branch new-form", "the branch's newest commit, without a pull request"],
      ['latchkey previews leads keep 12 --for 3d --reason "a demo on Friday"', "it stays until then"],
      ['latchkey previews leads remove new-form --reason "looked at"', "its processes and its database go now"],
    ],
    run: async ({ session: open, args: [service, action, called], options }) => {
      const session = open();
      if (action === undefined) {
        await list(session, service);
        return undefined;
      }
      const params = { ...session.main, service: service ?? "" };
      const { branch, commit, reason } = options;
      const asked = decided(params.service, action, called, options);
      if (asked.action === "create") {
        const body = { ...(branch ? { branch } : {}), ...(commit ? { commit } : {}), ...(reason ? { reason } : {}) };
        const made = await session.client.createPreview({ params, body });
        session.print(made, () => `${made.name} of ${made.service}, commit ${made.commit.slice(0, 8)}: ${made.words}`);
        return undefined;
      }
      const of = { ...params, preview: asked.preview };
      if (asked.action === "remove") {
        const removed = await session.client.removePreview({ params: of, body: { reason: asked.reason } });
        session.print(removed, () => `${removed.name} of ${removed.service}: ${removed.words}`);
        return undefined;
      }
      const body = { forMs: asked.forMs, reason: asked.reason };
      const kept = await session.client.keepPreview({ params: of, body });
      session.print(kept, () => `${kept.name} of ${kept.service} stays until ${moment(kept.endsAt)}.`);
      return undefined;
    },
  });
}

async function list(session: Session, service: string | undefined): Promise<void> {
  const query = service === undefined ? {} : { service };
  const answer = await session.client.listPreviews({ params: session.main, query });
  const rows = answer.items.map((p) => [
    p.service,
    p.pullRequest === null ? p.name : `#${p.pullRequest}`,
    state(p.state, session.style),
    (p.servingCommit ?? p.commit).slice(0, 8),
    p.state === "ended" ? "-" : moment(p.endsAt),
    p.address ?? p.words,
  ]);
  session.print(answer, () =>
    rows.length > 0
      ? table(["service", "preview", "state", "commit", "ends", "where"], rows, session.style)
      : "There are no previews. `previews` in a service's configuration makes them: docs/guides/previews.md.",
  );
}
