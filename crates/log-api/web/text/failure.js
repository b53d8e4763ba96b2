// Which lines tell of a failure. A failed log opens at the first of them, and `n` and `p` go from one to the next.
//
// The patterns are in a form that both JavaScript and Rust's `regex` understand: the server searches with them too. They
// are read against the text without colours.

/** What stands in a line that tells of a failure. */
export const FAILURE_PATTERNS = [
  String.raw`^::error\b`,
  String.raw`^##\[error\]`,
  String.raw`^\s*(fatal |internal compiler )?(error|Error|ERROR)(\[[A-Z]*[0-9]+\])?( TS[0-9]+)?:`,
  String.raw`^\s*\[ERROR\]`,
  String.raw`^ERROR (in )?\S`,
  String.raw`(:| -) (fatal )?error( [A-Z]+[0-9]+)?: `,
  String.raw`\bFAILED\b`,
  String.raw`^--- FAIL:|^FAIL\b`,
  String.raw`^(E  |>  *raise )`,
  String.raw`\bpanicked at\b`,
  String.raw`^panic: `,
  String.raw`^Traceback \(most recent call last\)`,
  String.raw`^\s*[A-Za-z_.]*(Error|Exception): `,
  String.raw`^npm (ERR!|error)`,
  String.raw`^FAILURE: `,
  String.raw`^BUILD FAILED`,
  String.raw`^make(\[[0-9]+\])?: \*\*\* `,
  String.raw`^\s*(✗|✘|✖|×) `,
  String.raw`^fatal: `,
  String.raw`: command not found$`,
  String.raw`^Segmentation fault|^Killed$`,
  String.raw`^CMake Error`,
  String.raw`^#[0-9]+ ERROR: `,
];

/** One pattern for all. */
export const FAILURE_PATTERN = FAILURE_PATTERNS.map((pattern) => `(?:${pattern})`).join("|");

const FAILURE = new RegExp(FAILURE_PATTERN, "u");
/** Cheaper, and true for every line that the pattern matches. */
const HINT = /error|err!|fail|panic|traceback|exception|raise|fatal|command not|fault|killed|\*\*\*|[✗✘✖×]|^E  /i;
/** Longer lines are data. */
const LONGEST = 2000;

/** @param {string} text without control sequences */
export function isFailure(text) {
  const head = text.length > LONGEST ? text.slice(0, LONGEST) : text;
  return HINT.test(head) && FAILURE.test(head);
}
