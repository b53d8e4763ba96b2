// Which lines tell of a failure. A failed log opens at the first of them, and `n` and `p` go from one to the next.
//
// The patterns are read against the text without colours.

/** What stands in a line that tells of a failure. */
const FAILURE_PATTERNS = [
  String.raw`^::error\b`,
  String.raw`^##\[error\]`,
  String.raw`^[\s│]*(fatal |internal compiler )?(error|Error|ERROR)(\[[A-Z]*[0-9]+\])?( TS[0-9]+)?:`,
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
  String.raw` returned a non-zero code: [0-9]+$`,
  String.raw`\berror while loading shared libraries: `,
  String.raw`^Error response from daemon: `,
  String.raw`^error during build:`,
  String.raw`\b[Ff]atal error: `,
  String.raw`^\s+[0-9]+:[0-9]+ +error +\S`,
  String.raw`\bCommand failed with exit code [1-9]`,
  String.raw`^Exception in thread `,
  String.raw`: undefined reference to `,
  String.raw`^E: `,
  String.raw`^(\S*/)?(ba|da|z)?sh: .*: (not found|Permission denied)$`,
];

const FAILURE = new RegExp(FAILURE_PATTERNS.map((pattern) => `(?:${pattern})`).join("|"), "u");

/**
 * Cheaper, and true for every line that tells of a failure. The server searches by it: its patterns have at most 512 bytes.
 */
export const FAILURE_HINT = String.raw`error|Error|ERR|FAIL|panic|Traceback|Exception|raise |fatal|command not found|Segmentation|^Killed|non-zero code|exit code|undefined reference|: not found$|: Permission denied$|^E: |\*\*\*|[✗✘✖×]|^E  `;
const HINT = new RegExp(FAILURE_HINT, "u");
/** Longer lines are data. */
const LONGEST = 2000;

/** @param {string} text without control sequences */
export function isFailure(text) {
  const head = text.length > LONGEST ? text.slice(0, LONGEST) : text;
  return HINT.test(head) && FAILURE.test(head);
}
