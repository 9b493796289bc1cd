/** Bytes between this page and the kernel, never more of them under way than whoever takes them has room for. */

import { Refused } from "../../shared/requests.ts";
import type { Operations } from "../protocol.ts";
import { clean } from "../words.ts";
import type { Session } from "./session.ts";

export interface Step {
  phase: string;
  done: number;
  total: number | null;
}

interface Granted {
  /** Chunks that may have been sent since the beginning. */
  credit?: number;
  written?: number;
  phase?: string;
  done?: number;
  total?: number | null;
}

/** Sends a file, chunk by chunk as the kernel grants them, and waits until it is in the store. */
export async function upload(
  session: Session,
  file: Blob,
  args: Operations["upload"][0],
  chunkBytes: number,
  signal: AbortSignal,
  tell: (step: Step) => void,
): Promise<Operations["upload"][1]> {
  let credit = 0;
  let sent = 0;
  let at = 0;
  let sending = false;
  let ended = false;
  const exchange = session.open("upload", args as Operations["upload"][0], {
    signal,
    onProgress: ({ value }) => {
      const granted = value as Granted;
      if (granted.credit !== undefined) {
        credit = granted.credit;
        if (!ended || (granted.written ?? 0) < file.size)
          tell({ phase: "sending", done: granted.written ?? 0, total: file.size });
        void send();
      } else tell({ phase: granted.phase ?? "storing", done: granted.done ?? 0, total: granted.total ?? null });
    },
  });
  let failed: (error: Error) => void = () => {};
  const unread = new Promise<never>((_, reject) => {
    failed = reject;
  });
  async function send(): Promise<void> {
    if (sending || ended) return;
    sending = true;
    try {
      while (at < file.size && sent < credit && !signal.aborted) {
        const chunk = await file.slice(at, at + chunkBytes).arrayBuffer();
        if (signal.aborted) return;
        exchange.send("chunk", { at }, [chunk]);
        at += chunk.byteLength;
        sent++;
      }
      if (at >= file.size && !ended) {
        ended = true;
        exchange.send("end");
      }
    } catch {
      // It was moved or changed since it was chosen.
      failed(new Refused("NotReadable", "the file can't be read any more; choose it again"));
      exchange.cancel();
    } finally {
      sending = false;
    }
  }
  unread.catch(() => {});
  const answer = await Promise.race([exchange.answer, unread]);
  return answer.value as Operations["upload"][1];
}

/** Parts of a download are put together now and then, so that the browser may keep them on disk. */
const FOLD_AT = 64 * 1024 * 1024;

/** Fetches an object's bytes. */
export async function download(
  session: Session,
  id: string,
  inFlight: number,
  signal: AbortSignal,
  tell: (step: Step) => void,
): Promise<{ name: string; bytes: Blob }> {
  let parts: BlobPart[] = [];
  let loose = 0;
  let done = 0;
  const exchange = session.open(
    "download",
    { id },
    {
      signal,
      onProgress: ({ value, buffers }) => {
        for (const bytes of buffers) {
          // A copy: the message it came in may be larger, and would be kept with it.
          parts.push(bytes.slice());
          done += bytes.byteLength;
          loose += bytes.byteLength;
        }
        if (loose >= FOLD_AT) {
          parts = [new Blob(parts)];
          loose = 0;
        }
        const { total, phase } = (value ?? {}) as Granted;
        tell({ phase: phase ?? "receiving", done, total: total ?? null });
        if (buffers.length) exchange.send("grant", { n: buffers.length });
      },
    },
  );
  exchange.send("grant", { n: inFlight });
  const { value, buffers } = await exchange.answer;
  const { name, size } = value as Operations["download"][1];
  for (const bytes of buffers) parts.push(bytes.slice());
  const bytes = new Blob(parts, { type: "application/octet-stream" });
  if (bytes.size !== size) throw new Refused("Incomplete", `only ${bytes.size} of ${size} bytes came; try again`);
  return { name, bytes };
}

/** Hands bytes to the browser's own downloads. */
export function save(name: string, bytes: Blob): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(bytes);
  link.download = clean(name.slice(name.lastIndexOf("/") + 1), 200) || "download";
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
