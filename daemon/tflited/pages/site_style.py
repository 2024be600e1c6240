"""The look of the pages that are served: that of the reports, and what only they have."""

from typing import Final

from tflited.pages.form_style import FORM_CSS
from tflited.pages.style import CSS

_FRAME: Final = """
:root { --good: #136a3d; --warn: #7f5500; --bad: #b32318;
  --page: #f3f5f7; --card: #ffffff; --back: #ffffff; --accent: #0a6187; --busy: #1a62d6;
  --wait: #59636e; --edge: #868f99; --ring: #1a62d6; --tint: #e3eff5; --track: #e4e8ec;
  --good-back: #e6f4ec; --busy-back: #e5effd; --wait-back: #eceff2; --warn-back: #fcf2dc;
  --bad-back: #fdebe9; --shadow: 0 1px 2px rgb(27 31 36 / .06); }
@media (prefers-color-scheme: dark) {
  :root { --good: #4cc38a; --warn: #e0b14a; --bad: #ff8a80;
    --page: #0d1117; --card: #151b23; --back: #151b23; --accent: #79c7ea; --busy: #84b9ff;
    --wait: #a3adb8; --edge: #6b7683; --ring: #84b9ff; --tint: #17303f; --track: #2a323c;
    --good-back: #12291f; --busy-back: #14263f; --wait-back: #222a33; --warn-back: #2e2512;
    --bad-back: #331b1b; --shadow: none; }
}
body { max-width: none; padding: 0; background: var(--page); font-size: .9375rem; }
main { max-width: 80rem; margin: 0 auto; padding: 1.5rem 1.5rem 4rem; outline: none; }
a { color: var(--accent); text-decoration-thickness: 1px; text-underline-offset: .18em; }
a:hover { text-decoration-thickness: 2px; }
:focus-visible { outline: 2px solid var(--ring); outline-offset: 2px; border-radius: 4px; }
.skip { position: absolute; left: .75rem; top: -5rem; padding: .5rem 1rem; z-index: 2;
  background: var(--card); border: 1px solid var(--line); border-radius: 6px; }
.skip:focus { top: .5rem; }
.unseen { position: absolute; width: 1px; height: 1px; margin: 0; padding: 0; overflow: hidden;
  clip-path: inset(50%); white-space: nowrap; }
.top { display: flex; flex-wrap: wrap; align-items: center; gap: .35rem 1.5rem;
  padding: .55rem max(1.5rem, calc((100% - 80rem) / 2 + 1.5rem)); background: var(--card);
  border-bottom: 1px solid var(--line); }
.brand { font-weight: 700; font-size: 1.0625rem; color: var(--ink); text-decoration: none;
  letter-spacing: -.01em; }
.top ul { display: flex; flex-wrap: wrap; gap: .15rem; margin: 0; padding: 0; list-style: none; }
.top li a { display: block; padding: .3rem .7rem; border-radius: 6px; color: var(--soft);
  text-decoration: none; }
.top li a:hover { background: var(--band); color: var(--ink); }
.top li a[aria-current] { background: var(--tint); color: var(--ink); font-weight: 600; }
.link { margin-left: auto; font-size: .8125rem; color: var(--soft); white-space: nowrap; }
.link::before { content: "\\25CF" / ""; margin-right: .45em; color: var(--proven); }
.link[data-state=lost]::before { content: "\\25B2" / ""; color: var(--rejected); }
h1 { font-size: 1.5rem; letter-spacing: -.015em; margin: 0 0 .5rem; display: flex;
  flex-wrap: wrap; align-items: center; gap: .25rem .75rem; }
h1 .chip { font-size: .8125rem; letter-spacing: 0; }
h2 { font-size: 1.0625rem; margin: 2rem 0 .6rem; padding: 0; border: 0; letter-spacing: -.005em; }
h3 { font-size: .8125rem; font-weight: 600; margin: 1.25rem 0 .4rem; color: var(--soft); }
code { font: .9em ui-monospace, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
.small { font-size: .8125rem; line-height: 1.45; }
.problem { color: var(--rejected); }
.next { margin-top: .2rem; color: var(--soft); }
.next b { color: var(--ink); font-weight: 600; }
.empty { margin: 0; padding: 1.25rem; max-width: none; border: 1px dashed var(--line);
  border-radius: 10px; color: var(--soft); text-align: center; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: .85rem 1rem; margin: 0 0 .75rem; box-shadow: var(--shadow); }
.problem-card { border-left: 3px solid var(--rejected); margin-top: .9rem; }
.problem-card h2 { margin-top: 0; }
figure, main > .scroll:has(table), section > .scroll:has(table) { background: var(--card);
  border: 1px solid var(--line); border-radius: 10px; padding: 1rem 1.1rem; margin: 0;
  box-shadow: var(--shadow); }
main > .scroll:has(table), section > .scroll:has(table) { padding: .6rem 1rem;
  margin-bottom: .75rem; }
.more { font-size: .875rem; margin: .5rem 0 0; max-width: none; }
ul.plain { list-style: none; padding: 0; margin: .75rem 0; }
"""
_PARTS: Final = """
.head { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: center;
  gap: .75rem 1.5rem; margin-bottom: 1rem; }
.head h1 { margin: 0; }
.columns { display: grid; grid-template-columns: minmax(0, 1fr) 19rem; gap: 0 2rem;
  align-items: start; }
.columns h2:first-child { margin-top: 1.5rem; }
aside .card { margin-bottom: .6rem; }
.tiles { display: grid; grid-template-columns: repeat(6, minmax(0, 1fr)); gap: .75rem;
  margin: 0; padding: 0; list-style: none; }
.tile a { display: flex; flex-direction: column; gap: .1rem; height: 100%;
  padding: .7rem .9rem .75rem; background: var(--card); border: 1px solid var(--line);
  border-top: 3px solid var(--tone); border-radius: 10px; box-shadow: var(--shadow);
  color: var(--soft); font-size: .8125rem; line-height: 1.3; text-decoration: none; }
.tile a:hover { border-color: var(--tone); }
.tile strong { font-size: 1.625rem; line-height: 1.2; font-weight: 650; color: var(--ink);
  font-variant-numeric: tabular-nums; letter-spacing: -.02em; }
.tile.none { --tone: var(--line); }
.tile.none strong { color: var(--soft); font-weight: 500; }
.good { --tone: var(--good); --chip: var(--good-back); --sign: "\\25CF"; }
.busy { --tone: var(--busy); --chip: var(--busy-back); --sign: "\\25D0"; }
.wait { --tone: var(--wait); --chip: var(--wait-back); --sign: "\\25CB"; }
.warn { --tone: var(--warn); --chip: var(--warn-back); --sign: "\\25B2"; }
.bad { --tone: var(--bad); --chip: var(--bad-back); --sign: "\\2715"; }
.idle { --tone: var(--wait); --chip: transparent; --sign: "\\2013"; }
.chip { display: inline-flex; align-items: baseline; gap: .4em; padding: .08rem .55rem;
  border-radius: 99px; background: var(--chip); color: var(--tone); font-size: .8125rem;
  font-weight: 600; line-height: 1.5; white-space: nowrap; }
.chip::before { content: var(--sign); content: var(--sign) / ""; font-size: .8em; }
.list { width: 100%; background: var(--card); border: 1px solid var(--line);
  border-radius: 10px; border-collapse: separate; border-spacing: 0; box-shadow: var(--shadow);
  font-size: .875rem; }
.list th, .list td { max-width: none; padding: .55rem .9rem; overflow-wrap: anywhere;
  border-bottom: 1px solid var(--line); }
.list tbody tr:last-child > * { border-bottom: 0; }
.list thead th { background: none; color: var(--soft); font-size: .75rem; font-weight: 600;
  padding-block: .5rem; }
.list th[scope=row] { font-weight: 600; min-width: 8rem; max-width: 24rem; }
.list .wide { width: 45%; }
.list th a { text-decoration: none; } .list th a:hover { text-decoration: underline; }
.list tbody th { overflow-wrap: break-word; }
.variants .wide { width: 21%; } .variants .wide:last-child { width: 34%; }
.variants td:last-child { font-size: .8125rem; }
.list .number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.list th .soft { font-weight: 400; }
.going { display: flex; flex-direction: column; gap: .35rem; }
.strip { display: flex; gap: 3px; max-width: 24rem; }
.strip i { flex: 1; height: 6px; border-radius: 3px; background: var(--track); }
.strip .over { background: var(--busy); opacity: .55; }
.strip .now { background: var(--busy); }
figure .scroll { margin: 0; }
svg.bar { display: block; width: 100%; min-width: 4rem; max-width: 22rem; height: 8px;
  margin: .35rem 0 .3rem; overflow: visible; }
.bar .track { fill: var(--track); } .bar .fill { fill: var(--wait); }
.bar .busy, .bar .done { fill: var(--busy); } .bar .proven { fill: var(--proven); }
.bar .unverified { fill: var(--unverified); } .bar .rejected { fill: var(--rejected); }
.bar .limit { stroke: var(--ink); stroke-width: 2; vector-effect: non-scaling-stroke; }
.facts { margin: 0; }
.facts > div { display: flex; justify-content: space-between; gap: 1rem; padding: .2rem 0; }
.facts dt { color: var(--soft); } .facts dd { margin: 0; text-align: right;
  font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.facts.line { display: flex; flex-wrap: wrap; gap: .1rem 2rem; margin: .5rem 0; }
.facts.line > div { gap: .5rem; }
.facts.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr));
  gap: .75rem 1.5rem; padding: 1rem; background: var(--card); border: 1px solid var(--line);
  border-radius: 10px; }
.facts.grid > div { flex-direction: column; gap: 0; padding: 0; }
.facts.grid dt { font-size: .75rem; } .facts.grid dd { text-align: left; }
.root .line { display: flex; justify-content: space-between; gap: .5rem; font-weight: 600; }
.checks { list-style: none; padding: .6rem 1rem; }
.checks li { display: flex; justify-content: space-between; align-items: baseline; gap: .75rem;
  padding: .2rem 0; font-size: .8125rem; }
.checks li .chip { background: none; padding-left: 0; }
.filters { display: flex; flex-wrap: wrap; gap: .4rem; margin: .5rem 0 1rem; padding: 0;
  list-style: none; font-size: .8125rem; }
.filters a { display: block; padding: .2rem .7rem; border: 1px solid var(--line);
  border-radius: 99px; background: var(--card); color: var(--soft); text-decoration: none; }
.filters a:hover { border-color: var(--edge); color: var(--ink); }
.filters a[aria-current] { background: var(--tint); border-color: var(--accent);
  color: var(--ink); }
.filters b { font-weight: 600; font-variant-numeric: tabular-nums; color: var(--ink); }
.parts { display: flex; gap: 1.25rem; margin: .9rem 0; font-size: .875rem; }
.tight th, .tight td { padding-block: .3rem; }
.changes { margin: 0; padding: 0; list-style: none; font-size: .8125rem; }
.changes li { padding: .1rem 0; }
.changes del { color: var(--soft); text-decoration: none; }
.changes ins { text-decoration: none; }
.kind { display: inline-block; min-width: 4.6rem; color: var(--soft); font-size: .75rem; }
"""
_FORMS: Final = """
input, select, button { font: inherit; color: inherit; min-height: 2.25rem; padding: .35rem .65rem;
  border: 1px solid var(--edge); border-radius: 6px; background: var(--card); }
input::placeholder { color: var(--soft); opacity: 1; }
button { background: var(--accent); border-color: var(--accent); color: var(--card);
  font-weight: 600; padding: .35rem 1rem; cursor: pointer; }
button:hover { filter: brightness(1.1); }
.asked { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem .6rem; margin: .75rem 0;
  max-width: none; }
.asked input[type=text], .asked input[type=search] { flex: 0 1 24rem; min-width: 8rem; }
.asked .whole { flex-basis: 100%; margin: 0; }
.search { display: flex; gap: .4rem; }
.search input { width: 16rem; }
@media (max-width: 64rem) {
  .columns { grid-template-columns: minmax(0, 1fr); }
  .tiles { grid-template-columns: repeat(3, minmax(0, 1fr)); }
}
@media (max-width: 42rem) {
  main { padding: 1rem 1rem 3rem; }
  .top { padding: .5rem 1rem; gap: .25rem 1rem; }
  .top nav { order: 3; flex: 0 0 100%; min-width: 0; }
  .top ul { flex-wrap: nowrap; overflow-x: auto; }
  .top li a { padding: .3rem .5rem; white-space: nowrap; }
  .search, .search input { flex: 1; width: auto; min-width: 0; }
  .head form { flex-basis: 100%; }
  .tiles { gap: .5rem; }
  .tile a { padding: .5rem .65rem; }
  .facts.grid { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .tight { font-size: .8125rem; } .tight th, .tight td { padding-inline: .5rem; }
  .list.tight th[scope=row] { min-width: 0; }
  .cards, .cards tbody, .cards tr, .cards th, .cards td { display: block; }
  .cards thead { display: none; }
  .cards th[scope=row], .cards .wide, .variants .wide:last-child { max-width: none; width: auto; }
  .cards tbody tr { padding: .6rem .9rem; border-bottom: 1px solid var(--line); }
  .cards tbody tr:last-child { border-bottom: 0; }
  .cards tbody th, .cards tbody td { display: grid; grid-template-columns: 6.5rem minmax(0, 1fr);
    gap: .75rem; padding: .2rem 0; border: 0; text-align: left; white-space: normal; }
  .cards tbody th, .cards tbody .wide { display: block; padding-bottom: .3rem; }
  .cards tbody td::before { content: attr(data-label) / ""; color: var(--soft);
    font-size: .75rem; padding-top: .1rem; }
  .cards tbody .wide::before { display: none; }
  .cards .number { text-align: left; }
  .cards td > .chip { justify-self: start; }
}
@media (prefers-reduced-motion: no-preference) {
  .strip i, .bar .fill { transition: background .3s, width .3s; }
  .strip .now { animation: breathe 1.6s ease-in-out infinite alternate; }
  @keyframes breathe { to { opacity: .45; } }
}
@media (forced-colors: active) {
  .chip { border: 1px solid; } .strip i { border: 1px solid; }
  .strip .over, .strip .now { background: Highlight; forced-color-adjust: none; }
}
"""
SITE_CSS: Final = CSS + _FRAME + _PARTS + _FORMS + FORM_CSS
"""The whole style sheet of a served page."""
