import type { Answer } from "@latchkey/api/client";
import { didYouMean } from "@latchkey/config/nearest";
import type { Command } from "commander";
import { addCommand, addGroup, type Call, type Outcome } from "../command.ts";
import { checkCheckpoint } from "../ledger-proof.ts";
import { addPageOptions, moreWords, type PageOptions, readPages } from "../pages.ts";
import { EXIT, wrongUse } from "../problem.ts";
import { openProgress } from "../progress.ts";
import type { Terminal } from "../terminal.ts";
import { facts, moment, type Style, table } from "../text.ts";
import { watch } from "../watch.ts";
import { addExport } from "./ledger-export.ts";
import { addProof, entryNumber, KEY_OPTION } from "./ledger-proof.ts";
import { addErase, addSubjects } from "./ledger-subjects.ts";

type Entry = Answer<"getLedgerEntry">;
const SUBCOMMANDS = ["list", "show", "proof", "verify", "export", "tail", "subjects", "erase"];

export function addLedger(program: Command, terminal: Terminal, outcome: Outcome): void {
  const group = addGroup(program, {
    name: "ledger",
    about: "the record of every decision: list, show, prove, verify, export, follow, erase a person",
    group: "Prove it:",
    examples: [
      ["latchkey ledger", "the newest entries"],
      ["latchkey ledger verify", "nothing missing, nothing changed?"],
      ["latchkey ledger tail", "follow it as it grows"],
    ],
  });
  addList(group, terminal, outcome);
  addShow(group, terminal, outcome);
  addProof(group, terminal, outcome);
  addVerify(group, terminal, outcome, "verify", false);
  addExport(group, terminal, outcome);
  addTail(group, terminal, outcome);
  addSubjects(group, terminal, outcome);
  addErase(group, terminal, outcome);
  addVerify(program, terminal, outcome, "verify-ledger", true);
}

function addList(group: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<PageOptions & { subject?: string }>(group, terminal, outcome, {
    usage: "list [type]",
    about: "list entries, newest first; `latchkey ledger` alone does this",
    more: "A type stands for all that begin with it: delivery.rollout finds delivery.rollout.promoted and the others.",
    isDefault: true,
    options: (command) =>
      addPageOptions(command, "30").option("--subject <subject>", "only about this, such as rollout/rol_..."),
    examples: [
      ["latchkey ledger", "the newest 30"],
      ["latchkey ledger list delivery.rollout", "decisions on rollouts"],
      ["latchkey ledger list --subject rollout/rol_...", "all about one rollout"],
    ],
    run: async ({ session: open, args, options }) => {
      const type = args[0];
      // `latchkey ledger verfy` must not quietly list nothing: types have a dot, or are a room's name.
      if (type && !type.includes(".") && !["delivery", "security", "catalog", "ledger"].includes(type))
        throw wrongUse(
          `${type} is neither a command of latchkey ledger nor a type of entry.${didYouMean(type, SUBCOMMANDS)}`,
          `Commands: ${SUBCOMMANDS.join(", ")}. A type looks like delivery.rollout.promoted.`,
        );
      const session = open();
      const { subject } = options;
      const page = await readPages(options, (query) =>
        session.client.listLedger({
          params: session.main,
          query: { ...query, ...(type ? { type } : {}), ...(subject ? { subject } : {}) },
        }),
      );
      const rows = page.items.map((e) => [String(e.sequence), moment(e.recordedAt), e.type, e.subject, e.actor.name]);
      session.print(page, () =>
        rows.length > 0
          ? table(["number", "when", "type", "subject", "actor"], rows, session.style) + moreWords(session, page)
          : "There are no such entries.",
      );
      return undefined;
    },
  });
}

function addShow(group: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<object>(group, terminal, outcome, {
    usage: "show <number>",
    about: "show one entry with its data",
    examples: [["latchkey ledger show 17", "entry 17"]],
    run: async ({ session: open, args }) => {
      const session = open();
      const sequence = entryNumber(args[0]);
      const entry = await session.client.getLedgerEntry({ params: { ...session.main, sequence } });
      session.print(entry, () => entryWords(entry, session.style));
      return undefined;
    },
  });
}

function entryWords(e: Entry, style: Style): string {
  return `${facts(
    [
      ["number", String(e.sequence)],
      ["type", e.type],
      ["subject", e.subject],
      ["actor", `${e.actor.name} (${e.actor.kind})`],
      ["occurred", moment(e.occurredAt)],
      ["recorded", moment(e.recordedAt)],
      ["leaf hash", e.leafHash],
    ],
    style,
  )}\n${JSON.stringify(e.data, null, 2)}`;
}

function addVerify(parent: Command, terminal: Terminal, outcome: Outcome, usage: string, hidden: boolean): void {
  addCommand<{ key?: string }>(parent, terminal, outcome, {
    usage,
    hidden,
    about: "walk the whole ledger and compare it with the signed checkpoint",
    more: "The server walks it; the checkpoint's signature is checked here. Exit code 1 says that something was changed.",
    options: (command) => command.option(...KEY_OPTION),
    examples: [
      ["latchkey ledger verify", "nothing missing, nothing changed?"],
      ["latchkey ledger verify --key 3q2+7w...", "and signed by the key that you know?"],
    ],
    run: async ({ session: open, options }) => {
      const session = open();
      const result = await session.client.verifyLedger({ params: session.main });
      const checkpoint = await session.client.getCheckpoint({ params: session.main });
      const signature = checkCheckpoint(checkpoint, options.key ?? null);
      const ok = result.ok && signature.ok;
      session.print({ ...result, ok, checkpoint, signature }, () =>
        [
          result.ok ? session.style.good(result.words) : session.style.bad(result.words),
          `${signature.ok ? session.style.good("holds") : session.style.bad("FAILS")}  ${signature.words}`,
          session.style.dim(`Public key ${checkpoint.publicKey}`),
        ].join("\n"),
      );
      return ok ? EXIT.done : EXIT.error;
    },
  });
}

function addTail(group: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<{ type?: string }>(group, terminal, outcome, {
    usage: "tail",
    about: "follow the ledger as it grows, until Ctrl-C; no entry is left out",
    options: (command) => command.option("--type <type>", "only entries whose type begins with this"),
    examples: [
      ["latchkey ledger tail", "every decision as it is recorded"],
      ["latchkey ledger tail --type delivery. --json", "one JSON object per line, for a program"],
    ],
    run: tail,
  });
}

async function tail({ session: open, options }: Call<{ type?: string }>): Promise<number> {
  const session = open();
  const { items } = await session.client.listLedger({ params: session.main, query: { limit: 1 } });
  let newest = items[0]?.sequence ?? -1;
  const progress = openProgress(session);
  if (!session.json) session.terminal.out("Following the ledger; Ctrl-C ends.\n");
  const show = (entry: Entry) => {
    if (entry.sequence <= newest) return;
    newest = entry.sequence;
    if (options.type && !entry.type.startsWith(options.type)) return;
    const words = typeof entry.data.words === "string" ? `: ${entry.data.words}` : "";
    session.print(
      entry,
      () => `${entry.sequence}  ${moment(entry.recordedAt)}  ${entry.type}  ${entry.subject}${words}`,
    );
  };
  await watch(session, {
    progress,
    timeoutMs: null,
    everyMs: () => null,
    concerns: (event) => event.event === "ledger",
    look: async (event) => {
      if (event?.event === "ledger") show(event.data);
      // After a gap in the stream: what was recorded meanwhile, oldest first.
      else for (const entry of await entriesAfter(newest)) show(entry);
      return false;
    },
  });
  return EXIT.done;

  async function entriesAfter(sequence: number): Promise<Entry[]> {
    const missed: Entry[] = [];
    let cursor: string | null = null;
    for (;;) {
      const page: Answer<"listLedger"> = await session.client.listLedger({
        params: session.main,
        query: { limit: 200, ...(cursor ? { cursor } : {}) },
      });
      missed.unshift(...page.items.filter((e) => e.sequence > sequence).reverse());
      cursor = page.next;
      if (cursor === null || page.items.some((e) => e.sequence <= sequence)) return missed;
    }
  }
}
