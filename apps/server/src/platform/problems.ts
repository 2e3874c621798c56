/** Every error that the API answers, in one table: code, status, title, and what to do when nothing better is said. */
const TABLE = {
  LK_INVALID: [400, "The request is not valid", "Mend the fields that are named and ask again."],
  LK_UNAUTHENTICATED: [
    401,
    "Not signed in",
    "Sign in with a one-time link (`npx latchkey sign-in`) or send an API token.",
  ],
  LK_SIGN_IN_SPENT: [401, "This sign-in link is spent or too old", "Ask for a new one with `npx latchkey sign-in`."],
  LK_FORBIDDEN: [403, "Not allowed", "Ask an owner, or use a token with the role that this needs."],
  LK_ORIGIN: [403, "Wrong origin", "Use the console at its own address."],
  LK_NOT_FOUND: [404, "Not found", "Check the name or id."],
  LK_BUSY: [409, "Something is under way", "Wait for it to end."],
  LK_IDEMPOTENCY_REUSED: [409, "The Idempotency-Key was used for another request", "Use a new key for a new request."],
  LK_APPROVAL_OVER: [409, "It is over", "Look at what became of it: `latchkey approvals --all`."],
  LK_ROLLOUT_OVER: [409, "The rollout is over", "Ship again to start another."],
  LK_ROLLOUT_STATE: [409, "Not in this state of the rollout", "Look at what is allowed now: `latchkey rollout <id>`."],
  LK_ROLLOUT_NO_BASELINE: [409, "Nothing to go back to", "Ship a release that mends it."],
  LK_DEPLOYMENT_STATE: [
    409,
    "Not in this state of the deployment",
    "Look at how it stands: `latchkey deployment <id>`.",
  ],
  LK_NOTHING_TO_SPLIT: [409, "Nothing to split", "Look at what is known of the batch: `latchkey deployment <id>`."],
  LK_SCHEMA_CONTRACTED: [409, "The schema has gone on", "Roll forward: mend it in a new release."],
  LK_MIGRATED: [409, "Migrations have run", "Look at what ran: `latchkey migrations <service>`."],
  LK_WORKLOAD_DATABASE: [409, "The service's database does not do it", "Mend what the detail says, and ask again."],
  LK_REPOSITORY: [409, "The repository can't be read", "Mend what the detail says, and ask again."],
  LK_FLAG_CHANGED: [409, "It has been changed meanwhile", "Read it again, and make your change to what it is now."],
  LK_FLAG_MANAGED: [
    409,
    "The definition is written elsewhere",
    "Change it there; switches and rollouts work from here too.",
  ],
  LK_FLAG_APPROVAL: [
    409,
    "A second person has to agree",
    "Propose it: `--propose` on the command line, “Propose” in the console.",
  ],
  LK_FLAG_PROPOSAL: [409, "It is not yours to decide", "Look at it: `latchkey flags proposals`."],
  LK_TOO_LARGE: [413, "The body is too large", "Send at most 1 MB."],
  LK_RATE_LIMITED: [429, "Too many requests", "Wait as long as Retry-After says, and ask less often."],
  LK_TOO_MANY: [429, "Too many at once", "Wait a little and try again."],
  LK_HEAD_TOO_LARGE: [431, "Address and headers are too large", "Keep them below 16 kB together."],
  LK_TOO_SLOW: [408, "The request came too slowly", "Send it within a minute."],
  LK_INTERNAL: [
    500,
    "Something went wrong here",
    "Try again; if it stays, look up the request id in the server's log.",
  ],
  LK_UNAVAILABLE: [503, "Not available now", "Try again shortly."],
} as const satisfies Record<string, readonly [number, string, string]>;

export type ProblemCode = keyof typeof TABLE;
export interface ProblemDetails {
  readonly detail: string;
  readonly remedy?: string;
  readonly fields?: readonly { readonly field: string; readonly message: string }[];
  /** Sent as Retry-After: when asking again has a chance. */
  readonly retryAfterMs?: number;
}

export class ProblemError extends Error {
  readonly code: ProblemCode;
  readonly details: ProblemDetails;
  constructor(code: ProblemCode, details: ProblemDetails, options?: { cause?: unknown }) {
    super(details.detail, options);
    this.code = code;
    this.details = details;
  }
  get status(): number {
    return TABLE[this.code][0];
  }
  /** RFC 9457 problem details. */
  toBody(requestId: string) {
    const [status, title, remedy] = TABLE[this.code];
    const { detail, fields } = this.details;
    return {
      type: "about:blank",
      title,
      status,
      code: this.code,
      detail,
      remedy: this.details.remedy ?? remedy,
      requestId,
      ...(fields ? { fields } : {}),
    };
  }
}
