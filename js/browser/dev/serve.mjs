// Shows the browser by itself, with a kernel that is made up: node browser/dev/serve.mjs, from js/.
// Its address takes ?manner={"objects":1000000,"latency":50}&theme=dark&width=640px.

import { context } from "esbuild";

const page = await context({
  entryPoints: ["page.ts", "page.html"],
  absWorkingDir: import.meta.dirname,
  bundle: true,
  format: "esm",
  jsx: "automatic",
  jsxImportSource: "preact",
  loader: { ".html": "copy" },
  outdir: "out",
  write: false,
});
const { port } = await page.serve({ port: Number(process.argv[2] ?? 8600), host: "127.0.0.1" });
console.log(`http://127.0.0.1:${port}/page.html`);
