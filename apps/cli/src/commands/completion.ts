import type { Command, Option } from "commander";
import { addCommand, type Outcome } from "../command.ts";
import { wrongUse } from "../problem.ts";
import type { Terminal } from "../terminal.ts";

interface Known {
  /** Words that lead to the command: "", "ledger", "ledger proof". */
  readonly path: string;
  readonly summary: string;
  readonly commands: readonly { readonly name: string; readonly summary: string }[];
  readonly options: readonly { readonly flag: string; readonly words: string; readonly choices: readonly string[] }[];
}

const SHELLS = ["bash", "zsh", "fish"] as const;

export function addCompletion(program: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<object>(program, terminal, outcome, {
    usage: "completion <shell>",
    about: "print the completion of commands and options for bash, zsh or fish",
    group: "Set it up:",
    examples: [
      ['eval "$(latchkey completion bash)"', "in ~/.bashrc"],
      ['eval "$(latchkey completion zsh)"', "in ~/.zshrc, after compinit"],
      ["latchkey completion fish > ~/.config/fish/completions/latchkey.fish", "once"],
    ],
    run: async ({ args }) => {
      const shell = SHELLS.find((known) => known === args[0]);
      if (!shell) throw wrongUse(`There is no completion for ${args[0]}.`, `There is one for ${SHELLS.join(", ")}.`);
      const known = commandsOf(program);
      terminal.out({ bash, zsh, fish }[shell](known));
      return undefined;
    },
  });
}

function commandsOf(command: Command, path = ""): Known[] {
  const help = command.createHelp();
  const visible = help.visibleCommands(command).filter((sub) => sub.name() !== "help");
  const options = [...help.visibleOptions(command), ...(path === "" ? [] : globalOptions(command))];
  return [
    {
      path,
      summary: command.summary(),
      commands: visible.map((sub) => ({ name: sub.name(), summary: sub.summary() })),
      options: options.flatMap((o: Option) =>
        o.long ? [{ flag: o.long, words: o.description, choices: o.argChoices ?? [] }] : [],
      ),
    },
    ...visible.flatMap((sub) => commandsOf(sub, path === "" ? sub.name() : `${path} ${sub.name()}`)),
  ];
}

function globalOptions(command: Command): Option[] {
  let top = command;
  while (top.parent) top = top.parent;
  return top.options.filter((o) => o.long !== "--version");
}

const words = (known: Known): string =>
  [...known.commands.map((c) => c.name), ...known.options.map((o) => o.flag)].join(" ");

/** Both shells walk the words up to the cursor to find the command, then offer what it has. */
function bash(known: readonly Known[]): string {
  return `_latchkey() {
  local word path="" i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    case "\${path:+$path }$word" in
${known
  .filter((k) => k.path !== "")
  .map((k) => `      "${k.path}") path="${k.path}" ;;`)
  .join("\n")}
    esac
  done
  local offer=""
  case "\${COMP_WORDS[COMP_CWORD-1]}" in
${choices(known)
  .map(
    ([flag, values]) =>
      `    ${flag}) COMPREPLY=($(compgen -W "${values.join(" ")}" -- "\${COMP_WORDS[COMP_CWORD]}")); return ;;`,
  )
  .join("\n")}
  esac
  case "$path" in
${known.map((k) => `    "${k.path}") offer="${words(k)}" ;;`).join("\n")}
  esac
  COMPREPLY=($(compgen -W "$offer" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _latchkey latchkey
`;
}

const choices = (known: readonly Known[]): [string, readonly string[]][] => [
  ...new Map(
    known.flatMap((k) => k.options.filter((o) => o.choices.length > 0).map((o) => [o.flag, o.choices] as const)),
  ),
];

function zsh(known: readonly Known[]): string {
  const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  const offers = known.map((k) => {
    const described = [
      ...k.commands.map((c) => quote(`${c.name}:${c.summary.replaceAll(":", "\\:")}`)),
      ...k.options.map((o) => quote(`${o.flag}:${o.words.replaceAll(":", "\\:")}`)),
    ];
    return `    ${quote(k.path)}) offer=(${described.join(" ")}) ;;`;
  });
  return `#compdef latchkey
_latchkey() {
  local -a offer
  local at="" word
  for word in "\${words[@]:1:$((CURRENT - 2))}"; do
    case "\${at:+$at }$word" in
${known
  .filter((k) => k.path !== "")
  .map((k) => `      ${quote(k.path)}) at=${quote(k.path)} ;;`)
  .join("\n")}
    esac
  done
  case "$at" in
${offers.join("\n")}
  esac
  _describe latchkey offer
}
compdef _latchkey latchkey
`;
}

function fish(known: readonly Known[]): string {
  const quote = (text: string) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  const lines = known.flatMap((k) => {
    const parts = k.path.split(" ").filter(Boolean);
    const below = k.commands.map((c) => c.name).join(" ");
    const seen = parts.map((part) => `__fish_seen_subcommand_from ${part}`);
    const fresh =
      parts.length === 0
        ? "__fish_use_subcommand"
        : [...seen, ...(below ? [`not __fish_seen_subcommand_from ${below}`] : [])].join("; and ");
    const here = parts.length === 0 ? "" : ` -n ${quote(seen.join("; and "))}`;
    return [
      ...k.commands.map((c) => `complete -c latchkey -f -n ${quote(fresh)} -a ${c.name} -d ${quote(c.summary)}`),
      ...k.options.map(
        (o) =>
          `complete -c latchkey${here} -l ${o.flag.slice(2)} -d ${quote(o.words)}${o.choices.length > 0 ? ` -x -a ${quote(o.choices.join(" "))}` : ""}`,
      ),
    ];
  });
  return `${[...new Set(lines)].join("\n")}\n`;
}
