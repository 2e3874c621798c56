/** Who asks for a flag of `FLAGD_FILE`, with which value in the code, and what they must get. */
export interface FlagdCase {
  readonly flag: string;
  readonly context: Readonly<Record<string, unknown>>;
  /** The value in the code. */
  readonly byCode: unknown;
  readonly value: unknown;
  readonly reason?: string;
  readonly errorCode?: string;
  /** Only with this hashing; else with both. */
  readonly only?: "flagd-2" | "flagd-3";
}
type More = Partial<Pick<FlagdCase, "reason" | "errorCode" | "only">>;
type Row = readonly [input: unknown, value: unknown];

const cases: FlagdCase[] = [];
/** Cases of one flag: the attribute (a path with dots) has the input of each row; undefined is left out. */
function add(flag: string, attribute: string, byCode: unknown, rows: readonly Row[], more: More = {}): void {
  for (const [input, value] of rows) {
    const path = attribute.split(".").reverse();
    const context = input === undefined ? {} : path.reduce<unknown>((inner, name) => ({ [name]: inner }), input);
    cases.push({ flag, context: context as Record<string, unknown>, byCode, value, ...more });
  }
}
const V2 = { only: "flagd-2" } as const;
const V3 = { only: "flagd-3" } as const;
const STATIC = { reason: "STATIC" };
const DEFAULT = { reason: "DEFAULT" };
const MATCH = { reason: "TARGETING_MATCH" };
const TEMPLATE = { showImages: true, title: "Check out these pics!", imagesPerPage: 100 };

add("boolean-flag", "", false, [[undefined, true]], STATIC);
add("string-flag", "", "bye", [[undefined, "hi"]], STATIC);
add("integer-flag", "", 1, [[undefined, 10]], STATIC);
add("float-flag", "", 0.1, [[undefined, 0.5]], STATIC);
add("object-flag", "", {}, [[undefined, TEMPLATE]], STATIC);
for (const [type, zero, other] of [
  ["boolean", false, true],
  ["string", "", "hi"],
  ["integer", 0, 1],
  ["float", 0, 0.1],
  ["object", {}, { a: 1 }],
] as const) {
  add(`${type}-zero-flag`, "", other, [[undefined, zero]], STATIC);
  if (type === "object") continue;
  add(`${type}-targeted-zero-flag`, "email", other, [["ballmer@macrosoft.com", zero]], MATCH);
  add(`${type}-targeted-zero-flag`, "email", other, [["ballmer@none.com", zero]], DEFAULT);
}
for (const [type, byCode] of [
  ["boolean", false],
  ["string", "bye"],
  ["integer", 1],
  ["float", 0.1],
  ["object", {}],
] as const)
  add(`disabled-${type}-flag`, "", byCode, [[undefined, byCode]], { reason: "DISABLED" });
add("null-default-flag", "email", true, [["", true]], DEFAULT);
add("null-default-flag", "email", false, [["", false]], DEFAULT);
add("undefined-default-flag", "email", 100, [["", 100]], DEFAULT);
for (const name of ["Inventor", "Founder"])
  add("no-default-flag-null-targeting-variant", "email", name, [["wozniak@orange.com", name]], DEFAULT);
add("no-default-flag-null-targeting-variant", "email", "CEO", [["jobs@orange.com", "CEO"]], MATCH);
add("no-default-flag-undefined-targeting-variant", "email", "Retired", [["wozniak@orange.com", "Retired"]], DEFAULT);
add("large-integer-flag", "", 1, [[undefined, 2_147_483_647]], STATIC);
add("huge-integer-flag", "", 1, [[undefined, 9_007_199_254_740_991]], STATIC);
add("integral-float-flag", "", 0.1, [[undefined, 10]], STATIC);
add("missing-flag", "", "uh-oh", [[undefined, "uh-oh"]], { errorCode: "FLAG_NOT_FOUND" });

add("some-email-targeted-flag", "email", "fallback", [["ballmer@macrosoft.com", "hi"]]);
add("some-other-email-targeted-flag", "email", "fallback", [["ballmer@macrosoft.com", "yes"]]);
for (const gap of ["compact", "space-after-colon", "space-around-colon"])
  add(
    `ref-whitespace-${gap}-flag`,
    "email",
    "fallback",
    [
      ["ballmer@macrosoft.com", "hi"],
      ["user@example.com", "bye"],
    ],
    MATCH,
  );
add("ref-to-nonexistent-evaluator-flag", "", "fallback", [[undefined, "fallback"]], { errorCode: "PARSE_ERROR" });

const NAME = "user.name";
add(
  "fractional-flag",
  NAME,
  "fallback",
  [
    ["jack", "hearts"],
    ["queen", "spades"],
    ["ten", "clubs"],
    ["nine", "diamonds"],
    [3, "clubs"],
  ],
  V2,
);
add(
  "fractional-flag",
  NAME,
  "fallback",
  [
    ["jack", "diamonds"],
    ["queen", "diamonds"],
    ["ten", "clubs"],
    ["nine", "clubs"],
    [3, "spades"],
  ],
  V3,
);
add(
  "fractional-flag-shorthand",
  "targetingKey",
  "fallback",
  [
    ["jon@company.com", "heads"],
    ["jane@company.com", "tails"],
  ],
  V2,
);
add(
  "fractional-flag-shorthand",
  "targetingKey",
  "fallback",
  [
    ["jon@company.com", "tails"],
    ["jane@company.com", "tails"],
  ],
  V3,
);
add(
  "fractional-flag-shorthand",
  "targetingKey",
  "draw",
  [
    ["user-1", "heads"],
    ["user-2", "tails"],
    ["user-3", "heads"],
  ],
  V3,
);
add("fractional-flag-shorthand", "irrelevant", "fallback", [["none", "draw"]], { ...DEFAULT, ...V3 });
add(
  "fractional-flag-shorthand",
  "targetingKey",
  "fallback",
  [
    [12_345, "draw"],
    [true, "draw"],
  ],
  { ...DEFAULT, ...V3 },
);
add("fractional-single-entry-flag", "targetingKey", "fallback", [["some-targeting-key", "single"]]);
const [TWO, THREE] = [
  ["hearts", "diamonds", "clubs", "spades"],
  ["hearts", "hearts", "diamonds", "diamonds"],
];
for (const [suits, only] of [
  [TWO, V2],
  [THREE, V3],
] as const)
  ["seven", "eight", "nine", "two"].forEach((name, i) => {
    add("fractional-flag-A-shared-seed", NAME, "fallback", [[name, suits[i]]], only);
    add("fractional-flag-B-shared-seed", NAME, "fallback", [[name, `ace-of-${suits[i]}`]], only);
  });
const edges: Row[] = [
  ["ejOoVL", "lower"],
  ["bY9fO-", "lower"],
  ["SI7p-", "lower"],
  ["6LvT0", "upper"],
  ["ceQdGm", "upper"],
];
add("fractional-hash-edge-flag", "targetingKey", "fallback", edges, V2);
const two = (flag: string, attribute: string, rows: readonly (readonly [string, string, string])[]): void => {
  for (const [targetingKey, input, value] of rows)
    cases.push({ flag, context: { targetingKey, [attribute]: input }, byCode: "fallback", value, ...V2 });
};
const [JON, USER] = ["jon@company.com", "user1"];
two("fractional-nested-if-flag", "tier", [
  [JON, "premium", "premium"],
  [JON, "basic", "standard"],
  [USER, "premium", "standard"],
  [USER, "basic", "standard"],
]);
two("fractional-nested-var-flag", "color", [
  [JON, "red", "red"],
  [JON, "green", "green"],
  [USER, "red", "blue"],
  [JON, "yellow", "fallback"],
  [JON, "", "fallback"],
]);
two("fractional-nested-weight-flag", "tier", [
  [JON, "premium", "red"],
  [JON, "basic", "blue"],
  [USER, "premium", "red"],
  [USER, "basic", "blue"],
]);
add("fractional-as-condition-flag", "targetingKey", "zero", [["some-targeting-key", "hundreds"]]);
add("fractional-as-condition-false-flag", "targetingKey", "zero", [["some-targeting-key", "ones"]]);
add("fractional-null-bucket-key-flag", "", "wrong", [[undefined, "fallback"]], DEFAULT);
add("fractional-zero-weights-flag", "targetingKey", "wrong", [["any-user", "fallback"]], DEFAULT);
add("fractional-negative-weight-flag", "targetingKey", "wrong", [["any-user", "two"]]);

add("starts-ends-flag", "id", "fallback", [
  ["abcdef", "prefix"],
  ["uvwxyz", "postfix"],
  ["abcxyz", "prefix"],
  ["lmnopq", "none"],
  ["3", "none"],
]);
for (const edge of ["starts", "ends"]) {
  add(`${edge}-with-non-string-flag`, "num", "wrong", [[123, "fallback"]], DEFAULT);
  add(`${edge}-with-wrong-args-flag`, "", "wrong", [[undefined, "fallback"]], DEFAULT);
}
add("equal-greater-lesser-version-flag", "version", "fallback", [
  ["2.0.0", "equal"],
  ["2.1.0", "greater"],
  ["1.9.0", "lesser"],
  ["2.0.0-alpha", "lesser"],
  ["2.0.0.0", "none"],
]);
add("major-minor-version-flag", "version", "fallback", [
  ["3.0.1", "minor"],
  ["3.1.0", "major"],
  ["4.0.0", "none"],
]);
const matches = (flag: string, inputs: readonly unknown[], others: readonly unknown[]): void =>
  add(flag, "version", "fallback", [
    ...inputs.map((one): Row => [one, "match"]),
    ...others.map((one): Row => [one, "no-match"]),
  ]);
matches("semver-v-prefix-flag", ["1.0.0", "v1.0.0", "V1.0.0"], ["2.0.0"]);
matches("semver-partial-version-flag", ["1.5.0", "1.0.0", "1.0", "1", 1, 1.2], ["2.0.0"]);
matches("semver-numeric-context-flag", [1.2, 2, "1.2"], [1.1, 1]);
matches("semver-build-metadata-flag", ["1.0.0", "1.0.0+other"], ["2.0.0"]);
add("semver-invalid-version-flag", "version", "wrong", [["not-a-version", "fallback"]], DEFAULT);
add("semver-invalid-operator-flag", "version", "wrong", [["1.0.0", "fallback"]], DEFAULT);
add("semver-wrong-args-flag", "version", "wrong", [["1.0.0", "fallback"]], DEFAULT);
add("timestamp-flag", "time", 0, [
  [1, -1],
  [4_133_980_802, 1],
]);
add("targeting-key-flag", "targetingKey", "fallback", [["5c3d8535-f81a-4478-a6d3-afaa4d51199e", "hit"]], MATCH);
add("targeting-key-flag", "targetingKey", "fallback", [["f20bd32d-703b-48b6-bc8e-79d53c85134a", "miss"]], DEFAULT);
add("targeting-null-variant-flag", "", 3, [[undefined, 2]]);
add("error-targeting-flag", "", 3, [[undefined, 3]], { errorCode: "PARSE_ERROR" });
add("missing-variant-targeting-flag", "", 3, [[undefined, 3]], { errorCode: "GENERAL" });
add("non-string-variant-targeting-flag", "", 3, [[undefined, 2]]);
add("empty-targeting-flag", "", 3, [[undefined, 1]]);
add("targeting-null-flag", "", 3, [[undefined, 2]]);

/** Values of every kind, hashed as CBOR: which of 25 buckets they fall into. */
const hashed = (...rows: readonly (readonly [input: unknown, bucket: number])[]): void =>
  add(
    "fractional-basic-flag",
    "hashing_input",
    "fallback",
    rows.map(([input, n]): Row => [input, `bucket${n}`]),
    V3,
  );
hashed([true, 5], [false, 1], ["user1", 22], ["user2", 16], [123, 20], [456, 12], [1.23, 14], [4.56, 18], ["123", 22]);
hashed(["true", 24], ["false", 1], ["null", 8], ["1.23", 4], [0, 8], [1, 23], [1.0, 23], [-2, 12]);
hashed([9_007_199_254_740_992, 10], [-0, 8], [2_147_483_647, 10], [2_147_483_648, 25], [-2_147_483_648, 8]);
hashed([-2_147_483_649, 18], [9_007_199_254_740_991, 2], [23, 21], [24, 11], [255, 13], [256, 13], [65_535, 4]);
hashed([65_536, 11], [4_294_967_295, 14], [4_294_967_296, 19], [-24, 4], [-25, 16], [1e20, 19], [-1e20, 25]);
hashed(
  [65_504, 16],
  [-65_504, 9],
  [0.00006103515625, 22],
  [0.000000059604644775390625, 23],
  [65_505, 17],
  [-65_505, 17],
);
hashed(
  [3.4028234663852886e38, 10],
  [-3.4028234663852886e38, 3],
  [1.1754943508222875e-38, 24],
  [3.5e38, 1],
  [-3.5e38, 6],
);
hashed([1.7976931348623157e308, 17], [-1.7976931348623157e308, 9], [2.2250738585072014e-308, 11], [5e-324, 2]);
hashed([{ a: 1, b: 2 }, 23], [{ b: 2, a: 1 }, 23], [{ a: 1, b: 2, c: 3 }, 18], [{ c: 3, a: 1, b: 2 }, 18]);
hashed([{ z: 1, aa: 2 }, 21], [{ aa: 2, z: 1 }, 21], [{ a: { b: 1 }, b: 2 }, 9], [{ b: 2, a: { b: 1 } }, 9]);
hashed([{ a: true, bbb: 1, c: "text", dddd: 2.5 }, 25], [{ c: "text", bbb: 1, a: true, dddd: 2.5 }, 25]);
hashed([{ aaa: 1, ÿ: 2 }, 12], [{ ÿ: 2, aaa: 1 }, 12], [{ "": 2, abc: 1 }, 25], [{ key: -0 }, 10], [{ key: 0 }, 10]);
hashed(
  [{ b: -0, a: { b: 1 }, c: 0 }, 8],
  [{ c: 0, b: -0, a: { b: 1 } }, 8],
  [{ café: "façade", b: { résumé: { ÿ: true } } }, 22],
);
hashed(
  [{}, 3],
  [{ a: {} }, 20],
  [{ b: 2, a: {} }, 20],
  [{ a: {}, b: {} }, 21],
  [{ a: {}, b: [] }, 7],
  [{ c: 0, a: [] }, 18],
);
hashed(
  [{ c: 0, b: -0, a: { b: [] } }, 9],
  [{ a: [] }, 12],
  [{ a: [1, [], 3], b: null }, 3],
  [{ a: ["a", "b", {}], b: [1, null, 2] }, 23],
);
hashed(
  [{ a: [1, "two", true, [], null] }, 23],
  [{ a: [false, 2.5, ""], b: [], c: null }, 15],
  [{ x: [{ a: 1 }, { b: 2 }, { b: null }] }, 3],
);
hashed(
  [{ x: [{ a: { b: [] } }] }, 16],
  [{ x: [{ a: { b: null } }] }, 6],
  [{ x: [{ a: { b: {} } }] }, 2],
  [{ "": null }, 25],
);
hashed(
  [{ "": { "": { "": "" } } }, 11],
  [{ a: [[[[[]]]]] }, 15],
  [{ a: [[[[null]]]] }, 7],
  [{ a: { b: { c: { d: {} } } } }, 21],
);
hashed(
  [{ a: { b: { c: { d: null } } } }, 19],
  ["", 4],
  ["a", 6],
  ["12345678901234567890123", 4],
  ["123456789012345678901234", 14],
);
hashed(
  ["a".repeat(255), 18],
  ["a".repeat(256), 7],
  ["あいうえおかき", 17],
  ["あいうえおかきく", 16],
  ["é".repeat(11), 16],
);
hashed(
  ["é".repeat(12), 19],
  ["café façade résumé café", 9],
  [String.raw`A\u0000B`, 15],
  [String.raw`e\u0301`, 7],
  [String.raw`\uD83D\uDE00`, 23],
);

export const FLAGD_CASES: readonly FlagdCase[] = cases;
