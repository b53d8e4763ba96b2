// The texts of a block's lines as bytes: a third of what strings take, and nothing for the garbage collector to walk.

import { parseTime } from "./times.js";

/** @typedef {import("../client/index.js").Line} Line */

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class Packed {
  /** @param {Line[]} lines */
  constructor(lines) {
    const texts = lines.map((line) => encoder.encode(line.text ?? ""));
    const ids = lines.map((line) => encoder.encode(line.id));
    this.#text = join(texts);
    this.#ids = join(ids);
    this.#times = Float64Array.from(lines, (line) => parseTime(line.ts));
    this.#phaseNames = [...new Set(lines.map((line) => line.phase ?? null))];
    this.#phases = Uint16Array.from(lines, (line) => this.#phaseNames.indexOf(line.phase ?? null));
  }

  #text;
  #ids;
  #times;
  #phaseNames;
  #phases;

  get bytes() {
    return this.#text.bytes.length + this.#ids.bytes.length + this.#times.length * 18;
  }

  /** @param {number} index */
  id(index) {
    return part(this.#ids, index);
  }

  /** @param {number} index */
  text(index) {
    return part(this.#text, index);
  }

  /** @param {number} index */
  time(index) {
    return this.#times[index];
  }

  /** @param {number} index */
  phase(index) {
    return this.#phaseNames[this.#phases[index]];
  }
}

/** @param {Uint8Array[]} parts */
function join(parts) {
  const ends = new Uint32Array(parts.length);
  let size = 0;
  parts.forEach((part, at) => (ends[at] = size += part.length));
  const bytes = new Uint8Array(size);
  parts.forEach((part, at) => bytes.set(part, ends[at] - part.length));
  return { bytes, ends };
}

/** @param {{bytes: Uint8Array, ends: Uint32Array}} joined @param {number} index */
function part({ bytes, ends }, index) {
  return decoder.decode(bytes.subarray(index === 0 ? 0 : ends[index - 1], ends[index]));
}
