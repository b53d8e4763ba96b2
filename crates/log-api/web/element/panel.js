// One job in a <job-log>: it puts the parts together. Each part is a file of its own.

import { Block } from "../model/block.js";
import { compareIds } from "../client/ids.js";
import { readTarget, writeFragment } from "../model/fragment.js";
import { Groups } from "../model/groups.js";
import { Log } from "../model/log.js";
import { Session } from "../model/session.js";
import { shownState } from "../model/state.js";
import { clock } from "../model/times.js";
import { Announcer } from "./announcer.js";
import { Copier } from "./copier.js";
import { element, setText } from "./dom.js";
import { Failures } from "./failures.js";
import { Find } from "./find.js";
import { Head, newerButton } from "./head.js";
import { KEYS, actionOf } from "./keys.js";
import { Looks } from "./looks.js";
import { Menu, helpDialog } from "./menu.js";
import { Navigation } from "./navigation.js";
import { itemOf } from "./rows.js";
import { rowOfNode, selectionOf } from "./selection.js";
import { Structure } from "./structure.js";
import { View } from "./view.js";

/** @typedef {import("../model/log.js").Place} Place */
/** @typedef {import("../model/fragment.js").Target} Target */

const NOTE_MS = 5000;
const READ_ALOUD = 10;

export class Panel {
  /** @param {import("./job-log.js").JobLog} host @param {boolean} follows */
  constructor(host, follows) {
    this.#host = host;
    this.#follows = follows;
    this.#looks = new Looks(host, (id) => this.#navigation.isTarget(id));
    this.session = new Session(this.log, optionsOf(host), {
      change: (change) => this.view.keepPlace(change),
      appended: (lines) => this.#appended(lines),
      facts: () => this.#showState(),
      gap: (gap) => {
        // Lines behind it have no numbers any longer.
        this.view.schedule(true);
        host.dispatchEvent(new CustomEvent("log-gap", { detail: gap }));
      },
      place: () => this.view.firstPlace?.block.order ?? this.log.pieces.length,
      visible: () => document.visibilityState === "visible",
    });
    this.view = new View(this.log, this.#groups, this.#looks.look, {
      hole: (hole, side) => void this.session.fetcher.fetchHole(hole, side),
      unloaded: (block) => void this.session.fetcher.reload(block),
      rendered: () => this.#rendered(),
      scrolled: () => this.showNewer(),
    });
    this.#failures = new Failures(this.log, this.view);
    this.#structure = new Structure(this.log, this.#groups, this.view, () => this.#head.showFailures(this.#failures.count()));
    this.#copier = new Copier(this.session, this.view, (words) => this.#say(words));
    this.#navigation = new Navigation({
      session: this.session, view: this.view, structure: this.#structure, failures: this.#failures,
      say: (words) => this.#say(words),
      moved: () => this.showNewer(),
      targeted: (detail) => void host.dispatchEvent(new CustomEvent("log-line-click", { detail })),
    });
    this.find = new Find(this.session, {
      go: (id) => void this.#navigation.goToMatch(id),
      paint: () => this.view.schedule(),
      here: () => this.#firstId(),
      opened: () => this.#navigation.whenOpen,
      closed: () => this.view.scroller.focus({ preventScroll: true }),
    });
    this.#head = new Head({
      retry: () => this.#retry(),
      failures: () => this.#navigation.goToFailure(1),
      find: () => this.find.open(),
      wrap: () => this.#looks.toggleWrap(),
      times: () => this.#show(() => this.#looks.nextTimes()),
      menu: () => this.#menu.toggle(),
    });
    this.#menu = new Menu(this.#head.menuButton, () => this.#entries());
    this.#newer = newerButton(() => this.#toEnd());
    const ring = element("div", { class: "ring" });
    const main = element("div", { class: "main" }, this.view.scroller, ring, this.#empty, this.#newer.element);
    this.elements = [this.#head.element, this.find.element, main, this.#menu.element, this.#note, this.#help, this.#announcer.element];
    this.#listen();
  }

  log = new Log();
  /** @type {Session} */
  session;
  /** @type {View} */
  view;
  /** @type {Find} */
  find;
  #groups = new Groups();
  #host;
  #looks;
  #failures;
  /** @type {Structure} */
  #structure;
  /** @type {Navigation} */
  #navigation;
  #copier;
  /** @type {Head} */
  #head;
  /** @type {Menu} */
  #menu;
  #newer;
  #announcer = new Announcer();
  #empty = element("div", { class: "empty", hidden: true });
  #note = element("div", { class: "note", role: "status", hidden: true });
  #help = helpDialog(KEYS);
  #noteTimer = 0;
  /** Takes the listeners away that are not on our own elements. */
  #closing = new AbortController();
  /** Lines that have come since the reader left the end. */
  #newLines = 0;
  #stateName = "";
  /** What was asked for before the log was open. */
  #follows;
  #isOpen = false;

  /** Opens the log and follows it until it ends. */
  async run() {
    try {
      await this.#run();
    } catch (error) {
      this.session.fail(error);
    }
  }

  async #run() {
    this.#looks.attach(this.view, this.#head);
    this.#showState();
    const target = readTarget((this.#host.getAttribute("at") ?? "").replace(/^#/, ""));
    if (!(await this.session.open())) return;
    this.#structure.read();
    // The stream first: what a reader does not see yet must not delay what comes.
    const following = this.session.follow();
    this.#navigation.opened();
    if (target) await this.goTo(target);
    else if (this.session.hasFailed) await this.#navigation.openAtFailure();
    this.view.render();
    this.#isOpen = true;
    if (!this.#follows) this.follows = false;
    void this.session.fetcher.fill();
    await following;
    this.#structure.keep(this.session.facts.done !== null);
  }

  /** Whether the window stays at the end while lines come. */
  get follows() {
    return this.#isOpen ? this.view.following : this.#follows;
  }

  set follows(follows) {
    this.#follows = follows;
    if (!this.#isOpen) return;
    if (follows) this.view.toEnd();
    else this.view.following = false;
    this.showNewer();
  }

  /** Shows a line or a range.
   * @param {Target} target
   */
  async goTo(target) {
    await this.#navigation.goTo(target);
  }

  /** Fetches the log whole, however long it is. */
  async loadAll() {
    await this.#navigation.whenOpen;
    this.session.fetcher.fillAll = true;
    await this.session.fetcher.fill();
  }

  close() {
    this.session.close();
    this.find.close();
    this.#announcer.stop();
    this.#structure.stop();
    this.#closing.abort();
  }

  showTheme() {
    this.#looks.show(this.log.lines);
  }

  showNewer() {
    const { following } = this.view;
    if (following) this.#newLines = 0;
    this.#newer.show(following || this.log.lines === 0, this.#newLines, this.session.facts.done !== null);
  }

  #listen() {
    const { signal } = this.#closing;
    const { rows, scroller } = this.view;
    rows.addEventListener("click", (event) => this.#onClick(event));
    scroller.addEventListener("copy", (event) => this.#copier.onCopy(event));
    this.#host.addEventListener("keydown", (event) => this.#onKey(event), { signal });
    document.addEventListener("selectionchange", () => this.#onSelection(), { signal });
    document.addEventListener("visibilitychange", () => this.view.schedule(), { signal });
    document.addEventListener("pointerdown", (event) => this.#onPointerDown(event), { signal });
    for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)"]) {
      matchMedia(query).addEventListener("change", () => this.showTheme(), { signal });
    }
    const timer = setInterval(() => document.visibilityState === "visible" && this.#showState(), 1000);
    signal.addEventListener("abort", () => clearInterval(timer));
  }

  #showState() {
    const { facts, options } = this.session;
    facts.lines = this.log.lines;
    const silent = Number(this.#host.getAttribute("silent-after") ?? NaN) * 1000;
    const state = shownState(facts, Date.now(), Number.isNaN(silent) ? undefined : silent);
    this.#head.showState(state, options.job);
    this.#host.dataset.state = state.name;
    this.#showLines();
    if (this.log.lines === 0) this.#showEmpty(state);
    if (!Number.isNaN(facts.createdAt)) this.#setStart(facts.createdAt);
    if (state.name === this.#stateName) return;
    this.#stateName = state.name;
    this.#announcer.say([state.word, state.detail].filter(Boolean).join(". "));
    // What is no longer the reader's is not shown any longer.
    if (state.name === "denied") this.#forget();
    this.showNewer();
    this.#host.dispatchEvent(new CustomEvent("log-state", { detail: { state: state.name, text: state.word } }));
  }

  #showLines() {
    const lines = String(this.log.lines);
    if (this.#host.dataset.lines === lines) return;
    this.#host.dataset.lines = lines;
    this.#empty.hidden = this.log.lines > 0;
    this.#looks.showMargin(this.log.lines);
    this.showNewer();
  }

  /** @param {import("../model/state.js").Shown} state */
  #showEmpty({ name, word, detail }) {
    const isEnd = name === "ended" || name === "failed";
    const [title, text] = isEnd ? ["No output", "The job has ended without a line."] : [word, detail];
    this.#empty.hidden = false;
    if (this.#empty.textContent === title + text) return;
    this.#empty.replaceChildren(element("b", {}, title), element("span", {}, text));
  }

  #forget() {
    this.log.clear();
    this.#structure.read();
    this.view.schedule(true);
  }

  /** @param {number} lines */
  #appended(lines) {
    // What was there before is not new.
    if (this.#isOpen) this.#announcer.appended(lines);
    if (!this.view.following) this.#newLines += lines;
    this.find.appended();
    this.#structure.appended();
    this.view.schedule();
  }

  #rendered() {
    if (Number.isNaN(this.#looks.start)) this.#guessStart();
    this.find.paint(this.view.rows);
    this.#structure.later();
    this.#showLines();
  }

  /** Where the job does not say when it began, the first line of the log does. */
  #guessStart() {
    const first = this.log.pieces[0];
    if (first instanceof Block && first.count > 0 && first.isLoaded) this.#setStart(first.time(0));
  }

  /** @param {number} start */
  #setStart(start) {
    if (this.#looks.start === start || Number.isNaN(start)) return;
    this.#looks.start = start;
    this.showTheme();
  }

  #toEnd() {
    this.view.toEnd();
    this.view.scroller.focus({ preventScroll: true });
  }

  #retry() {
    if (this.session.facts.refusal) this.#host.restart();
    else this.session.retryNow();
  }

  #firstId() {
    const place = this.view.firstPlace;
    return place && place.block.id(place.index);
  }

  /** @param {() => void} change of how the log looks */
  #show(change) {
    change();
    this.showTheme();
  }

  /** @param {MouseEvent} event */
  #onClick(event) {
    const clicked = /** @type {Element} */ (event.target);
    const row = rowOfNode(clicked, this.view.rows);
    const item = row && itemOf(row);
    if (!item || !(item.piece instanceof Block)) return;
    const place = { block: item.piece, index: item.index };
    const toggle = clicked.closest(".toggle");
    if (toggle instanceof HTMLElement) this.#toggleGroup(toggle.dataset.group ?? "");
    else if (clicked.closest(".show-all")) this.#showAll(place);
    else if (clicked.closest(".gutter") && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      this.#link(place, event.shiftKey);
    }
  }

  /** @param {Place} place @param {boolean} isRange */
  #link(place, isRange) {
    const id = place.block.id(place.index);
    const { target } = this.#navigation;
    const from = isRange && target ? target.from : id;
    this.#navigation.setTarget(compareIds(from, id) <= 0 ? { from, to: id } : { from: id, to: from });
    this.view.following = false;
    this.showNewer();
    this.#say(`The address links to ${from === id ? "this line" : "these lines"}. y copies it.`);
  }

  /** @param {string} key */
  #toggleGroup(key) {
    this.view.following = false;
    this.#structure.toggle(key);
    this.showNewer();
  }

  /** @param {Place} place */
  #showAll({ block, index }) {
    block.whole ??= new Set();
    block.whole.add(index);
    this.view.following = false;
    this.view.schedule(true);
    this.showNewer();
  }

  #onSelection() {
    const selection = selectionOf(this.#host.shadowRoot ?? this.#host);
    this.#copier.selectionChanged(selection);
    if (!this.view.following || !selection || selection.isCollapsed || !rowOfNode(selection.anchorNode, this.view.rows)) return;
    this.view.following = false;
    this.showNewer();
  }

  /** @param {PointerEvent} event */
  #onPointerDown(event) {
    const path = event.composedPath();
    if (!path.includes(this.#menu.element) && !path.includes(this.#head.menuButton)) this.#menu.hide();
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const action = actionOf(event);
    // The second Ctrl+F is the browser's.
    if (action === null || (action === "find" && this.find.hasFocus)) return;
    event.preventDefault();
    this.#actions[action]();
  }

  /** @type {Record<import("./keys.js").Action, () => void>} */
  #actions = {
    find: () => this.find.open(),
    nextFailure: () => (this.find.isOpen ? this.find.step(1) : this.#navigation.goToFailure(1)),
    previousFailure: () => (this.find.isOpen ? this.find.step(-1) : this.#navigation.goToFailure(-1)),
    follow: () => void (this.follows = !this.view.following),
    start: () => this.view.toStart(),
    end: () => this.#toEnd(),
    lineDown: () => this.view.move(1),
    lineUp: () => this.view.move(-1),
    pageDown: () => this.view.movePages(1),
    pageUp: () => this.view.movePages(-1),
    wrap: () => this.#looks.toggleWrap(),
    times: () => this.#show(() => this.#looks.nextTimes()),
    closeGroups: () => this.#structure.toggleAll(false),
    openGroups: () => this.#structure.toggleAll(true),
    copyLink: () => void this.#copyLink(),
    selectAll: () => this.#copier.selectAll(),
    help: () => this.#help.showModal(),
  };

  async #copyLink() {
    const id = this.#firstId();
    if (!this.#navigation.target && id) this.#navigation.setTarget({ from: id, to: id });
    const { target } = this.#navigation;
    if (!target) return;
    const page = this.#host.getAttribute("page") ?? location.href;
    const address = new URL(page, location.href);
    address.hash = writeFragment(target);
    await this.#copier.write(address.href, "The link is copied.");
  }

  /** @returns {import("./menu.js").Entry[]} */
  #entries() {
    const { numbers, theme } = this.#looks;
    return [
      { label: "Copy a link to the line", key: "y", press: this.#actions.copyLink },
      { label: "Copy the selection with times", press: () => void this.#copier.copyWithTimes(clock) },
      { label: "Download as text", press: () => void this.#copier.download("text") },
      { label: "Download as NDJSON", press: () => void this.#copier.download("ndjson") },
      { label: "Open as plain text", press: () => void this.#host.dispatchEvent(new CustomEvent("log-plain")) },
      { label: "Read the last 10 lines aloud", press: () => this.#readAloud() },
      "line",
      { label: "Open all groups", key: "]", press: this.#actions.openGroups },
      { label: "Close all groups", key: "[", press: this.#actions.closeGroups },
      { label: "Load the whole log", press: () => void this.#host.loadAll() },
      "line",
      { label: numbers ? "Hide line numbers" : "Show line numbers", press: () => this.#show(() => this.#looks.toggleNumbers()) },
      { label: `Colours: ${theme}`, press: () => this.#show(() => this.#looks.nextTheme()) },
      { label: "Keys", key: "?", press: this.#actions.help },
    ];
  }

  /** For who hears the page: lines are not read aloud as they come. */
  #readAloud() {
    const last = [...this.view.rows.querySelectorAll("[data-id] .text")].slice(-READ_ALOUD);
    this.#announcer.say(last.map((text) => text.textContent).join("\n"));
  }

  /** @param {string} words */
  #say(words) {
    setText(this.#note, words);
    this.#note.hidden = words === "";
    clearTimeout(this.#noteTimer);
    this.#noteTimer = setTimeout(() => (this.#note.hidden = true), NOTE_MS);
  }
}

/** What the attributes and properties of the element say.
 * @param {import("./job-log.js").JobLog} host @returns {import("../client/index.js").Options}
 */
function optionsOf(host) {
  const ask = (/** @type {import("../client/index.js").TokenRequest} */ request) => host.getToken?.(request) ?? null;
  return { url: host.getAttribute("src") ?? "", job: host.getAttribute("job") ?? "", getToken: host.getToken && ask };
}
