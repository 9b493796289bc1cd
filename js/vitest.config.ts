import { defineConfig } from "vitest/config";

export default defineConfig({
  test: { environment: "happy-dom", restoreMocks: true },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
});
