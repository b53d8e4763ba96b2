// The groups of a log: from the phases of its lines and from the marks of tools. Which are closed, and what that hides.

import { shownName } from "../text/name.js";
import { Block, PHASE_HEAD } from "./block.js";

/** @typedef {import("./log.js").Log} Log */
/** @typedef {import("./log.js").Place} Place */

/**
 * @typedef {object} Group
 * @property {string} key its kind and the id of its first line
 * @property {"phase" | "mark"} kind
 * @property {string} title
 * @property {string} name
 * @property {number} level 0 for the outermost
 * @property {Place} start its first line, which stays when it is closed
 * @property {Place | null} end its last line; `null` while it goes on
 * @property {number} from milliseconds, or `NaN`
 * @property {number} to
 * @property {boolean} failed a line in it tells of a failure
 * @property {boolean} collapsed whether it is closed until somebody opens it
 * @property {Group | null} parent
 */

export class Groups {
  /** @type {Group[]} */
  all = [];
  /**
   * By the kind and the id of the first line.
   * @type {Map<string, Group>}
   */
  byKey = new Map();
  /** When the last line came, once the job has ended: then groups that nothing has closed have ended too. */
  endedAt = NaN;
  /**
   * What a reader has opened (true) or closed (false).
   * @type {Map<string, boolean>}
   */
  #chosen = new Map();
  /**
   * Lines that only end a group.
   * @type {Place[]}
   */
  #ends = [];
  /** @type {Set<Block>} */
  #touched = new Set();

  /** Reads the groups of all lines that are known.
   * @param {Log} log
   */
  read(log) {
    const reader = new GroupReader();
    for (const piece of log.pieces) if (piece instanceof Block) reader.block(piece);
    this.all = reader.groups;
    for (const group of this.all) if (group.end === null) group.to = this.endedAt;
    this.#ends = reader.ends;
    this.byKey = new Map(this.all.map((group) => [group.key, group]));
  }

  /** Whether a group shows its lines. One that failed is open, and so is one that goes on.
   * @param {Group} group
   */
  isOpen(group) {
    return this.#chosen.get(group.key) ?? (!group.collapsed || group.failed || group.end === null);
  }

  /** @param {Group} group @param {boolean} open */
  choose(group, open) {
    this.#chosen.set(group.key, open);
  }

  /** @param {boolean} open */
  chooseAll(open) {
    for (const group of this.all) this.choose(group, open);
  }

  /** What is known now stays as it is, so that no group closes under a reader.
   * @param {number} endedAt the time of the last line, if the job has ended
   */
  keep(endedAt) {
    this.endedAt = endedAt;
    for (const group of this.all) if (!this.#chosen.has(group.key)) this.#chosen.set(group.key, this.isOpen(group));
  }

  /** The innermost group of a line.
   * @param {Place} place @returns {Group | null}
   */
  around(place) {
    let found = null;
    for (const group of this.all) {
      if (isAfter(group.start, place)) break;
      if (group.end === null || !isAfter(place, group.end)) found = group;
    }
    return found;
  }

  /** Opens everything around a line. Returns whether anything was closed.
   * @param {Place} place
   */
  reveal(place) {
    let changed = false;
    for (let group = this.around(place); group; group = group.parent) {
      if (this.isOpen(group)) continue;
      this.choose(group, true);
      changed = true;
    }
    return changed;
  }

  /** Hides the lines of closed groups.
   * @param {Log} log
   */
  hide(log) {
    const before = this.#touched;
    for (const block of before) block.unhide();
    this.#touched = new Set();
    for (const { block, index } of this.#ends) this.#hideIn(block, index, index + 1);
    for (const group of this.all) {
      if (this.isOpen(group) || this.#isInsideClosed(group)) continue;
      this.#hideGroup(log, group);
    }
    for (const block of new Set([...before, ...this.#touched])) log.changed(block);
  }

  /** Hides lines that have come since at the end, if they belong to a closed group.
   * @param {Log} log
   */
  hideNew(log) {
    const group = this.all.find((one) => one.end === null && !this.isOpen(one));
    if (!group) return;
    for (let order = log.pieces.length - 1; order >= group.start.block.order; order -= 1) {
      const block = log.pieces[order];
      if (!(block instanceof Block)) continue;
      if (block.hiding(block.count - 1)) return;
      this.#hideIn(block, block === group.start.block ? firstHidden(group) : 0, block.count);
      log.changed(block);
    }
  }

  /** @param {Log} log @param {Group} group */
  #hideGroup(log, group) {
    const end = group.end ?? { block: log.pieces[log.pieces.length - 1], index: Infinity };
    for (let order = group.start.block.order; order <= end.block.order; order += 1) {
      const block = log.pieces[order];
      if (!(block instanceof Block)) continue;
      const from = block === group.start.block ? firstHidden(group) : 0;
      const to = block === end.block ? Math.min(block.count, end.index + 1) : block.count;
      if (from < to) this.#hideIn(block, from, to);
    }
  }

  /** @param {Block} block @param {number} from @param {number} to */
  #hideIn(block, from, to) {
    if (from >= to) return;
    block.hide(from, to);
    this.#touched.add(block);
  }

  /** @param {Group} group */
  #isInsideClosed(group) {
    for (let parent = group.parent; parent; parent = parent.parent) if (!this.isOpen(parent)) return true;
    return false;
  }
}

/** The first line of a phase is no heading of its own: it is hidden, and the heading above it is not.
 * @param {Group} group
 */
function firstHidden({ kind, start }) {
  return kind === "phase" ? start.index : start.index + 1;
}

/** Groups deeper than this are no groups, but lines: nobody nests so deep, and each end looks through all that are open. */
const MOST_LEVELS = 50;

/** Reads blocks in order, with the groups that are open at each line. */
class GroupReader {
  /** @type {Group[]} */
  groups = [];
  /** @type {Place[]} */
  ends = [];
  /** @type {Group[]} */
  #stack = [];

  /** @param {Block} block */
  block(block) {
    if (block.marks.length === 0 && block.phases.length === 0) {
      if (block.failureCount > 0) this.#fail();
      return;
    }
    const phases = block.phases.filter(({ index }) => block.has(index, PHASE_HEAD));
    /** @type {Array<{index: number, rank: number, run: () => void}>} */
    const steps = [
      ...phases.map((phase) => ({ index: phase.index, rank: 0, run: () => this.#phase(block, phase) })),
      ...block.marks.map((mark) => ({ index: mark.index, rank: 1, run: () => this.#mark(block, mark) })),
      ...block.failures.map((index) => ({ index, rank: 2, run: () => this.#fail() })),
    ];
    steps.sort((a, b) => a.index - b.index || a.rank - b.rank);
    for (const step of steps) step.run();
  }

  /** @param {Block} block @param {Block["phases"][number]} phase */
  #phase(block, phase) {
    this.#close(0, before(block, phase.index), phase.time);
    this.#open(block, { ...phase, kind: "phase", title: phase.name, collapsed: false });
  }

  /** @param {Block} block @param {Block["marks"][number]} mark */
  #mark(block, mark) {
    const place = { block, index: mark.index };
    if (mark.kind === "open") {
      // GitHub's groups have no names and do not nest.
      if (mark.name === "") this.#closeNamed("", before(block, mark.index), mark.time);
      this.#open(block, { ...mark, kind: "mark" });
    } else if (mark.kind === "section") {
      this.#closeNamed("---", before(block, mark.index), mark.time);
      this.#open(block, { ...mark, kind: "mark", name: "---" });
    } else if (mark.kind === "close") {
      if (this.#closeNamed(mark.name, place, mark.time)) this.ends.push(place);
    } else {
      this.ends.push(place);
      const top = this.#stack[this.#stack.length - 1];
      if (top) top.collapsed = false;
    }
  }

  #fail() {
    for (const group of this.#stack) group.failed = true;
  }

  /** @param {Block} block @param {{index: number, id: string, time: number, kind: Group["kind"], title: string, name: string, collapsed: boolean}} what */
  #open(block, { index, id, time, kind, title, name, collapsed }) {
    if (this.#stack.length === MOST_LEVELS) return;
    /** @type {Group} */
    const group = {
      key: `${kind}:${id}`,
      kind,
      title: shownName(title),
      name,
      level: this.#stack.length,
      start: { block, index },
      end: null,
      from: time,
      to: NaN,
      failed: false,
      collapsed,
      parent: this.#stack[this.#stack.length - 1] ?? null,
    };
    this.groups.push(group);
    this.#stack.push(group);
  }

  /** Closes the innermost mark of this name and what is inside it.
   * @param {string} name @param {Place} end @param {number} time
   */
  #closeNamed(name, end, time) {
    for (let at = this.#stack.length - 1; at >= 0; at -= 1) {
      if (this.#stack[at].kind === "mark" && this.#stack[at].name === name) {
        this.#close(at, end, time);
        return true;
      }
    }
    return false;
  }

  /** @param {number} level @param {Place} end @param {number} time */
  #close(level, end, time) {
    for (const group of this.#stack.splice(level)) {
      group.end = end;
      group.to = time;
    }
  }
}

/** The line before one; the line itself at the start of a block, where the group ends with the block before.
 * @param {Block} block @param {number} index @returns {Place}
 */
function before(block, index) {
  return { block, index: index - 1 };
}

/** @param {Place} a @param {Place} b */
function isAfter(a, b) {
  return a.block.order - b.block.order > 0 || (a.block === b.block && a.index > b.index);
}
