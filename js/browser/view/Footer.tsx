import type { Browser } from "../state/browser.ts";
import type { Totals } from "../state/rows.ts";
import { bytes } from "../state/selection.ts";
import { ago, clean, count, plural, size } from "../words.ts";
import { Busiest } from "./Transfers.tsx";

export function Footer({ b }: { b: Browser }) {
  const { chosen } = b.selection.value;
  const sum = bytes(b.selection.value);
  const totals = b.rows.totals.value;
  return (
    <div class="footer">
      <span class="chosen">
        {chosen.size > 0 && `${count(chosen.size)} selected${sum === null ? "" : ` · ${size(sum)}`}`}
      </span>
      <span class="sp" />
      {b.session.gone.value ? (
        <span class="bad">kernel gone</span>
      ) : b.session.busy.value ? (
        <span class="wait">kernel busy, queued</span>
      ) : (
        <Busiest b={b} />
      )}
      <span class="sp" />
      {totals && <Count b={b} totals={totals} />}
    </div>
  );
}

function Count({ b, totals }: { b: Browser; totals: Totals }) {
  const { fresh } = totals;
  return (
    <span class="count">
      {totals.newer && (
        <button type="button" class="link" onClick={() => void b.showNew()}>
          list has changed · show
        </button>
      )}
      <span>{counted(totals, b.shownNarrowed.value)}</span>
      {fresh.trouble ? (
        <button type="button" class="link bad" title={clean(fresh.trouble, 500)} onClick={() => void b.lookForNew()}>
          {fresh.indexed ? "can't look for new ones · try again" : "try again"}
        </button>
      ) : (
        fresh.looked !== null &&
        !fresh.walking && (
          <button type="button" class="plain" title="Look for new ones now" onClick={() => void b.lookForNew()}>
            indexed {ago(b.now.value - fresh.looked)}
          </button>
        )
      )}
    </span>
  );
}

/** `8,214 objects`, `612 of 8,214`, `12,400 of ≥ 12,400, indexing…`: never more than is known. */
export function counted(
  { total, objects, exact, fresh }: Pick<Totals, "total" | "objects" | "exact" | "fresh">,
  narrowed: boolean,
): string {
  const fit = `${exact ? "" : "≥ "}${count(objects)}`;
  const names = total !== objects && total > 0 ? ` in ${plural(total, "name")}` : "";
  if (fresh.walking || !fresh.whole)
    return `${count(objects)} of ≥ ${count(Math.max(fresh.indexed, objects))}, ${fresh.walking ? "indexing…" : "not all indexed"}`;
  if (narrowed && fresh.indexed > objects) return `${fit} of ${count(fresh.indexed)} objects`;
  return `${fit} ${objects === 1 ? "object" : "objects"}${names}`;
}
