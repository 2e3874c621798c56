import { useQuery } from "@tanstack/react-query";
import { Snowflake } from "lucide-react";
import { queries } from "../api/queries.ts";
import type { Freeze } from "../api/types.ts";
import { to } from "../paths.ts";
import { moment } from "../ui/format.ts";
import { useNow } from "../ui/now.ts";
import { A } from "../ui/Text.tsx";
import { isHolding, placeOf } from "../words.ts";

/** Says on every page that nothing goes out, where, why and until when: whoever ships must not wonder. */
export function FreezeBanner() {
  const freezes = useQuery(queries.freezes());
  const now = useNow();
  const holding = (freezes.data?.items ?? []).filter((freeze) => isHolding(freeze, now));
  return (
    <div role="status">
      {holding.length > 0 && (
        <div className="border-b border-line bg-warn-soft text-warn">
          <div className="mx-auto flex max-w-[1240px] flex-wrap items-center gap-x-3 gap-y-1 px-4 py-2 sm:px-6">
            <Snowflake size={15} aria-hidden />
            <span className="min-w-0 font-medium break-words">{wordsOf(holding)}</span>
            <A href={to.approvals()} className="underline">
              {holding.length > 1 ? `All ${holding.length} freezes` : "Look"}
            </A>
          </div>
        </div>
      )}
    </div>
  );
}

function wordsOf([first]: readonly Freeze[]): string {
  return first ? `Frozen until ${moment(first.endsAt)}: ${placeOf(first)}. ${first.reason}` : "";
}
