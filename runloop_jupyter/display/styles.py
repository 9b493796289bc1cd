"""The look of every output: one small sheet, sent with each.

Colours are the host's own (JupyterLab's and VS Code's theme variables) with literal ones behind them, for saved
notebooks and nbconvert. What no host offers with enough contrast (a warning that can be read) is literal, light and
dark; dark is known by what the host says of its theme, never by the system's preference, for a converted notebook is
a white page on a dark system too.

Two classes outweigh JupyterLab's own rules for rendered HTML; its stripes, its hover of rows and its ``pre`` need a
third.
"""

from __future__ import annotations

from typing import Final

_SHEET: Final = """
.rl-out{
 --rl-ink:var(--jp-ui-font-color1,var(--vscode-foreground,#1d2127));
 --rl-quiet:var(--jp-ui-font-color2,var(--vscode-descriptionForeground,#5c6570));
 --rl-line:var(--jp-border-color2,var(--vscode-panel-border,#e0e3e6));
 --rl-accent:var(--jp-brand-color1,var(--vscode-textLink-foreground,#2f6fde));
 --rl-warn:#8f5300}
[data-jp-theme-light=false] .rl-out,.vscode-dark .rl-out,html[theme=dark] .rl-out{
 --rl-ink:var(--jp-ui-font-color1,var(--vscode-foreground,#e6e9ed));
 --rl-quiet:var(--jp-ui-font-color2,var(--vscode-descriptionForeground,#a2abb6));
 --rl-line:var(--jp-border-color2,var(--vscode-panel-border,#343a42));
 --rl-accent:var(--jp-brand-color1,var(--vscode-textLink-foreground,#7eaaf8));
 --rl-warn:#f0b45c}
.rl-out{
 font:var(--jp-ui-font-size1,13px)/1.5 var(--jp-ui-font-family,system-ui,sans-serif);
 color:var(--rl-ink);font-variant-numeric:tabular-nums;overflow-wrap:anywhere;padding:3px 0}
.rl-out b{font-weight:600}
.rl-out .rl-card{border-left:2px solid var(--rl-accent);padding:1px 0 1px 12px}
.rl-out .rl-2nd{color:color-mix(in srgb,var(--rl-ink) 82%,transparent)}
.rl-out :is(.rl-q,.rl-code,.rl-h,.rl-foot){color:var(--rl-quiet)}
.rl-out .rl-warn{color:var(--rl-warn)}
.rl-out :is(.rl-mono,.rl-code,.rl-pre){font-family:var(--jp-code-font-family,monospace);font-size:.92em}
.rl-out .rl-code>span{margin-right:2.2em;white-space:pre-wrap}
.rl-out .rl-h{margin:10px 0 2px;font-size:.9em;font-weight:600}
.rl-out .rl-scroll{overflow-x:auto}
.rl-out .rl-table{
 border-collapse:collapse;border:0;margin:0;table-layout:auto;font-size:inherit;width:auto}
.rl-out.rl-out .rl-table tr{background:none}
.rl-out .rl-table :is(th,td){
 padding:4px 18px 4px 0;text-align:left;vertical-align:baseline;white-space:pre;
 line-height:1.45;border:0;border-bottom:1px solid var(--rl-line);background:none}
.rl-out .rl-table th{font-weight:600;font-size:.9em;color:var(--rl-quiet)}
.rl-out .rl-table .rl-r{text-align:right}
.rl-out .rl-table .rl-wrap{white-space:pre-wrap}
.rl-out .rl-facts :is(th,td){border:0;padding:1px 18px 1px 0}
.rl-out :is(.rl-foot,.rl-facts){margin-top:5px}
.rl-out .rl-bar{display:flex;gap:10px;align-items:center;white-space:nowrap;overflow:hidden}
.rl-out .rl-track{flex:0 9 220px;min-width:60px;height:4px;border-radius:2px;background:var(--rl-line)}
.rl-out .rl-track i{display:block;height:100%;background:var(--rl-accent);border-radius:2px}
.rl-out.rl-out .rl-pre{
 margin:0;padding:0 0 0 12px;border:0;border-left:2px solid var(--rl-line);background:none;color:inherit;
 line-height:1.45;white-space:pre-wrap;tab-size:4}
"""

STYLE: Final = "".join(line.strip() for line in _SHEET.splitlines())
"""The sheet in compact form."""
