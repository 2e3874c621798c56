import { type Change, differences } from "../shared/difference.ts";
import { type Flag, OTHERWISE, type RolloutState, type Serve } from "./model.ts";

/** A flag as it stood at a moment. */
export interface Standing {
  readonly flag: Flag;
  /** Where its rollouts stood in the environment; null where that is not known of then. */
  readonly rollouts: readonly RolloutState[] | null;
}
export type PutBack =
  /** Nothing that this environment is answered by differs. */
  | { readonly kind: "same" }
  /** It differs, and is left as it is; why, in words. */
  | { readonly kind: "left"; readonly words: string }
  | {
      readonly kind: "back";
      /** As it will be: only this environment's rules differ from now. */
      readonly flag: Flag;
      /** The environment's rollouts, where each rule that serves one will stand; null: as they stand now. */
      readonly rollouts: readonly RolloutState[] | null;
      readonly changes: readonly Change[];
      /** What is not put back with it; empty where all is. */
      readonly words: string;
    };

/** What all environments are answered by: it belongs to none of them alone. */
const SHARED = ["type", "variants", "schema", "salt", "hashVersion"] as const;

/**
 * What putting a flag back in one environment comes to: its rules, its switch and its rollouts there; every other environment
 * stays as it is. With `keepsOff`, what was switched off or killed since stays so. `then` is null for a flag that is newer.
 */
export function putBack(
  environment: string,
  now: Standing,
  then: Standing | null,
  options: { readonly keepsOff: boolean },
): PutBack {
  if (then === null) return left("it was created since: there is nothing to put it back to");
  const [rulesNow, rulesThen] = [rulesIn(now.flag, environment), rulesIn(then.flag, environment)];
  if (!rulesNow && !rulesThen) return { kind: "same" };
  const shared = SHARED.filter((field) => differences(then.flag[field], now.flag[field]).length > 0);
  if (!rulesThen) return left(`it had no rules for ${environment} then`);
  const staysOff = options.keepsOff && rulesNow !== undefined && !rulesNow.isEnabled && rulesThen.isEnabled;
  const rules = { ...rulesThen, isEnabled: rulesThen.isEnabled && !staysOff };
  const flag: Flag = { ...now.flag, environments: { ...now.flag.environments, [environment]: rules } };
  if (options.keepsOff && rules.isEnabled && losesKilled(environment, now, flag))
    return left("a rollout of it was killed since, and its rule served without one then");
  const rollouts = rolloutsBack(environment, flag, now, then, options.keepsOff);
  const path = `environments.${environment}`;
  const changes = [
    ...differences(rulesNow, rules, path),
    ...(rollouts === null
      ? []
      : differences(
          byRule(environment, flag, now.rollouts ?? []),
          byRule(environment, flag, rollouts),
          `${path}.rollouts`,
        )),
  ];
  const words = [
    ...(shared.length > 0 ? [`what all environments share stays as it is (${shared.join(", ")})`] : []),
    ...(staysOff ? ["it was switched off since, and stays off"] : []),
    ...(then.rollouts === null && servesRollout(flag, environment)
      ? ["how far its rollouts had come is not known, they stay where they are"]
      : []),
  ].join("; ");
  if (now.flag.isArchived) return changes.length > 0 || shared.length > 0 ? left("it is archived") : { kind: "same" };
  if (changes.length > 0) return { kind: "back", flag, rollouts, changes, words };
  return words !== "" && (shared.length > 0 || staysOff) ? left(words) : { kind: "same" };
}

const left = (words: string): PutBack => ({ kind: "left", words });
const rulesIn = (flag: Flag, environment: string) =>
  Object.hasOwn(flag.environments, environment) ? flag.environments[environment] : undefined;

/** The rules that serve a rollout, with where they begin. */
function served(flag: Flag, environment: string): { readonly rule: string; readonly percent: number }[] {
  const rules = rulesIn(flag, environment);
  const serves: { rule: string; serve: Serve }[] = rules
    ? [...rules.rules.map(({ id, serve }) => ({ rule: id, serve })), { rule: OTHERWISE, serve: rules.otherwise }]
    : [];
  return serves.flatMap(({ rule, serve }) => (serve.kind === "rollout" ? [{ rule, percent: serve.percent }] : []));
}
const servesRollout = (flag: Flag, environment: string) => served(flag, environment).length > 0;

/** Each rollout of the environment as it stands: without a state of its own, where the definition begins. */
function standing(environment: string, flag: Flag, states: readonly RolloutState[]): RolloutState[] {
  return served(flag, environment).map(
    ({ rule, percent }) =>
      states.find((state) => state.environment === environment && state.rule === rule) ?? {
        ...{ flag: flag.key, environment, rule, percent },
        state: "running",
      },
  );
}
const byRule = (environment: string, flag: Flag, states: readonly RolloutState[]) =>
  Object.fromEntries(
    standing(environment, flag, states).map(({ rule, percent, state }) => [rule, { percent, state }] as const),
  );

/** Whether a rollout that is killed now would be served by no rollout at all. */
function losesKilled(environment: string, now: Standing, then: Flag): boolean {
  const kept = served(then, environment).map(({ rule }) => rule);
  return standing(environment, now.flag, now.rollouts ?? []).some(
    ({ rule, state }) => state === "killed" && !kept.includes(rule),
  );
}

function rolloutsBack(
  environment: string,
  flag: Flag,
  now: Standing,
  then: Standing,
  keepsOff: boolean,
): RolloutState[] | null {
  if (then.rollouts === null) return null;
  const current = standing(environment, flag, now.rollouts ?? []);
  return standing(environment, flag, then.rollouts).map((was) => {
    const is = current.find((one) => one.rule === was.rule);
    return keepsOff && is?.state === "killed" ? is : was;
  });
}
