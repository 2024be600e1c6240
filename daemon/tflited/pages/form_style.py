"""The look of forms: those of Convert now, of uploads, and of a session."""

from typing import Final

FORM_CSS: Final = """
.asking { max-width: 58rem; }
.asking fieldset, .asking details { margin: 0 0 1rem; padding: .75rem 1rem 1rem; min-width: 0;
  background: var(--card); border: 1px solid var(--line); border-radius: 8px; }
.asking > fieldset > legend { float: left; width: 100%; padding: 0 0 .35rem; font-weight: 650; }
.asking > fieldset > legend + * { clear: both; }
.asking summary { margin: -.75rem -1rem; padding: .6rem 1rem; color: var(--ink); font-weight: 600; }
.asking details[open] > summary { margin-bottom: .5rem; border-bottom: 1px solid var(--line); }
.fields { display: grid; gap: .9rem 1.5rem;
  grid-template-columns: repeat(auto-fill, minmax(min(22rem, 100%), 1fr)); }
.field, .asking .field { margin: 0; padding: 0; border: 0; background: none; min-width: 0; }
.field.wide { grid-column: 1 / -1; }
.field > label, .field > legend { display: block; padding: 0; font-weight: 600; }
.field > p { margin: .05rem 0 .3rem; font-size: .875rem; }
.field input[type=text], .field input[type=password], .field input[type=file], .field textarea {
  width: 100%; }
.field select { width: 100%; }
textarea { font: .875rem/1.45 ui-monospace, monospace; color: inherit; padding: .4rem .6rem;
  border: 1px solid var(--edge, #8c959f); border-radius: 6px; background: var(--card);
  resize: vertical; }
.field [aria-invalid] { border-color: var(--rejected); border-width: 2px; }
.boxes { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(24rem, 100%), 1fr));
  gap: .15rem 1rem; }
.boxes > div, .switch > div { display: flex; align-items: baseline; gap: .5rem; padding: .15rem 0; }
.boxes label { font-size: .875rem; color: var(--soft); }
.boxes label span { color: var(--ink); font-weight: 600; font-size: .9375rem; margin-right: .35em; }
.switch label { font-weight: 600; }
input[type=checkbox] { width: 1.1rem; height: 1.1rem; min-height: 0; flex: none; margin: 0;
  align-self: center; accent-color: var(--accent); }
.wrong { color: var(--rejected); overflow-wrap: anywhere; }
.notice { max-width: 58rem; margin: 1rem 0; padding: .7rem 1rem; background: var(--tint);
  border-left: 4px solid var(--accent); border-radius: 4px; color: var(--ink); }
.notice.wrong { background: var(--card); border-color: var(--rejected); color: var(--ink); }
.notice h2 { margin: 0 0 .3rem; }
.notice.wrong a { color: var(--rejected); }
.buttons { display: flex; flex-wrap: wrap; gap: .6rem; max-width: none; margin-top: 1.25rem; }
button.plain { background: var(--card); border-color: var(--edge, #8c959f); color: var(--ink); }
pre { margin: .5rem 0; padding: .75rem 1rem; max-width: 58rem; overflow-x: auto;
  background: var(--band); border: 1px solid var(--line); border-radius: 8px;
  font: .8125rem/1.5 ui-monospace, monospace; }
progress { width: 100%; max-width: 58rem; height: .75rem; accent-color: var(--accent); }
"""
