"""The look of reports and pages, and the policy that lets a browser apply it and nothing else."""

import base64
import hashlib
from typing import Final

CSS: Final = """
:root { color-scheme: light dark; --back: #ffffff; --ink: #1b1f24; --soft: #59636e;
  --line: #d1d9e0; --band: #f6f8fa; --proven: #1a7f4b; --unverified: #9a6700; --rejected: #c4291c;
  --guide: #6639ba; }
@media (prefers-color-scheme: dark) {
  :root { --back: #0f1419; --ink: #e6edf3; --soft: #9aa5b1; --line: #343c45; --band: #171d24;
    --proven: #4cc38a; --unverified: #e0b14a; --rejected: #ff7b72; --guide: #b99aff; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 70rem; background: var(--back);
  color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .5rem; padding-bottom: .25rem;
  border-bottom: 1px solid var(--line); }
p { margin: .5rem 0; max-width: 46rem; }
p, figcaption, caption { overflow-wrap: anywhere; }
.soft, figcaption { color: var(--soft); }
figure { margin: 1rem 0; }
figcaption { font-size: .9rem; max-width: 46rem; }
.scroll { overflow-x: auto; margin: .5rem 0; }
.scroll:focus-visible, summary:focus-visible { outline: 2px solid var(--guide); }
table { border-collapse: collapse; font-size: .9rem; }
caption { text-align: left; font-weight: 600; padding: .25rem 0; }
th, td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem .4rem;
  border-bottom: 1px solid var(--line); max-width: 30rem; }
.short { white-space: nowrap; }
td { font-variant-numeric: tabular-nums; }
th[scope=row] { font-weight: 600; min-width: 7rem; }
thead th { background: var(--band); white-space: nowrap; }
details { margin: .5rem 0; }
summary { cursor: pointer; color: var(--soft); }
.state { font-weight: 600; white-space: nowrap; }
.proven { color: var(--proven); } .unverified { color: var(--unverified); }
.rejected { color: var(--rejected); }
svg { display: block; width: 100%; min-width: 40rem; max-width: 58rem; height: auto; }
svg text { fill: var(--ink); font: 13px system-ui, sans-serif; paint-order: stroke;
  stroke: var(--back); stroke-width: 4px; stroke-linejoin: round; }
svg .note { fill: var(--soft); font-size: 12px; }
svg .head { font-weight: 600; }
svg .axis { stroke: var(--line); fill: none; }
svg .leader { stroke: var(--soft); stroke-width: .75; fill: none; }
svg .guide { stroke: var(--guide); stroke-dasharray: 5 4; fill: none; }
svg .named { fill: var(--guide); font-size: 12px; }
svg .front { stroke: var(--soft); stroke-width: 1.5; fill: none; }
svg .mark { stroke: currentColor; stroke-width: 2; fill: none; }
svg .solid { fill: currentColor; }
svg .dashed { stroke-dasharray: 4 3; }
@media print { .scroll { overflow: visible; } svg { min-width: 0; } }
"""


def content_policy() -> str:
    """The content security policy of a page with this look alone: no script, request or form."""
    digest = base64.b64encode(hashlib.sha256(CSS.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
