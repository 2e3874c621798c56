import { variantWords } from "@latchkey/core/flags/words";
import type { FlagServe } from "../../api/types.ts";
import { Badge } from "../../ui/Badge.tsx";

/** What flagd's targeting decides, as it was written. */
export function LogicShown({ serve }: { serve: Extract<FlagServe, { kind: "logic" }> }) {
  const isEmpty = Object.keys(serve.logic).length === 0;
  return (
    <div className="flex min-w-0 flex-col items-start gap-1">
      <Badge tone="calm">flagd logic</Badge>
      {!isEmpty && (
        <details className="w-full min-w-0 text-xs">
          <summary>Show it</summary>
          {/* Its own scrolling, by keyboard too: logic may be long. */}
          <section
            // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
            tabIndex={0}
            aria-label="flagd logic"
            className="max-h-60 overflow-auto rounded-md bg-sunken p-2"
          >
            <pre className="m-0">{JSON.stringify(serve.logic, null, 2)}</pre>
          </section>
        </details>
      )}
      <span className="text-xs text-muted">
        {isEmpty ? "" : "Where it answers nothing: "}
        {variantWords(serve.variant)}
      </span>
    </div>
  );
}
