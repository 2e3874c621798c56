import { type QuietHours, weekOf } from "@latchkey/core/catalog/notifications/quiet-hours";
import { WEEKDAYS } from "@latchkey/core/shared/zone";

const NAMES = {
  mon: "Monday",
  tue: "Tuesday",
  wed: "Wednesday",
  thu: "Thursday",
  fri: "Friday",
  sat: "Saturday",
  sun: "Sunday",
};
const ROW = 12;
const HALF = 6;
const LEFT = 30;
const TOP = 14;

/** "Monday to Friday", "Monday, Wednesday". */
function daysInWords(days: QuietHours["days"]): string {
  const chosen = WEEKDAYS.filter((day) => days.includes(day));
  const first = WEEKDAYS.indexOf(chosen[0] ?? "mon");
  const isRun = chosen.every((day, i) => WEEKDAYS[first + i] === day);
  if (chosen.length === 7) return "every day";
  if (isRun && chosen.length > 2) return `${NAMES[chosen[0] ?? "mon"]} to ${NAMES[chosen.at(-1) ?? "mon"]}`;
  return chosen.map((day) => NAMES[day]).join(", ");
}

export const quietWords = (hours: QuietHours): string =>
  `Quiet from ${hours.from} to ${hours.to}${hours.to <= hours.from ? " of the next day" : ""}, ${daysInWords(hours.days)}, by the clocks of ${hours.timeZone.replaceAll("_", " ")}`;

/** The week as it is on the wall: dark is quiet. The words below say the same. */
export function QuietPicture({ hours }: { hours: QuietHours }) {
  const week = weekOf(hours);
  const width = LEFT + 48 * HALF;
  const height = TOP + 7 * ROW;
  return (
    <figure className="m-0">
      <svg
        viewBox={`0 0 ${width} ${height}`}
        className="block w-full max-w-md"
        shapeRendering="crispEdges"
        aria-hidden
        focusable="false"
      >
        {[0, 6, 12, 18, 24].map((hour) => (
          <text
            key={hour}
            x={LEFT + hour * 2 * HALF}
            y={9}
            textAnchor={hour === 24 ? "end" : hour === 0 ? "start" : "middle"}
            className="fill-(--muted) text-[8px]"
          >
            {String(hour).padStart(2, "0")}
          </text>
        ))}
        {WEEKDAYS.map((day, d) => (
          <g key={day}>
            <text x={0} y={TOP + d * ROW + 9} className="fill-(--muted) text-[8px]">
              {NAMES[day].slice(0, 3)}
            </text>
            <rect
              x={LEFT}
              y={TOP + d * ROW + 1}
              width={48 * HALF}
              height={ROW - 2}
              rx={2}
              className="fill-(--sunken)"
            />
            {week[d]?.map((isQuiet, half) =>
              isQuiet ? (
                <rect
                  // biome-ignore lint/suspicious/noArrayIndexKey: a half hour is its place.
                  key={half}
                  x={LEFT + half * HALF}
                  y={TOP + d * ROW + 1}
                  width={HALF}
                  height={ROW - 2}
                  className="fill-(--accent)"
                />
              ) : null,
            )}
          </g>
        ))}
      </svg>
      <figcaption className="mt-1 text-xs text-muted">
        {quietWords(hours)}. Critical messages come all the same.
      </figcaption>
    </figure>
  );
}
