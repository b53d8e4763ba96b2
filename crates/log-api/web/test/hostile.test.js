// What a log can hold that was written to deceive a reader, to become code, or to hold the page up.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fillLine } from "../element/line.js";
import { LIGHT, DARK } from "../element/theme.js";
import { LINE_CUT } from "../model/block.js";
import { Groups } from "../model/groups.js";
import { Log } from "../model/log.js";
import { readMark, markTitle } from "../model/marks.js";
import { shownState } from "../model/state.js";
import { installDocument, newElement } from "../testing/document.js";
import { plain, render } from "../text/ansi.js";
import { CONTRAST, contrast } from "../text/colour.js";
import { isFailure } from "../text/failure.js";
import { hiddenMarks, withoutHidden } from "../text/hidden.js";
import { findLinks, linksOf, safeHref } from "../text/links.js";
import { shownName } from "../text/name.js";

installDocument();

/** A line as it is shown. */
function shownLine(raw, { theme = LIGHT, cut = LINE_CUT } = {}) {
  const body = newElement("span");
  const { text, length } = fillLine(body, raw, { theme, cut, forced: false });
  return { body, text, length, elements: body.all };
}

/** A megabyte takes far less, also on a busy machine. A step that is taken for every character before it takes minutes. */
const PATIENCE_MS = 15_000;

/** How long it takes, in milliseconds. */
function took(run) {
  const start = performance.now();
  run();
  return performance.now() - start;
}

const MEGABYTE = 1_000_000;
const fill = (piece) => piece.repeat(Math.ceil(MEGABYTE / piece.length));

const T = 1700000000000;
const line = (n, text, more = {}) => ({ id: `${T + n}-0`, ts: null, source: "stdout", text, phase: null, ...more });
const logOf = (texts) => { const log = new Log(); log.append(texts.map((text, n) => line(n, text))); return log; };
const groupsOf = (log) => { const groups = new Groups(); groups.read(log); groups.hide(log); return groups; };

// Text that would be code if anything parsed it.
const CODE = {
  "a script": "<script>alert(1)</script>",
  "a picture that fails": "<img src=x onerror=alert(1)>",
  "the end of the element around it": "</span></div><svg/onload=alert(1)>",
  "the end of an attribute": "\" onmouseover=\"alert(1)",
  "entities": "&lt;script&gt;&#x6a;avascript:alert(1)",
  "a comment that is not closed": "<!--<script>",
  "a template": "{{constructor.constructor('alert(1)')()}} ${alert(1)}",
  "a script in colours": "\x1b[31m<script>\x1b[0malert(1)\x1b[32m</script>\x1b[0m",
  "a style": "<style>*{display:none}</style>",
  "a frame": "<iframe srcdoc='<script>alert(1)</script>'>",
};

for (const [what, raw] of Object.entries(CODE)) {
  test(`it stays text: ${what}`, () => {
    const { body, elements } = shownLine(raw);
    assert.equal(body.textContent, plain(raw));
    assert.deepEqual(elements.filter(({ tag }) => tag !== "span"), []);
  });
}

// Addresses that a link must not lead to, by a tool's own link and by the text.
const ADDRESSES = [
  "javascript:alert(1)", "\tjavascript:alert(1)", "java\nscript:alert(1)", "javascript://a.example/%0aalert(1)", "JAVASCRIPT:alert(1)", "data:text/html;base64,PHNjcmlwdD4=",
  "vbscript:msgbox(1)", "blob:https://a.example/x", "filesystem:https://a.example/x", "about:blank", "file:///etc/passwd", "view-source:https://a.example", "ws://a.example", "mailto:a@b.example",
  "https://good.example@evil.example/", "https://good.example:443@evil.example/", "https://:x@evil.example/", "//evil.example/x", "/api/jobs", "#top", "?x", "https://", "https:", "http://[::1", "https://a.example/\u202ecod.exe", "https://a\u200b.example/", "https://a.example/\u0000", "https://a.example/\u2066x",
];

for (const address of ADDRESSES) {
  test(`no link leads to ${JSON.stringify(address)}`, () => {
    assert.equal(safeHref(address), null);
    const { elements } = shownLine(`\x1b]8;;${address}\x1b\\click\x1b]8;;\x1b\\`);
    assert.deepEqual(elements.filter(({ tag }) => tag === "a"), []);
  });
}

test("a link says where it leads, opens a page without a way back, and has only our attributes", () => {
  const { elements } = shownLine("\x1b]8;id=\"onclick=alert(1)\";https://evil.example/\"onclick=\"x\x1b\\https://good.example/\x1b]8;;\x1b\\");
  const [link] = elements.filter(({ tag }) => tag === "a");
  assert.deepEqual(link.attributes, { href: "https://evil.example/%22onclick=%22x", target: "_blank", rel: "noopener noreferrer nofollow ugc", title: "Leads to evil.example" });
  const other = shownLine("https://аррӏе.example/").elements.find(({ tag }) => tag === "a");
  assert.match(other.attributes.title, /^Leads to xn--/, "letters that look like others");
});

test("a link that is never closed ends with its line", () => {
  const { elements, body } = shownLine("a \x1b]8;;https://a.example/\x1b\\b c");
  assert.deepEqual(elements.map(({ tag, textContent }) => [tag, textContent]), [["a", "b c"]]);
  assert.equal(body.textContent, "a b c");
  assert.deepEqual(render("next line").links, []);
});

test("links inside of links: the tool's own one counts, once for each character", () => {
  const links = linksOf("https://good.example/x y", [{ start: 8, end: 12, href: "https://evil.example/" }]);
  assert.deepEqual(links, [{ start: 8, end: 12, href: "https://evil.example/" }]);
});

// Characters that nobody sees.
const HIDDEN = {
  "right to left": ["ab\u202ecd", "RLO"], "an isolate": ["ab\u2067cd", "RLI"], "the end of none": ["ab\u2069cd", "PDI"], "a mark of direction": ["ab\u061ccd", "ALM"],
  "no width": ["ab\u200bcd", "ZWSP"], "a word joiner": ["ab\u2060cd", "WJ"], "a soft hyphen": ["ab\u00adcd", "SHY"], "a letter without a picture": ["ab\u3164cd", "U+3164"],
  "half of such a letter": ["ab\uffa0cd", "U+FFA0"], "a vowel without one": ["ab\u180ecd", "U+180E"], "a joiner of graphemes": ["ab\u034fcd", "U+034F"], "NUL": ["ab\u0000cd", "^@"], "DEL": ["ab\u007fcd", "^?"],
  "a line feed": ["ab\ncd", "^J"], "next line": ["ab\u0085cd", "U+0085"], "a line of Unicode": ["ab\u2028cd", "LS"], "an annotation": ["ab\ufffbcd", "U+FFFB"], "invisible times": ["ab\u2062cd", "U+2062"],
  "a byte order mark": ["\ufeffabcd", "BOM"], "half a character": ["ab\ud83dcd", "U+D83D"], "the other half": ["ab\udc00cd", "U+DC00"], "a tag": ["ab\u{e0041}cd", "U+E0041"], "a selector with data": ["ab\u{e0100}cd", "U+E0100"],
};

for (const [what, [raw, name]] of Object.entries(HIDDEN)) {
  test(`it is seen: ${what}`, () => {
    const { body, text, elements } = shownLine(raw);
    assert.deepEqual(elements.map(({ className, dataset }) => [className, dataset.name]), [["mark", name]]);
    assert.equal(text, raw, "it is copied as it is");
    assert.equal(body.textContent.length, raw.length, "places in the text stay what they are");
    assert.deepEqual(hiddenMarks(body.textContent), [], "and it has no effect on the text around it");
  });
}

test("what people write is not marked", () => {
  for (const text of ["می‌خواهم", "क्‍ष", "👩🏽‍🚀", "❤️", "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}", "מזל טוב", "naïve", "e\u0301", "日本語　全角", "a\u00a0b", "⠋ spinner"]) {
    assert.deepEqual(hiddenMarks(text), [], text);
  }
});

test("a flag hides no text behind it", () => {
  const text = `🏴${"\u{e0061}".repeat(40)}`;
  assert.ok(hiddenMarks(text).length >= 30);
});

// Control sequences, whole and broken.
const SEQUENCES = [
  ["a\x1b[31", "a"], ["a\x1b[31;", "a"], ["a\x1b]8;;https://a.example", "a]8;;https://a.example"], ["a\x1b]8;;\x07b", "ab"], ["a\x1b]1337;File=:AAAA\x07b", "ab"], ["a\x1b]52;c;cm0gLXJm\x07b", "ab"],
  ["a\x1b[2J\x1b[Hb", "ab"], ["a\x1b[999999999Cb", "ab"], ["a\x1b[99999999999999999999mb", "ab"], ["a\x1b[;;;;;;mb", "ab"], ["a\x1b[38mb", "ab"], ["a\x1b[38;2mb", "ab"], ["a\x1b[38;5mb", "ab"], ["a\x1b[38;2;1;2mb", "ab"],
  ["a\x1b[38:2:::::mb", "ab"], ["a\x1bcb", "ab"], ["a\x1b#8b", "ab"], ["a\x1b%Gb", "ab"], ["a\x1bP+q544e\x1b\\b", "ab"], ["a\x1b^private\x1b\\b", "ab"], ["a\u009b31mb", "ab"],
  ["a\u009d0;title\u009cb", "ab"], ["a\u0090q\u009cb", "ab"], ["\r\r\ra", "a"], ["a\b\b\b\b", ""], ["ab\rc", "c"], ["ab\r\x1b[Kc", "c"], ["a\x1b[0m\r\x1b[K", "a"],
];

test("sequences that do more than colours, and those that are broken, leave the text", () => {
  for (const [raw, text] of SEQUENCES) assert.equal(plain(raw), text, JSON.stringify(raw));
});

test("numbers that no terminal knows are no colours", () => {
  for (const raw of ["\x1b[38;5;256mx", "\x1b[38;2;256;0;0mx", "\x1b[38;2;1;2mx", "\x1b[38;3;1mx", "\x1b[38:5mx", "\x1b[38:2:1:2mx", "\x1b[48;5;99999999999mx", "\x1b[112mx"]) {
    const { elements } = shownLine(raw);
    assert.deepEqual(elements.map(({ style }) => [style.color, style.backgroundColor]).filter(([fg, bg]) => fg || bg), [], JSON.stringify(raw));
  }
});

test("text that a tool hides by its colours is seen", () => {
  for (const theme of [LIGHT, DARK]) {
    for (const raw of ["\x1b[8mx", "\x1b[30;40mx", "\x1b[37;47mx", "\x1b[97;107mx", "\x1b[38;2;1;1;1;48;2;0;0;0mx", "\x1b[7;8mx", "\x1b[38;5;231;48;5;231mx", "\x1b[2;90mx", "\x1b[2;38;5;236mx", "\x1b[7;38;5;16;48;5;16mx", `\x1b[38;2;${theme === LIGHT ? "255;255;255" : "13;17;23"}mx`]) {
      const { color = theme.ink, backgroundColor = theme.paper } = shownLine(raw, { theme }).elements[0]?.style ?? {};
      assert.ok(contrast(color, backgroundColor) >= CONTRAST, `${theme.name} ${JSON.stringify(raw)}: ${color} on ${backgroundColor}`);
    }
  }
});

test("true colours of every kind can be read, on light and on dark, on any other", () => {
  let seed = 7;
  const part = () => ((seed = (seed * 1103515245 + 12345) % 2147483648) >> 16) & 255;
  for (let turn = 0; turn < 400; turn += 1) {
    const [fg, bg] = [1, 2].map(() => `2;${part()};${part()};${part()}`);
    const raw = `\x1b[38;${fg}${turn % 2 ? `;48;${bg}` : ""}${turn % 3 ? "" : ";2"}${turn % 5 ? "" : ";7"}mx`;
    for (const theme of [LIGHT, DARK]) {
      const { color = theme.ink, backgroundColor = theme.paper } = shownLine(raw, { theme }).elements[0].style;
      assert.ok(contrast(color, backgroundColor) >= CONTRAST, `${theme.name} ${JSON.stringify(raw)}: ${color} on ${backgroundColor}`);
    }
  }
});

// Lines of a megabyte that take a time of their own.
const SLOW = {
  "beginnings of strings without an end": fill("\u009d"), "beginnings of other strings": fill("\u0090"), "both in turn": fill("\u009d\u0090"), "beginnings of links": fill("\x1b]8;;"), "beginnings of colours": fill("\x1b["),
  "carriage returns": `${fill("\r")}x`, "colours and carriage returns": `${fill("\x1b[0m\r")}x`, "colours without text": fill("\x1b[31m"), "backspaces": `${"x".repeat(MEGABYTE / 2)}${"a\b".repeat(MEGABYTE / 4)}`,
  "backspaces over colours": `${"\x1b[31mx\x1b[32my".repeat(MEGABYTE / 24)}${"\b".repeat(MEGABYTE / 4)}`, "a colour for each character": fill("\x1b[31mx\x1b[32my"), "hidden characters": fill("\u200b"), "halves of characters": fill("\ud800"), "tags": fill("\u{e0041}"),
  "links": fill("\x1b]8;;https://a.example/\x1b\\x\x1b]8;;\x1b\\"), "addresses": fill("https://a.example/ "), "one address": `https://a.example/${fill("x")}`, "brackets behind an address": `https://a.example/${fill(")")}`, "numbers": `\x1b[${fill("1;")}m`, "spaces": fill(" "), "errors": fill("error: "), "letters before a word": fill("A"),
};

for (const [what, raw] of Object.entries(SLOW)) {
  test(`a megabyte does not hold the page up: ${what}`, () => {
    const ms = took(() => {
      assert.ok(shownLine(raw).elements.length <= 2100, "elements");
      assert.ok(shownLine(raw, { cut: Infinity }).elements.length <= 2100, "elements of the whole line");
      logOf([raw]);
      isFailure(plain(raw));
    });
    assert.ok(ms < PATIENCE_MS, `${Math.round(ms)} ms`);
  });
}

test("behind the parts that a line may have, its text is whole and nothing in it is hidden", () => {
  const raw = "\x1b[31ma\x1b[32mb".repeat(3000) + "\u202eend";
  const { body, text } = shownLine(raw);
  assert.equal(text, `${"ab".repeat(3000)}\u202eend`);
  assert.equal(body.textContent, `${"ab".repeat(3000)}•end`);
});

test("a line is not cut within a character", () => {
  const { text, body } = shownLine(`${"x".repeat(9)}👍👍`, { cut: 10 });
  assert.equal(text, "x".repeat(9));
  assert.deepEqual(body.all, []);
});

// Marks of groups.
test("marks with odd parameters are the groups that their tools show", () => {
  for (const [raw, kind, title, collapsed] of [
    ["section_start:1:a[hide_duration=true,collapsed=true]\r\x1b[0KTitle", "open", "Title", true], ["section_start:1:a[collapsed=false]\r\x1b[0KTitle", "open", "Title", false], ["section_start:1:a[]\r\x1b[0K", "open", "a", false],
    ["section_start:1:a", "open", "a", false], ["section_start:1:a\x1b[0KTitle", "open", "Title", false], ["\x1b[0Ksection_start:1:a\r\x1b[0K\x1b[36;1mTitle\x1b[0;m", "open", "Title", false],
    ["::GROUP::Big", "open", "Big", true], ["::group::", "open", "Group", true], ["::group::\x1b[31mRed\x1b[0m", "open", "Red", true], ["##[Group]x", "open", "x", true], ["--- :rust: Build", "section", ":rust: Build", true], ["~~~ Setup", "section", "Setup", true],
    ["travis_fold:start:a.1\r\x1b[0K\x1b[33;1mInstall\x1b[0m", "open", "Install", true], ["travis_fold:start:a", "open", "a", true],
  ]) {
    const found = readMark(raw, plain(raw));
    assert.deepEqual([found?.kind, found?.title, found?.collapsed], [kind, title, collapsed], JSON.stringify(raw));
    assert.equal(plain(markTitle(raw)).trim() || "Group", title, JSON.stringify(raw));
  }
});

test("what is nearly a mark is a line", () => {
  for (const raw of ["::group]x", "##[group::x", "::group:x", "section_start:x:a\r", "section_start:1:a b\r", "section_start:1:a[x", "--- ", "---", "+++", "--- old.txt\t2024-01-01 10:00:00", "+++ new.txt\t2024-01-01 10:00:00.000 +0000", "--- stdout ---", "--- BENCH: BenchmarkX", "^^^ ---", "travis_fold:begin:a", "travis_time:start:a"]) {
    assert.equal(readMark(raw, plain(raw)), null, JSON.stringify(raw));
  }
});

test("groups that are never closed, closed twice, or closed without a beginning", () => {
  const open = groupsOf(logOf(["::group::A", "a", "b"]));
  assert.deepEqual(open.all.map(({ title, end }) => [title, end]), [["A", null]]);
  assert.ok(open.isOpen(open.all[0]), "its lines can be read");
  const twice = groupsOf(logOf(["::group::A", "a", "::endgroup::", "b", "::endgroup::", "c"]));
  assert.deepEqual(twice.all.map(({ end }) => end.index), [2]);
  const none = logOf(["::endgroup::", "section_end:1:x\r\x1b[0K", "travis_fold:end:y\r", "a"]);
  assert.deepEqual(groupsOf(none).all, []);
  assert.equal(none.rows, 4, "what ends nothing is a line");
  const crossed = groupsOf(logOf(["section_start:1:a\r", "section_start:1:b\r", "x", "section_end:2:a\r", "section_end:2:b\r", "y"]));
  assert.deepEqual(crossed.all.map(({ title, end }) => [title, end.index]), [["a", 3], ["b", 3]]);
});

test("a group of the same name begins anew, and a name of an object is a name", () => {
  const groups = groupsOf(logOf(["section_start:1:constructor\r", "section_start:1:__proto__\r", "x", "section_end:2:__proto__\r", "section_end:2:constructor\r", "section_start:1:constructor\r", "y", "section_end:2:constructor\r"]));
  assert.deepEqual(groups.all.map(({ name, end }) => [name, end.index]), [["constructor", 4], ["__proto__", 3], ["constructor", 7]]);
});

test("groups as deep as anybody likes take no longer", () => {
  const deep = 20_000;
  const texts = [...Array.from({ length: deep }, (_, n) => `section_start:1:s${n}\r`), ...Array.from({ length: deep }, (_, n) => `section_end:2:t${n}\r`), "error: x"];
  const log = logOf(texts);
  let groups;
  const ms = took(() => { groups = groupsOf(log); });
  assert.ok(groups.all.length > 10 && groups.all.length <= 50, `${groups.all.length}`);
  assert.ok(ms < PATIENCE_MS, `${Math.round(ms)} ms`);
});

test("every line a group: all of them are there, and closing them hides their lines", () => {
  const log = logOf(Array.from({ length: 5000 }, (_, n) => (n % 2 ? "x" : `::group::${n}`)));
  const groups = groupsOf(log);
  assert.equal(groups.all.length, 2500);
  groups.chooseAll(false);
  const ms = took(() => groups.hide(log));
  assert.equal(log.rows, 2500);
  assert.ok(ms < PATIENCE_MS, `${Math.round(ms)} ms`);
});

// Names.
test("names are one short line without anything hidden", () => {
  assert.equal(shownName("a\u202eb\nc\td"), "a•b•c d");
  assert.equal(shownName("x".repeat(5000)).length, 201);
  assert.equal(shownName("<img src=x onerror=alert(1)>"), "<img src=x onerror=alert(1)>");
  const phase = groupsOf((() => { const log = new Log(); log.append([line(0, "a", { phase: `\u202e${"p".repeat(MEGABYTE)}` })]); return log; })());
  assert.equal(phase.all[0].title.length, 201);
  const empty = new Log();
  empty.append([line(0, "a", { phase: "" }), line(1, "b", { phase: "code" }), line(2, "c", { phase: "" })]);
  assert.deepEqual(groupsOf(empty).all.map(({ title }) => title), ["code"], "an empty phase is none");
});

test("a state of the host's own, and what it says, are names too", () => {
  const facts = { jobStatus: "x", createdAt: NaN, endedAt: NaN, connection: null, interrupted: false, done: "c\u202eancelled", refusal: null, lines: 1, lastLineAt: T, message: `no\u2028${"!".repeat(5000)}` };
  const { word, detail } = shownState(facts, T);
  assert.equal(word, "C•ancelled");
  assert.deepEqual(hiddenMarks(detail), []);
  assert.ok(detail.length <= 201);
});

test("a source, a time and a phase that are none are those of a line without them", () => {
  const log = new Log();
  log.append([{ id: `${T}-0`, ts: "yesterday", source: "__proto__", text: null, phase: null }, { id: "18446744073709551615-18446744073709551615", ts: "9".repeat(1000), source: "", text: "x", phase: "toString" }]);
  const [block] = log.pieces;
  assert.deepEqual([block.source(0), block.text(0), block.time(0), block.source(1)], ["stdout", "", T, "stdout"]);
  assert.ok(Number.isNaN(block.time(1)));
  assert.ok(log.find("18446744073709551615-18446744073709551615").exact);
});

test("dots stand for what is hidden, one for each of its places", () => {
  assert.equal(withoutHidden("a\u200bb\u{e0041}c"), "a•b••c");
  assert.deepEqual(findLinks(withoutHidden("https://a.example/\u202ex")).length, 1);
});

test("a line that is shown whole has no text so long that its layout would hold the page up", () => {
  const scripts = '"é日x😀",'.repeat(MEGABYTE / 8);
  const lines = [scripts, `\x1b[31m${scripts}`, `https://a.example ${scripts}`, `${scripts}\u202e`];
  for (const raw of lines) {
    const { body, text } = shownLine(raw, { cut: Infinity });
    assert.equal(body.textContent, withoutHidden(text));
    const longest = [body, ...body.all].flatMap(({ children }) => children.map((child) => (typeof child === "string" ? child.length : 0)));
    assert.ok(Math.max(...longest) <= LINE_CUT + 1);
    assert.ok(body.all.every(({ children }) => children.every((child) => typeof child !== "string" || !/[\ud800-\udbff]$/.test(child))), "no character is cut in two");
  }
});
