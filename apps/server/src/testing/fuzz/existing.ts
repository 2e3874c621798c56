import type { Known } from "./value.ts";

/** What is in the installation: ids and names by kind, gathered from its own answers, so that requests reach deep. */
const KEPT_MAX = 60;
const KINDS: readonly (readonly [kind: string, form: RegExp])[] = [
  ["token", /^tok_[0-9a-f]{32}$/],
  ["release", /^rel_[0-9a-f]{32}$/],
  ["deployment", /^dep_[0-9a-f]{32}$/],
  ["rollout", /^rol_[0-9a-f]{32}$/],
  ["backup", /^bak_[0-9a-f]{32}$/],
  ["channel", /^ntc_[0-9a-f]{32}$/],
  ["rule", /^ntr_[0-9a-f]{32}$/],
  ["notification", /^ntf_[0-9a-f]{32}$/],
  ["person", /^sub_[0-9a-f]{32}$/],
  ["member", /^per_[0-9a-f]{32}$/],
  ["approval", /^apr_[0-9a-f]{32}$/],
  ["freeze", /^frz_[0-9a-f]{32}$/],
  ["flagkey", /^flk_[0-9a-f]{32}$/],
  ["correction", /^cor_[0-9a-f]{32}$/],
  ["proposal", /^flp_[0-9a-f]{32}$/],
  ["waiver", /^wai_[0-9a-f]{32}$/],
  ["subject", /^(token|deployment|rollout|service|principal|session)\/[\w-]+$/],
];
/** Of answers: what goes by its field's name. */
const FIELDS: Readonly<Record<string, string>> = { sequence: "sequence", size: "size", next: "cursor" };

export class Existing {
  readonly #found = new Map<string, (string | number)[]>();
  readonly #spared = new Set<string | number>();

  add(kind: string, value: string | number): void {
    const found = this.#found.get(kind) ?? [];
    this.#found.set(kind, found);
    if (this.#spared.has(value) || found.includes(value)) return;
    // The first stay: they are what the installation was furnished with.
    if (found.length >= KEPT_MAX) found.splice(KEPT_MAX / 2, 1);
    found.push(value);
  }

  /** Never used: whoever revokes these cuts the fuzz itself off. */
  spare(value: string): void {
    this.#spared.add(value);
    this.forget(value);
  }

  /** It is there no more. */
  forget(value: string | number): void {
    for (const found of this.#found.values()) {
      const at = found.indexOf(value);
      if (at >= 0) found.splice(at, 1);
    }
  }

  /** The n-th of its kind; something that isn't there when there is none. */
  readonly resolve = ({ kind, n }: Known): string | number => {
    const found = this.#found.get(kind) ?? [];
    return found[n % Math.max(1, found.length)] ?? `no-${kind}`;
  };

  /** Takes in what an answer tells of. */
  learn(answer: unknown): void {
    if (Array.isArray(answer)) for (const member of answer) this.learn(member);
    if (typeof answer !== "object" || answer === null || Array.isArray(answer)) return;
    for (const [name, value] of Object.entries(answer)) {
      const kind = FIELDS[name];
      if (kind && (typeof value === "string" || typeof value === "number")) this.add(kind, value);
      else if (typeof value === "string") this.#sort(value);
      else this.learn(value);
    }
  }

  #sort(value: string): void {
    const kind = KINDS.find(([, form]) => form.test(value))?.[0];
    if (kind) this.add(kind, value);
    // A sign-in link holds its secret in the fragment.
    else if (value.includes("/sign-in#")) this.add("secret", value.slice(value.indexOf("#") + 1));
  }
}
