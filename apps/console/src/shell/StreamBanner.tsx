import { WifiOff } from "lucide-react";
import { reconnect, useStreamStatus } from "../api/stream.ts";
import { Button } from "../ui/Button.tsx";
import { clock, countdown } from "../ui/format.ts";
import { useNow } from "../ui/now.ts";

/** Says that what is shown may be old, since when, and when the next try is. */
export function StreamBanner() {
  const status = useStreamStatus();
  return (
    <div role="status">
      {status.kind === "lost" && (
        <div className="border-b border-line bg-warn-soft text-warn">
          <div className="mx-auto flex max-w-[1240px] flex-wrap items-center gap-x-3 gap-y-1 px-4 py-2 sm:px-6">
            <WifiOff size={15} aria-hidden />
            <span className="min-w-0 font-medium">
              The connection to the server is lost. What you see is as it was at{" "}
              {clock(new Date(status.since).toISOString())}.
            </span>
            <span aria-hidden className="text-xs">
              <Retry at={status.retryAt} />
            </span>
            <Button size="small" onClick={reconnect}>
              Try now
            </Button>
          </div>
        </div>
      )}
    </div>
  );
}

function Retry({ at }: { at: number }) {
  const left = at - useNow();
  return left > 0 ? `Next try in ${countdown(left)}` : "Reconnecting …";
}
