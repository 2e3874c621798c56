import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, project } from "../../../api/client.ts";
import { keys } from "../../../api/queries.ts";
import type { FlagView } from "../../../api/types.ts";
import { ReasonForm } from "../../../ui/ReasonForm.tsx";
import { ErrorPanel, Skeleton } from "../../../ui/States.tsx";
import { toast } from "../../../ui/Toasts.tsx";
import { FlagChanges } from "../FlagChanges.tsx";
import { usePropose } from "../ProposeInstead.tsx";
import type { Draft } from "./draft.ts";

/** What would change, to be read before it holds. What is wrong with the draft is said here, with its place. */
export function SaveDraft(o: { flag: FlagView; draft: Draft; onClose: () => void; onSaved: () => void }) {
  const { flag, draft } = o;
  const client = useQueryClient();
  const params = { project, flag: flag.key };
  const asked = { definition: draft, manager: "console" as const, ifVersion: flag.version };
  const q = useQuery({
    queryKey: [...keys.flag(flag.key), "difference", draft],
    queryFn: ({ signal }) => api.putFlag({ params, body: { ...asked, dryRun: true }, signal }),
    retry: false,
    gcTime: 0,
  });
  const save = useMutation({
    mutationFn: (reason: string) => api.putFlag({ params, body: { ...asked, reason } }),
    onSuccess: async () => {
      toast.done("Saved", flag.key);
      await client.invalidateQueries({ queryKey: keys.flags });
      o.onSaved();
    },
  });
  const propose = usePropose(o.onSaved);
  const places = q.data?.needsApproval ?? [];
  const go = (reason: string): void => {
    const change = { kind: "put" as const, definition: draft, manager: "console" as const };
    if (places.length > 0) propose.mutate({ of: { flag: flag.key, change }, reason });
    else save.mutate(reason);
  };
  if (q.error) return <ErrorPanel error={q.error} />;
  if (!q.data) return <Skeleton rows={3} />;
  if (q.data.changes.length === 0) return <p className="m-0">Nothing is different from what is saved.</p>;
  return (
    <ReasonForm
      press={places.length > 0 ? "Propose" : "Save"}
      cancel="Go on editing"
      busy={save.isPending || propose.isPending}
      error={save.error ?? propose.error}
      onCancel={o.onClose}
      onSubmit={go}
      note={
        places.length > 0 && (
          <p className="m-0 rounded-md bg-warn-soft px-3 py-2 text-warn">
            A second person has to agree to changes in {places.join(" and ")}: you propose it, and it holds once they
            do.
          </p>
        )
      }
    >
      <section
        aria-label="Differences"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it.
        tabIndex={0}
        className="max-h-72 overflow-y-auto rounded-md border border-line p-3"
      >
        <FlagChanges changes={q.data.changes} most={200} />
      </section>
    </ReasonForm>
  );
}
