import { err, ok, type Result } from "../../shared/result.ts";
import { couldNotRun, counted, type GateFigure, type GateJudgement, judgeFigures } from "./judgement.ts";
import { isPermitted, readLicence } from "./licences.ts";
import { isObject, type JsonObject, listOf, objectOf, textOf } from "./unknown-json.ts";

/** A component of a software bill of materials. */
export interface Component {
  /** With its version, e.g. "react 19.1.0". */
  readonly name: string;
  /** SPDX expressions, or names where a tool knew no id. All of them hold. */
  readonly licences: readonly string[];
}

export interface LicencePolicy {
  /** Ids that may be used; null: all that are not denied. */
  readonly allow: readonly string[] | null;
  readonly deny: readonly string[];
  /** What a component without a licence comes to. */
  readonly unknown: "allow" | "fail";
  /** Components, by name without version, that somebody has looked at. */
  readonly except: readonly string[];
}

/**
 * Components of a CycloneDX document in JSON, also those that are parts of others.
 * Source: CycloneDX 1.6, `components` and `licenses`.
 */
export function readCycloneDx(report: unknown): Result<readonly Component[], string> {
  if (!isObject(report) || report.bomFormat !== "CycloneDX")
    return err('is no CycloneDX document in JSON: its bomFormat is not "CycloneDX".');
  const found: Component[] = [];
  const see = (list: unknown): void => {
    for (const one of listOf(list).map(objectOf)) {
      // A file is a part of something that has a licence of its own.
      if (one.type !== "file") found.push({ name: nameOf(one), licences: licencesOf(one) });
      see(one.components);
    }
  };
  see(report.components);
  return ok(found);
}

const nameOf = (one: JsonObject): string => {
  const name = [textOf(one.group), textOf(one.name) || "unnamed"].filter(Boolean).join("/");
  return one.version ? `${name} ${textOf(one.version)}` : name;
};

function licencesOf(one: JsonObject): string[] {
  return listOf(one.licenses)
    .map(objectOf)
    .map(
      (choice) =>
        textOf(choice.expression) || textOf(objectOf(choice.license).id) || textOf(objectOf(choice.license).name),
    )
    .filter(Boolean);
}

const lower = (ids: readonly string[]): Set<string> => new Set(ids.map((id) => id.toLowerCase()));

/**
 * Passes when every component can be used under permitted licences. A document without components could not run.
 * Ids compare without case (SPDX 2.3, annex D.2); a name that is no expression is compared whole.
 */
export function judgeLicences(components: readonly Component[], policy: LicencePolicy): GateJudgement {
  if (components.length === 0) return couldNotRun("The document has no component: nothing was checked.");
  const allow = policy.allow === null ? null : lower(policy.allow);
  const deny = lower(policy.deny);
  const except = lower(policy.except);
  const permits = (id: string): boolean =>
    !deny.has(id.toLowerCase()) && (allow === null || allow.has(id.toLowerCase()));
  const unknown: string[] = [];
  const refused: string[] = [];
  for (const { name, licences } of components) {
    if (except.has((name.split(" ")[0] ?? "").toLowerCase())) continue;
    if (licences.length === 0) unknown.push(`${name}: no licence is known`);
    const bad = licences.filter((text) => {
      const read = readLicence(text);
      return read.ok ? !isPermitted(read.value, permits) : !permits(text);
    });
    if (bad.length > 0) refused.push(`${name}: ${bad.join(", ")}`);
  }
  const figures: GateFigure[] = [
    { name: "components", value: components.length, unit: "count", limit: null, holds: true },
    { name: "refused licences", value: refused.length, unit: "count", limit: 0, holds: refused.length === 0 },
    {
      name: "without a licence",
      value: unknown.length,
      unit: "count",
      limit: policy.unknown === "fail" ? 0 : null,
      holds: policy.unknown === "allow" || unknown.length === 0,
    },
  ];
  const why = [
    ...(refused.length > 0 ? [`${counted(refused.length, "component")} under a licence that is not permitted.`] : []),
    ...(figures[2]?.holds ? [] : [`${counted(unknown.length, "component")} without a known licence.`]),
  ];
  return judgeFigures(figures, `All ${counted(components.length, "component")} may be used.`, why, [
    ...refused,
    ...unknown,
  ]);
}
