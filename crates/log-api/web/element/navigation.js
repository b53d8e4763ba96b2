// Goes to a line: by a link, to a match, to an error. Lines may have to be fetched first, and what was asked for last counts.

import { compareIds } from "../client/ids.js";
import { writeFragment } from "../model/fragment.js";
import { isKnownGone } from "../model/session.js";

/** @typedef {import("../model/log.js").Place} Place */
/** @typedef {import("../model/fragment.js").Target} Target */

/** A search that takes longer is told of. */
const NOTICED_MS = 300;
const LOOKING = "Looking for the first error…";

/**
 * @typedef {object} Parts
 * @property {import("../model/session.js").Session} session
 * @property {import("./view.js").View} view
 * @property {import("./structure.js").Structure} structure
 * @property {import("./failures.js").Failures} failures
 * @property {(words: string) => void} say `""` takes back what was said
 * @property {() => void} moved the window may no longer be at the end
 * @property {(detail: Target & {fragment: string}) => void} targeted
 */

export class Navigation {
  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
  }

  /**
   * The line or the range that the address links to.
   * @type {Target | null}
   */
  target = null;
  #parts;
  /** Grows with everything that is asked for. */
  #asked = 0;
  /** @type {(value?: unknown) => void} */
  #open = () => {};
  /** Before the log is open, no line can be found. */
  #opening = new Promise((resolve) => (this.#open = resolve));

  opened() {
    this.#open();
  }

  /** Until the log is open. */
  get whenOpen() {
    return this.#opening;
  }

  /** @param {string} id */
  isTarget(id) {
    return this.target !== null && compareIds(id, this.target.from) >= 0 && compareIds(id, this.target.to) <= 0;
  }

  /** @param {Target} target */
  setTarget(target) {
    this.target = target;
    this.#parts.view.schedule(true);
    this.#parts.targeted({ ...target, fragment: writeFragment(target) });
  }

  /** Shows a line or a range, wherever it is. Says so if it is gone.
   * @param {Target} target
   */
  async goTo(target) {
    const { session, say } = this.#parts;
    this.setTarget(target);
    const place = await this.#find(target.from);
    if (place === undefined) return;
    if (place === null) {
      say("This line is no longer kept.");
      return;
    }
    if (isKnownGone(session.log, target.from)) say("This line is no longer kept; the next one that is still there is shown.");
    this.#show(place);
  }

  /** @param {string} id */
  async goToMatch(id) {
    const place = await this.#find(id);
    if (!place) return;
    this.#parts.structure.reveal(place);
    this.#parts.view.reveal(place);
    this.#parts.moved();
  }

  /** Shows the first failure of a job that has failed, unless the reader has gone elsewhere meanwhile. */
  async openAtFailure() {
    const { session, view, structure, failures, say } = this.#parts;
    const turn = (this.#asked += 1);
    /** @type {Place | null} */
    let place = null;
    let isSaid = false;
    const timer = setTimeout(() => {
      isSaid = true;
      say(LOOKING);
    }, NOTICED_MS);
    try {
      place = await session.firstFailure();
      if (isSaid) say("");
    } catch (error) {
      if (!session.isClosed) say(`The first error could not be looked up. ${wordsOf(error)}`);
    } finally {
      clearTimeout(timer);
    }
    if (!place || turn !== this.#asked || !view.following || session.isClosed) return;
    structure.read();
    this.#show(place);
    failures.current = place;
  }

  /** @param {1 | -1} step */
  goToFailure(step) {
    this.#asked += 1;
    const place = this.#parts.failures.step(step);
    if (place) this.#show(place);
    else this.#parts.say("No line here tells of an error.");
  }

  /** Where a line is. `undefined`: it could not be fetched, which is said, or something else was asked for since.
   * @param {string} id @returns {Promise<Place | null | undefined>}
   */
  async #find(id) {
    const { session, say } = this.#parts;
    const turn = (this.#asked += 1);
    await this.#opening;
    try {
      const place = await session.fetcher.locate(id);
      return turn === this.#asked && !session.isClosed ? place : undefined;
    } catch (error) {
      if (turn === this.#asked && !session.isClosed) say(`The line could not be fetched. ${wordsOf(error)}`);
      return undefined;
    }
  }

  /** @param {Place} place */
  #show(place) {
    this.#parts.structure.reveal(place);
    this.#parts.view.show(place);
    this.#parts.moved();
  }
}

/** @param {unknown} error */
function wordsOf(error) {
  return error instanceof Error ? error.message : "";
}
