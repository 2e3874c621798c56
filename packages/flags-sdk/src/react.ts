import {
  createContext,
  createElement,
  type ReactNode,
  useCallback,
  useContext,
  useEffect,
  useSyncExternalStore,
} from "react";
import type { FlagRef, FlagValue } from "./values.ts";
import type { WebFlags } from "./web.ts";

/** What the hooks need of a page's flags, whatever types they have. */
type OfPage = Pick<WebFlags, "peek" | "expose" | "on">;
const Given = createContext<OfPage | null>(null);

/** Gives the flags to everything below. */
export function FlagsProvider(props: { readonly flags: OfPage; readonly children?: ReactNode }) {
  return createElement(Given.Provider, { value: props.flags }, props.children);
}

/**
 * The value of a flag; renders anew when it changes. Without a provider above it is the fallback. Who sees the component is told to
 * the server once, where a share decided.
 */
export function useFlag<V>(flag: FlagRef<V>): V {
  const flags = useContext(Given);
  const { key, fallback } = flag;
  const subscribe = useCallback((listener: () => void) => flags?.on("change", listener) ?? (() => {}), [flags]);
  // An object of type `json` is the same one until it changes, as useSyncExternalStore needs it.
  const now = () => (flags ? flags.peek(key, fallback as FlagValue).value : fallback);
  const value = useSyncExternalStore(subscribe, now, () => fallback);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another value is another exposure.
  useEffect(() => flags?.expose(key), [flags, key, value]);
  return value as V;
}
