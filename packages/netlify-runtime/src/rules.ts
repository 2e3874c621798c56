import { type Captured, fillIn, matchPath, matchQuery } from "./patterns.ts";
import type { Redirect, Site } from "./site.ts";

export interface Rewritten {
  readonly status: number;
  /** A path of this site, or an address elsewhere. */
  readonly to: string;
}

/** The first rule that holds for a request. `forced`: only those that go before files, or only the others. */
export function redirectFor(site: Site, url: URL, forced: boolean): Rewritten | null {
  for (const rule of site.redirects) {
    if (rule.force !== forced) continue;
    const captured = capturedBy(rule, url);
    if (captured) return { status: rule.status, to: withQuery(fillIn(rule.to, captured), rule, url) };
  }
  return null;
}

function capturedBy(rule: Redirect, url: URL): Captured | null {
  const ofPath = matchPath(rule.from, url.pathname);
  const ofQuery = ofPath && matchQuery(rule.query, url.searchParams);
  return ofPath && ofQuery ? { ...ofPath, ...ofQuery } : null;
}

/** The visitor's query goes along, unless the rule took parameters of it or has a query of its own. */
function withQuery(to: string, rule: Redirect, url: URL): string {
  return url.search === "" || to.includes("?") || Object.keys(rule.query).length > 0 ? to : to + url.search;
}

/** Headers of all rules that match; a later rule wins. */
export function headersFor(site: Site, path: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const rule of site.headers) {
    if (!matchPath(rule.for, path)) continue;
    for (const [name, value] of Object.entries(rule.values)) found[name.toLowerCase()] = value;
  }
  return found;
}
