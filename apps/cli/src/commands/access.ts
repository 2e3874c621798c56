import { type Answer, ApiError } from "@latchkey/api/client";
import { type Command, Option } from "commander";
import { addCommand, addGroup, type Call, countOption, type Outcome } from "../command.ts";
import { addPageOptions, moreWords, type PageOptions, readPages } from "../pages.ts";
import { CliError, EXIT, wrongUse } from "../problem.ts";
import { readState, type Session } from "../session.ts";
import type { Terminal } from "../terminal.ts";
import { bytes, duration, facts, moment, table } from "../text.ts";
import { addHealth } from "./health.ts";

const ACCESS = "Who may do what:";
const SETUP = "Set it up:";

export function addAccess(program: Command, terminal: Terminal, outcome: Outcome): void {
  addSignIn(program, terminal, outcome);
  addWhoAmI(program, terminal, outcome);
  const tokens = addGroup(program, {
    name: "tokens",
    about: "API tokens: list, create, revoke",
    group: ACCESS,
    examples: [
      ["latchkey tokens", "who has access, and until when"],
      ["latchkey tokens create ci --role owner", "a token for a pipeline"],
    ],
  });
  addTokenList(tokens, terminal, outcome);
  addTokenCreate(tokens, terminal, outcome);
  addTokenRevoke(tokens, terminal, outcome);
  addSystem(program, terminal, outcome);
  addHealth(program, terminal, outcome, SETUP);
  addOpen(program, terminal, outcome);
}

interface SignInLink {
  readonly url: string;
  readonly expiresAt: string | null;
}

/** A fresh link from the server; the one that the server left on this machine, when the server gives none. */
async function signInLink(session: Session): Promise<SignInLink> {
  try {
    return await session.client.createSignInLink({});
  } catch (error) {
    const isRefused = error instanceof ApiError && [0, 401, 403, 404].includes(error.problem.status);
    const left = isRefused ? readState(session.terminal, "sign-in.url") : null;
    if (left === null || (error instanceof ApiError && error.problem.status === 0)) throw error;
    return { url: left, expiresAt: null };
  }
}

function addSignIn(program: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<object>(program, terminal, outcome, {
    usage: "sign-in",
    about: "print a link that signs one browser in, once, within 15 minutes",
    more: "Asks the server for a fresh link. A token that may not do so gets the link that the server left in .latchkey/.",
    group: ACCESS,
    examples: [
      ["latchkey sign-in", "open the link in a browser"],
      ["latchkey open --browser", "the same, and opens it"],
    ],
    run: async ({ session: open }) => {
      const session = open();
      const link = await signInLink(session);
      session.print(link, () => link.url);
      if (link.expiresAt === null && !session.json)
        terminal.err(
          "This is the link that the server left here. When it is spent, restart the server or use an owner's token.\n",
        );
      return undefined;
    },
  });
}

function addWhoAmI(program: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<object>(program, terminal, outcome, {
    usage: "whoami",
    about: "say who the server takes you for, and what that role may do",
    group: ACCESS,
    examples: [["latchkey whoami", "name, role and project"]],
    run: async ({ session: open }) => {
      const session = open();
      const me = await session.client.me({});
      const { principal } = me;
      session.print(
        me,
        () =>
          `${principal.name}, ${principal.kind}, role ${principal.role}, project ${me.project}, at ${session.baseUrl}`,
      );
      return undefined;
    },
  });
}

function addTokenList(tokens: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<PageOptions>(tokens, terminal, outcome, {
    usage: "list",
    about: "list the tokens, without their secrets; `latchkey tokens` alone does this",
    isDefault: true,
    // A mistyped subcommand comes here as an argument: it is answered below, with what there is.
    options: (command) => addPageOptions(command.allowExcessArguments(), "50"),
    examples: [["latchkey tokens", "who has access, and until when"]],
    run: async ({ session: open, args, options }) => {
      if (args.length > 0)
        throw wrongUse(`There is no command latchkey tokens ${args[0]}.`, "There are list, create and revoke.");
      const session = open();
      const page = await readPages(options, (query) => session.client.listTokens({ params: session.main, query }));
      const rows = page.items.map((t) => [
        t.id,
        t.name,
        t.role,
        moment(t.expiresAt),
        t.lastUsedAt ? moment(t.lastUsedAt) : "never",
      ]);
      session.print(page, () =>
        rows.length > 0
          ? table(["id", "name", "role", "expires", "last used"], rows, session.style) + moreWords(session, page)
          : "There are no tokens.",
      );
      return undefined;
    },
  });
}

function addTokenCreate(tokens: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<{ role: Answer<"createToken">["token"]["role"]; days: string }>(tokens, terminal, outcome, {
    usage: "create <name>",
    about: "make a token; its secret is shown now and never again",
    more: "viewer only reads; owner may do everything; gateway is for a gateway on another machine.",
    options: (command) =>
      command
        .addOption(
          new Option("--role <role>", "what it may do")
            .choices(["viewer", "deployer", "ci", "owner", "gateway"])
            .default("viewer"),
        )
        .option("--days <count>", "how long it lasts, 1 to 365", "90"),
    examples: [
      ["latchkey tokens create ci --role owner --days 30", "for a pipeline that ships"],
      ["export LATCHKEY_TOKEN=$(latchkey tokens create dashboard)", "only the secret goes to standard output"],
    ],
    run: async ({ session: open, args, options }) => {
      const session = open();
      const expiresInDays = countOption(options.days, "--days", 1, 365);
      const made = await session.client.createToken({
        params: session.main,
        body: { name: args[0] ?? "", role: options.role, expiresInDays },
      });
      if (!session.json)
        terminal.err(
          `${made.token.id} (${made.token.role}) lasts until ${moment(made.token.expiresAt)}. Its secret, shown only now:\n`,
        );
      session.print(made, () => made.secret);
      return undefined;
    },
  });
}

function addTokenRevoke(tokens: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<{ yes?: boolean }>(tokens, terminal, outcome, {
    usage: "revoke <id-or-name>",
    about: "revoke a token: it stops working at once",
    options: (command) => command.option("--yes", "do not ask"),
    examples: [
      ["latchkey tokens revoke ci", "by its name, when only one has it"],
      ["latchkey tokens revoke tok_... --yes", "by its id, in CI"],
    ],
    run: revoke,
  });
}

async function revoke({ session: open, args, options, terminal }: Call<{ yes?: boolean }>): Promise<number> {
  const session = open();
  const tokenId = await tokenOf(session, args[0] ?? "");
  if (!options.yes) {
    if (!terminal.canAsk) throw wrongUse("Nobody is there to agree.", "Add --yes.");
    if (!(await terminal.agrees(`Revoke ${args[0]}? What uses it stops working.`))) {
      terminal.out("Nothing was revoked.\n");
      return EXIT.done;
    }
  }
  await session.client.revokeToken({ params: { ...session.main, tokenId } });
  session.print({ revoked: tokenId }, () => `Revoked ${tokenId}.`);
  return EXIT.done;
}

async function tokenOf(session: Session, target: string): Promise<string> {
  if (target.startsWith("tok_")) return target;
  const { items } = await readPages({ limit: "200", all: true }, (query) =>
    session.client.listTokens({ params: session.main, query }),
  );
  const found = items.filter((token) => token.name === target);
  const [token] = found;
  if (token && found.length === 1) return token.id;
  throw new CliError({
    code: "LK_CLI_TOKEN",
    title: "Which token?",
    detail: token ? `${found.length} tokens are named ${target}.` : `No token is named ${target}.`,
    remedy: token ? `Give the id: ${found.map((t) => t.id).join(", ")}` : "List them: latchkey tokens",
  });
}

function addSystem(program: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<object>(program, terminal, outcome, {
    usage: "system",
    about: "show this installation: version, database, gateways, ledger, memory",
    group: SETUP,
    examples: [["latchkey system", "is every gateway live and up to date?"]],
    run: async ({ session: open }) => {
      const session = open();
      const s = await session.client.getSystem({});
      const { style } = session;
      const upToDate = (g: (typeof s.gateways)[number]) =>
        g.applied.epoch === s.generation.epoch && g.applied.n === s.generation.n;
      const gateways = s.gateways.map((g): [string, string] => [
        "gateway",
        `${g.id}: ${g.live ? style.good("live") : style.bad("not seen")}, ${upToDate(g) ? "up to date" : style.warn(`at generation ${g.applied.n} of ${s.generation.n}`)}, ${bytes(g.residentBytes)}, seen ${moment(g.seenAt)}`,
      ]);
      // One server is all that most have: it is told of above.
      const others = s.servers.length < 2 ? [] : s.servers;
      const servers = others.map((other): [string, string] => [
        "servers",
        `${other.id}: ${other.version} on machine ${other.machine}, since ${moment(other.startedAt)}${other.holdsLease ? ", drives the rollouts" : ""}`,
      ]);
      const rows: [string, string][] = [
        ["server", `${s.version} at ${session.baseUrl}, Node ${s.nodeVersion}, ${bytes(s.residentBytes)}`],
        ...servers,
        ["up for", duration(terminal.now() - new Date(s.startedAt).getTime())],
        [
          "database",
          `PostgreSQL ${s.database.version}${s.database.embedded ? ", embedded" : ""}, ${bytes(s.database.sizeBytes)}`,
        ],
        ...(gateways.length > 0 ? gateways : [["gateway", style.bad("none has ever connected")] as [string, string]]),
        ["ledger", `${s.ledger.size} entries, ${s.ledger.signedSize} of them signed by ${s.ledger.publicKey}`],
        ["ledger protected by database roles", s.ledger.protectedByRoles ? "yes" : `no. ${s.ledger.remedy}`],
      ];
      session.print(s, () => facts(rows, style));
      return undefined;
    },
  });
}

function addOpen(program: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<{ browser?: boolean }>(program, terminal, outcome, {
    usage: "open",
    about: "print the console's address; with --browser open it, signed in",
    group: SETUP,
    options: (command) =>
      command.option("--browser", "open it in this desktop's browser, with a one-time sign-in link"),
    examples: [
      ["latchkey open", "only the address"],
      ["latchkey open --browser", "open it and be signed in"],
    ],
    run: async ({ session: open, options }) => {
      const session = open();
      if (!options.browser) {
        session.print({ url: session.baseUrl }, () => session.baseUrl);
        return undefined;
      }
      const link = await signInLink(session);
      const opened = terminal.browse(link.url);
      session.print({ url: link.url, opened }, () =>
        opened
          ? `Opened ${session.baseUrl} in the browser.`
          : `There is no browser here. Open this where there is one:\n${link.url}`,
      );
      return undefined;
    },
  });
}
