"""The style of the page: light and dark, phone and paper, no fonts to fetch."""

from __future__ import annotations

from streamlearn.report.colours import declarations

CSS = (
    f":root {{ {declarations(dark=False)} }}\n"
    "@media screen and (prefers-color-scheme: dark) "
    f"{{ :root {{ {declarations(dark=True)} }} }}"
    """
:root { color-scheme: light dark; --page: #f6f6f4; --ink: #1d1d1f; --soft: #5b5b60;
  --line: #d9d9d6; --same: #006b4e; --same-back: #e0f3ec; --differs: #ad1f17;
  --differs-back: #fde6e3; --unknown: #5b5b60; --unknown-back: #ececea; }
@media (prefers-color-scheme: dark) { :root { --page: #161618; --ink: #ececf0; --soft: #a6a6ad;
  --line: #3a3a3f; --same: #5fd3ae; --same-back: #10332a; --differs: #ff9d94;
  --differs-back: #451512; --unknown: #b4b4bb; --unknown-back: #2a2a2e; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 46rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.1rem; line-height: 1.35; margin: 2.25rem 0 .6rem; text-wrap: pretty; }
p { margin: .5rem 0; }
.sub, figcaption, .left-out { color: var(--soft); font-size: .9rem; }
h1, h2, p, figcaption, dd { overflow-wrap: anywhere; }
.verdict { margin: 1rem 0; padding: .8rem 1rem; border-left: .4rem solid; border-radius: .3rem; }
.verdict strong { display: block; font-size: 1.15rem; line-height: 1.35; }
.verdict p { margin: .3rem 0 0; color: var(--ink); font-size: .95rem; }
.same { color: var(--same); background: var(--same-back); }
.differs { color: var(--differs); background: var(--differs-back); }
.unknown { color: var(--unknown); background: var(--unknown-back); }
figure { margin: 0; }
figcaption { margin-top: .45rem; }
.card { background: var(--c-paper); border: 1px solid var(--line); border-radius: .4rem;
  padding: .5rem .4rem; }
svg { display: block; width: 100%; height: auto; }
svg.narrow { display: none; }
svg * { stroke-linejoin: round; stroke-linecap: butt; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .93rem; }
th, td { padding: .3rem .6rem .3rem 0; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: top; font-weight: 400; }
thead th { color: var(--soft); font-size: .85rem; vertical-align: bottom; }
.numbers td, .numbers thead th:not(:first-child) { text-align: right; white-space: nowrap;
  font-variant-numeric: tabular-nums; padding-right: 0; padding-left: .6rem; }
.facts th, .hashes th { width: 42%; color: var(--soft); overflow-wrap: anywhere; }
.facts td { overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
.hashes th { width: 27%; }
.hashes td { font: .8rem/1.5 ui-monospace, Menlo, Consolas, monospace;
  overflow-wrap: anywhere; }
.now { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: .5rem;
  margin: 1rem 0; }
.now div { background: var(--c-paper); border: 1px solid var(--line); border-radius: .4rem;
  padding: .45rem .6rem; }
.now dt { margin: 0; font-weight: 400; font-size: .8rem; color: var(--soft); }
.now dd { font-size: 1.05rem; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.bar { display: flex; align-items: center; gap: .8rem; color: var(--soft); font-size: .9rem; }
button { font: inherit; color: var(--ink); background: var(--c-paper); cursor: pointer;
  border: 1px solid var(--line); border-radius: .4rem; padding: .35rem .9rem; }
button:focus-visible { outline: 2px solid var(--c-blue); outline-offset: 2px; }
ul { padding-left: 1.2rem; margin: .5rem 0; font-size: .9rem; overflow-wrap: anywhere; }
dt { font-weight: 600; margin-top: .6rem; }
dd { margin: 0; }
@media screen and (max-width: 30rem) { main { padding: 1rem .7rem 2rem; }
  .card { padding: .3rem 0; }
  .numbers thead th:not(:first-child) { white-space: normal; }
  svg.wide { display: none; } svg.narrow { display: block; } }
@media print { :root { --page: #fff; --ink: #000; --soft: #444; --line: #bbb; --same: #006b4e;
    --same-back: #fff; --differs: #ad1f17; --differs-back: #fff; --unknown: #444;
    --unknown-back: #fff; color-scheme: light; }
  body { font-size: 10pt; } main { max-width: none; padding: 0; }
  section, figure, tr, .verdict, dd { break-inside: avoid; } h2, dt { break-after: avoid; }
  .card { border: 0; padding: 0; max-width: 12.5cm; } .scroll { overflow: visible; } }
"""
)
