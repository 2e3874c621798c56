import { err, ok, type Result } from "../../shared/result.ts";

/** An SPDX licence expression, read. Source: SPDX 2.3, annex D. */
export type LicenceExpression =
  | { readonly kind: "licence"; readonly id: string }
  | { readonly kind: "and" | "or"; readonly of: readonly LicenceExpression[] };

/** Reads e.g. "(MIT OR Apache-2.0) AND BSD-3-Clause". AND binds more than OR; `WITH` belongs to its licence. */
export function readLicence(text: string): Result<LicenceExpression, string> {
  const tokens = text.replaceAll("(", " ( ").replaceAll(")", " ) ").split(/\s+/).filter(Boolean);
  let at = 0;
  const is = (word: string): boolean => tokens[at]?.toUpperCase() === word;
  const fail = (): Result<never, string> =>
    err(`"${text}" is no licence expression${tokens[at] ? `: "${tokens[at]}" stands where it can't` : ""}.`);

  function one(): Result<LicenceExpression, string> {
    if (is("(")) {
      at += 1;
      const inner = some("or");
      if (!inner.ok) return inner;
      if (!is(")")) return fail();
      at += 1;
      return inner;
    }
    const id = tokens[at];
    if (id === undefined || [")", "AND", "OR", "WITH"].includes(id.toUpperCase())) return fail();
    at += 1;
    if (!is("WITH")) return ok({ kind: "licence", id });
    const exception = tokens[at + 1];
    if (exception === undefined) return fail();
    at += 2;
    return ok({ kind: "licence", id: `${id} WITH ${exception}` });
  }
  function some(kind: "or" | "and"): Result<LicenceExpression, string> {
    const of: LicenceExpression[] = [];
    for (;;) {
      const next = kind === "or" ? some("and") : one();
      if (!next.ok) return next;
      of.push(next.value);
      if (!is(kind.toUpperCase())) break;
      at += 1;
    }
    const [first] = of;
    return of.length === 1 && first ? ok(first) : ok({ kind, of });
  }

  const whole = some("or");
  return !whole.ok || at === tokens.length ? whole : fail();
}

/** Whether somebody may choose so that every licence that then holds is a permitted one. */
export function isPermitted(expression: LicenceExpression, permits: (id: string) => boolean): boolean {
  if (expression.kind === "licence") return permits(expression.id);
  return expression.kind === "or"
    ? expression.of.some((one) => isPermitted(one, permits))
    : expression.of.every((one) => isPermitted(one, permits));
}
