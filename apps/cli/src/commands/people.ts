import type { Answer, Arguments } from "@latchkey/api/client";
import { type Command, Option } from "commander";
import { addCommand, addGroup, type Call, type Outcome } from "../command.ts";
import { addPageOptions, moreWords, type PageOptions, readPages } from "../pages.ts";
import { CliError, EXIT, wrongUse } from "../problem.ts";
import type { Session } from "../session.ts";
import type { Terminal } from "../terminal.ts";
import { table } from "../text.ts";

const ACCESS = "Who may do what:";
const ROLES = ["owner", "deployer", "viewer"];
const RACI = ["lead", "automation", "cloud", "sre", "security", "delivery"];
type Person = Answer<"listPeople">["items"][number];
interface PersonOptions {
  readonly role?: Person["role"];
  readonly raci?: string;
  readonly commitName?: string[];
  readonly github?: string;
}

/** `latchkey people`: who may sign in, what each may do and answers for. */
export function addPeople(program: Command, terminal: Terminal, outcome: Outcome): void {
  const people = addGroup(program, {
    name: "people",
    about: "the people of this project: list, add, update, remove, link",
    group: ACCESS,
    examples: [
      ["latchkey people", "who may sign in, and what each answers for"],
      ["latchkey people add Ada --role deployer --raci sre", "somebody who ships and may approve"],
      ["latchkey people link Ada", "the link that signs Ada in"],
    ],
  });
  addList(people, terminal, outcome);
  addAdd(people, terminal, outcome);
  addUpdate(people, terminal, outcome);
  addRemove(people, terminal, outcome);
  addLink(people, terminal, outcome);
}

const rowOf = (p: Person) => [
  p.id,
  p.name + (p.isMe ? " (you)" : ""),
  p.role,
  p.raci.join(", ") || "-",
  p.githubLogin ?? "-",
  p.commitNames.join(", ") || "-",
];

function addList(people: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<PageOptions>(people, terminal, outcome, {
    usage: "list",
    about: "list the people; `latchkey people` alone does this",
    isDefault: true,
    options: (command) => addPageOptions(command.allowExcessArguments(), "50"),
    examples: [["latchkey people", "who may sign in, and what each answers for"]],
    run: async ({ session: open, args, options }) => {
      if (args.length > 0)
        throw wrongUse(
          `There is no command latchkey people ${args[0]}.`,
          "There are list, add, update, remove and link.",
        );
      const session = open();
      const page = await readPages(options, (query) => session.client.listPeople({ params: session.main, query }));
      const head = ["id", "name", "role", "answers for", "GitHub", "commits also as"];
      session.print(page, () => table(head, page.items.map(rowOf), session.style) + moreWords(session, page));
      return undefined;
    },
  });
}

const addFields = (command: Command): Command =>
  command
    .addOption(new Option("--role <role>", "what this person may do").choices(ROLES))
    .option("--raci <roles>", `what this person answers for, with commas: ${RACI.join(", ")}`)
    .option("--commit-name <name...>", "a name on this person's commits, when it is another one")
    .option("--github <login>", "this person's name on GitHub: reviews there count as approvals");

function fieldsOf(options: PersonOptions) {
  const raci = options.raci
    ?.split(",")
    .map((role) => role.trim())
    .filter(Boolean);
  const unknown = raci?.find((role) => !RACI.includes(role));
  if (unknown) throw wrongUse(`--raci: there is no role "${unknown}".`, `There are ${RACI.join(", ")}.`);
  return {
    ...(options.role ? { role: options.role } : {}),
    ...(raci ? { raci: raci as Person["raci"] } : {}),
    ...(options.commitName ? { commitNames: options.commitName } : {}),
    ...(options.github === undefined ? {} : { githubLogin: options.github === "" ? null : options.github }),
  };
}

function addAdd(people: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<PersonOptions>(people, terminal, outcome, {
    usage: "add <name>",
    about: "add a person (a deployer, unless --role says otherwise), and print the link that signs this person in",
    options: addFields,
    examples: [
      ['latchkey people add "Ada Lovelace" --raci sre,lead', "ships, and approves where an sre or a lead is asked for"],
      ["latchkey people add Bob --role viewer", "only reads"],
    ],
    run: async ({ session: open, args, options }) => {
      const session = open();
      const body: Arguments<"addPerson">["body"] = { name: args[0] ?? "", ...fieldsOf(options) };
      const person = await session.client.addPerson({ params: session.main, body });
      const link = await session.client.createPersonLink({ params: { ...session.main, personId: person.id } });
      if (!session.json)
        terminal.err(`${person.name} is a ${person.role} (${person.id}). The link, good once within 15 minutes:\n`);
      session.print({ person, link }, () => link.url);
      return undefined;
    },
  });
}

function addUpdate(people: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<PersonOptions>(people, terminal, outcome, {
    usage: "update <id-or-name>",
    about: "change what a person may do, answers for and is known by",
    options: addFields,
    examples: [
      ["latchkey people update Ada --role owner", "what Ada is signed in with may do so at once"],
      ["latchkey people update Ada --github ada-l --commit-name ada@laptop", "who Ada is elsewhere"],
    ],
    run: async ({ session: open, args, options }) => {
      const session = open();
      const body = fieldsOf(options);
      if (Object.keys(body).length === 0)
        throw wrongUse("Nothing to change is given.", "See latchkey people update --help.");
      const { id } = await personOf(session, args[0] ?? "");
      const person = await session.client.updatePerson({ params: { ...session.main, personId: id }, body });
      session.print(
        person,
        () => `${person.name}: ${person.role}, ${person.raci.join(", ") || "answers for nothing"}.`,
      );
      return undefined;
    },
  });
}

function addRemove(people: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<{ yes?: boolean }>(people, terminal, outcome, {
    usage: "remove <id-or-name>",
    about: "remove a person: sessions and tokens of that person stop working at once",
    options: (command) => command.option("--yes", "do not ask"),
    examples: [["latchkey people remove Bob", "who left the team"]],
    run: remove,
  });
}

async function remove({ session: open, args, options, terminal }: Call<{ yes?: boolean }>): Promise<number> {
  const session = open();
  const { id, name } = await personOf(session, args[0] ?? "");
  if (!options.yes) {
    if (!terminal.canAsk) throw wrongUse("Nobody is there to agree.", "Add --yes.");
    if (!(await terminal.agrees(`Remove ${name}? What this person signs in with stops working.`))) {
      terminal.out("Nobody was removed.\n");
      return EXIT.done;
    }
  }
  await session.client.removePerson({ params: { ...session.main, personId: id } });
  session.print({ removed: id }, () => `Removed ${name}.`);
  return EXIT.done;
}

function addLink(people: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<object>(people, terminal, outcome, {
    usage: "link <id-or-name>",
    about: "print a link that signs this person in, once, within 15 minutes",
    examples: [["latchkey people link Ada", "hand it to Ada and to nobody else"]],
    run: async ({ session: open, args }) => {
      const session = open();
      const { id } = await personOf(session, args[0] ?? "");
      const link = await session.client.createPersonLink({ params: { ...session.main, personId: id } });
      session.print(link, () => link.url);
      return undefined;
    },
  });
}

async function personOf(session: Session, target: string): Promise<Person> {
  const { items } = await readPages({ limit: "200", all: true }, (query) =>
    session.client.listPeople({ params: session.main, query }),
  );
  const found = items.filter((p) => p.id === target || p.name.toLowerCase() === target.toLowerCase());
  const [person] = found;
  if (person && found.length === 1) return person;
  throw new CliError({
    code: "LK_CLI_PERSON",
    title: "Who?",
    detail: person ? `${found.length} people are named ${target}.` : `Nobody is named ${target}.`,
    remedy: person ? `Give the id: ${found.map((p) => p.id).join(", ")}` : "List them: latchkey people",
  });
}
