/** Values of requests before they are written down: JSON with places for what JSON itself can't say. */
export type Value =
  | null
  | boolean
  | number
  | string
  | Known
  | Raw
  | readonly Value[]
  | { readonly [key: string]: Value };

/** Something that really is in the installation, chosen when the request is sent: the n-th id of a kind. */
export class Known {
  readonly kind: string;
  readonly n: number;
  constructor(kind: string, n: number) {
    this.kind = kind;
    this.n = n;
  }
}

/** Text that stands in the body or the address as it is. */
export class Raw {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

export type Resolve = (known: Known) => string | number;

/** The value as JSON text. Unlike `JSON.stringify` it writes `__proto__` as any other name. */
export function jsonOf(value: Value, resolve: Resolve): string {
  if (value instanceof Known) return JSON.stringify(resolve(value));
  if (value instanceof Raw) return value.text;
  if (Array.isArray(value)) return `[${value.map((member: Value) => jsonOf(member, resolve)).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    const members = Object.entries(value).map(([key, member]) => `${JSON.stringify(key)}:${jsonOf(member, resolve)}`);
    return `{${members.join(",")}}`;
  }
  return JSON.stringify(value);
}

/** The value as a part of an address, percent-encoded. */
export function addressPartOf(value: Value, resolve: Resolve): string {
  if (value instanceof Raw) return value.text;
  const text =
    value instanceof Known ? String(resolve(value)) : typeof value === "string" ? value : jsonOf(value, resolve);
  return [...Buffer.from(text, "utf8")]
    .map((byte) => {
      const char = String.fromCharCode(byte);
      return /[A-Za-z0-9_.~-]/.test(char) ? char : `%${byte.toString(16).padStart(2, "0").toUpperCase()}`;
    })
    .join("");
}
