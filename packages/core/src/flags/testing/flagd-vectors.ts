/**
 * The vectors of flagd's own test suite (open-feature/flagd-testbed 3.9: evaluation, targeting, fractional of versions 2 and 3,
 * semantic versions, texts, references, no default, disabled, precision): flags, who asks, and what they must get. Values only.
 */
const on = (variants: Record<string, unknown>, defaultVariant?: unknown, targeting?: unknown) => ({
  state: "ENABLED",
  variants,
  ...(defaultVariant === undefined ? {} : { defaultVariant }),
  ...(targeting === undefined ? {} : { targeting }),
});
const same = (...names: string[]) => Object.fromEntries(names.map((name) => [name, name]));
const v = (name: string) => ({ var: name });
const REF = { $ref: "is_ballmer" };
const TEMPLATE = { showImages: true, title: "Check out these pics!", imagesPerPage: 100 };
const quarters = ["clubs", "diamonds", "hearts", "spades"].map((suit) => [suit, 25]);
const suits = same("clubs", "diamonds", "hearts", "spades", "wild");
const aces = { ...same("wild"), ...Object.fromEntries(quarters.map(([suit]) => [suit, `ace-of-${suit}`])) };
const zeros = (zero: unknown, other: unknown, targeting?: unknown) =>
  on({ zero, "non-zero": other }, "zero", targeting);
const bySeed = (seed: unknown) => ({ fractional: [{ cat: [seed, v("user.name")] }, ...quarters] });
const TFF = same("true", "false", "fallback");
const semver = (operator: string, version: string) =>
  on(same("match", "no-match"), "no-match", {
    if: [{ sem_ver: [v("version"), operator, version] }, "match", "no-match"],
  });
const refs = on(same("hi", "bye", "fallback"), "fallback", { if: [REF, "hi", "bye"] });
const disabled = (variants: Record<string, unknown>, name: string) => ({
  state: "DISABLED",
  variants,
  defaultVariant: name,
});

export const FLAGD_FILE = {
  flags: {
    "boolean-flag": on({ on: true, off: false }, "on"),
    "string-flag": on({ greeting: "hi", parting: "bye" }, "greeting"),
    "integer-flag": on({ one: 1, ten: 10 }, "ten"),
    "float-flag": on({ tenth: 0.1, half: 0.5 }, "half"),
    "object-flag": on({ empty: {}, template: TEMPLATE }, "template"),
    "boolean-zero-flag": zeros(false, true),
    "string-zero-flag": zeros("", "str"),
    "integer-zero-flag": zeros(0, 1),
    "float-zero-flag": zeros(0, 1),
    "object-zero-flag": zeros({}, TEMPLATE),
    "boolean-targeted-zero-flag": zeros(false, true, { if: [REF, "zero"] }),
    "string-targeted-zero-flag": zeros("", "str", { if: [REF, "zero"] }),
    "integer-targeted-zero-flag": zeros(0, 1, { if: [REF, "zero"] }),
    "float-targeted-zero-flag": zeros(0, 1, { if: [REF, "zero"] }),
    "wrong-flag": on({ one: "uno", two: "dos" }, "one"),
    "null-default-flag": on({ on: true, off: false }, null),
    "undefined-default-flag": on({ small: 10, big: 1_000 }),
    "no-default-flag-null-targeting-variant": on({ normal: "CFO", special: "CEO" }, undefined, {
      if: [{ "==": ["jobs@orange.com", { var: ["email"] }] }, "special", null],
    }),
    "no-default-flag-undefined-targeting-variant": on({ normal: "CFO", special: "CEO" }, undefined, {
      if: [{ "==": ["jobs@orange.com", { var: ["email"] }] }, "special"],
    }),
    "metadata-flag": {
      ...on({ on: true, off: false }, "on"),
      metadata: { string: "1.0.2", integer: 2, boolean: true, float: 0.1 },
    },
    "large-integer-flag": on({ one: 1, "max-int32": 2_147_483_647 }, "max-int32"),
    "huge-integer-flag": on({ one: 1, "max-safe": 9_007_199_254_740_991 }, "max-safe"),
    "integral-float-flag": on({ tenth: 0.1, ten: 10 }, "ten"),
    "disabled-boolean-flag": disabled({ on: true, off: false }, "on"),
    "disabled-string-flag": disabled({ greeting: "hi", parting: "bye" }, "greeting"),
    "disabled-integer-flag": disabled({ one: 1, ten: 10 }, "ten"),
    "disabled-float-flag": disabled({ tenth: 0.1, half: 0.5 }, "half"),
    "disabled-object-flag": disabled({ empty: {}, template: TEMPLATE }, "template"),
    "some-email-targeted-flag": on(same("hi", "bye", "none"), "none", { if: [REF, "hi", "bye"] }),
    "some-other-email-targeted-flag": on(same("yes", "no", "none"), "none", { if: [REF, "yes", "no"] }),
    "ref-whitespace-compact-flag": refs,
    "ref-whitespace-space-after-colon-flag": refs,
    "ref-whitespace-space-around-colon-flag": refs,
    "ref-to-nonexistent-evaluator-flag": on(same("hit", "miss", "fallback"), "fallback", {
      if: [{ $ref: "nonexistent_evaluator" }, "hit", "miss"],
    }),
    "fractional-flag": on(suits, "wild", bySeed(v("$flagd.flagKey"))),
    "fractional-flag-shorthand": on(same("heads", "tails", "draw"), "draw", { fractional: [["heads"], ["tails", 1]] }),
    "fractional-single-entry-flag": on(same("single", "fallback"), "fallback", { fractional: [["single", 1]] }),
    "fractional-flag-A-shared-seed": on(suits, "wild", bySeed("shared-seed")),
    "fractional-flag-B-shared-seed": on(aces, "wild", bySeed("shared-seed")),
    "fractional-hash-edge-flag": on(same("lower", "upper"), "lower", {
      fractional: [v("targetingKey"), ["lower", 50], ["upper", 50]],
    }),
    "fractional-nested-if-flag": on(same("premium", "standard", "fallback"), "fallback", {
      fractional: [
        v("targetingKey"),
        [{ if: [{ "==": [v("tier"), "premium"] }, "premium", "standard"] }, 50],
        ["standard", 50],
      ],
    }),
    "fractional-nested-var-flag": on(same("red", "green", "blue", "fallback"), "fallback", {
      fractional: [v("targetingKey"), [v("color"), 50], ["blue", 50]],
    }),
    "fractional-nested-weight-flag": on(same("red", "blue", "fallback"), "fallback", {
      fractional: [v("targetingKey"), ["red", { if: [{ "==": [v("tier"), "premium"] }, 100, 0] }], ["blue", 10]],
    }),
    "fractional-as-condition-flag": on({ big: "hundreds", small: "ones", fallback: "zero" }, "fallback", {
      if: [
        {
          fractional: [
            [false, 0],
            [true, 100],
          ],
        },
        "big",
        "small",
      ],
    }),
    "fractional-as-condition-false-flag": on({ big: "hundreds", small: "ones", fallback: "zero" }, "fallback", {
      if: [
        {
          fractional: [
            [false, 100],
            [true, 0],
          ],
        },
        "big",
        "small",
      ],
    }),
    "fractional-null-bucket-key-flag": on(same("one", "two", "fallback"), "fallback", {
      fractional: [v("missing_key"), ["one", 50], ["two", 50]],
    }),
    "fractional-zero-weights-flag": on(same("one", "two", "fallback"), "fallback", {
      fractional: [v("targetingKey"), ["one", 0], ["two", 0]],
    }),
    "fractional-negative-weight-flag": on(same("one", "two", "fallback"), "fallback", {
      fractional: [v("targetingKey"), ["one", -50], ["two", 100]],
    }),
    "fractional-basic-flag": on(
      same("fallback", ...Array.from({ length: 25 }, (_, i) => `bucket${i + 1}`)),
      "fallback",
      { fractional: [v("hashing_input"), ...Array.from({ length: 25 }, (_, i) => [`bucket${i + 1}`, 4])] },
    ),
    "starts-ends-flag": on(same("prefix", "postfix", "none", "fail"), "none", {
      if: [
        { starts_with: [v("id"), "abc"] },
        "prefix",
        { ends_with: [v("id"), "xyz"] },
        "postfix",
        { if: [{ ends_with: [v("id"), 3] }, "fail", "none"] },
      ],
    }),
    "starts-with-non-string-flag": on(TFF, "fallback", { starts_with: [v("num"), "abc"] }),
    "ends-with-non-string-flag": on(TFF, "fallback", { ends_with: [v("num"), "xyz"] }),
    "starts-with-wrong-args-flag": on(TFF, "fallback", { starts_with: ["abc"] }),
    "ends-with-wrong-args-flag": on(TFF, "fallback", { ends_with: ["xyz"] }),
    "equal-greater-lesser-version-flag": on(same("equal", "greater", "lesser", "none", "fail"), "none", {
      if: [
        { sem_ver: [v("version"), "=", "2.0.0"] },
        "equal",
        { sem_ver: [v("version"), ">", "2.0.0"] },
        "greater",
        {
          if: [
            { sem_ver: [v("version"), "<", "2.0.0"] },
            "lesser",
            { sem_ver: [v("version"), "=", "2.0.0.0"] },
            "fail",
            "none",
          ],
        },
      ],
    }),
    "major-minor-version-flag": on(same("minor", "major", "none"), "none", {
      if: [
        { sem_ver: [v("version"), "~", "3.0.0"] },
        "minor",
        { if: [{ sem_ver: [v("version"), "^", "3.0.0"] }, "major", "none"] },
      ],
    }),
    "semver-v-prefix-flag": semver("=", "v1.0.0"),
    "semver-partial-version-flag": semver("^", "1"),
    "semver-numeric-context-flag": semver(">", "1.1"),
    "semver-build-metadata-flag": semver("=", "1.0.0+build"),
    "semver-invalid-version-flag": on(TFF, "fallback", { sem_ver: [v("version"), "=", "1.0.0"] }),
    "semver-invalid-operator-flag": on(TFF, "fallback", { sem_ver: [v("version"), "===", "1.0.0"] }),
    "semver-wrong-args-flag": on(TFF, "fallback", { sem_ver: [v("version"), "="] }),
    "timestamp-flag": on({ past: -1, future: 1, none: 0 }, "none", {
      if: [
        { ">": [v("$flagd.timestamp"), v("time")] },
        "past",
        { if: [{ "<": [v("$flagd.timestamp"), v("time")] }, "future", "none"] },
      ],
    }),
    "targeting-key-flag": on(same("miss", "hit"), "miss", {
      if: [{ "==": [v("targetingKey"), "5c3d8535-f81a-4478-a6d3-afaa4d51199e"] }, "hit", null],
    }),
    "targeting-null-variant-flag": on({ one: 1, two: 2 }, "two", { if: [true, null, "one"] }),
    "error-targeting-flag": on({ one: 1, two: 2 }, "two", { invalid: ["this is not valid targeting"] }),
    "missing-variant-targeting-flag": on({ one: 1, two: 2 }, "two", { if: [true, "three", "one"] }),
    "non-string-variant-targeting-flag": on({ false: 1, true: 2 }, "false", { if: [true, true, false] }),
    "empty-targeting-flag": on({ false: 1, true: 2 }, "false", {}),
    "targeting-null-flag": on({ one: 1, two: 2 }, "two", null),
  },
  $evaluators: { is_ballmer: { "==": ["ballmer@macrosoft.com", { var: ["email"] }] } },
} as const;
