import assert from "node:assert/strict";
import { test } from "node:test";
import { cells } from "../text/cells.js";
import { CONTRAST, contrast, hexOf, readableOn, shownColours } from "../text/colour.js";
import { FAILURE_HINT, isFailure } from "../text/failure.js";
import { hiddenMarks } from "../text/hidden.js";
import { findLinks, hiddenTarget, safeHref } from "../text/links.js";
import { finder } from "../text/matcher.js";
import { applySgr, render } from "../text/ansi.js";

const THEMES = [{ ink: "#1f2328", paper: "#ffffff" }, { ink: "#e6edf3", paper: "#0d1117" }];

test("every one of 256 colours can be read on light and dark", () => {
  for (const theme of THEMES) {
    for (let colour = 0; colour < 256; colour += 1) {
      const shown = readableOn(hexOf(colour), theme.paper);
      assert.ok(contrast(shown, theme.paper) >= CONTRAST, `${colour} as ${shown} on ${theme.paper}`);
    }
  }
});

test("every colour can be read on every background, dim and inverse too", () => {
  const plain = render("\x1b[1mx").styles[0].style;
  for (const theme of THEMES) {
    for (let fg = 0; fg < 16; fg += 1) {
      for (let bg = 0; bg < 256; bg += 5) {
        for (const change of [{}, { dim: true }, { inverse: true }]) {
          const style = { ...plain, fg, bg, ...change };
          const shown = shownColours(style, theme);
          assert.ok(contrast(shown.fg, shown.bg) >= CONTRAST, JSON.stringify({ fg, bg, change, shown }));
        }
      }
    }
  }
});

test("a colour that can be read is not touched, and a moved one keeps its hue", () => {
  assert.equal(readableOn("#0000ff", "#ffffff"), "#0000ff");
  const yellow = readableOn("#ffff00", "#ffffff");
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(yellow.slice(at, at + 2), 16));
  assert.ok(red > blue + 40 && green > blue + 40, yellow);
});

test("dim text without a colour is quieter and can be read", () => {
  const style = applySgr(render("\x1b[2mx").styles[0].style, "");
  for (const theme of THEMES) {
    const { fg } = shownColours({ ...style, dim: true }, theme);
    assert.notEqual(fg, theme.ink);
    assert.ok(contrast(fg, theme.paper) >= CONTRAST);
  }
});

test("only addresses of the web become links", () => {
  for (const bad of ["javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "file:///etc/passwd", "vbscript:x", "ftp://a", "//a.example",
    "https://user:pw@a.example/", "https://user@a.example/", "https://a.example/\u202Egpj", "https://a.example/a b", "https://a\tb", `https://a.example/${"x".repeat(3000)}`, "https://", ""]) {
    assert.equal(safeHref(bad), null, bad);
  }
  assert.equal(safeHref("https://a.example/x?y=1#z"), "https://a.example/x?y=1#z");
});

test("addresses in a text are found without the punctuation around them", () => {
  const found = (text) => findLinks(text).map(({ start, end }) => text.slice(start, end));
  assert.deepEqual(found("see https://a.example/x, (http://b.example/y_(z)) and https://c.example."), ["https://a.example/x", "http://b.example/y_(z)", "https://c.example"]);
  assert.deepEqual(found("[https://a.example/x]: 'https://b.example' \"https://c.example\" <https://d.example>"), ["https://a.example/x", "https://b.example", "https://c.example", "https://d.example"]);
  assert.deepEqual(found("nohttps://a.example http:/x https:// javascript://x"), []);
  assert.deepEqual(found("https://user:secret@a.example/"), []);
});

test("a link whose text is another address says where it leads", () => {
  assert.equal(hiddenTarget("https://good.example", "https://evil.example/x"), "evil.example");
  assert.equal(hiddenTarget("here", "https://a.example/"), "a.example");
  assert.equal(hiddenTarget("a.example/x", "https://a.example/x"), null);
});

test("characters that deceive are marked by name, and others are not", () => {
  const names = (text) => hiddenMarks(text).map(({ name }) => name);
  assert.deepEqual(names("a\u202Eb\u2066c\u200Bd\u0000e\u0007f\u007Fg\uFEFF\u2028\u200E"), ["RLO", "LRI", "ZWSP", "^@", "^G", "^?", "BOM", "LS", "LRM"]);
  assert.deepEqual(names("tab\t é 日本 👩‍👩‍👧 עברית"), []);
  assert.deepEqual(names("\uD800x"), ["U+D800"], "half a character");
});

test("the cells of a text are those of a terminal", () => {
  for (const [text, width] of [["abc", 3], ["日本", 4], ["é", 1], ["e\u0301", 1], ["👍", 2], ["👍🏽", 2], ["a\tb", 9], ["\t\t", 16], ["ｆｕｌｌ", 8], ["한글", 4], ["", 0]]) {
    assert.equal(cells(text), width, text);
  }
});

test("lines of real tools that tell of a failure are found", () => {
  for (const line of [
    "error[E0425]: cannot find value `y` in this scope", "error: test failed, to rerun pass `--bin hello`", "test bad ... FAILED",
    "thread 'bad' (1805) panicked at src/main.rs:6:12:", "a.c:1:36: error: 'y' undeclared (first use in this function)", "Traceback (most recent call last):",
    "ModuleNotFoundError: No module named 'x'", "E   assert 1 == 2", "FAILED test_cart.py::test_total - assert 3 == 4", "npm ERR! code E404", "npm error code E404",
    "::error file=a.js,line=1::no", "##[error]Process completed with exit code 1.", "FAILURE: Build failed with an exception.", "BUILD FAILED in 3s",
    "make: *** [Makefile:2: all] Error 1", "ERROR in ./src/index.js 1:0-20", "src/a.ts(3,5): error TS2322: Type 'x'", "src/a.ts:3:5 - error TS2322: Type", "--- FAIL: TestX (0.00s)",
    "panic: runtime error: index out of range", "fatal: not a git repository", "sh: 1: foo: command not found", "#12 ERROR: process \"/bin/sh -c false\" did not complete",
    "  ✗ adds two numbers", "[ERROR] Failed to execute goal", "fatal error: stdio.h: No such file", "a.c:1:10: fatal error: x.h: No such file or directory", "java.lang.NullPointerException: x",
    "AssertionError: expected 1", "CMake Error at CMakeLists.txt:1 (x):", "cart.py:3: error: Incompatible return value type",
    "The command '/bin/sh -c make' returned a non-zero code: 2", "./run: error while loading shared libraries: libz.so.1: cannot open shared object file",
    "Error response from daemon: pull access denied", "error during build:", "PHP Fatal error:  Uncaught", "  3:5  error  'x' is not defined  no-undef",
    "error Command failed with exit code 1.", "Exception in thread \"main\" java.lang.Exception", "main.c:(.text+0x9): undefined reference to `f'", "E: Unable to locate package foo",
    "/bin/sh: 1: foo: not found", "│ Error: Invalid reference",
  ]) assert.ok(isFailure(line), line);
});

test("the server can search by the hint", () => {
  assert.ok(new TextEncoder().encode(FAILURE_HINT).length <= 512);
});

test("lines that only speak of errors are none", () => {
  for (const line of ["0 errors, 0 warnings", "test error_codes ... ok", "Compiling thiserror v2", "no failures", "downloading errorhandler", "test result: ok. 3 passed; 0 failed", "error_code = 0", "Found 0 errors.", "warning: unused variable", "  --> src/error.rs:1:1", "E2E tests: 3 passed", "process ended with exit code 0", "page not found is handled", "0 fatal errors"]) {
    assert.ok(!isFailure(line), line);
  }
});

test("a text is found in any case, or as it is written, and is never a pattern", () => {
  const find = (text, matchCase = false) => finder({ text, matchCase });
  assert.deepEqual(find("É+")("xé+É+"), [[1, 3], [3, 5]]);
  assert.deepEqual(find("a.c", true)("A.c abc a.c"), [[8, 11]]);
  assert.deepEqual(find("(a+)+$")(`${"a".repeat(5000)}! (a+)+$`), [[5002, 5008]]);
  assert.deepEqual(find("\ud83d\ude00")("x\ud83d\ude00"), [[1, 3]]);
  for (const text of ["/", "\\", "[", "-", "{", "\ud83d", "&&"]) assert.equal(find(text)(`a${text} `).length, 1, text);
});
