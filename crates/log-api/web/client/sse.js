// Reads `text/event-stream`: text in pieces as they arrive, events out.
// What an event stream is: https://html.spec.whatwg.org/multipage/server-sent-events.html

/** @typedef {{event: string, data: string, id: string | null, retry: number | null}} Frame */

/** A frame may hold one line of a log, and lines have no maximum length. This is more than the server sends. */
const MAX_FRAME = 64 * 1024 * 1024;

export class SseParser {
  /** The text of a line that has not ended. */
  #rest = "";
  /** The last piece ended with CR: a LF at the start of the next one belongs to it. */
  #afterCr = false;
  #started = false;
  /** @type {string[]} */
  #data = [];
  #event = "";
  /** @type {string | null} */
  #id = null;
  /** @type {number | null} */
  #retry = null;
  #size = 0;

  /** @param {string} piece @returns {Frame[]} */
  push(piece) {
    /** @type {Frame[]} */
    const frames = [];
    if (piece === "") return frames;
    if (!this.#started) {
      this.#started = true;
      if (piece.charCodeAt(0) === 0xfeff) piece = piece.slice(1);
    }
    if (this.#afterCr && piece[0] === "\n") piece = piece.slice(1);
    this.#afterCr = piece.endsWith("\r");
    const text = piece.includes("\r") ? piece.replace(/\r\n?/g, "\n") : piece;
    let from = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", from)) {
      const line = this.#rest + text.slice(from, end);
      this.#rest = "";
      from = end + 1;
      const frame = this.#line(line);
      if (frame) frames.push(frame);
    }
    this.#rest += text.slice(from);
    if (this.#rest.length + this.#size > MAX_FRAME) throw new Error("an event is too large");
    return frames;
  }

  /** @param {string} line @returns {Frame | null} */
  #line(line) {
    if (line === "") return this.#dispatch();
    const colon = line.indexOf(":");
    if (colon === 0) return null;
    const name = colon < 0 ? line : line.slice(0, colon);
    const skip = line[colon + 1] === " " ? 2 : 1;
    const value = colon < 0 ? "" : line.slice(colon + skip);
    this.#size += value.length;
    if (name === "data") this.#data.push(value);
    else if (name === "event") this.#event = value;
    else if (name === "id" && !value.includes("\0")) this.#id = value;
    else if (name === "retry" && /^\d+$/.test(value)) this.#retry = Number(value);
    return null;
  }

  #dispatch() {
    const [data, event, id, retry] = [this.#data, this.#event, this.#id, this.#retry];
    const isEmpty = data.length === 0 && event === "" && id === null && retry === null;
    this.#data = [];
    this.#event = "";
    this.#id = null;
    this.#retry = null;
    this.#size = 0;
    if (isEmpty) return null;
    return { event: event || "message", data: data.length === 1 ? data[0] : data.join("\n"), id, retry };
  }
}
