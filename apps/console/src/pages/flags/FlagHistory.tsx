import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { api, project } from "../../api/client.ts";
import { keys, queries } from "../../api/queries.ts";
import type { FlagVersion, FlagView } from "../../api/types.ts";
import { Button } from "../../ui/Button.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { Pages } from "../../ui/Pages.tsx";
import { ReasonForm } from "../../ui/ReasonForm.tsx";
import { Section } from "../../ui/Section.tsx";
import { Empty } from "../../ui/States.tsx";
import { Ago } from "../../ui/Text.tsx";
import { toast } from "../../ui/Toasts.tsx";
import { FlagChanges } from "./FlagChanges.tsx";
import { Refusal } from "./ProposeInstead.tsx";

const VERBS: Record<FlagVersion["verb"], string> = {
  created: "Created",
  changed: "Changed",
  switched: "Switched",
  rollout: "Rollout moved",
  archived: "Archived",
  unarchived: "Taken out of the archive",
  restored: "Put back",
};
const CHANGES_SHOWN = 8;
function Restore({ flag, version, onClose }: { flag: FlagView; version: number; onClose: () => void }) {
  const client = useQueryClient();
  const restore = useMutation({
    mutationFn: (reason: string) => api.restoreFlag({ params: { project, flag: flag.key }, body: { version, reason } }),
    onSuccess: async () => {
      toast.done("Put back", `${flag.key}, as it was at version ${version}`);
      onClose();
      await client.invalidateQueries({ queryKey: keys.flags });
    },
  });
  return (
    <ReasonForm
      press="Put it back"
      busy={restore.isPending}
      error={restore.error}
      refusal={(error, reason) => (
        <Refusal
          error={error}
          of={{ flag: flag.key, change: { kind: "restore", version } }}
          reason={reason}
          onDone={onClose}
        />
      )}
      onCancel={onClose}
      onSubmit={(reason) => restore.mutate(reason)}
    />
  );
}

/** What was changed, by whom and why; and back to any of it. */
export function FlagHistory({ flag, mayWrite }: { flag: FlagView; mayWrite: boolean }) {
  const q = useInfiniteQuery(queries.flagVersions(flag.key));
  const { restore } = useSearch({ from: "/shell/flags/$flag" });
  const navigate = useNavigate({ from: "/flags/$flag" });
  const set = (version: number | undefined): void =>
    void navigate({ search: (old) => ({ ...old, restore: version }), resetScroll: false });
  return (
    <Section title="History" flush>
      <Pages query={q} empty={<Empty title="Nothing was changed yet" />}>
        {(items) => (
          <ul className="m-0 list-none divide-y divide-line p-0">
            {items.map((v) => (
              <li key={v.version} className="flex flex-wrap items-start gap-x-4 gap-y-1 px-4 py-2.5">
                <div className="min-w-0 flex-1 basis-56">
                  <span className="font-medium">
                    {VERBS[v.verb]} <span className="font-normal text-muted">version {v.version}</span>
                  </span>
                  <span className="block text-xs break-words text-muted">
                    {v.approvedBy ? `${v.by}, agreed by ${v.approvedBy}` : v.by}, <Ago at={v.at} />: {v.reason}
                  </span>
                  {v.verb !== "created" && <FlagChanges changes={v.changes} most={CHANGES_SHOWN} />}
                </div>
                {mayWrite && v.version !== flag.version && flag.manager === "console" && (
                  <Button
                    size="small"
                    onClick={() => set(v.version)}
                    aria-label={`Put back as it was at version ${v.version}`}
                  >
                    Put back
                  </Button>
                )}
              </li>
            ))}
          </ul>
        )}
      </Pages>
      <Dialog
        open={restore !== undefined}
        onClose={() => set(undefined)}
        title={`Put back version ${restore}?`}
        description="Its definition and its switches as they were then. That is a change of its own, and can be undone."
      >
        {restore !== undefined && <Restore flag={flag} version={restore} onClose={() => set(undefined)} />}
      </Dialog>
    </Section>
  );
}
