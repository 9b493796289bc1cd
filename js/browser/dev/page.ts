/** The page of `node browser/dev/serve.mjs`: the browser, by itself, with a kernel that is made up. */

import widget from "../index.tsx";
import { FakeKernel, type Manner } from "./fakeKernel.ts";

const asked = new URLSearchParams(location.search);
const manner = JSON.parse(asked.get("manner") ?? "{}") as Partial<Manner>;
const theme = asked.get("theme");
if (theme) document.body.dataset.theme = theme;
const el = document.createElement("div");
el.style.width = asked.get("width") ?? "1180px";
document.body.append(el);
const kernel = new FakeKernel(manner);
const end = widget.render({ model: kernel, el });
Object.assign(window, { kernel, end });
