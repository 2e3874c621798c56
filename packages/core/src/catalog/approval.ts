/**
 * Who may say yes to a change, and when enough have. Persons are named by all that they are known by: their own id, the
 * data subjects of their name, of the names on their commits, and of their name on GitHub.
 */
export const RACI_ROLES = ["lead", "automation", "cloud", "sre", "security", "delivery"] as const;
export type RaciRole = (typeof RACI_ROLES)[number];

/** What is asked. */
export interface Ask {
  /** How many different persons must approve, from 1. */
  readonly needed: number;
  /** RACI roles or roles of access, one of which a person must have; none: anybody who may deploy. */
  readonly roles: readonly string[];
  /** What those who may not decide are known by. */
  readonly excluded: readonly string[];
}

export interface Decider {
  readonly id: string;
  readonly role: string;
  readonly raci: readonly string[];
  /** All that this person is known by, `id` included. */
  readonly knownBy: readonly string[];
}

export interface Voice {
  readonly personId: string;
  readonly choice: "approve" | "reject";
}

export type ApprovalState = "waiting" | "approved" | "rejected" | "withdrawn" | "expired";

/**
 * What is the same in a name however it is typed: git takes the dot from "Ada L.", people change case, spaces and hyphens.
 * Two people may come to one key: then neither approves what the other wrote, which is the safe side.
 */
export const nameKey = (name: string): string =>
  name
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, "");

/** Which of these people some of the names are of. Names and people's names are in clear. */
export function personsNamed(
  names: readonly string[],
  people: readonly { readonly id: string; readonly names: readonly string[] }[],
): string[] {
  const keys = new Set(names.map(nameKey).filter((key) => key !== ""));
  return people.filter((person) => person.names.some((name) => keys.has(nameKey(name)))).map(({ id }) => id);
}

/** Why a person may not decide: a sentence; null when that person may. Whoever wrote a change, or asked for it, never may. */
export function whyNot(ask: Ask, person: Decider): string | null {
  if (person.knownBy.some((known) => ask.excluded.includes(known)))
    return "Whoever wrote a change, or asked for its deployment, can't approve it: somebody else must.";
  if (!["owner", "deployer"].includes(person.role))
    return `The role ${person.role} may not approve: it takes an owner or a deployer.`;
  if (ask.roles.length > 0 && !ask.roles.some((role) => role === person.role || person.raci.includes(role)))
    return `It takes one of these roles: ${ask.roles.join(", ")}.`;
  return null;
}

/** What the voices come to, whatever their order: one that rejects is enough; each person counts once. */
export function stateOf(ask: Pick<Ask, "needed">, voices: readonly Voice[]): "waiting" | "approved" | "rejected" {
  if (voices.some(({ choice }) => choice === "reject")) return "rejected";
  const approving = new Set(voices.map(({ personId }) => personId));
  return approving.size >= ask.needed ? "approved" : "waiting";
}

/** "Waits for 2 more approvals by sre or lead." */
export function waitsFor(ask: Pick<Ask, "needed" | "roles">, approvals: number): string {
  const left = Math.max(0, ask.needed - approvals);
  const by = ask.roles.length === 0 ? "an owner or a deployer" : ask.roles.join(" or ");
  return `Waits for ${left === 1 ? "an approval" : `${left} approvals`} by ${by}, not by who wrote or asked for it.`;
}
