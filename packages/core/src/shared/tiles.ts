/**
 * Addresses of a log's tiles, as C2SP's tlog-tiles has them: `<level>/<index>[.p/<width>]` with the index in groups of
 * three digits, all but the last marked by an x: 1234067 is x001/x234/067. A tile holds 256 hashes of every eighth
 * level of the tree, a bundle of entries ("entries" for the level) 256 entries; `.p/<width>` is one that is not full yet.
 */
export const TILE_WIDTH = 256;
/** Every level of tiles is eight levels of the tree: 2^8 = 256. */
export const TILE_HEIGHT = 8;

export interface TileAddress {
  readonly level: number | "entries";
  readonly index: number;
  /** 1 to 256; 256 is a full one. */
  readonly width: number;
}

const ADDRESS = /^(entries|0|[1-9]\d?)\/((?:x\d{3}\/)*\d{3})(?:\.p\/([1-9]\d{0,2}))?$/;
/** 63 levels of tiles would be a tree of 2^504 leaves; indices stay exact in a double up to 2^53. */
const LEVEL_MAX = 5;

/** Reads an address; null for what is none, also for one that is not in its only spelling. */
export function parseTile(path: string): TileAddress | null {
  const match = ADDRESS.exec(path);
  if (!match) return null;
  const [, levelText = "", indexText = "", widthText] = match;
  const level: TileAddress["level"] = levelText === "entries" ? "entries" : Number(levelText);
  const index = Number(indexText.replaceAll("x", "").replaceAll("/", ""));
  const width = widthText === undefined ? TILE_WIDTH : Number(widthText);
  const address = { level, index, width };
  if (!Number.isSafeInteger(index) || width > TILE_WIDTH || (widthText !== undefined && width === TILE_WIDTH))
    return null;
  if (typeof level === "number" && level > LEVEL_MAX) return null;
  return tilePath(address) === path ? address : null;
}

export function tilePath({ level, index, width }: TileAddress): string {
  const groups = [String(index % 1000).padStart(3, "0")];
  for (let left = Math.floor(index / 1000); left > 0; left = Math.floor(left / 1000))
    groups.unshift(`x${String(left % 1000).padStart(3, "0")}`);
  return `${level}/${groups.join("/")}${width === TILE_WIDTH ? "" : `.p/${width}`}`;
}

/** The widest tile at this place in a tree of `size` leaves; 0 when there is none yet. */
export function tileWidth(level: number | "entries", index: number, size: number): number {
  const leaves = level === "entries" ? 1 : 2 ** (TILE_HEIGHT * level);
  return Math.max(0, Math.min(TILE_WIDTH, Math.floor(size / leaves) - index * TILE_WIDTH));
}
