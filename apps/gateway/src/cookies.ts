/** The visitor's pseudonym, for counting users; says nothing about a person. */
export const VISITOR_COOKIE = "lk_visitor";
/** The release that the visitor's pages come from. */
export const ARM_COOKIE = "lk_arm";
const YEAR_SECONDS = 31_536_000;

/** A visitor's place: which release of which deployment, and the ticket in [0, 1) that put them there. */
export interface Sticky {
  readonly deploymentId: string;
  readonly releaseId: string;
  readonly ticket: number;
}

const TICKETS = 1_000_000;

/** One cookie's value out of a Cookie header; the first one wins (RFC 6265, 5.4), null when absent. */
export function readCookie(header: string | undefined, name: string): string | null {
  if (header === undefined) return null;
  for (const part of header.split(";")) {
    const at = part.indexOf("=");
    if (at > 0 && part.slice(0, at).trim() === name) return part.slice(at + 1).trim();
  }
  return null;
}

/** A ticket at the resolution that the cookie keeps. */
export function roundTicket(ticket: number): number {
  return Math.min(TICKETS - 1, Math.max(0, Math.floor(ticket * TICKETS))) / TICKETS;
}

export function encodeSticky(sticky: Sticky): string {
  const ticket = Math.round(sticky.ticket * TICKETS).toString(36);
  return [encodeURIComponent(sticky.deploymentId), encodeURIComponent(sticky.releaseId), ticket].join("!");
}

/** The place in a cookie value, or null when it is not one of ours: a visitor can write anything there. */
export function decodeSticky(value: string | null): Sticky | null {
  const [deployment, release, ticket, ...more] = value?.split("!") ?? [];
  if (!deployment || !release || !ticket || more.length > 0 || !/^[0-9a-z]{1,4}$/.test(ticket)) return null;
  const number = Number.parseInt(ticket, 36) / TICKETS;
  if (!(number >= 0 && number < 1)) return null;
  try {
    return { deploymentId: decodeURIComponent(deployment), releaseId: decodeURIComponent(release), ticket: number };
  } catch {
    return null;
  }
}

/** A visitor id of our own making, or null. */
export function validVisitor(value: string | null): string | null {
  return value !== null && /^[0-9a-f-]{36}$/.test(value) ? value : null;
}

export function setCookie(name: string, value: string, secure: boolean): string {
  return `${name}=${value}; Path=/; Max-Age=${YEAR_SECONDS}; HttpOnly; SameSite=Lax${secure ? "; Secure" : ""}`;
}
