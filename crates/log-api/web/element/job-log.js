// <job-log>: the log of a job, live.
//
//   <job-log src="https://logs.example.com" job="build-1" theme="auto"></job-log>
//   element.getToken = async () => token;
//
// Attributes: `src` (where the API is; empty: here), `job`, `theme` (`light`, `dark`, `auto`), `follow` (`false`: the window
// stays where it opens), `at` (a line or a range to open at), `page` (the address that links lead to), `silent-after` (seconds
// without a line that are worth a word).

import { readTarget } from "../model/fragment.js";
import { Panel } from "./panel.js";
import { styles } from "./styles.js";

export class JobLog extends HTMLElement {
  static observedAttributes = ["job", "src", "theme", "follow"];

  constructor() {
    super();
    this.#root = this.attachShadow({ mode: "open" });
    this.#root.adoptedStyleSheets = [styles()];
    // A property that was set before this class was known.
    for (const name of /** @type {const} */ (["getToken", "follow"])) {
      if (!Object.prototype.hasOwnProperty.call(this, name)) continue;
      const value = /** @type {any} */ (this)[name];
      delete (/** @type {any} */ (this)[name]);
      /** @type {any} */ (this)[name] = value;
    }
  }

  #root;
  /** Whether the end is to be followed once the log is open. */
  #wantsFollow = true;
  /** @type {import("../client/index.js").Options["getToken"]} */
  #getToken;
  /**
   * What belongs to the present job.
   * @type {Panel | null}
   */
  #panel = null;

  /** Asked for a token before every request. Without it, the cookie of the session is used. */
  get getToken() {
    return this.#getToken;
  }

  set getToken(ask) {
    const wasRefused = this.#panel?.session.facts.refusal?.status === 401;
    this.#getToken = ask;
    if (wasRefused) this.restart();
  }

  /** Whether the end of the log is followed. */
  get follow() {
    return this.#panel?.follows ?? this.#wantsFollow;
  }

  set follow(follow) {
    this.#wantsFollow = follow;
    if (this.#panel) this.#panel.follows = follow;
  }

  /** Shows a line, wherever it is. Says so if it is gone.
   * @param {string} id one id, or two with a comma: a range
   */
  async goTo(id) {
    const target = readTarget(id);
    if (target) await this.#panel?.goTo(target);
  }

  /** Searches the whole log.
   * @param {string} text
   */
  search(text) {
    this.#panel?.find.search(text);
  }

  /** Fetches the log whole, however long it is. */
  async loadAll() {
    if (!this.#panel) return;
    await this.#panel.loadAll();
  }

  /** Begins anew, as if the page had been loaded. */
  restart() {
    this.#stop();
    if (this.isConnected && this.getAttribute("job")) this.#start();
  }

  connectedCallback() {
    this.restart();
  }

  disconnectedCallback() {
    this.#stop();
  }

  /** @param {string} name @param {string | null} before @param {string | null} now */
  attributeChangedCallback(name, before, now) {
    if (before === now || !this.isConnected) return;
    if (name === "theme") this.#panel?.showTheme();
    else if (name === "follow") this.follow = now !== "false";
    else this.restart();
  }

  #start() {
    if (this.getAttribute("follow") === "false") this.#wantsFollow = false;
    this.#panel = new Panel(this, this.#wantsFollow);
    this.#root.replaceChildren(...this.#panel.elements);
    void this.#panel.run();
  }

  #stop() {
    this.#panel?.close();
    this.#panel = null;
  }
}

customElements.define("job-log", JobLog);
