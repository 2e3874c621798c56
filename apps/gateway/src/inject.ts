const SEARCH_LIMIT = 64 * 1024;
const HEAD = /<head(?:\s[^>]*)?>/i;
const AFTER_HEAD = /<body[\s>]|<script[\s>]|<\/html/i;

/**
 * Puts a tag right after `<head>` while the page streams through. Bytes are looked at as latin1, which every
 * charset of HTML but UTF-16 keeps for ASCII, and leave unchanged. A page without a head stays as it is.
 */
export class HeadInjector {
  readonly #tag: string;
  #held = "";
  #done = false;

  constructor(tag: string) {
    this.#tag = tag;
  }

  /** What can be sent on after this chunk; may be empty. */
  push(chunk: Buffer): Buffer {
    if (this.#done) return chunk;
    this.#held += chunk.toString("latin1");
    const found = HEAD.exec(this.#held);
    const stop = AFTER_HEAD.exec(this.#held);
    if (found !== null && (stop === null || found.index < stop.index)) {
      const at = found.index + found[0].length;
      return this.#release(`${this.#held.slice(0, at)}${this.#tag}${this.#held.slice(at)}`);
    }
    if (stop !== null || this.#held.length > SEARCH_LIMIT) return this.#release(this.#held);
    return Buffer.alloc(0);
  }

  /** What was held back until the page ended. */
  end(): Buffer {
    return this.#done ? Buffer.alloc(0) : this.#release(this.#held);
  }

  #release(text: string): Buffer {
    this.#done = true;
    this.#held = "";
    return Buffer.from(text, "latin1");
  }
}

function directive(policy: string, names: readonly string[]): string[] | null {
  const all = policy.split(";").map((d) => d.trim().split(/\s+/));
  for (const name of names) {
    const found = all.find((d) => d[0]?.toLowerCase() === name);
    if (found !== undefined) return found.slice(1);
  }
  return null;
}

/**
 * Whether a Content-Security-Policy lets a script of the same origin load and report: "" when it does, a
 * nonce attribute when the script needs one, null when the page must be left alone.
 */
export function scriptPermission(policy: string | undefined): string | null {
  if (policy === undefined) return "";
  // Several policies in one header all apply; we do not take them apart.
  if (policy.includes(",")) return null;
  const connect = directive(policy, ["connect-src", "default-src"]);
  if (connect !== null && !connect.includes("'self'") && !connect.includes("*")) return null;
  const script = directive(policy, ["script-src-elem", "script-src", "default-src"]);
  if (script === null) return "";
  const nonce = /^'nonce-([A-Za-z0-9+/_=-]+)'$/.exec(script.find((s) => s.startsWith("'nonce-")) ?? "")?.[1];
  if (nonce !== undefined) return ` nonce="${nonce}"`;
  const open = script.includes("'self'") || script.includes("*");
  return open && !script.includes("'strict-dynamic'") ? "" : null;
}
