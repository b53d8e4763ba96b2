import assert from "node:assert/strict";
import { test } from "node:test";
import { plain, render } from "../text/ansi.js";

const styleOf = (raw) => render(raw).styles[0]?.style;

test("plain text stays as it is, and costs no span", () => {
  assert.deepEqual(render("a <b>&amp;</b> é 日本"), { text: "a <b>&amp;</b> é 日本", styles: [], links: [], updates: 0 });
});

test("colours become spans, 16, 256 and true ones, by semicolons and by colons", () => {
  const cases = [
    ["\x1b[31mx", 1], ["\x1b[97mx", 15], ["\x1b[38;5;208mx", 208], ["\x1b[38:5:208mx", 208], ["\x1b[38;2;1;2;255mx", "#0102ff"],
    ["\x1b[38:2:1:2:255mx", "#0102ff"], ["\x1b[38:2::1:2:255mx", "#0102ff"], ["\x1b[1;38;5;9;4mx", 9],
  ];
  for (const [raw, fg] of cases) assert.equal(styleOf(raw).fg, fg, JSON.stringify(raw));
  assert.equal(styleOf("\x1b[48;5;22mx").bg, 22);
  assert.equal(styleOf("\x1b[104mx").bg, 12);
  assert.equal(styleOf("\x1b[58;5;3;31mx").fg, 1, "the colour of an underline takes its parameters with it");
  assert.equal(styleOf("\x1b[38;5;999mx"), undefined, "a colour that there is not");
});

test("every attribute goes on and off", () => {
  const attributes = [[1, 22, "bold"], [2, 22, "dim"], [3, 23, "italic"], [4, 24, "underline"], [7, 27, "inverse"], [8, 28, "hidden"], [9, 29, "strike"]];
  for (const [on, off, name] of attributes) {
    assert.equal(styleOf(`\x1b[${on}mx`)[name], true, name);
    assert.equal(render(`\x1b[${on}ma\x1b[${off}mb`).styles.length, 1, name);
  }
  assert.equal(styleOf("\x1b[4:0mx"), undefined);
  assert.equal(styleOf("\x1b[4:3mx").underline, true);
});

test("spans cover exactly their text", () => {
  const { text, styles } = render("\x1b[1m\x1b[92m   Compiling\x1b[0m quote v1\r");
  assert.equal(text, "   Compiling quote v1");
  assert.deepEqual(styles.map(({ start, end }) => [start, end]), [[0, 12]]);
});

test("everything else that moves a terminal is dropped", () => {
  const raws = [
    "a\x1b[?25lb", "a\x1b[3Ab", "a\x1b(Bb", "a\x1b]0;title\x07b", "a\x1b]2;t\x1b\\b", "a\x1bPq#0\x1b\\b", "a\x1b7b", "a\x9b1mb", "a\x1b=b",
    "ab\x1b", "ab\x1b[", "ab\x1b[3", "a\x1b_x\x1b\\b", "a\x1b[>4;2mb",
  ];
  for (const raw of raws) assert.equal(plain(raw), "ab", JSON.stringify(raw));
});

test("a sequence without an end hides nothing", () => {
  assert.equal(plain("before \x1b]0;title and the rest"), "before ]0;title and the rest");
});

test("a carriage return leaves the last state of the line", () => {
  const bar = render("10%\r50%\r100%");
  assert.deepEqual([bar.text, bar.updates], ["100%", 2]);
  assert.equal(plain("done\r"), "done", "half of a CR LF");
  assert.equal(plain("50%\r\x1b[Kdone"), "done");
  assert.equal(plain("old\x1b[2Knew"), "new");
  assert.equal(render("\x1b[32m1\r2").styles[0].style.fg, 2, "the colour goes on");
});

test("a move to the first column is a carriage return, as npm writes it behind its spinner", () => {
  const spinner = render("\u2819\x1b[1G\x1b[0K\x1b[1mnpm\x1b[22m http");
  assert.deepEqual([spinner.text, spinner.styles.map(({ start, end }) => [start, end])], ["npm http", [[0, 3]]]);
  assert.equal(plain("50%\x1b[G100%"), "100%");
  assert.equal(plain("\u2819\x1b[1G\x1b[K"), "");
  assert.equal(plain("done\x1b[1G"), "done", "nothing takes its place");
  assert.equal(plain("a\x1b[12Gb\x1b[Kc"), "abc", "another column is not known");
});

test("a backspace takes one character back", () => {
  assert.equal(plain("abc\b\bxy"), "axy");
  assert.equal(plain("\b\ba"), "a");
});

test("OSC 8 is a link, by either end and with parameters", () => {
  for (const end of ["\x07", "\x1b\\"]) {
    const { text, links } = render(`see \x1b]8;id=1;https://a.example/x${end}here\x1b]8;;${end}.`);
    assert.equal(text, "see here.");
    assert.deepEqual(links, [{ start: 4, end: 8, href: "https://a.example/x" }]);
  }
});
