/** What `latchkey build-netlify` leaves in a release as site.json: all that the server needs to know of netlify.toml. */
export interface Site {
  /** As Netlify calls it: production, deploy-preview, branch-deploy, or a branch's name. */
  readonly context: string;
  readonly redirects: readonly Redirect[];
  readonly headers: readonly HeaderRule[];
  readonly functions: readonly SiteFunction[];
}

export interface Redirect {
  readonly from: string;
  readonly to: string;
  /** 200 is a rewrite: the address stays. */
  readonly status: number;
  /** Goes before files. Without it a file that is there is served. */
  readonly force: boolean;
  /** Query parameters that must be there; a value such as `:id` is taken over into `to`. */
  readonly query: Readonly<Record<string, string>>;
}

export interface HeaderRule {
  readonly for: string;
  readonly values: Readonly<Record<string, string>>;
}

export interface SiteFunction {
  readonly name: string;
  /** Relative to the release's folder. */
  readonly file: string;
  /** Answered with 202 before it has run. */
  readonly isBackground: boolean;
  /** Exports `config`: its paths are asked for at the start. */
  readonly hasConfig: boolean;
}
