import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { queries } from "../../api/queries.ts";
import { to } from "../../paths.ts";
import type { NotificationsSearch } from "../../search.ts";
import { Button } from "../../ui/Button.tsx";
import { PageHead, Section } from "../../ui/Section.tsx";
import { Empty, ErrorPanel, Skeleton } from "../../ui/States.tsx";
import { A } from "../../ui/Text.tsx";
import { ChannelDialogs, ChannelList } from "./Channels.tsx";
import { Deliveries } from "./Deliveries.tsx";
import { RuleDialogs, RuleList } from "./Rules.tsx";

export type Open = (search: Partial<{ [K in keyof NotificationsSearch]: NotificationsSearch[K] | undefined }>) => void;

export function NotificationsPage() {
  const channels = useQuery(queries.notificationChannels());
  const rules = useQuery(queries.notificationRules());
  const me = useQuery(queries.me());
  const { show, ...dialogs } = useSearch({ from: "/shell/notifications" });
  const navigate = useNavigate({ from: "/notifications" });
  const open: Open = (search) => void navigate({ search: { show, ...search }, resetScroll: false });
  const close = (): void => void navigate({ search: { show }, replace: true, resetScroll: false });
  const mayManage = me.data?.principal.role === "owner";
  const list = channels.data?.items ?? [];
  return (
    <>
      <PageHead
        title="Notifications"
        over={<A href={to.settings()}>Settings</A>}
        lead="Who is told of what, where it goes, and what did not arrive."
        actions={
          mayManage &&
          list.length > 0 && (
            <Button kind="primary" onClick={() => open({ dialog: "channel" })}>
              Add a channel
            </Button>
          )
        }
      />
      <div className="flex flex-col gap-6">
        <Section title="Channels" note="where messages go" flush>
          {channels.data ? (
            list.length > 0 ? (
              <ChannelList channels={list} mayManage={mayManage} open={open} />
            ) : (
              <Empty title="Nobody is told of anything yet">
                <p className="m-0">
                  Add a chat, a webhook or mail. With the first one comes a rule: rollbacks, failed deployments, what
                  waits for a person, and what is live.
                </p>
                {mayManage ? (
                  <Button kind="primary" className="mt-3" onClick={() => open({ dialog: "channel" })}>
                    Add a channel
                  </Button>
                ) : (
                  <p className="m-0 mt-2">An owner may do that.</p>
                )}
              </Empty>
            )
          ) : channels.error ? (
            <ErrorPanel error={channels.error} retry={() => void channels.refetch()} />
          ) : (
            <Skeleton rows={3} />
          )}
        </Section>
        {list.length > 0 && (
          <Section
            title="Rules"
            note="what is told, and when it is quiet"
            flush
            actions={
              mayManage && (
                <Button size="small" onClick={() => open({ dialog: "rule" })}>
                  New rule
                </Button>
              )
            }
          >
            {rules.data ? (
              <RuleList rules={rules.data.items} channels={list} mayManage={mayManage} open={open} />
            ) : rules.error ? (
              <ErrorPanel error={rules.error} retry={() => void rules.refetch()} />
            ) : (
              <Skeleton rows={3} />
            )}
          </Section>
        )}
        {list.length > 0 && <Deliveries show={show} onShow={(next) => open({ show: next })} mayManage={mayManage} />}
      </div>
      {mayManage && <ChannelDialogs search={dialogs} channels={list} close={close} />}
      {mayManage && <RuleDialogs search={dialogs} rules={rules.data?.items ?? []} channels={list} close={close} />}
    </>
  );
}
