import { isObject } from "./read.ts";

/** A feature of Unleash in one environment, in whichever file it stands. */
export interface UnleashFeature {
  readonly name: string;
  readonly type: string;
  readonly description: string;
  readonly enabled: boolean;
  readonly tags: readonly string[];
  readonly strategies: readonly Record<string, unknown>[];
  readonly variants: readonly Record<string, unknown>[];
  readonly dependencies: readonly Record<string, unknown>[];
}

/**
 * Features and segments of what a client is given, or of an export, where strategies stand beside the features and are of one
 * environment: `environment` chooses where a file has several.
 */
export function featuresOf(
  file: unknown,
  environment: string | undefined,
): { readonly features: readonly UnleashFeature[]; readonly segments: ReadonlyMap<string, unknown> } {
  if (!isObject(file)) return { features: [], segments: new Map() };
  const segments = new Map(objects(file.segments).map((one) => [String(one.id), one]));
  const isExport = Array.isArray(file.featureStrategies) || Array.isArray(file.featureEnvironments);
  const features = objects(file.features).filter((one) => typeof one.name === "string" && one.archived !== true);
  const tags = objects(file.featureTags);
  return {
    segments,
    features: features.map((feature) => {
      const name = String(feature.name);
      const own = (list: unknown) =>
        objects(list).filter(
          (one) =>
            (one.featureName ?? one.feature ?? one.name) === name &&
            (environment === undefined || one.environment === undefined || one.environment === environment),
        );
      const [place] = isExport ? own(file.featureEnvironments) : [feature];
      const strategies = isExport ? own(file.featureStrategies).map(withStrategyName) : objects(feature.strategies);
      const dependencies = isExport
        ? own(file.dependencies).flatMap((one) => objects(one.dependencies))
        : objects(feature.dependencies);
      return {
        ...{
          name,
          type: String(feature.type ?? "release"),
          description: String(feature.description ?? "").slice(0, 1_000),
        },
        enabled: place?.enabled === true,
        tags: tags
          .filter((tag) => tag.featureName === name)
          .map((tag) => String(tag.tagValue ?? tag.value).slice(0, 40))
          .slice(0, 20),
        strategies: [...strategies].sort((a, b) => Number(a.sortOrder ?? 0) - Number(b.sortOrder ?? 0)),
        variants: objects(place?.variants ?? feature.variants),
        dependencies,
      };
    }),
  };
}

/** An export has both the feature's name and the strategy's; older ones call the latter otherwise. */
const withStrategyName = (strategy: Record<string, unknown>): Record<string, unknown> => ({
  ...strategy,
  name: strategy.strategyName ?? strategy.name,
});
const objects = (value: unknown): Record<string, unknown>[] => (Array.isArray(value) ? value.filter(isObject) : []);
