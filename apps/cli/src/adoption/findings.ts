/** Something that adoption has seen. `found` is good to know; the other two are named with file and line, and left alone. */
export interface Finding {
  readonly kind: "found" | "unreadable" | "left_out" | "advice";
  readonly file: string | null;
  readonly line: number | null;
  readonly words: string;
}

export const found = (words: string, file: string | null = null, line: number | null = null): Finding => ({
  kind: "found",
  file,
  line,
  words,
});
export const advice = (words: string, file: string | null = null, line: number | null = null): Finding => ({
  kind: "advice",
  file,
  line,
  words,
});

export const placeOf = ({ file, line }: Finding): string =>
  file === null ? "" : line === null ? file : `${file}:${line}`;
