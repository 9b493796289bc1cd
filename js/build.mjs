// Builds the bundles that the package ships. They are committed, so that installing it needs no Node.
//
//   node build.mjs           write them
//   node build.mjs --check   fail where a committed one is not what the sources build to

import { readFile, writeFile } from "node:fs/promises";
import { build } from "esbuild";

const BUNDLES = { "link/index.ts": "link.js" };
const STATIC = new URL("../runloop_jupyter/static/", import.meta.url);

let stale = false;
for (const [entry, name] of Object.entries(BUNDLES)) {
  const built = await build({
    entryPoints: [entry],
    absWorkingDir: import.meta.dirname,
    bundle: true,
    format: "esm",
    target: "es2022",
    charset: "utf8",
    minify: true,
    write: false,
  });
  const [{ text }] = built.outputFiles;
  const path = new URL(name, STATIC);
  if (!process.argv.includes("--check")) {
    await writeFile(path, text);
    console.log(`${name}: ${Buffer.byteLength(text).toLocaleString("en")} bytes`);
  } else if ((await readFile(path, "utf8").catch(() => "")) !== text) {
    stale = true;
    console.error(`runloop_jupyter/static/${name} is not what js/ builds to: run make bundles`);
  }
}
process.exitCode = stale ? 1 : 0;
