import type { HeaderRule, Redirect } from "@latchkey/netlify-runtime/site";

const linesOf = (text: string): string[] => text.split(/\r?\n/).map((line) => line.replace(/(^|\s)#.*$/, "$1"));

/**
 * `_redirects` of a published folder, whose rules go before those of netlify.toml: from, parameters, to, status. Lines with
 * conditions, and those for a host name, are left out as they are in netlify.toml.
 */
export function parseRedirects(text: string): Redirect[] {
  return linesOf(text).flatMap((line): Redirect[] => {
    const [from = "", ...words] = line.trim().split(/\s+/);
    const at = words.findIndex((word) => /^(\/|https?:)/.test(word));
    const to = words[at];
    if (!from.startsWith("/") || to === undefined) return [];
    const query = Object.fromEntries(words.slice(0, at).map((word) => word.split("=", 2) as [string, string]));
    const [status = "301", ...conditions] = words.slice(at + 1);
    if (conditions.length > 0 || !/^[1-5]\d\d!?$/.test(status)) return [];
    return [{ from, to, status: Number.parseInt(status, 10), force: status.endsWith("!"), query }];
  });
}

/** `_headers` of a published folder: a path, and below it, indented, the headers of what matches it. */
export function parseHeaders(text: string): HeaderRule[] {
  const rules: { for: string; values: Record<string, string> }[] = [];
  for (const line of linesOf(text)) {
    if (line.startsWith("/")) rules.push({ for: line.trim(), values: {} });
    const header = /^\s+([^\s:]+):\s*(.*?)\s*$/.exec(line);
    const last = rules.at(-1);
    if (header?.[1] && last) last.values[header[1]] = header[2] ?? "";
  }
  return rules.filter((rule) => Object.keys(rule.values).length > 0);
}
