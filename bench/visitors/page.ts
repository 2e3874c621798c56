/** What a browser takes from a page: its scripts and styles, and the page view that the gateway's tag names. */
export interface Page {
  readonly scripts: readonly string[];
  readonly styles: readonly string[];
  readonly beaconScript: string | null;
  readonly view: string | null;
}

export function readPage(html: string): Page {
  const scripts: string[] = [];
  const styles: string[] = [];
  let beaconScript: string | null = null;
  let view: string | null = null;
  for (const [tag] of html.matchAll(/<(?:script|link)\b[^>]*>/gi)) {
    const src = /\ssrc="(\/[^"]+)"/i.exec(tag)?.[1];
    const href = /\shref="(\/[^"]+)"/i.exec(tag)?.[1];
    const marked = /\sdata-view="([^"]+)"/i.exec(tag)?.[1];
    if (src !== undefined && marked !== undefined) {
      beaconScript = src;
      view = marked;
    } else if (src !== undefined) scripts.push(src);
    else if (href !== undefined && /\srel="stylesheet"/i.test(tag)) styles.push(href);
  }
  return { scripts, styles, beaconScript, view };
}

/** Whether a browser would run this answer as a module script: strict MIME checking refuses a page. */
export const runsAsScript = (status: number, contentType: string): boolean =>
  status === 200 && /\b(?:java|ecma)script\b/i.test(contentType);

/** How long an answer may be used without asking: `max-age` in milliseconds, 0 for no-cache, null for no-store. */
export function freshForMs(cacheControl: string): number | null {
  if (/\bno-store\b/i.test(cacheControl)) return null;
  if (/\bno-cache\b/i.test(cacheControl)) return 0;
  return Number(/\bmax-age=(\d+)/i.exec(cacheControl)?.[1] ?? 0) * 1000;
}
