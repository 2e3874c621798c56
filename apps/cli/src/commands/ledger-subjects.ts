import type { Command } from "commander";
import { addCommand, type Call, type Outcome } from "../command.ts";
import { addPageOptions, moreWords, type PageOptions, readPages } from "../pages.ts";
import { EXIT, wrongUse } from "../problem.ts";
import type { Session } from "../session.ts";
import type { Terminal } from "../terminal.ts";
import { moment, table } from "../text.ts";

export function addSubjects(group: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<PageOptions>(group, terminal, outcome, {
    usage: "subjects",
    about: "list the people that the records speak of",
    options: (command) => addPageOptions(command, "50"),
    examples: [["latchkey ledger subjects", "who could be erased, with the id that it takes"]],
    run: async ({ session: open, options }) => {
      const session = open();
      const page = await readPages(options, (query) => session.client.listSubjects({ params: session.main, query }));
      const rows = page.items.map((s) => [s.id, s.name, moment(s.createdAt), s.erasedAt ? moment(s.erasedAt) : "-"]);
      session.print(page, () =>
        rows.length > 0
          ? table(["id", "name", "known since", "erased"], rows, session.style) + moreWords(session, page)
          : "The records speak of nobody.",
      );
      return undefined;
    },
  });
}

export function addErase(group: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<{ yes?: boolean }>(group, terminal, outcome, {
    usage: "erase <subject>",
    about: "erase a person: name and words become unreadable for ever, and every proof still holds",
    more: 'Destroys the key that all personal text of this person is encrypted with. The entries stay; where the person stood, they say "erased". Credentials go on working: revoke them with `latchkey tokens revoke`. What it does not reach: entries from before names were encrypted, backups, commit messages, and what others wrote about the person.',
    options: (command) => command.option("--yes", "do not ask"),
    examples: [
      ["latchkey ledger erase 'Ada Lovelace'", "by the name, after asking"],
      ["latchkey ledger erase sub_... --yes", "by the id, in a script"],
    ],
    run: erase,
  });
}

async function erase({ session: open, args, options, terminal }: Call<{ yes?: boolean }>): Promise<number> {
  const session = open();
  const subject = await subjectOf(session, args[0] ?? "");
  if (!options.yes) {
    if (!terminal.canAsk) throw wrongUse("Nobody is there to agree.", "Add --yes.");
    if (!(await terminal.agrees(`Erase ${args[0]}? It can't be undone.`))) {
      terminal.out("Nobody was erased.\n");
      return EXIT.done;
    }
  }
  const erased = await session.client.eraseSubject({ params: { ...session.main, subjectId: subject } });
  session.print(erased, () => `Erased ${erased.id}. Every proof of the ledger still holds.`);
  return EXIT.done;
}

/** The id of whoever is called so; an id is taken as it is. */
async function subjectOf(session: Session, target: string): Promise<string> {
  if (/^sub_[0-9a-f]{32}$/.test(target)) return target;
  const { items } = await readPages({ limit: "200", all: true }, (query) =>
    session.client.listSubjects({ params: session.main, query }),
  );
  const found = items.find((s) => s.erasedAt === null && s.name === target);
  if (found) return found.id;
  throw wrongUse(
    `The records speak of nobody who is called "${target}".`,
    "`latchkey ledger subjects` lists names and ids.",
  );
}
