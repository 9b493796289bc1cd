/**
 * The buttons that copy links; the kernel's end is `runloop_jupyter/widgets/copy_link.py`. The widget has no view: a
 * link's card is plain HTML, which leaves a slot for the button. A link travels in the reply to a click, and is
 * nowhere in the page before and after.
 */

import { type Model, Requests } from "../shared/requests.ts";
import { Slots } from "./slots.ts";

function initialize({ model }: { model: Model }): () => void {
  const requests = new Requests(model);
  let slots: Slots | undefined;
  // A page may show the model of a kernel that ended long ago. Nobody answers there, and nobody gets a button.
  // Not awaited: no message comes through before this function has returned.
  requests.ask("hello").then(
    () => {
      slots = new Slots(String(model.get("prefix")), async (slot) => String(await requests.ask("reveal", { slot })));
    },
    () => {},
  );
  return () => {
    requests.close();
    slots?.close();
  };
}

export default { initialize };
