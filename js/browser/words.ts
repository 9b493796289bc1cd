/** Numbers as a person says them, as in `runloop_jupyter/display/humane.py`; and texts of strangers, made harmless. */

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;

/** `4.1 MiB`, `331 MiB`, `14 B`. */
export function size(bytes: number): string {
  const power = powerOf(bytes);
  return `${inUnit(bytes, power)} ${UNITS[power]}`;
}

/** `1.2 of 1.9 GiB`. */
export function sizeOf(done: number, total: number): string {
  const power = powerOf(total);
  return `${inUnit(done, power)} of ${size(total)}`;
}

function powerOf(bytes: number): number {
  let power = 0;
  while (power < UNITS.length - 1 && bytes / 1024 ** power >= (power ? 1023.5 : 1024)) power++;
  return power;
}

function inUnit(bytes: number, power: number): string {
  const value = bytes / 1024 ** power;
  return power && Math.abs(value) < 99.95 ? value.toFixed(1) : value.toFixed(0);
}

/** `8,214`. */
export function count(n: number): string {
  return n.toLocaleString("en");
}

/** `1 object`, `8,214 objects`. */
export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** `10 s`, `34 min`, `31 h`, `6 d`, `3 y`: the unit changes where two of the next are reached. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 2 * MINUTE) return `${seconds} s`;
  if (seconds < 2 * HOUR) return `${Math.floor(seconds / MINUTE)} min`;
  if (seconds < 2 * DAY) return `${Math.floor(seconds / HOUR)} h`;
  if (seconds < 2 * YEAR) return `${Math.floor(seconds / DAY)} d`;
  return `${count(Math.floor(seconds / YEAR))} y`;
}

/** How old: `now`, `12 min`, `18 d`. */
export function age(ms: number): string {
  return ms < MINUTE * 1000 ? "now" : duration(ms);
}

/** `indexed` this long ago, in words: `just now`, `a minute ago`, `12 min ago`. */
export function ago(ms: number): string {
  if (ms < 45_000) return "just now";
  if (ms < 90_000) return "a minute ago";
  return `${duration(ms)} ago`;
}

/** `214 MB/s`: decimal, as networks are sold. */
export function rate(bytesPerSecond: number): string {
  let power = 0;
  let value = Math.max(0, bytesPerSecond);
  const units = ["B/s", "kB/s", "MB/s", "GB/s"];
  while (Math.round(value) >= 1000 && power < units.length - 1) {
    value /= 1000;
    power++;
  }
  return `${power && value < 9.95 ? value.toFixed(1) : value.toFixed(0)} ${units[power]}`;
}

/** `2026-11-23 14:05 UTC`. */
export function utc(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? "no such date" : `${date.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

/** What nobody sees, or what turns others around: zero width, and the marks of writing direction. */
const UNSEEN =
  /\u00ad|\u034f|\u061c|[\u115f\u1160]|[\u17b4\u17b5]|\u180e|[\u200b\u200e\u200f]|[\u202a-\u202e]|[\u2060-\u206f]|\ufeff|[\ufff9-\ufffb]/g;
const LONE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the same, but for tabs and line ends
const CONTROL_IN_LINES = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029]/g;

/** A stranger's text on one line: what can't be seen is, and nothing reaches past its own place. */
export function clean(text: string, longest = 2000): string {
  return made(cut(text, longest), CONTROL);
}

/** The same for text of several lines. */
export function cleanLines(text: string, longest = 200_000): string {
  return made(cut(text, longest).replace(/\r\n?/g, "\n"), CONTROL_IN_LINES);
}

function cut(text: string, longest: number): string {
  return text.length > longest ? `${text.slice(0, longest)}…` : text;
}

function made(text: string, control: RegExp): string {
  return text.replace(LONE, "\ufffd").replace(control, picture).replace(UNSEEN, "◌");
}

function picture(character: string): string {
  const code = character.charCodeAt(0);
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  return code === 0x7f ? "␡" : "\ufffd";
}

/** A name's folder, with its slash, and the rest. */
export function parts(name: string): [folder: string, rest: string] {
  const cut = name.lastIndexOf("/", name.length - 2) + 1;
  return [name.slice(0, cut), name.slice(cut)];
}
