import type { FlagSummary } from "../../api/types.ts";
import { Badge } from "../../ui/Badge.tsx";
import { HEALTH } from "./flag-words.ts";

/** Says what there is to do about a flag; nothing where there is nothing to do. */
export function HealthBadge({ flag }: { flag: FlagSummary }) {
  if (flag.health === "in_use" || flag.isArchived) return null;
  const { title, tone } = HEALTH[flag.health];
  return (
    <span title={flag.healthWords}>
      <Badge tone={tone}>{title}</Badge>
    </span>
  );
}
