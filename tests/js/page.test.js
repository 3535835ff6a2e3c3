// Parts of the page that need hardly anything of a browser.

import assert from "node:assert/strict";
import { afterEach, mock, test } from "node:test";

import { ask } from "../../src/sketchseek/server/web/api.js";
import { completions } from "../../src/sketchseek/server/web/completion.js";
import { Drawing } from "../../src/sketchseek/server/web/drawing.js";
import { asSketch, search, similar } from "../../src/sketchseek/server/web/files.js";
import { drawByKeyboard } from "../../src/sketchseek/server/web/keyboard.js";
import { readRegions } from "../../src/sketchseek/server/web/regions.js";
import { address, sureness, thumbnail, title } from "../../src/sketchseek/server/web/results.js";

afterEach(() => mock.restoreAll());

/**
 * A server that gives one answer to everything; returns what it was asked.
 * @param {number} status
 * @param {string} body
 */
function serve(status, body) {
  /** @type {{ path: string, options?: RequestInit }[]} */
  const asked = [];
  mock.method(globalThis, "fetch", async (/** @type {string} */ path, /** @type {RequestInit} */ options) => {
    asked.push({ path, options });
    return new Response(body, { status });
  });
  return asked;
}

test("an answer is decoded, and a refusal becomes an error with the server's own words", async () => {
  serve(200, '{"status": "ok"}');
  assert.deepEqual(await ask("/api/health"), { status: "ok" });
  serve(422, '{"error": "drawing.svg: holds no strokes"}');
  await assert.rejects(ask("/api/search"), { message: "drawing.svg: holds no strokes" });
  serve(502, "<h1>Bad gateway</h1>");
  await assert.rejects(ask("/api/search"), { message: "The server answered 502." });
  mock.method(globalThis, "fetch", () => Promise.reject(new TypeError("fetch failed")));
  await assert.rejects(ask("/api/search"), { message: "The server cannot be reached." });
});

test("a search sends the file with the words; one by a photo sends no file", async () => {
  const asked = serve(200, '{"hits": []}');
  await search(new File(["{}"], "chair.json"), { text: "red", weight: 0.25 }, true, 24);
  await similar("api/photos/a", { text: "", weight: 0.5 }, 48);
  assert.deepEqual(asked.map(({ path, options }) => [options?.method, path]), [
    ["POST", "api/search"], ["POST", "api/photos/a/similar"],
  ]);
  const [first, second] = asked.map(({ options }) => /** @type {FormData} */ (options?.body));
  assert.equal(/** @type {File} */ (first.get("sketch")).name, "chair.json");
  first.delete("sketch");
  assert.deepEqual([...first], [["text", "red"], ["weight", "0.25"], ["top", "24"], ["as_framed", "true"]]);
  assert.deepEqual([...second], [["text", ""], ["weight", "0.5"], ["top", "48"]]);
});

test("the end of a text is completed by the names that begin so, then by those of which a later word does", () => {
  const names = ["sports car", "car", "carrot", "teddy bear", "T-shirt"];
  assert.deepEqual(completions("Car", names), { start: 0, names: ["car", "carrot", "sports car"] });
  assert.deepEqual(completions("red sports c", names), { start: 4, names: ["sports car"] });
  assert.deepEqual(completions("t sh", names), { start: 0, names: ["T-shirt"] });
  for (const text of ["", "car ", "carrot", "thingamajig", "- "]) assert.deepEqual(completions(text, names).names, []);
});

test("a saved drawing holds the strokes that have ended", () => {
  const drawing = new Drawing([{ points: [[0, 0, 0, 0.5]] }]);
  drawing.begin([[1, 1, 0, 0.5]]);
  assert.deepEqual(asSketch(drawing), { format: "sketchseek-sketch", version: 1, strokes: [[[0, 0, 0, 0.5]]] });
});

test("a photo's title is its name without the ending, and its address holds any id", () => {
  const photo = { id: "a/b?", name: "my.chair.jpeg", width: 1, height: 1 };
  assert.equal(title(photo), "my.chair");
  assert.equal(address(photo), "api/photos/a%2Fb%3F");
  assert.equal(thumbnail(photo), "api/photos/a%2Fb%3F/thumbnail");
});

test("the confidence is put in words from one half on, and is never said to be certain", () => {
  assert.equal(sureness(null), "");
  assert.equal(sureness(0.49), "");
  assert.equal(sureness(0.5), "Perhaps this one, 50 %");
  assert.equal(sureness(0.8), "Probably this one, 80 %");
  assert.equal(sureness(1), "Probably this one, 99 %");
});

test("regions are decoded to bytes, and the sketch is shown as strongly as the first photo", () => {
  const hits = [{ maps: btoa("\x00\x7f\xff\x01"), strength: [1, 0.5] }, { maps: btoa("abcd"), strength: [0, 1] }];
  const read = readRegions({ shape: [2, 1, 2], sketch: btoa("\x01\x02\x03\x04"), hits });
  assert.deepEqual(read?.hits[0], { shape: [2, 1, 2], maps: Uint8Array.of(0, 127, 255, 1), strength: [1, 0.5] });
  assert.deepEqual(read?.sketch, { shape: [2, 1, 2], maps: Uint8Array.of(1, 2, 3, 4), strength: [1, 0.5] });
  assert.equal(readRegions({ shape: [2, 1, 2], sketch: "", hits: [] }), null);
  assert.equal(readRegions(null), null);
});

/** A sheet that is drawn on by keys. */
function openSheet() {
  const drawing = new Drawing();
  const sheet = new EventTarget();
  const tip = { hidden: true, style: { left: "", top: "" }, classList: { toggle: mock.fn() } };
  drawByKeyboard(/** @type {HTMLElement} */ (sheet), /** @type {any} */ (tip), drawing);
  /** @type {(key: string, held?: object) => boolean} whether the page takes the key for itself */
  const press = (key, held = {}) => {
    const event = Object.assign(new Event("keydown", { cancelable: true }), { key, ...held });
    sheet.dispatchEvent(event);
    return event.defaultPrevented;
  };
  return { drawing, press, sheet, tip };
}

test("arrow keys move the pen, and Space puts it down and lifts it", () => {
  const { drawing, press, tip } = openSheet();
  press("ArrowRight");
  assert.ok(drawing.isEmpty);
  press(" ");
  press("ArrowDown");
  press("ArrowUp", { shiftKey: true });
  press(" ");
  press("ArrowLeft");
  const places = drawing.strokes.map((stroke) => stroke.points.map(([x, y]) => [64 * x, 64 * y].map(Math.round)));
  assert.deepEqual(places, [[[33, 32], [33, 33], [33, 33]]]);
  assert.equal(drawing.strokes[0].points[2][1], Number((0.5 + 0.75 / 64).toFixed(5)));
  assert.deepEqual(tip, { ...tip, hidden: false, style: { left: "50%", top: `${100 * (0.5 + 0.75 / 64)}%` } });
});

test("the pen stays on the sheet", () => {
  const { drawing, press } = openSheet();
  for (let i = 0; i < 40; i++) press("ArrowLeft");
  for (let i = 0; i < 40; i++) press("ArrowDown");
  press(" ");
  assert.deepEqual(drawing.open?.points[0].slice(0, 2), [0, 1]);
});

test("leaving the sheet lifts the pen, and other keys are left to the browser", () => {
  const { drawing, press, sheet, tip } = openSheet();
  assert.ok(press(" "));
  assert.ok(!press("Tab"));
  assert.ok(!press("ArrowUp", { ctrlKey: true }));
  assert.equal(drawing.open?.points.length, 1);
  sheet.dispatchEvent(new Event("blur"));
  assert.equal(drawing.open, null);
  assert.equal(drawing.strokes.length, 1);
  assert.ok(tip.hidden);
});
