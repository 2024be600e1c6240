"""The look of the pages that are served: that of the reports, and what only they have."""

from typing import Final

from tflited.pages.style import CSS

_SITE: Final = """
:root { --page: #f4f6f8; --card: #ffffff; --accent: #0b6e99; --busy: #1f6feb; --wait: #6a737d;
  --ring: #1f6feb; --tint: #e8f1f6; }
@media (prefers-color-scheme: dark) {
  :root { --page: #0d1117; --card: #151b23; --accent: #6cc3e8; --busy: #79b8ff; --wait: #9aa5b1;
    --ring: #79b8ff; --tint: #16303d; --back: #151b23; }
}
html { scrollbar-gutter: stable; }
body { max-width: none; padding: 0; background: var(--page); font-size: .9375rem; }
main { max-width: 76rem; margin: 0 auto; padding: 1.25rem 1.25rem 4rem; outline: none; }
a { color: var(--accent); text-underline-offset: .15em; text-decoration-thickness: 1px; }
a:hover { text-decoration-thickness: 2px; }
:focus-visible { outline: 2px solid var(--ring); outline-offset: 2px; border-radius: 3px; }
.skip { position: absolute; left: .5rem; top: -4rem; padding: .5rem 1rem; background: var(--card);
  z-index: 2; }
.skip:focus { top: .5rem; }
.unseen { position: absolute; width: 1px; height: 1px; margin: 0; overflow: hidden;
  clip-path: inset(50%); white-space: nowrap; }
.top { display: flex; flex-wrap: wrap; align-items: center; gap: .25rem 1.5rem;
  padding: .6rem max(1.25rem, calc((100% - 76rem) / 2 + 1.25rem)); background: var(--card);
  border-bottom: 1px solid var(--line); }
.brand { font-weight: 700; font-size: 1.05rem; color: var(--ink); text-decoration: none;
  letter-spacing: -.01em; }
.top ul { display: flex; flex-wrap: wrap; gap: .25rem; margin: 0; padding: 0; list-style: none; }
.top li a { display: block; padding: .3rem .65rem; border-radius: 6px; color: var(--soft);
  text-decoration: none; }
.top li a:hover { background: var(--band); color: var(--ink); }
.top li a[aria-current] { background: var(--tint); color: var(--ink); font-weight: 600; }
.link { margin-left: auto; font-size: .8125rem; color: var(--soft); }
.link::before { content: "●"; margin-right: .4em; color: var(--proven); }
.link[data-state=lost]::before { content: "▲"; color: var(--rejected); }
h1 { font-size: 1.5rem; letter-spacing: -.015em; margin: .25rem 0 .5rem; }
h2 { font-size: 1.0625rem; margin: 2rem 0 .6rem; padding: 0; border: 0; }
input, select, button { font: inherit; color: inherit; padding: .4rem .6rem; min-height: 2.25rem;
  border: 1px solid var(--edge, #8c959f); border-radius: 6px; background: var(--card); }
input:user-invalid { border-color: var(--rejected); }
button { background: var(--accent); border-color: var(--accent); color: var(--card);
  font-weight: 600; padding: .4rem 1rem; cursor: pointer; }
button:hover { filter: brightness(1.08); }
.asked { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem; max-width: none; }
.asked input { flex: 1 1 16rem; min-width: 0; }
@media (prefers-reduced-motion: no-preference) { .skip { transition: top .15s; } }
"""
SITE_CSS: Final = CSS + _SITE
"""The whole style sheet of a served page."""
