/** Words that can't name a constant (ECMA-262, reserved words, with those of strict mode). */
const RESERVED = new Set(
  `arguments await break case catch class const continue debugger default delete do else enum eval export extends false
finally for function if implements import in instanceof interface let new null package private protected public return static
super switch this throw true try typeof undefined var void while with yield`.split(/\s+/),
);

/**
 * The names that generated code gives flags: `new-lead-form` is `newLeadForm`. Keys that would have one name (`a-b`, `a.b`) are told
 * apart by a number, in the order of the keys.
 */
export function codeNames(keys: readonly string[]): ReadonlyMap<string, string> {
  const taken = new Set<string>();
  const names = new Map<string, string>();
  for (const key of [...keys].sort()) {
    const [first = "", ...rest] = key.split(/[^a-z0-9]+/).filter(Boolean);
    const camel = first + rest.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
    const plain =
      /^[a-z]/.test(camel) && !RESERVED.has(camel) ? camel : `flag${camel.charAt(0).toUpperCase()}${camel.slice(1)}`;
    let name = plain;
    for (let n = 2; taken.has(name); n++) name = `${plain}${n}`;
    taken.add(name);
    names.set(key, name);
  }
  return names;
}
