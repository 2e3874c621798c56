import { type Command, Option } from "commander";
import { addCommand, type Outcome } from "../command.ts";
import type { Terminal } from "../terminal.ts";
import { moment, table } from "../text.ts";

/** `latchkey flags keys|create-key|revoke-key`: by which applications ask for flags. */
export function addFlagKeys(group: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<object>(group, terminal, outcome, {
    usage: "keys",
    about: "list the keys by which applications ask for flags",
    examples: [["latchkey flags keys", "and when each was used last"]],
    run: async ({ session: open }) => {
      const session = open();
      const found = await session.client.listFlagKeys({ params: session.main });
      const rows = found.items.map((key) => [
        ...[key.id, key.name, key.environment, key.kind, key.key ?? "(secret)"],
        key.lastUsedAt ? moment(key.lastUsedAt) : "never",
        key.droppedRows > 0 ? `dropped ${key.droppedRows} reports in 7 days` : "",
      ]);
      session.print(found, () =>
        rows.length === 0
          ? "There are no keys. Make one: latchkey flags create-key web --kind browser"
          : table(["id", "name", "environment", "kind", "key", "last used", ""], rows, session.style),
      );
      return undefined;
    },
  });
  addCommand<{ environment: string; kind: "server" | "browser" }>(group, terminal, outcome, {
    usage: "create-key <name>",
    about: "make a key for an application: of a server it is a secret shown once, of browsers it is public",
    options: (command) =>
      command
        .option("--environment <name>", "whose flags it is answered", "production")
        .addOption(new Option("--kind <kind>", "who asks").choices(["server", "browser"]).default("server")),
    examples: [
      ["latchkey flags create-key leads-functions", "for a server: keep it where secrets are kept"],
      ["latchkey flags create-key leads-web --kind browser", "for a page: gets values of public flags, never rules"],
    ],
    run: async ({ session: open, args, options, terminal: said }) => {
      const session = open();
      const { environment, kind } = options;
      const made = await session.client.createFlagKey({
        params: session.main,
        body: { name: args[0] ?? "", environment, kind },
      });
      if (!session.json && kind === "server") said.err("It is shown once; keep it where secrets are kept:\n");
      session.print(made, () => made.secret);
      return undefined;
    },
  });
  addCommand<object>(group, terminal, outcome, {
    usage: "revoke-key <id>",
    about: "revoke a key: who uses it gets no answer from now on",
    examples: [["latchkey flags revoke-key flk_0123", "`latchkey flags keys` lists them"]],
    run: async ({ session: open, args }) => {
      const session = open();
      const keyId = args[0] ?? "";
      await session.client.revokeFlagKey({ params: { ...session.main, keyId } });
      session.print({ revoked: keyId }, () => `Revoked ${keyId}.`);
      return undefined;
    },
  });
}
