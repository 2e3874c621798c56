/**
 * Canonical JSON as RFC 8785 (JCS) has it: keys in UTF-16 order, no white space, numbers as ECMAScript prints them.
 * Undefined members are left out. Throws a RangeError on what JSON can't hold (NaN, infinities).
 */
export function canonicalJson(value: unknown): string {
  if (typeof value === "number" && !Number.isFinite(value)) throw new RangeError(`${value} is not JSON`);
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null)).join(",")}]`;
  const members = value as Readonly<Record<string, unknown>>;
  // Every entry of the ledger is written by this, within somebody's transaction: no arrays of pairs.
  let text = "";
  for (const name of Object.keys(members).sort()) {
    const member = members[name];
    if (member !== undefined) text += `${text === "" ? "" : ","}${JSON.stringify(name)}:${canonicalJson(member)}`;
  }
  return `{${text}}`;
}
