import { afterEach, expect, test } from "vitest";
import { isDark, luminance } from "./theme.ts";

afterEach(() => {
  document.body.replaceChildren();
  delete document.body.dataset.jpThemeLight;
});

test("JupyterLab says whether it is dark", () => {
  const host = document.body.appendChild(document.createElement("div"));
  document.body.dataset.jpThemeLight = "false";
  expect(isDark(host)).toBe(true);
  document.body.dataset.jpThemeLight = "true";
  expect(isDark(host)).toBe(false);
});

test("elsewhere the nearest background does", () => {
  const outer = document.body.appendChild(document.createElement("div"));
  outer.style.backgroundColor = "rgb(20, 20, 24)";
  const host = outer.appendChild(document.createElement("div"));
  expect(isDark(host)).toBe(true);
});

test("what one looks through is no background", () => {
  expect(luminance("rgba(0, 0, 0, 0)")).toBeNull();
  expect(luminance("rgb(255, 255, 255)")).toBeCloseTo(1);
  expect(luminance("transparent")).toBeNull();
});
