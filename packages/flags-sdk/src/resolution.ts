import type { FlagDetails, FlagErrorCode, FlagValue } from "./values.ts";

/** An evaluation as OpenFeature has it, for servers and for pages: what is not there is left out. */
export interface Resolution<T, Code> {
  readonly value: T;
  readonly reason: string;
  readonly variant?: string;
  readonly flagMetadata?: { readonly rule: string };
  readonly errorCode?: Code;
  readonly errorMessage?: string;
}
/** `codes` are the SDK's own: each of the two brings its enumeration along. */
export function resolutionOf<T, Code>(
  details: FlagDetails<FlagValue>,
  codes: Readonly<Record<FlagErrorCode, Code>>,
): Resolution<T, Code> {
  const { value, variant, reason, rule, errorCode, errorMessage } = details;
  return {
    ...{ value: value as T, reason },
    ...(variant === null ? {} : { variant }),
    ...(rule === null ? {} : { flagMetadata: { rule } }),
    ...(errorCode ? { errorCode: codes[errorCode] } : {}),
    ...(errorMessage ? { errorMessage } : {}),
  };
}
