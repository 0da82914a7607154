/** The style sheet of the development mailbox: light or dark as the reader's system is, from a phone's width up. */
export const MAILBOX_STYLE = `
:root {
  color-scheme: light dark;
  --line: light-dark(#d9dde3, #333a45);
  --quiet: light-dark(#5b6472, #9aa4b2);
  --card: light-dark(#fff, #1b2029);
  --back: light-dark(#f4f5f7, #12151b);
  --text: light-dark(#1c2330, #e8ebf0);
  --accent: light-dark(#14532d, #7ddc9c);
}
* { box-sizing: border-box }
body {
  margin: 0; background: var(--back); color: var(--text);
  font: 16px/1.5 system-ui, sans-serif;
}
header, main { max-width: 56rem; margin: 0 auto; padding: 1rem }
header {
  display: flex; justify-content: space-between; align-items: baseline;
  color: var(--quiet); font-size: .875rem;
}
a { color: var(--accent) }
a:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
.home { color: var(--text); font-weight: 600; font-size: 1rem; text-decoration: none }
h1 { font-size: 1.375rem; line-height: 1.25; margin: .5rem 0; overflow-wrap: anywhere }
h2 { font-size: 1rem; margin: 1.5rem 0 .5rem }
.bar { display: flex; justify-content: space-between; align-items: center; gap: 1rem }
.button {
  display: inline-block; padding: .375rem .75rem; border: 1px solid var(--line);
  border-radius: .375rem; background: var(--card); text-decoration: none; font-size: .875rem;
}
.mails {
  list-style: none; margin: .75rem 0; padding: 0; overflow: hidden;
  background: var(--card); border: 1px solid var(--line); border-radius: .5rem;
}
.mails li + li { border-top: 1px solid var(--line) }
.mails a {
  display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 0 1rem; padding: .75rem 1rem;
  color: inherit; text-decoration: none;
}
.mails a:hover { background: var(--back) }
.mails a:focus-visible { outline-offset: -3px }
.mails strong { grid-column: 1 / -1; font-weight: 600; overflow-wrap: anywhere }
.to { color: var(--quiet); overflow-wrap: anywhere }
time { color: var(--quiet); font-size: .875rem; font-variant-numeric: tabular-nums }
dl {
  display: grid; grid-template-columns: auto minmax(0, 1fr); gap: .125rem 1rem;
  margin: 0 0 1rem;
}
dt { color: var(--quiet) }
dd { margin: 0; overflow-wrap: anywhere }
iframe {
  width: 100%; height: 30rem; border: 1px solid var(--line); border-radius: .5rem;
  background: #fff;
}
pre {
  margin: 0; padding: 1rem; background: var(--card); border: 1px solid var(--line);
  border-radius: .5rem; white-space: pre-wrap; overflow-wrap: anywhere; font-size: .875rem;
}
.note { color: var(--quiet); font-size: .875rem }
.empty {
  padding: 3rem 1.5rem; text-align: center; background: var(--card);
  border: 1px dashed var(--line); border-radius: .5rem;
}
.empty p { max-width: 34rem; margin: .5rem auto; color: var(--quiet) }
@media (max-width: 36rem) {
  .mails a { grid-template-columns: minmax(0, 1fr) }
  iframe { height: 34rem }
}
`
