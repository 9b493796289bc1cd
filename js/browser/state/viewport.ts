/** How a list of any length scrolls: browsers cap an element's height, so past 8 million pixels it is scaled. */

export const ROW = 30;
export const TALLEST = 8_000_000;
/** Row nodes at most, whatever the height. */
export const MOST_NODES = 78;

export interface Viewport {
  /** Of the scrolled element. */
  scrollTop: number;
  /** How far down the whole list the eye is, in pixels. */
  top: number;
  height: number;
  total: number;
}

/** Height of what is scrolled. */
export function scrolledHeight(total: number): number {
  return Math.min(total * ROW, TALLEST);
}

/** The eye follows the wheel pixel by pixel, and the thumb in proportion. */
export function scrolled(before: Viewport, scrollTop: number): Viewport {
  const { height, total } = before;
  const most = Math.max(0, scrolledHeight(total) - height);
  const mostTop = Math.max(0, total * ROW - height);
  if (mostTop === most) return { ...before, scrollTop, top: clamp(scrollTop, 0, most) };
  const step = scrollTop - before.scrollTop;
  const far = Math.abs(step) > Math.max(height, 200) * 2;
  const top = scrollTop <= 0 ? 0 : scrollTop >= most ? mostTop : far ? (scrollTop / most) * mostTop : before.top + step;
  return { ...before, scrollTop, top: clamp(top, 0, mostTop) };
}

/** Where the scrolled element should be for where the eye is; to be set when it rests, or comes near an end too early. */
export function proportional({ top, height, total }: Viewport): number {
  const most = Math.max(0, scrolledHeight(total) - height);
  const mostTop = Math.max(0, total * ROW - height);
  return mostTop ? Math.round((top / mostTop) * most) : 0;
}

/** Whether the scrolled element will hit an end before the eye does. */
export function tooNearAnEnd(viewport: Viewport): boolean {
  const { scrollTop, height, total } = viewport;
  const most = Math.max(0, scrolledHeight(total) - height);
  const off = Math.abs(proportional(viewport) - scrollTop);
  return off > 1 && (scrollTop < height * 3 || scrollTop > most - height * 3);
}

/** The rows to have in the page: first, and one past the last. */
export function shown({ top, height, total }: Viewport): [first: number, end: number] {
  const visible = Math.ceil(height / ROW) + 1;
  const spare = Math.max(0, Math.min(10, Math.floor((MOST_NODES - visible) / 2)));
  const first = Math.max(0, Math.floor(top / ROW) - spare);
  return [first, Math.min(total, first + Math.min(MOST_NODES, visible + 2 * spare))];
}

/** Where the eye must be to see a row. */
export function revealing(viewport: Viewport, row: number): number {
  const { top, height, total } = viewport;
  const mostTop = Math.max(0, total * ROW - height);
  if (row * ROW < top) return clamp(row * ROW, 0, mostTop);
  if ((row + 1) * ROW > top + height) return clamp((row + 1) * ROW - height, 0, mostTop);
  return top;
}

export function clamp(n: number, least: number, most: number): number {
  return Math.max(least, Math.min(n, most));
}
