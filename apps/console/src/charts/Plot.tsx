import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { useEffectiveTheme } from "../ui/theme.ts";
import { bandsOf, type ChartData, columnsOf, lonePoints, type Mark, spanOf, topOf } from "./chart-data.ts";
import { axisFigure } from "./figures.ts";

/** The canvas of a chart. Loaded lazily: only pages with charts pay for uPlot. */
export interface PlotProps {
  readonly data: ChartData;
  readonly height: number;
  /** Charts of one group share the cursor. */
  readonly group: string;
  readonly zoom: { from: number; to: number } | null;
  readonly onZoom: (zoom: { from: number; to: number } | null) => void;
  readonly onHover: (index: number | null) => void;
}

const variable = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const MARK_COLORS: Record<Mark["tone"], string> = {
  step: "--line-strong",
  good: "--good",
  bad: "--bad",
  calm: "--control",
};

/** A triangle is a failure, a diamond an incident: shapes, since colours alone do not tell them from one another. */
function drawShape(ctx: CanvasRenderingContext2D, shape: "triangle" | "diamond", x: number, foot: number): void {
  const size = 5 * uPlot.pxRatio;
  ctx.beginPath();
  if (shape === "triangle") {
    ctx.moveTo(x, foot - 2 * size);
    ctx.lineTo(x + size, foot);
    ctx.lineTo(x - size, foot);
  } else {
    ctx.moveTo(x, foot - 2 * size);
    ctx.lineTo(x + size, foot - size);
    ctx.lineTo(x, foot);
    ctx.lineTo(x - size, foot - size);
  }
  ctx.closePath();
  ctx.fill();
  ctx.stroke();
}

function drawShapes(u: uPlot, data: ChartData): void {
  const { ctx } = u;
  const { left, top, width, height } = u.bbox;
  ctx.save();
  ctx.strokeStyle = variable("--surface");
  ctx.lineWidth = uPlot.pxRatio;
  for (const mark of data.marks) {
    if (!mark.shape) continue;
    const x = u.valToPos(mark.at, "x", true);
    if (x < left || x > left + width) continue;
    ctx.fillStyle = variable(MARK_COLORS[mark.tone]);
    drawShape(ctx, mark.shape, x, top + height - uPlot.pxRatio);
  }
  ctx.restore();
}

/** Vertical lines for decisions, each with its number as it stands in the list below, and dashed limits. */
function drawMarks(u: uPlot, data: ChartData): void {
  const { ctx } = u;
  const { left, top, width, height } = u.bbox;
  const ratio = uPlot.pxRatio;
  ctx.save();
  ctx.font = `600 ${10 * ratio}px Inter, sans-serif`;
  ctx.textAlign = "center";
  let labels: { x: number; text: string } | null = null;
  data.marks.forEach((mark, i) => {
    if (mark.shape) return;
    const x = Math.round(u.valToPos(mark.at, "x", true)) + 0.5;
    if (x < left || x > left + width) return;
    ctx.strokeStyle = variable(MARK_COLORS[mark.tone]);
    ctx.lineWidth = ratio;
    ctx.setLineDash(mark.tone === "step" ? [3 * ratio, 3 * ratio] : []);
    ctx.beginPath();
    ctx.moveTo(x, top);
    ctx.lineTo(x, top + height);
    ctx.stroke();
    ctx.fillStyle = variable(mark.tone === "step" ? "--muted" : MARK_COLORS[mark.tone]);
    // Decisions that fell together share a label: "3–4".
    const near: { x: number; text: string } | null = labels !== null && x - labels.x < 14 * ratio ? labels : null;
    const first: string = near ? (near.text.split("–", 1)[0] ?? "") : String(i + 1);
    labels = { x: near ? near.x : x, text: near ? `${first}–${i + 1}` : first };
    if (near) ctx.clearRect(near.x - 12 * ratio, top - 14 * ratio, 24 * ratio, 13 * ratio);
    ctx.fillText(labels.text, labels.x, top - 3 * ratio);
  });
  ctx.setLineDash([5 * ratio, 4 * ratio]);
  ctx.textAlign = "center";
  for (const limit of data.limits ?? []) {
    const y = Math.round(u.valToPos(limit.value, "y", true)) + 0.5;
    ctx.strokeStyle = variable("--soft");
    ctx.fillStyle = variable("--soft");
    ctx.beginPath();
    ctx.moveTo(left, y);
    ctx.lineTo(left + width, y);
    ctx.stroke();
    ctx.textBaseline = "bottom";
    ctx.textAlign = "right";
    ctx.fillText(limit.label, left + width - 2 * ratio, y - 3 * ratio);
  }
  ctx.restore();
}

const axis = (): Pick<uPlot.Axis, "stroke" | "font" | "grid" | "ticks"> => ({
  stroke: variable("--muted"),
  font: "11px Inter, sans-serif",
  grid: { stroke: variable("--line"), width: 1 },
  ticks: { show: false },
});

const clockOf = (seconds: number, withSeconds: boolean): string =>
  new Date(seconds * 1000).toLocaleTimeString("en-GB", {
    hour: "2-digit",
    minute: "2-digit",
    ...(withSeconds ? { second: "2-digit" } : {}),
  });

const dateFormat = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
const monthFormat = new Intl.DateTimeFormat("en-GB", { month: "short", year: "numeric", timeZone: "UTC" });
const dateOf = (seconds: number, step: number): string =>
  (step >= 28 * 86_400 ? monthFormat : dateFormat).format(new Date(seconds * 1000));

/** Steps of an axis of durations, in milliseconds: clocks count in sixties. */
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const PERIOD_STEPS = [1, 2, 7, 14, 28, 91, 182, 365, 730, 1_825, 3_650].map((days) => days * 86_400);
const DURATION_STEPS = [
  ...[1_000, 5_000, 10_000, 30_000],
  ...[1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720].map((n) => n * MINUTE_MS),
  ...[1, 2, 5, 7, 14, 30, 60, 90, 180, 365, 730, 1_825, 3_650].map((n) => n * DAY_MS),
];

function optionsOf(current: () => PlotProps, width: number): uPlot.Options {
  const { data, height, group } = current();
  const bands = bandsOf(data);
  const line = (i: number): uPlot.Series => {
    const { color, dashed } = data.lines[i] ?? { color: "--ink" };
    return {
      stroke: variable(color),
      width: 1.75,
      points: {
        show: data.at.length < 3,
        size: 5,
        filter: (u, series, show) => (show ? null : lonePoints([...(u.data[series] ?? [])])),
      },
      ...(dashed ? { dash: [6, 3] } : {}),
    };
  };
  const edge: uPlot.Series = { stroke: "transparent", width: 0, points: { show: false } };
  return {
    width,
    height,
    // A date is wider than a time of day: half of the last one stands beyond the picture.
    padding: [16, data.periods ? 24 : 8, 0, 0],
    legend: { show: false },
    ...(data.periods ? { tzDate: (seconds: number) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC") } : {}),
    cursor: {
      sync: { key: group },
      drag: { x: true, y: false },
      points: { size: 6 },
      y: false,
    },
    scales: {
      x: { time: true, range: () => zoomOf(current()) ?? spanOf(current().data) },
      y: { range: (u) => [0, topOf(current().data, u.scales.x?.min ?? 0, u.scales.x?.max ?? Number.MAX_VALUE)] },
    },
    axes: [
      {
        ...axis(),
        space: 64,
        size: 24,
        gap: 4,
        values: (_u, ticks, _i, _s, step) => ticks.map((t) => (data.periods ? dateOf(t, step) : clockOf(t, step < 60))),
        // A day is the finest that a period tells.
        ...(data.periods ? { incrs: PERIOD_STEPS } : {}),
      },
      {
        ...axis(),
        size: data.unit === "duration" ? 68 : 52,
        gap: 6,
        space: 30,
        ...(data.unit === "duration" ? { incrs: DURATION_STEPS } : {}),
        values: (_u, ticks) => ticks.map((t) => axisFigure(t, data.unit)),
      },
    ],
    series: [{}, ...data.lines.map((_, i) => line(i)), ...bands.flatMap(() => [edge, edge])],
    bands: bands.map((b) => ({
      series: [b.high, b.low] as [number, number],
      fill: `color-mix(in srgb, ${variable(data.lines[b.line]?.color ?? "--ink")} 16%, transparent)`,
    })),
    hooks: {
      draw: [
        (u) => {
          drawMarks(u, current().data);
          drawShapes(u, current().data);
        },
      ],
      setCursor: [(u) => current().onHover(u.cursor.idx ?? null)],
      setSelect: [
        (u) => {
          if (u.select.width < 8) return;
          const from = u.posToVal(u.select.left, "x");
          const to = u.posToVal(u.select.left + u.select.width, "x");
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          current().onZoom({ from, to });
        },
      ],
    },
  };
}

const zoomOf = (props: PlotProps): [number, number] | null =>
  props.zoom && props.zoom.to > props.zoom.from ? [props.zoom.from, props.zoom.to] : null;

/** A change of these needs a new plot; values alone do not. */
const shapeOf = (data: ChartData): string =>
  `${data.unit}|${data.lines.map((l) => `${l.name}${l.color}${l.low ? "b" : ""}`).join("|")}`;

export default function Plot(props: PlotProps) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const theme = useEffectiveTheme();
  const shape = shapeOf(props.data);

  // biome-ignore lint/correctness/useExhaustiveDependencies: theme and shape are what a plot is made of.
  useEffect(() => {
    const { current: element } = box;
    if (!element) return;
    const options = optionsOf(() => latest.current, element.clientWidth);
    const made = new uPlot(options, columnsOf(latest.current.data) as uPlot.AlignedData, element);
    plot.current = made;
    const watch = new ResizeObserver(() => {
      if (element.clientWidth > 0 && element.clientWidth !== made.width)
        made.setSize({ width: element.clientWidth, height: latest.current.height });
    });
    watch.observe(element);
    return () => {
      watch.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [theme, shape]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the zoom is read through `latest` when scales are set.
  useEffect(() => {
    plot.current?.setData(columnsOf(props.data) as uPlot.AlignedData, true);
  }, [props.data, props.zoom?.from, props.zoom?.to]);

  // A canvas that is still as wide as the window was must not widen the page.
  return <div ref={box} className="overflow-hidden" style={{ height: props.height }} aria-hidden="true" />;
}
