import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, project, wordsOf } from "../../api/client.ts";
import { keys, queries } from "../../api/queries.ts";
import type { Waiver } from "../../api/types.ts";
import { Badge } from "../../ui/Badge.tsx";
import { Button } from "../../ui/Button.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { day } from "../../ui/format.ts";
import { Pages } from "../../ui/Pages.tsx";
import { Section } from "../../ui/Section.tsx";
import { toast } from "../../ui/Toasts.tsx";

function Row({ waiver: w, onRevoke }: { waiver: Waiver; onRevoke: () => void }) {
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-1 px-4 py-2.5">
      <div className="min-w-0 flex-1 basis-64">
        <span className="flex flex-wrap items-center gap-2">
          <Badge tone={w.isInForce ? "warn" : "calm"}>
            {w.isInForce ? "In force" : w.revokedAt ? "Taken back" : "Ended"}
          </Badge>
          <span className="font-medium break-words">{w.gate}</span>
        </span>
        <span className="mt-0.5 block text-xs break-words text-muted">
          by {w.waivedBy} until {day(w.until)}
          {w.couldNotRun && ", also where nothing was checked"}: {w.reason}
        </span>
      </div>
      {w.isInForce && (
        <Button size="small" onClick={onRevoke} aria-label={`Take back the waiver of ${w.gate}`}>
          Take back…
        </Button>
      )}
    </li>
  );
}

/** Who lets which gate of a service stand, why and until when; an owner takes it back. */
export function Waivers({ service }: { service: string }) {
  const client = useQueryClient();
  const [asked, setAsked] = useState<Waiver | null>(null);
  const revoke = useMutation({
    mutationFn: (waiverId: string) => api.revokeWaiver({ params: { project, service, waiverId } }),
    onSuccess: async () => {
      toast.done("Taken back", "The gate counts again from now on.");
      setAsked(null);
      await client.invalidateQueries({ queryKey: keys.waivers(service) });
    },
    onError: (error) => toast.failed("The waiver still holds", wordsOf(error)),
  });
  return (
    <Section title="Waivers" note="gates that somebody lets stand, newest first" flush>
      <Pages
        query={useInfiniteQuery(queries.waivers(service))}
        empty={<p className="m-0 px-4 py-3 text-muted">No gate was ever waived.</p>}
      >
        {(items) => (
          <ul className="m-0 list-none divide-y divide-line p-0">
            {items.map((w) => (
              <Row key={w.id} waiver={w} onRevoke={() => setAsked(w)} />
            ))}
          </ul>
        )}
      </Pages>
      <Dialog
        open={asked !== null}
        onClose={() => setAsked(null)}
        title={`Take the waiver of “${asked?.gate ?? ""}” back?`}
        description="The gate counts again for every deployment that has not passed it. It is kept in the ledger with your name."
      >
        <div className="flex justify-end gap-2">
          <Button onClick={() => setAsked(null)}>Cancel</Button>
          <Button kind="danger" busy={revoke.isPending} onClick={() => asked && revoke.mutate(asked.id)}>
            Take it back
          </Button>
        </div>
      </Dialog>
    </Section>
  );
}
