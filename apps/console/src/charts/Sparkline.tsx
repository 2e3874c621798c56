/** A line without axes: the shape of the last minutes, named for screen readers by its newest and highest value. */
export function Sparkline(o: {
  values: readonly (number | null)[];
  label: string;
  tone?: "accent" | "bad" | "muted";
  width?: number;
  height?: number;
  /** The top of the scale is never lower than this, so that noise near zero stays flat. */
  atLeast?: number;
}) {
  const { values, width = 120, height = 28 } = o;
  const top = Math.max(o.atLeast ?? 0, ...values.map((v) => v ?? 0)) || 1;
  const stepX = values.length > 1 ? width / (values.length - 1) : width;
  let pen = "M";
  let d = "";
  values.forEach((value, i) => {
    if (value === null) {
      pen = "M";
      return;
    }
    d += `${pen}${(i * stepX).toFixed(1)} ${(height - 2 - (value / top) * (height - 4)).toFixed(1)}`;
    pen = "L";
  });
  const color = { accent: "var(--accent)", bad: "var(--bad)", muted: "var(--muted)" }[o.tone ?? "accent"];
  return (
    <svg
      viewBox={`0 0 ${width} ${height}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={o.label}
      className="block w-full"
      style={{ height }}
    >
      <line
        x1="0"
        x2={width}
        y1={height - 1.5}
        y2={height - 1.5}
        stroke="var(--line)"
        strokeWidth="1"
        vectorEffect="non-scaling-stroke"
      />
      <path
        d={d}
        fill="none"
        stroke={color}
        strokeWidth="1.5"
        strokeLinejoin="round"
        vectorEffect="non-scaling-stroke"
      />
    </svg>
  );
}
