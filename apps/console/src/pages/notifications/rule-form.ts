import type { Client } from "@latchkey/api/client";
import type { QuietHours } from "@latchkey/core/catalog/notifications/quiet-hours";
import type { Weekday } from "@latchkey/core/shared/zone";
import type { NotificationRule } from "../../api/types.ts";

/** What is typed into the form of a rule. */
export interface RuleForm {
  readonly name: string;
  readonly enabled: boolean;
  readonly types: string;
  readonly services: string;
  readonly environments: string;
  readonly outcomes: readonly NotificationRule["outcomes"][number][];
  readonly channelIds: readonly string[];
  readonly severity: NotificationRule["severity"];
  readonly isQuiet: boolean;
  readonly timeZone: string;
  readonly days: readonly Weekday[];
  readonly from: string;
  readonly to: string;
}
export type RuleBody = Parameters<Client["createNotificationRule"]>[0]["body"];

const listOf = (text: string): string[] => text.split(/[\s,]+/).filter((part) => part !== "");

export function formOf(rule: NotificationRule | null, channelIds: readonly string[], timeZone: string): RuleForm {
  const quiet = rule?.quietHours ?? null;
  return {
    name: rule?.name ?? "",
    enabled: rule?.enabled ?? true,
    types: rule?.types.join(", ") ?? "",
    services: rule?.services.join(", ") ?? "",
    environments: rule?.environments.join(", ") ?? "",
    outcomes: rule?.outcomes ?? ["waiting", "promoted", "rolled_back", "failed"],
    channelIds: rule?.channelIds ?? channelIds,
    severity: rule?.severity ?? "auto",
    isQuiet: quiet !== null,
    timeZone: quiet?.timeZone ?? timeZone,
    days: quiet?.days ?? ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
    from: quiet?.from ?? "22:00",
    to: quiet?.to ?? "07:00",
  };
}

/** Null while there are none, or while they are not whole. */
export function quietOf(form: RuleForm): QuietHours | null {
  const isWhole = form.days.length > 0 && form.timeZone.trim() !== "" && form.from !== "" && form.to !== "";
  if (!form.isQuiet || !isWhole) return null;
  return { timeZone: form.timeZone.trim(), days: form.days, from: form.from, to: form.to };
}

/** What is still missing, by field. */
export function ruleMistakes(form: RuleForm): Partial<Record<"name" | "channelIds" | "quietHours", string>> {
  return {
    ...(form.name.trim() === "" ? { name: "Give it a name." } : {}),
    ...(form.channelIds.length === 0 ? { channelIds: "Choose at least one." } : {}),
    ...(form.isQuiet && quietOf(form) === null ? { quietHours: "Choose days, times and a time zone." } : {}),
  };
}

export function bodyOf(form: RuleForm): RuleBody {
  const quiet = quietOf(form);
  return {
    name: form.name.trim(),
    enabled: form.enabled,
    types: listOf(form.types),
    services: listOf(form.services),
    environments: listOf(form.environments),
    outcomes: [...form.outcomes],
    channelIds: [...form.channelIds],
    severity: form.severity,
    quietHours: quiet && { ...quiet, days: [...quiet.days] },
  };
}
