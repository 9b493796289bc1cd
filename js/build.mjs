// Builds the bundles that the package ships. They are committed, so that installing it needs no Node.
//
//   node build.mjs           write them
//   node build.mjs --watch   write them, and again after each change of a source
//   node build.mjs --check   fail where a committed one is not what the sources build to, or is larger than it may be

import { readFile, writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { context } from "esbuild";

/** What each is called, and how many bytes of it may travel: a page loads them, and so does a saved notebook. */
const BUNDLES = {
  "link/index.ts": { name: "link.js", most: 4 * 1024 },
  "browser/index.tsx": { name: "browser.js", most: 45 * 1024 },
};
const STATIC = new URL("../runloop_jupyter/static/", import.meta.url);

let stale = false;

async function take({ name, most }, text) {
  const path = new URL(name, STATIC);
  const packed = gzipSync(text, { level: 9 }).length;
  const words = `${name}: ${Buffer.byteLength(text).toLocaleString("en")} bytes, ${packed.toLocaleString("en")} gzipped`;
  if (packed > most) {
    stale = true;
    console.error(`${words}: more than ${most.toLocaleString("en")}`);
  } else if (!process.argv.includes("--check")) {
    await writeFile(path, text);
    console.log(words);
  } else if ((await readFile(path, "utf8").catch(() => "")) !== text) {
    stale = true;
    console.error(`runloop_jupyter/static/${name} is not what js/ builds to: run make bundles`);
  }
}

for (const [entry, bundle] of Object.entries(BUNDLES)) {
  const building = await context({
    entryPoints: [entry],
    absWorkingDir: import.meta.dirname,
    bundle: true,
    format: "esm",
    target: "es2022",
    charset: "utf8",
    jsx: "automatic",
    jsxImportSource: "preact",
    legalComments: "none",
    minify: true,
    write: false,
    plugins: [
      {
        name: "take",
        setup: (build) => build.onEnd(({ outputFiles }) => outputFiles?.[0] && take(bundle, outputFiles[0].text)),
      },
    ],
  });
  if (process.argv.includes("--watch")) await building.watch();
  else {
    await building.rebuild();
    await building.dispose();
  }
}
process.exitCode = stale ? 1 : 0;
