// A small number for each line of a block: its flags, or its width.
//
// A page that follows for a day knows of millions of lines. So a full column is a string of one character a run of equal numbers
// or, where runs are short, a line. V8 takes one byte for each, or two where a number is above 255. A typed array of 512 bytes
// takes 200 bytes more, for the objects around it.

/** Where runs are shorter, a string of all numbers is. */
const SHORTEST_RUN = 4;

export class Column {
  /**
   * The numbers so far, while lines come.
   * @type {Uint16Array | null}
   */
  #growing = new Uint16Array(16);
  #count = 0;
  #numbers = "";
  /**
   * Where the run of each number ends; `null` if there is a number for each line.
   * @type {string | null}
   */
  #ends = null;

  /** @param {number} index @returns {number} */
  get(index) {
    if (this.#growing) return this.#growing[index];
    return this.#numbers.charCodeAt(this.#ends === null ? index : placeIn(this.#ends, index));
  }

  /** The number of the next line.
   * @param {number} number at most 65,535
   */
  push(number) {
    if (!this.#growing) return;
    if (this.#count === this.#growing.length) {
      const longer = new Uint16Array(4 * this.#count);
      longer.set(this.#growing);
      this.#growing = longer;
    }
    this.#growing[this.#count] = number;
    this.#count += 1;
  }

  /** @param {number} index @param {number} number */
  set(index, number) {
    if (this.get(index) === number) return;
    if (this.#growing) {
      this.#growing[index] = number;
      return;
    }
    const all = this.#all();
    all[index] = number;
    this.#pack(all);
  }

  /** No more lines come. */
  pack() {
    if (this.#growing) this.#pack(this.#growing.subarray(0, this.#count));
    this.#growing = null;
  }

  /** Keeps the numbers as if they were in ascending order, where that takes less memory. Their sum stays what it is. */
  forgetOrder() {
    const before = this.size;
    const [numbers, ends] = [this.#numbers, this.#ends];
    this.#pack(this.#all().sort());
    if (this.size < before) return true;
    [this.#numbers, this.#ends] = [numbers, ends];
    return false;
  }

  /** Of what is packed, about how many characters it takes. */
  get size() {
    return this.#numbers.length + (this.#ends?.length ?? 0);
  }

  #all() {
    return Uint16Array.from({ length: this.#count }, (_, at) => this.get(at));
  }

  /** @param {Uint16Array} all */
  #pack(all) {
    const ends = [...all.keys()].filter((at) => all[at] !== all[at + 1]);
    const hasRuns = ends.length * SHORTEST_RUN <= all.length;
    this.#numbers = String.fromCharCode(...(hasRuns ? ends.map((at) => all[at]) : all));
    this.#ends = hasRuns ? String.fromCharCode(...ends) : null;
  }
}

/** The first place with at least this number.
 * @param {string} ascending @param {number} number
 */
function placeIn(ascending, number) {
  let [low, high] = [0, ascending.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending.charCodeAt(middle) < number) low = middle + 1;
    else high = middle;
  }
  return low;
}
