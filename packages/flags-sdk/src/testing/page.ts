import { OpenFeature } from "@openfeature/web-sdk";
import { createElement } from "react";
import { createRoot } from "react-dom/client";
import { LatchkeyWebProvider } from "../openfeature-web.ts";
import { FlagsProvider, useFlag } from "../react.ts";
import type { FlagRef } from "../values.ts";
import { openWebFlags } from "../web.ts";

/** A page with flags, for the tests: what it shows is what they look at. */
interface Window {
  readonly settings: { readonly url: string; readonly key: string; readonly user: string };
  readonly document: { getElementById(id: string): unknown };
  paints: string[];
  flags: unknown;
  openFeature: unknown;
}
const here = globalThis as unknown as Window;
const { url, key, user } = here.settings;
const colour: FlagRef<string> = { key: "colour", fallback: "red" };
const form: FlagRef<boolean> = { key: "form", fallback: false };
const inner: FlagRef<boolean> = { key: "inner", fallback: false };

const flags = openWebFlags({ url, key, context: { targetingKey: user }, initial: { colour: "white" } });
here.flags = flags;
here.paints = [];

function Shown() {
  const words = `${useFlag(colour)}, ${useFlag(form) ? "new" : "old"} form, ${useFlag(inner) ? "inner" : "not inner"}`;
  here.paints.push(words);
  return createElement("p", null, words);
}
createRoot(here.document.getElementById("root") as never).render(
  createElement(FlagsProvider, { flags }, createElement(Shown)),
);

const heard: string[] = [];
const client = OpenFeature.getClient();
for (const event of ["PROVIDER_READY", "PROVIDER_STALE", "PROVIDER_CONFIGURATION_CHANGED", "PROVIDER_ERROR"] as const)
  client.addHandler(event as never, () => void heard.push(event));
here.openFeature = {
  heard,
  set: () =>
    OpenFeature.setProviderAndWait(new LatchkeyWebProvider(openWebFlags({ url, key, keep: false, reports: false })), {
      targetingKey: user,
    }),
  colour: () => client.getStringDetails("colour", "red"),
  own: () => client.getBooleanDetails("own-value", true),
  wrong: () => client.getBooleanDetails("colour", true),
  become: (targetingKey: string) => OpenFeature.setContext({ targetingKey }),
};
