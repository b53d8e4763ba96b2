// How the element looks. It is a constructed sheet, which a strict content security policy allows.

const CSS = `
:host {
  --job-log-font: ui-monospace, "SF Mono", SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  --paper: #ffffff; --ink: #1f2328; --quiet: #59636e; --line: #d1d9e0; --bar: #f6f8fa; --hover: #f3f5f7;
  --accent: #0969da; --red: #c4262e; --green: #1a7f37; --amber: #8a5a00; --target: #fff4c9; --match: #ffe48a; --now: #ffb454;
  --failure: #fff1f0; --err-mark: #d9a036;
  display: flex; flex-direction: column; position: relative; height: 100%; min-height: 0; overflow: hidden;
  background: var(--paper); color: var(--ink); font: 13px/20px system-ui, -apple-system, "Segoe UI", sans-serif;
  color-scheme: light;
}
:host([data-theme="dark"]) {
  --paper: #0d1117; --ink: #e6edf3; --quiet: #9198a1; --line: #30363d; --bar: #151b23; --hover: #161c25;
  --accent: #58a6ff; --red: #ff7b72; --green: #3fb950; --amber: #e3b341; --target: #3a3117; --match: #6b5300; --now: #9a5a00;
  --failure: #25171c; --err-mark: #9e6a03; color-scheme: dark;
}
:host([hidden]) { display: none; }
* { box-sizing: border-box; }
button, input { font: inherit; color: inherit; }
button { cursor: pointer; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: -2px; }
.sr { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

header { display: flex; align-items: center; gap: 10px; flex: none; min-height: 48px; padding: 6px 10px 6px 16px;
  background: var(--bar); border-bottom: 1px solid var(--line); }
.state { display: inline-flex; align-items: center; gap: 8px; font-weight: 600; white-space: nowrap; }
.dot { width: 10px; height: 10px; border-radius: 50%; background: var(--quiet); flex: none; }
.job { font: 12px/20px var(--job-log-font); color: var(--quiet); white-space: nowrap; overflow: hidden; text-overflow: ellipsis; min-width: 3ch; }
.detail { color: var(--quiet); white-space: nowrap; overflow: hidden; text-overflow: ellipsis; flex: 1; min-width: 0; }
:host([data-state="live"]) .dot { background: var(--green); animation: pulse 2s infinite; }
:host([data-state="ended"]) .dot { background: var(--green); }
:host([data-state="failed"]) .dot, :host([data-state="deleted"]) .dot, :host([data-state="denied"]) .dot { background: var(--red); }
:host([data-state="reconnecting"]) .dot, :host([data-state="offline"]) .dot, :host([data-state="limited"]) .dot,
:host([data-state="unavailable"]) .dot, :host([data-state="signed-out"]) .dot, :host([data-state="silent"]) .dot { background: var(--amber); }
:host([data-state="failed"]) .state { color: var(--red); }
@keyframes pulse { 50% { box-shadow: 0 0 0 4px color-mix(in srgb, var(--green) 25%, transparent); } }

.tools { display: flex; align-items: center; gap: 2px; flex: none; }
.tools button, .find button, .menu button { border: 1px solid transparent; background: none; border-radius: 6px; padding: 3px 7px; min-height: 28px; }
.tools button:hover, .find button:hover, .menu button:hover, .menu a:hover { background: color-mix(in srgb, var(--ink) 9%, transparent); }
.tools button[aria-pressed="true"], .find button[aria-pressed="true"] { background: color-mix(in srgb, var(--accent) 16%, transparent); color: var(--accent); }
.tools button.count { color: var(--red); font-variant-numeric: tabular-nums; white-space: nowrap; }
.icon { display: inline-grid; place-items: center; min-width: 30px; }
svg { width: 16px; height: 16px; fill: none; stroke: currentColor; stroke-width: 1.5; stroke-linecap: round; stroke-linejoin: round; }
[aria-haspopup="menu"] svg { stroke-width: 2.5; }
.again { border: 1px solid var(--line); background: var(--paper); border-radius: 6px; padding: 2px 10px; white-space: nowrap; flex: none; }

/* What is said in the middle of an empty log is not said twice. */
:host([data-lines="0"]:not([data-state="ended"], [data-state="failed"])) .detail { visibility: hidden; }

.main { position: relative; flex: 1; min-height: 0; }
.scroller { position: absolute; inset: 0; overflow: auto; overflow-anchor: none; overscroll-behavior: contain; contain: strict; scrollbar-gutter: stable; }
/* Above the rows, which would cover an outline of the scroller itself. */
.scroller:focus-visible { outline: none; }
.scroller:focus-visible + .ring { position: absolute; inset: 0; z-index: 3; pointer-events: none; border: 2px solid var(--accent); }
.spacer { width: 1px; }
.rows { position: absolute; top: 0; left: 0; min-width: 100%; font: 12.5px/20px var(--job-log-font); --margin: 64px;
  font-variant-ligatures: none; tab-size: 8; will-change: transform; }
.row { display: flex; flex-wrap: wrap; position: relative; min-height: 20px; min-width: 100%; border-left: 3px solid transparent; white-space: pre; align-content: flex-start; }
.row:hover { background: var(--hover); }
.row[data-source="stderr"] { border-left-color: var(--err-mark); border-left-style: solid; }
.row[data-source="system"] .text { color: var(--quiet); font-style: italic; }
.row.failure { background: var(--failure); }
.row.target { background: var(--target); }
.row.current { box-shadow: inset 3px 0 0 var(--accent); }
.row.matched .text { background: var(--match); color: var(--ink); }
.row.matched.current .text { background: var(--now); }
.row.open .text::after { content: "▍"; color: var(--accent); animation: blink 1.2s step-end infinite; }
@keyframes blink { 50% { opacity: 0; } }
.row.pinned { position: absolute; top: -100000px; }
.gutter { flex: none; width: var(--margin); padding-right: 14px; text-align: right; color: var(--quiet); text-decoration: none;
  user-select: none; -webkit-user-select: none; font-variant-numeric: tabular-nums; position: sticky; left: 0; background: var(--paper); z-index: 1; overflow: hidden; }
.row:hover .gutter { background: var(--hover); }
.row.failure .gutter { background: var(--failure); }
.row.target .gutter { background: var(--target); }
.gutter:hover { color: var(--accent); text-decoration: underline; }
.gutter::before { content: attr(data-time); margin-right: 10px; opacity: .85; }
.gutter:not([data-time])::before, .gutter[data-time=""]::before { margin: 0; }
.gutter::after { content: attr(data-number); }
.text { flex: 1 1 0; min-width: 0; padding-right: 12px; }
.wrap .text, .row.whole .text { flex: none; width: calc(var(--columns) + 12px); white-space: pre-wrap; word-break: break-all; }
.probe { position: absolute; visibility: hidden; white-space: pre; }
.text a { color: var(--accent); text-decoration: underline; text-underline-offset: 2px; }
.mark { color: var(--amber); }
.mark { font-size: 0; }
.mark::after { content: attr(data-name); font-size: 10px; line-height: 14px; outline: 1px solid currentColor; outline-offset: -1px; border-radius: 3px; padding: 0 3px; margin: 0 2px; }
.show-all { position: sticky; left: calc(var(--margin) + 8px); right: 12px; z-index: 1; border: 1px solid var(--line); background: var(--bar); border-radius: 6px; padding: 0 8px; line-height: 18px; height: 20px; }
.toggle { border: 0; background: none; padding: 0; flex: none; width: 18px; height: 20px; text-align: center; color: var(--quiet); font: inherit; user-select: none; -webkit-user-select: none; }
.toggle::before { content: "▸"; display: inline-block; transition: transform .1s; }
.toggle[aria-expanded="true"]::before { transform: rotate(90deg); }
/* The mark of standard error is of the line below. */
.toggle.head { flex: 0 0 calc(100% + 3px); margin-left: -3px; display: flex; align-items: center; gap: 8px; text-align: left; padding-left: 17px; background: var(--bar);
  color: var(--ink); font: 600 12px/20px system-ui, sans-serif; box-shadow: inset 0 1px var(--line), inset 0 -1px var(--line); position: sticky; left: 0; }
.toggle.failed .title, .toggle.failed::before { color: var(--red); }
.row.group .text { font-weight: 600; flex: none; width: auto; }
.took { color: var(--quiet); font: 400 12px/20px system-ui, sans-serif; padding-left: 8px; user-select: none; -webkit-user-select: none; }
.row.gap, .row.hole { align-items: center; align-content: center; justify-content: flex-start; color: var(--amber); font-family: system-ui, sans-serif; }
.row.gap .text, .row.hole .text { flex: 1 1 0; width: auto; padding: 4px 16px; border-left: 3px solid var(--amber); margin-left: var(--margin); white-space: normal; word-break: normal; }
.row.gap { background: color-mix(in srgb, var(--amber) 10%, transparent); }
.row.hole { color: var(--quiet); }
.row.hole .text { border-left-color: var(--line); }
.all .row[data-id] { background: color-mix(in srgb, var(--accent) 22%, transparent); }
::highlight(job-log-match) { background-color: var(--match); color: var(--ink); }
::highlight(job-log-now) { background-color: var(--now); color: var(--ink); }

.empty { position: absolute; inset: 0; display: grid; place-content: center; text-align: center; gap: 6px; padding: 24px; color: var(--quiet); pointer-events: none; }
.empty b { color: var(--ink); font-size: 18px; line-height: 26px; font-weight: 600; }
.newer { position: absolute; right: 28px; bottom: 16px; border: 1px solid var(--line); border-radius: 16px; padding: 5px 14px; background: var(--paper);
  box-shadow: 0 2px 10px rgb(0 0 0 / .18); z-index: 2; font-variant-numeric: tabular-nums; }
.newer[hidden], .find[hidden], .menu[hidden], .empty[hidden], .again[hidden], .count[hidden], .note[hidden] { display: none; }
.find { display: flex; align-items: center; gap: 4px; flex-wrap: wrap; padding: 6px 10px 6px 16px; border-bottom: 1px solid var(--line); background: var(--bar); flex: none; }
.find input { flex: 1; min-width: 140px; max-width: 460px; border: 1px solid var(--line); border-radius: 6px; padding: 3px 9px; background: var(--paper); min-height: 28px; font-family: var(--job-log-font); font-size: 12.5px; }
.find .words { color: var(--quiet); min-width: 110px; padding: 0 6px; font-variant-numeric: tabular-nums; }
.find .hint { color: var(--quiet); font-size: 12px; margin-left: auto; }
.menu { position: absolute; right: 10px; top: 46px; z-index: 5; display: flex; flex-direction: column; min-width: 230px; padding: 6px; background: var(--paper); border: 1px solid var(--line);
  border-radius: 10px; box-shadow: 0 8px 28px rgb(0 0 0 / .24); max-height: calc(100% - 60px); overflow: auto; }
.menu button, .menu a { display: flex; justify-content: space-between; gap: 24px; text-align: left; padding: 5px 10px; border-radius: 6px; color: inherit; text-decoration: none; min-height: 30px; }
.menu kbd { color: var(--quiet); font: 11px/20px var(--job-log-font); }
.menu hr { width: 100%; border: 0; border-top: 1px solid var(--line); margin: 5px 0; }
.note { position: absolute; left: 50%; bottom: 18px; transform: translateX(-50%); max-width: 90%; background: var(--ink); color: var(--paper); padding: 7px 14px; border-radius: 8px; z-index: 6; }
dialog { border: 1px solid var(--line); border-radius: 12px; background: var(--paper); color: var(--ink); padding: 18px 24px; max-width: min(620px, 92%); }
dialog::backdrop { background: rgb(0 0 0 / .4); }
dialog h2 { margin: 0 0 10px; font-size: 16px; }
dialog dl { display: grid; grid-template-columns: auto 1fr; gap: 5px 18px; margin: 0 0 14px; }
dialog dt, dialog dd { margin: 0; }
kbd { font-family: var(--job-log-font); font-size: 12px; }
dialog kbd { margin-right: 4px; border: 1px solid var(--line); border-bottom-width: 2px; border-radius: 4px; padding: 0 5px; }

@media (max-width: 700px) {
  :host([data-lines="0"]:not([data-state="ended"], [data-state="failed"])) .detail { display: none; }
  header { gap: 8px; padding: 6px 6px 6px 12px; flex-wrap: wrap; }
  .detail { flex: 1 0 calc(100% - 110px); order: 5; white-space: normal; }
  .detail:empty { display: none; }
  .again { order: 6; }
  .job { flex: 1; }
  .tools button, .find button { min-width: 36px; min-height: 36px; }
  .find .hint { display: none; }
  .find input { flex: 1 1 calc(100% - 60px); max-width: none; min-height: 36px; }
  .find > :last-child { order: 1; }
  .find > :not(input, :last-child) { order: 2; }
  .find .words { flex: 1; }
  .row.gap .text, .row.hole .text { font-size: 12px; line-height: 16px; padding: 4px 8px; margin-left: 14px; }
  .newer { right: 14px; bottom: max(14px, env(safe-area-inset-bottom)); min-height: 36px; }
}
@media (prefers-reduced-motion: reduce) { *, *::before, *::after { animation: none !important; transition: none !important; } }
@media (forced-colors: active) {
  .row[data-source="stderr"] { border-left-color: Highlight; border-left-style: double; }
  .row.target, .row.failure { outline: 1px solid Highlight; outline-offset: -1px; }
  .dot { background: CanvasText; forced-color-adjust: none; }
}
`;

/** @type {CSSStyleSheet | null} */
let sheet = null;

export function styles() {
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(CSS);
  }
  return sheet;
}
