import { useInfiniteQuery, useQueries, useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { ExternalLink } from "lucide-react";
import { Tabs } from "radix-ui";
import { useState } from "react";
import { isMissing } from "../../api/client.ts";
import { queries } from "../../api/queries.ts";
import type { Service } from "../../api/types.ts";
import { type ServiceTab, to } from "../../paths.ts";
import { SERVICE_TABS } from "../../search.ts";
import { Button } from "../../ui/Button.tsx";
import { sentence } from "../../ui/format.ts";
import { Pages } from "../../ui/Pages.tsx";
import { PageHead, Section } from "../../ui/Section.tsx";
import { Empty, ErrorPanel, PageSkeleton } from "../../ui/States.tsx";
import { A, Mono } from "../../ui/Text.tsx";
import { DeploymentList } from "../delivery/DeploymentList.tsx";
import { MigrationsPanel } from "../delivery/MigrationsPanel.tsx";
import { PathPanel } from "../delivery/PathPanel.tsx";
import { PreviewsPanel } from "../delivery/PreviewsPanel.tsx";
import { type Place, RollbackDialog } from "../delivery/RollbackDialog.tsx";
import { NotFoundPage } from "../NotFoundPage.tsx";
import { ConfigurationTab } from "./ConfigurationTab.tsx";
import { EnvironmentPanel } from "./EnvironmentPanel.tsx";
import { PlanningTab } from "./PlanningTab.tsx";
import { ReleaseList } from "./ReleaseList.tsx";
import { ShipDialog } from "./ShipDialog.tsx";
import { Waivers } from "./Waivers.tsx";

function DeploymentsTab({ service }: { service: string }) {
  const q = useInfiniteQuery(queries.deployments(service));
  return (
    <Section title="Deployments" note="newest first" flush>
      <Pages
        query={q}
        empty={
          <Empty title="Never deployed">
            Press Ship, or run <Mono>npx latchkey ship {service}</Mono>.
          </Empty>
        }
      >
        {(items) => <DeploymentList items={items} />}
      </Pages>
    </Section>
  );
}

/** The top of the list, for the overview. */
function LatestDeployments({ service }: { service: string }) {
  const q = useInfiniteQuery(queries.deployments(service));
  const items = q.data?.pages[0]?.items.slice(0, 5) ?? [];
  if (items.length === 0) return null;
  return (
    <Section
      title="Latest deployments"
      actions={<A href={to.service(service, "deployments")}>All deployments</A>}
      flush
    >
      <DeploymentList items={items} />
    </Section>
  );
}

function ReleasesTab({ service }: { service: Service }) {
  const q = useInfiniteQuery(queries.releases(service.name));
  const serving = service.environments.flatMap((e) => (e.serving ? [e.serving.id] : []));
  const [back, setBack] = useState<Place | null>(null);
  const plans = useQueries({
    queries: service.environments.map((e) => queries.rollbackPlan(service.name, e.name, "")),
  });
  const served = new Map<string, string[]>();
  for (const { data } of plans)
    for (const { release, filesKept } of data?.candidates ?? [])
      if (data && filesKept && release.id !== data.serving?.id)
        served.set(release.id, [...(served.get(release.id) ?? []), data.environment]);
  return (
    <Section title="Releases" note="each one can be rolled out again" flush>
      <Pages query={q} empty={<Empty title="No release yet">Shipping builds one.</Empty>}>
        {(items) => <ReleaseList items={items} serving={serving} served={served} onBack={setBack} />}
      </Pages>
      <RollbackDialog place={back} onClose={() => setBack(null)} />
    </Section>
  );
}

const TAB =
  "-mb-px border-b-2 border-transparent px-1 pb-2 font-medium text-muted hover:text-ink data-[state=active]:border-accent data-[state=active]:text-ink";

function Body({ service }: { service: Service }) {
  const { tab = "overview" } = useSearch({ from: "/shell/services/$service" });
  const navigate = useNavigate({ from: "/services/$service" });
  const role = useQuery(queries.me()).data?.principal.role;
  const mayAct = role === "owner" || role === "deployer";
  const go = (next: string): void =>
    void navigate({
      search: (old) => ({ ...old, tab: next === "overview" ? undefined : (next as ServiceTab) }),
      replace: true,
      resetScroll: false,
    });
  return (
    <Tabs.Root value={tab} onValueChange={go}>
      <Tabs.List
        aria-label={`Parts of ${service.name}`}
        className="mb-5 flex gap-5 overflow-x-auto overflow-y-hidden border-b border-line"
      >
        {SERVICE_TABS.map((name) => (
          <Tabs.Trigger key={name} value={name} className={TAB}>
            {sentence(name)}
          </Tabs.Trigger>
        ))}
      </Tabs.List>
      <Tabs.Content value="overview" className="flex flex-col gap-8">
        <PathPanel service={service.name} />
        {service.environments.map((e) => (
          <EnvironmentPanel key={e.name} service={service.name} environment={e} />
        ))}
        <PreviewsPanel
          service={service.name}
          isOn={service.config.previews !== undefined && service.config.github !== undefined}
          mayAct={mayAct}
        />
        <MigrationsPanel service={service.name} />
        <LatestDeployments service={service.name} />
      </Tabs.Content>
      <Tabs.Content value="deployments">
        <DeploymentsTab service={service.name} />
      </Tabs.Content>
      <Tabs.Content value="releases">
        <ReleasesTab service={service} />
      </Tabs.Content>
      <Tabs.Content value="planning" className="flex flex-col gap-8">
        <PlanningTab service={service} />
      </Tabs.Content>
      <Tabs.Content value="configuration" className="flex flex-col gap-6">
        <ConfigurationTab service={service} />
        <Waivers service={service.name} />
      </Tabs.Content>
    </Tabs.Root>
  );
}

export function ServicePage() {
  const { service } = useParams({ from: "/shell/services/$service" });
  const { dialog } = useSearch({ from: "/shell/services/$service" });
  const navigate = useNavigate({ from: "/services/$service" });
  const q = useQuery(queries.service(service));
  if (isMissing(q.error)) return <NotFoundPage what="service" />;
  if (!q.data) return q.error ? <ErrorPanel error={q.error} retry={() => void q.refetch()} /> : <PageSkeleton />;
  const close = (): void =>
    void navigate({
      search: (old) => ({ ...old, dialog: undefined, environment: undefined, release: undefined }),
      replace: true,
      resetScroll: false,
    });
  return (
    <>
      <PageHead
        title={q.data.name}
        lead={q.data.description}
        actions={
          <>
            <a
              href={q.data.url}
              target="_blank"
              rel="noreferrer"
              className="link inline-flex h-8 items-center gap-1 px-2 text-sm"
            >
              Open the application <ExternalLink size={13} aria-hidden />
            </a>
            <Button
              kind="primary"
              onClick={() => void navigate({ search: (old) => ({ ...old, dialog: "ship" }), resetScroll: false })}
            >
              Ship
            </Button>
          </>
        }
      />
      <Body service={q.data} />
      <ShipDialog service={q.data} open={dialog === "ship"} onClose={close} />
    </>
  );
}
