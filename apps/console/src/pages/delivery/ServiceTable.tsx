import type { ReactNode } from "react";
import type { Environment, ServiceSummary } from "../../api/types.ts";
import { Sparkline } from "../../charts/Sparkline.tsx";
import { to } from "../../paths.ts";
import { milliseconds, percent, rate } from "../../ui/format.ts";
import { Empty } from "../../ui/States.tsx";
import { A, Mono } from "../../ui/Text.tsx";
import { ReleaseLabel } from "../catalog/ReleaseLabel.tsx";

/** One figure with the shape of its last minutes. */
function Figure(o: { label: string; value: string; children: ReactNode }) {
  return (
    <div className="min-w-0">
      <div className="flex items-baseline justify-between gap-2">
        <span className="text-xs text-muted">{o.label}</span>
        <span className="font-medium">{o.value}</span>
      </div>
      {o.children}
    </div>
  );
}

export function Figures({ environment: e }: { environment: Environment }) {
  const failing = (e.errorRatio ?? 0) >= 0.01;
  return (
    <div className="grid grid-cols-3 gap-x-5">
      <Figure label="Requests" value={rate(e.requestsPerSecond)}>
        <Sparkline
          values={e.recent.map((s) => s.requestsPerSecond)}
          label={`Requests, now ${rate(e.requestsPerSecond)}`}
        />
      </Figure>
      <Figure label="Failed" value={percent(e.errorRatio)}>
        <Sparkline
          values={e.recent.map((s) => s.errorRatio)}
          atLeast={0.05}
          tone={failing ? "bad" : "muted"}
          label={`Failed requests, now ${percent(e.errorRatio)}`}
        />
      </Figure>
      <Figure label="P95" value={milliseconds(e.p95Ms)}>
        <Sparkline values={e.recent.map((s) => s.p95Ms)} tone="muted" label={`P95, now ${milliseconds(e.p95Ms)}`} />
      </Figure>
    </div>
  );
}

function Row({ service, environment: e }: { service: ServiceSummary; environment: Environment }) {
  return (
    <li className="grid gap-x-6 gap-y-3 px-4 py-3 md:grid-cols-[minmax(0,11rem)_minmax(0,1fr)_minmax(0,26rem)] md:items-center">
      <div className="min-w-0">
        <A href={to.service(service.name)} className="text-base font-semibold text-ink">
          {service.name}
        </A>
        <div className="text-xs text-muted">{e.name}</div>
      </div>
      <div className="min-w-0">
        {e.serving ? <ReleaseLabel release={e.serving} /> : <span className="text-muted">serves nothing yet</span>}
        {e.rolloutId && (
          <A href={to.rollout(e.rolloutId)} className="text-xs">
            rollout under way
          </A>
        )}
      </div>
      <Figures environment={e} />
    </li>
  );
}

export function ServiceTable({ services }: { services: readonly ServiceSummary[] }) {
  if (services.length === 0) {
    return (
      <Empty title="No service yet">
        Describe one in <Mono>latchkey.config.ts</Mono> and run <Mono>npx latchkey apply</Mono>.
      </Empty>
    );
  }
  return (
    <ul className="m-0 list-none divide-y divide-line p-0">
      {services.flatMap((s) =>
        s.environments.map((e) => <Row key={`${s.name}/${e.name}`} service={s} environment={e} />),
      )}
    </ul>
  );
}
