import { type Harm, healthy, type TrafficModel } from "@latchkey/core/analysis/planning/traffic";

/**
 * What is played, cell by cell: the setting of our research (10 % canary, a look every 5 s, 30 minutes, lognormal latency of
 * median 100 ms and spread 0.5). `research` is what the prototype of the judge reached there with alpha 0.01, and our goal.
 */
export interface Cell {
  readonly part: PartName;
  /** What is done to the canary, the same for all rates of a row. */
  readonly row: string;
  readonly requestsPerSecond: number;
  readonly model: TrafficModel;
  readonly canaryShare: number;
  /** Latchkey's own requests make visitors' up to so many a second, each to an arm by a fair coin. */
  readonly syntheticTo?: number;
  readonly lookMs: number;
  readonly horizonMs: number;
  /** `alarms` counts verdicts, and needs many runs; `times` takes medians. */
  readonly asks: "alarms" | "times";
  /** Others are played on it as well. */
  readonly peers: boolean;
  /** A PASS ends the rollout, as it does live; else evidence goes on to the horizon. */
  readonly stopAtPass: boolean;
  /** Times are counted from here: when harm begins. */
  readonly fromMs: number;
  readonly goal: Goal;
}

export interface Goal {
  /** Share of runs rolled back, percent at most. */
  readonly failAtMost?: number;
  /** Medians of the research: seconds to roll back, canary requests until then. */
  readonly seconds?: number;
  readonly requests?: number;
  /** Of runs rolled back, percent at least: only printed beside, where the research says it. */
  readonly detected?: number;
  readonly passAtMost?: number;
  /** Percent of runs that end without a person, at least. */
  readonly finishedAtLeast?: number;
  /** What the research says of PASS: median seconds, percent of runs. Only printed beside. */
  readonly passSeconds?: number;
  readonly passed?: number;
}

export type PartName = "false-rollbacks" | "harm" | "robustness" | "pass" | "low-traffic";

const SHARE = 0.1;
const LOOK_MS = 5_000;
const HORIZON_MS = 1_800_000;

function cell(
  part: PartName,
  row: string,
  requestsPerSecond: number,
  model: TrafficModel,
  asks: Cell["asks"],
  goal: Goal,
  more: Partial<Cell> = {},
): Cell {
  return {
    part,
    row,
    requestsPerSecond,
    model,
    asks,
    goal,
    canaryShare: SHARE,
    lookMs: LOOK_MS,
    horizonMs: HORIZON_MS,
    peers: true,
    stopAtPass: false,
    fromMs: 0,
    ...more,
  };
}

export const keyOf = (c: Cell): string => `${c.part} · ${c.row} · ${c.requestsPerSecond}/s`;

const harmed = (rate: number, errorRatio: number, harm: Harm): TrafficModel => ({ ...healthy(rate, errorRatio), harm });

/** False rollbacks: at most alpha. */
const ALPHA_PERCENT = 1;
const atAlpha: Goal = { failAtMost: ALPHA_PERCENT };

const FALSE: readonly Cell[] = [
  ...[10, 145, 1000].flatMap((rate) =>
    [0.001, 0.01].map((errors) =>
      cell(
        "false-rollbacks",
        `no difference, ${errors * 100} % errors`,
        rate,
        healthy(rate, errors),
        "alarms",
        atAlpha,
      ),
    ),
  ),
  // The edge of what the policy calls harmless: 5 % slower, 0.02 points more errors. With half of the traffic the bets are boldest.
  ...(
    [
      [10, 0.1],
      [145, 0.1],
      [145, 0.5],
    ] as const
  ).map(([rate, canaryShare]) =>
    cell(
      "false-rollbacks",
      `5 % slower and 0.02 points more errors${canaryShare === SHARE ? "" : `, ${canaryShare * 100} % of the traffic`}`,
      rate,
      harmed(rate, 0.001, { latencyFactor: 1.05, errorRatio: 0.0012 }),
      "alarms",
      atAlpha,
      { canaryShare },
    ),
  ),
];

type Row = readonly [string, number, Harm, readonly (readonly [number, Goal])[]];
const ROWS: readonly Row[] = [
  [
    "errors 0.1 → 1 %",
    0.001,
    { errorRatio: 0.01 },
    [
      [10, { seconds: 640, requests: 635, detected: 98 }],
      [145, { seconds: 50, requests: 702 }],
      [1000, { seconds: 10 }],
    ],
  ],
  [
    "errors 0.1 → 5 %",
    0.001,
    { errorRatio: 0.05 },
    [
      [10, { seconds: 85, requests: 86 }],
      [145, { seconds: 10, requests: 138 }],
      [1000, { seconds: 5 }],
    ],
  ],
  [
    "errors 1 → 2 %",
    0.01,
    { errorRatio: 0.02 },
    [
      [10, { seconds: 1650, detected: 57 }],
      [145, { seconds: 120, requests: 1755 }],
      [1000, { seconds: 20 }],
    ],
  ],
  [
    "20 % slower",
    0.001,
    { latencyFactor: 1.2 },
    [
      [10, { seconds: 235, requests: 233 }],
      [145, { seconds: 20, requests: 290 }],
      [1000, { seconds: 5 }],
    ],
  ],
  [
    "twice as slow",
    0.001,
    { latencyFactor: 2 },
    [
      [10, { seconds: 20, requests: 19 }],
      [145, { seconds: 5 }],
      [1000, { seconds: 5 }],
    ],
  ],
  [
    "every request fails",
    0.001,
    { errorRatio: 1 },
    [
      [10, { seconds: 5, requests: 6 }],
      [145, { seconds: 5 }],
    ],
  ],
];

/**
 * An outage is to be seen within 6 canary requests and one look of 250 ms: at 145/s and 10 % that look brings 3.6 more, and
 * so 9.6.
 */
const OUTAGE_REQUESTS = 9.6;
const HARM: readonly Cell[] = [
  ...ROWS.flatMap(([row, errors, harm, rates]) =>
    rates.map(([rate, goal]) => cell("harm", row, rate, harmed(rate, errors, harm), "times", goal)),
  ),
  // Latency is judged by the look: the more looks, the sooner. Live they come every 2 s.
  ...[1.2, 2].map((latencyFactor) =>
    cell(
      "harm",
      `${latencyFactor === 2 ? "twice as slow" : "20 % slower"}, a look every 2 s`,
      145,
      harmed(145, 0.001, { latencyFactor }),
      "times",
      {},
      { lookMs: 2_000, peers: false },
    ),
  ),
  cell(
    "harm",
    "every request fails, a look every 250 ms",
    145,
    harmed(145, 0.001, { errorRatio: 1 }),
    "times",
    { requests: OUTAGE_REQUESTS },
    { lookMs: 250, horizonMs: 60_000, peers: false },
  ),
];

const wide = (rate: number): TrafficModel => {
  const arm = { errorRatio: 0.001, latencyMedianMs: 100, latencySpread: 1 };
  return { requestsPerSecond: rate, baseline: arm, canary: arm, harm: { latencyFactor: 1.2 } };
};
const ONSET_MS = 600_000;

const ROBUST: readonly Cell[] = [
  cell(
    "robustness",
    "both arms fail 5 % and take twice as long, minutes 2 to 12",
    145,
    { ...healthy(145), incident: { fromMs: 120_000, toMs: 720_000, errorRatio: 0.05, latencyFactor: 2 } },
    "alarms",
    atAlpha,
  ),
  cell(
    "robustness",
    "4 % slower, which is harmless",
    145,
    harmed(145, 0.001, { latencyFactor: 1.04 }),
    "alarms",
    atAlpha,
  ),
  ...(
    [
      [10, 330],
      [145, 30],
    ] as const
  ).map(([rate, seconds]) =>
    cell(
      "robustness",
      "3 % of requests take ten times as long",
      rate,
      harmed(rate, 0.001, { tail: { share: 0.03, factor: 10 } }),
      "times",
      { seconds },
    ),
  ),
  cell("robustness", "20 % slower, answers vary widely (σ = 1)", 10, wide(10), "times", {
    seconds: 1020,
    detected: 79,
  }),
  cell("robustness", "20 % slower, answers vary widely (σ = 1)", 145, wide(145), "times", { seconds: 75 }),
  cell(
    "robustness",
    "errors 0.1 → 5 % from minute 10 on (seconds from then)",
    10,
    harmed(10, 0.001, { errorRatio: 0.05, fromMs: ONSET_MS }),
    "times",
    { seconds: 115 },
    { fromMs: ONSET_MS },
  ),
  cell(
    "robustness",
    "20 % slower from minute 10 on (seconds from then)",
    145,
    harmed(145, 0.001, { latencyFactor: 1.2, fromMs: ONSET_MS }),
    "times",
    {},
    { fromMs: ONSET_MS, peers: false },
  ),
  ...(["request", "sticky", "sticky_once"] as const).flatMap((routing) =>
    [10, 145].map((rate) =>
      cell(
        "robustness",
        {
          request: "errors in threes, each request routed by itself",
          sticky: "errors in threes, visitors stay with an arm",
          sticky_once: "errors in threes, visitors stay, one error per visitor",
        }[routing],
        rate,
        { ...healthy(rate, 0.01), clusters: { meanSize: 3, routing } },
        "alarms",
        // With tempering of what cannot be counted per visitor, 2 %.
        routing === "sticky" ? { failAtMost: 2 } : atAlpha,
      ),
    ),
  ),
  cell("robustness", "no difference, hardly any traffic", 0.2, healthy(0.2), "alarms", { failAtMost: 0 }),
  cell("robustness", "every request fails, hardly any traffic", 0.2, harmed(0.2, 0.001, { errorRatio: 1 }), "times", {
    seconds: 185,
    requests: 4,
  }),
];

const stalling = (chance: number, share: number, factor: number, harm?: Harm): TrafficModel => ({
  ...healthy(145),
  stalls: { chance, share, factor },
  ...(harm ? { harm } : {}),
});
/** Stalls of one arm's process at a time, which the stable release has before the canary as well; the last one only once. */
const STALLS: readonly Cell[] = [
  ...([0.1, 0.5] as const).flatMap((canaryShare) => {
    const at = `${canaryShare * 100} % of the traffic`;
    const one = (row: string, model: TrafficModel) =>
      cell("robustness", `${row}, ${at}`, 145, model, "alarms", atAlpha, { canaryShare, peers: false });
    return [
      one("one process stalls in a look of 100: three times the time", stalling(0.01, 1, 3)),
      one("one process stalls in a look of 20: three times the time", stalling(0.05, 1, 3)),
      one("one process stalls in a look of 4: a third of its answers three times", stalling(0.25, 1 / 3, 3)),
      one("the canary's process stalls once, at minute 5: ten times the time", {
        ...healthy(145),
        stalls: { chance: 0, share: 1, factor: 10, onceMs: 300_000 },
      }),
    ];
  }),
  ...[1.2, 2].map((latencyFactor) =>
    cell(
      "robustness",
      `${latencyFactor === 2 ? "twice as slow" : "20 % slower"}, and one process stalls in a look of 20`,
      145,
      stalling(0.05, 1, 3, { latencyFactor }),
      "times",
      {},
      { peers: false },
    ),
  ),
];

const BETA_PERCENT = 5;
/**
 * Ten times 100 ms with a spread of 0.5 is above the p99 (320 ms) with a chance of 0.989: 0.01 (1 - s) + 0.989 s = 0.025 at
 * s = 0.0153.
 */
const TAIL_AT_MARGIN = { share: 0.0153, factor: 10 };
const proving = { peers: false, stopAtPass: true } as const;
const PASS: readonly Cell[] = [
  ...[10, 145].flatMap((rate) => [
    cell(
      "pass",
      "errors more by the margin, 0.5 points",
      rate,
      harmed(rate, 0.001, { errorRatio: 0.006 }),
      "alarms",
      { passAtMost: BETA_PERCENT },
      proving,
    ),
    cell(
      "pass",
      "answers above the p99 more by the margin, 1.5 points",
      rate,
      harmed(rate, 0.001, { tail: TAIL_AT_MARGIN }),
      "alarms",
      { passAtMost: BETA_PERCENT },
      proving,
    ),
    cell(
      "pass",
      "slower by the margin, 15 %",
      rate,
      harmed(rate, 0.001, { latencyFactor: 1.15 }),
      "alarms",
      { passAtMost: BETA_PERCENT },
      proving,
    ),
  ]),
  ...(
    [
      [10, 0.001, { passSeconds: 1050, passed: 88 }],
      [145, 0.001, { passSeconds: 120 }],
      [1000, 0.001, { passSeconds: 120 }],
      [10, 0.01, { passed: 28 }],
      [145, 0.01, { passSeconds: 270 }],
      [1000, 0.01, { passSeconds: 120 }],
    ] as const
  ).map(([rate, errors, goal]) =>
    cell(
      "pass",
      `time to PASS, no difference, ${errors * 100} % errors`,
      rate,
      healthy(rate, errors),
      "times",
      goal,
      proving,
    ),
  ),
];

/** Twenty minutes, with a tenth and with half of the traffic on the canary. */
const LOW_MS = 1_200_000;
const LOW: readonly Cell[] = [0.02, 0.2, 10].flatMap((rate) =>
  [0.1, 0.5].flatMap((canaryShare) => {
    const more = { ...proving, canaryShare, horizonMs: LOW_MS };
    const at = `${canaryShare * 100} % of the traffic`;
    return [
      cell(
        "low-traffic",
        `no difference, ${at}`,
        rate,
        healthy(rate),
        "alarms",
        // A tenth is what a plan would not choose there: told, not asked for.
        canaryShare === 0.5 ? { finishedAtLeast: 90, failAtMost: ALPHA_PERCENT } : { failAtMost: ALPHA_PERCENT },
        more,
      ),
      cell(
        "low-traffic",
        `errors 0.1 → 5 %, ${at}`,
        rate,
        harmed(rate, 0.001, { errorRatio: 0.05 }),
        "times",
        {},
        more,
      ),
      cell(
        "low-traffic",
        `every request fails, ${at}`,
        rate,
        harmed(rate, 0.001, { errorRatio: 1 }),
        "times",
        {},
        more,
      ),
    ];
  }),
);

/** The default of `synthetic.requestsPerSecond`. */
const SYNTHETIC = 5;
/** The same with synthetic journeys, which a service declares. What they do not ask, they do not find: harm here is in all requests. */
const SYNTHETIC_LOW: readonly Cell[] = [0.02, 0.2].flatMap((rate) => {
  const more = { ...proving, horizonMs: LOW_MS, canaryShare: 0.5, syntheticTo: SYNTHETIC, peers: false };
  const part = (row: string, model: TrafficModel, asks: Cell["asks"], goal: Goal) =>
    cell("low-traffic", `${row}, 50 % of the traffic and synthetic journeys`, rate, model, asks, goal, more);
  return [
    part("no difference", healthy(rate), "alarms", { finishedAtLeast: 90, failAtMost: ALPHA_PERCENT }),
    part("errors more by the margin, 0.5 points", harmed(rate, 0.001, { errorRatio: 0.006 }), "alarms", {
      passAtMost: 5,
    }),
    part("errors 0.1 → 5 %", harmed(rate, 0.001, { errorRatio: 0.05 }), "times", {}),
    part("every request fails", harmed(rate, 0.001, { errorRatio: 1 }), "times", {}),
  ];
});

export const CELLS: readonly Cell[] = [...FALSE, ...HARM, ...ROBUST, ...STALLS, ...PASS, ...LOW, ...SYNTHETIC_LOW];
