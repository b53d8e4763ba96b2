// The texts of a block's lines as bytes: a third of what strings take, and nothing for the garbage collector to walk.

import { parseTime } from "./times.js";

/** @typedef {import("../client/index.js").Line} Line */

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What V8 has around three arrays and their bytes. */
const OVERHEAD = 600;

export class Packed {
  /** @param {Line[]} lines */
  constructor(lines) {
    const parts = lines.flatMap((line) => [encoder.encode(line.id), encoder.encode(line.text ?? "")]);
    this.#ends = new Uint32Array(parts.length);
    let size = 0;
    parts.forEach((part, at) => (this.#ends[at] = size += part.length));
    this.#bytes = new Uint8Array(size);
    parts.forEach((part, at) => this.#bytes.set(part, this.#ends[at] - part.length));
    this.#times = Float64Array.from(lines, (line) => parseTime(line.ts));
    const names = [...new Set(lines.map((line) => line.phase ?? null))];
    this.#phaseNames = names;
    this.#phases = names.length > 1 ? Uint16Array.from(lines, (line) => names.indexOf(line.phase ?? null)) : null;
  }

  /** The id and the text of each line. */
  #bytes;
  #ends;
  #times;
  #phaseNames;
  /** Of each line, where there is more than one. */
  #phases;

  get bytes() {
    return OVERHEAD + this.#bytes.length + 4 * this.#ends.length + 8 * this.#times.length + 2 * (this.#phases?.length ?? 0);
  }

  /** @param {number} index */
  id(index) {
    return this.#part(2 * index);
  }

  /** @param {number} index */
  text(index) {
    return this.#part(2 * index + 1);
  }

  /** @param {number} index */
  time(index) {
    return this.#times[index];
  }

  /** @param {number} index */
  phase(index) {
    return this.#phaseNames[this.#phases?.[index] ?? 0];
  }

  /** @param {number} at */
  #part(at) {
    return decoder.decode(this.#bytes.subarray(at === 0 ? 0 : this.#ends[at - 1], this.#ends[at]));
  }
}
