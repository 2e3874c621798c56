import type { Answer } from "@latchkey/api/client";
import type { Session } from "../session.ts";
import { facts, moment } from "../text.ts";

type FlagView = Answer<"getFlag">;

/** A flag with where it is on, who gets what, and what it is. */
export function flagWords(session: Session, flag: FlagView): string {
  const { style } = session;
  const rows: [string, string][] = [
    ["flag", `${style.bold(flag.key)} (${flag.type}, version ${flag.version}, written by ${flag.manager})`],
    ...(flag.description ? [["about", flag.description] as [string, string]] : []),
    ["owner", flag.owner || "nobody"],
    ["use", flag.health === "in_use" ? flag.healthWords : style.warn(flag.healthWords)],
    ["purpose", flag.purpose + (flag.expires ? `, until ${flag.expires}` : "")],
    [
      "variants",
      Object.entries(flag.definition.variants ?? {})
        .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
        .join(", "),
    ],
    ...flag.environments.map(({ name, words, isEnabled }): [string, string] => [
      name,
      isEnabled ? words : style.warn(words),
    ]),
    ...flag.rollouts.map(({ environment, rule, words, since }): [string, string] => [
      "rollout",
      `${environment}/${rule}: ${words}, since ${moment(since)}`,
    ]),
    ...(flag.isArchived ? [["archived", style.warn("it is answered as not found")] as [string, string]] : []),
  ];
  return facts(rows, style);
}
