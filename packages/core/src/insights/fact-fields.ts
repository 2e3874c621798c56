import { DEPLOYMENT_KINDS, type FactValue, INSTANT_MAX_MS, LINK_EVIDENCE, OUTCOMES } from "./history.ts";

/** What a fact's fields may hold. A field that is not named here is kept and means nothing yet. */
type Form = "instant" | "name" | "names" | "text" | "truth" | "number" | "links" | readonly string[];

/** Names are in indexes, whose entries have 2,704 bytes in PostgreSQL: 300 characters of 4 bytes, twice. */
const NAME_MAX = 300;
const TEXT_MAX = 2_000;
/** Of one deployment: a year of a busy repository in its first release. */
const NAMES_MAX = 20_000;
const LINKS_MAX = 100;

const FORMS: Readonly<Record<string, Form>> = {
  ...Object.fromEntries(
    ["source", "service", "environment", "repository", "commit", "previousCommit", "mergeCommit"].map((n) => [
      n,
      "name",
    ]),
  ),
  ...Object.fromEntries(["remedies", "reverts", "artifact", "severity", "label"].map((n) => [n, "name"])),
  ...{ title: "text", isMerge: "truth", isProduction: "truth", isAutomatic: "truth" },
  ...{ number: "number", usersExposed: "number", commits: "names", labels: "names", links: "links" },
  ...{ outcome: OUTCOMES, kind: DEPLOYMENT_KINDS },
};

export interface WrongField {
  readonly field: string;
  readonly words: string;
}

/** The first field that is not what it must be, with what it must be; null when all are. Null is always allowed: nobody knows. */
export function wrongField(fields: Readonly<Record<string, FactValue>>): WrongField | null {
  for (const [field, value] of Object.entries(fields)) {
    const form: Form | undefined = field.endsWith("AtMs")
      ? "instant"
      : Object.hasOwn(FORMS, field)
        ? FORMS[field]
        : undefined;
    const words = form === undefined || value === null ? null : whyNot(form, value);
    if (words !== null) return { field, words };
  }
  return null;
}

const isName = (value: FactValue): boolean => typeof value === "string" && value.length <= NAME_MAX;
const isNumber = (value: FactValue): value is number => typeof value === "number" && Number.isFinite(value);

function whyNot(form: Form, value: FactValue): string | null {
  const unless = (isGood: boolean, words: string) => (isGood ? null : words);
  if (typeof form !== "string")
    return unless(typeof value === "string" && form.includes(value), `must be one of ${form.join(", ")}`);
  switch (form) {
    case "instant":
      return unless(
        isNumber(value) && value >= 0 && value <= INSTANT_MAX_MS,
        "must be a time as milliseconds since 1970, a number",
      );
    case "name":
      return unless(isName(value), `must be text of at most ${NAME_MAX} characters`);
    case "names":
      return unless(
        Array.isArray(value) && value.length <= NAMES_MAX && value.every(isName),
        `must be a list of at most ${NAMES_MAX} texts`,
      );
    case "text":
      return unless(
        typeof value === "string" && value.length <= TEXT_MAX,
        `must be text of at most ${TEXT_MAX} characters`,
      );
    case "truth":
      return unless(typeof value === "boolean", "must be true or false");
    case "number":
      return unless(isNumber(value) && value >= 0, "must be a number");
    case "links":
      return unless(
        Array.isArray(value) && value.length <= LINKS_MAX && value.every(isLink),
        `must be a list of at most ${LINKS_MAX} links, each { deployment, by, words } with by one of ${LINK_EVIDENCE.join(", ")}`,
      );
  }
}

function isLink(value: FactValue): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const { deployment, by } = value as { readonly [name: string]: FactValue };
  return deployment !== undefined && isName(deployment) && LINK_EVIDENCE.some((known) => known === by);
}
