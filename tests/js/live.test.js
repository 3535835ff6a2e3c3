import assert from "node:assert/strict";
import { test } from "node:test";

import { Drawing } from "../../src/sketchseek/server/web/drawing.js";
import { LiveConnection } from "../../src/sketchseek/server/web/live.js";
import { FakeBrowser } from "./fake_browser.js";

/** @import { Point, ResultsFrame } from "../../src/sketchseek/server/web/types.js" */

/** @type {Point[]} */
const [P, Q, R] = [[0.1, 0.1, 0, 0.5], [0.2, 0.2, 10, 0.5], [0.3, 0.3, 20, 0.5]];
const RETRIES = [300, 700, 1500, 3000, 5000, 5000, 5000];

/** A page that has just been opened, and everything that its connection tells. */
function open({ strokes = /** @type {Point[][]} */ ([]), address = "http://127.0.0.1:8000/" } = {}) {
  const browser = new FakeBrowser(address);
  const drawing = new Drawing(strokes.map((points) => ({ points })));
  const live = new LiveConnection(drawing);
  /** @type {{ name: string, detail: any }[]} */
  const told = [];
  for (const name of /** @type {const} */ (["state", "hello", "sent", "results", "refused"])) {
    live.on(name, (detail) => told.push({ name, detail }));
  }
  return { browser, drawing, live, told };
}

/** A page whose server has accepted the connection, without the frames and events up to then. */
function openLive() {
  const page = open();
  page.browser.socket.accept();
  page.browser.socket.sent.length = page.told.length = 0;
  return page;
}

/** @returns {ResultsFrame} */
const results = (/** @type {number} */ seq) => ({
  type: "results", seq, frame: 1, pen_down: false, milliseconds: 5, hits: [], confidence: null, target: null,
  regions: null, remark: "", placement: { scale: 1, x: 0, y: 0 },
});

/**
 * What was told under this name.
 * @param {{ name: string, detail: any }[]} told
 * @param {string} name
 */
const details = (told, name) => told.filter((event) => event.name === name).map((event) => event.detail);

test("the connection goes to the page's own host, encrypted where the page is", () => {
  assert.equal(open().browser.socket.address, "ws://127.0.0.1:8000/api/live");
  const { browser } = open({ address: "https://photos.local/index.html" });
  assert.equal(browser.socket.address, "wss://photos.local/api/live");
  const { browser: below } = open({ address: "https://photos.local/sketch/" });
  assert.equal(below.socket.address, "wss://photos.local/sketch/api/live");
});

test("where the server has a new token the page is loaded anew, and the server says so", () => {
  const { browser } = open();
  browser.socket.drop(4401);
  browser.wait(60_000);
  assert.deepEqual([browser.reloads, browser.sockets.length], [1, 1]);
});

test("the whole drawing is the first frame", () => {
  const { browser, told } = open({ strokes: [[P, Q], [R]] });
  assert.deepEqual(browser.socket.sent, []);
  browser.socket.accept();
  assert.deepEqual(browser.socket.sent, [{ type: "sketch", strokes: [[P, Q], [R]], seq: 1 }]);
  assert.deepEqual(details(told, "state"), ["live"]);
});

test("points are sent together, once per animation frame", () => {
  const { browser, drawing } = openLive();
  drawing.begin([P]);
  drawing.extend([Q]);
  assert.deepEqual(browser.socket.sent, []);
  browser.paint();
  assert.deepEqual(browser.socket.sent, [{ type: "points", stroke: 1, points: [P, Q], seq: 2 }]);
  browser.paint();
  assert.equal(browser.socket.sent.length, 1);
  drawing.extend([R]);
  browser.paint();
  assert.deepEqual(browser.socket.sent[1], { type: "points", stroke: 1, points: [R], seq: 3 });
});

test("the end of a stroke is sent at once, after all of its points", () => {
  const { browser, drawing } = openLive();
  drawing.begin([P]);
  browser.paint();
  drawing.extend([Q]);
  drawing.end();
  drawing.begin([R]);
  drawing.end();
  const sent = [
    { type: "points", stroke: 1, points: [P], seq: 2 },
    { type: "points", stroke: 1, points: [Q], seq: 3 },
    { type: "end", stroke: 1, seq: 4 },
    { type: "points", stroke: 2, points: [R], seq: 5 },
    { type: "end", stroke: 2, seq: 6 },
  ];
  assert.deepEqual(browser.socket.sent, sent);
  browser.paint();
  assert.deepEqual(browser.socket.sent, sent);
});

test("undo sends the whole drawing, and the next stroke has a new number", () => {
  const { browser, drawing } = openLive();
  drawing.begin([P]);
  drawing.end();
  drawing.undo();
  browser.paint();
  const { sent } = browser.socket;
  assert.deepEqual(sent.map((frame) => frame.type), ["points", "end", "sketch"]);
  assert.deepEqual(sent[2], { type: "sketch", strokes: [], seq: 4 });
  drawing.begin([Q]);
  browser.paint();
  assert.ok(sent[3].stroke > sent[1].stroke);
});

test("every frame that is sent is told", () => {
  const { drawing, live, told } = openLive();
  drawing.begin([P]);
  drawing.end();
  live.configure({ type: "regions", on: true });
  assert.deepEqual(details(told, "sent"), [null, null, null]);
});

test("the server's frames are told by their type", () => {
  const { browser, told } = openLive();
  const hello = { type: "hello", photos: 3 };
  const error = { type: "error", seq: 1, message: "frame: not JSON" };
  browser.socket.answer(hello);
  browser.socket.answer(results(1));
  browser.socket.answer(error);
  assert.deepEqual(told, [
    { name: "hello", detail: hello },
    { name: "results", detail: results(1) },
    { name: "refused", detail: error },
  ]);
});

test("an error frame leaves the connection and its count of frames as they are", () => {
  const { browser, drawing, told } = openLive();
  browser.socket.answer({ type: "error", seq: null, message: "the photo is missing" });
  drawing.begin([P]);
  browser.paint();
  assert.equal(browser.sockets.length, 1);
  assert.equal(browser.socket.sent[0].seq, 2);
  assert.deepEqual(details(told, "state"), []);
});

test("results of a stroke that goes on are shown, and only the newest count as final", () => {
  const { browser, drawing, live, told } = openLive();
  drawing.begin([P]);
  browser.paint(); // seq 2
  drawing.extend([Q]);
  browser.paint(); // seq 3
  browser.socket.answer(results(2));
  browser.socket.answer(results(3));
  assert.deepEqual(details(told, "results").map(live.isNewest.bind(live)), [false, true]);
});

test("results from before an undo are dropped", () => {
  const { browser, drawing, told } = openLive();
  drawing.begin([P]);
  drawing.end(); // seq 2 and 3
  drawing.undo(); // seq 4
  for (const seq of [2, 3, 4]) browser.socket.answer(results(seq));
  assert.deepEqual(details(told, "results").map((frame) => frame.seq), [4]);
});

test("results from before a change of settings are shown, as the drawing is the same", () => {
  const { browser, live, told } = openLive();
  live.configure({ type: "words", text: "red", weight: 0.5 }); // seq 2
  browser.socket.answer(results(1));
  browser.socket.answer(results(2));
  assert.deepEqual(details(told, "results").map((frame) => frame.seq), [1, 2]);
});

test("a lost connection is tried again, each time later, up to five seconds", () => {
  const { browser, told } = openLive();
  for (const wait of RETRIES) {
    const tried = browser.sockets.length;
    browser.socket.drop();
    assert.equal(details(told, "state").at(-1), "lost");
    browser.wait(wait - 1);
    assert.equal(browser.sockets.length, tried, `earlier than ${wait} ms`);
    browser.wait(1);
    assert.equal(browser.sockets.length, tried + 1, `not after ${wait} ms`);
  }
  assert.deepEqual([...new Set(details(told, "state"))], ["lost"]);
});

test("after a success the waits begin at the shortest again", () => {
  const { browser } = openLive();
  for (const wait of RETRIES) {
    browser.socket.drop();
    browser.wait(wait);
  }
  browser.socket.accept();
  const tried = browser.sockets.length;
  browser.socket.drop();
  browser.wait(300);
  assert.equal(browser.sockets.length, tried + 1);
});

test("a page whose first connection fails tries again too", () => {
  const { browser, told } = open();
  browser.socket.drop();
  browser.wait(300);
  browser.socket.accept();
  assert.deepEqual(details(told, "state"), ["lost", "lost", "live"]);
  assert.equal(browser.socket.sent.length, 1);
});

test("what was drawn while the connection was lost is sent with the whole drawing", () => {
  const { browser, drawing, told } = openLive();
  drawing.begin([P]);
  drawing.end(); // seq 2 and 3
  const lost = browser.socket;
  lost.drop();
  told.length = lost.sent.length = 0;
  drawing.begin([Q]);
  browser.paint();
  drawing.end();
  assert.deepEqual(lost.sent, []);
  assert.deepEqual(told, []);
  browser.wait(300);
  browser.socket.accept();
  const strokes = drawing.strokes.map((stroke) => stroke.points);
  assert.equal(strokes.length, 2);
  assert.deepEqual(browser.socket.sent, [{ type: "sketch", strokes, seq: 4 }]);
});

test("a stroke that is open when the connection returns goes on whole, under a new number", () => {
  const { browser, drawing } = openLive();
  drawing.begin([P]);
  browser.paint();
  const before = browser.socket.sent[0].stroke;
  browser.socket.drop();
  drawing.extend([Q]);
  browser.wait(300);
  browser.socket.accept();
  browser.paint();
  const after = browser.socket.sent[1].stroke;
  assert.ok(after > before);
  assert.deepEqual(browser.socket.sent, [
    { type: "sketch", strokes: [], seq: 3 },
    { type: "points", stroke: after, points: [P, Q], seq: 4 },
  ]);
  drawing.extend([R]);
  drawing.end();
  assert.deepEqual(browser.socket.sent.slice(2), [
    { type: "points", stroke: after, points: [R], seq: 5 },
    { type: "end", stroke: after, seq: 6 },
  ]);
});

test("answers to what was sent before the connection was lost are dropped", () => {
  const { browser, drawing, told } = openLive();
  drawing.begin([P]);
  drawing.end(); // seq 2 and 3
  browser.socket.drop();
  browser.wait(300);
  browser.socket.accept(); // seq 4
  browser.socket.answer(results(3));
  browser.socket.answer(results(4));
  assert.deepEqual(details(told, "results").map((frame) => frame.seq), [4]);
});

test("the newest setting of each type is sent again after a reconnection", () => {
  const { browser, live } = openLive();
  live.configure({ type: "regions", on: true });
  live.configure({ type: "target", id: "a" });
  browser.socket.drop();
  live.configure({ type: "target", id: "b" });
  browser.wait(300);
  browser.socket.accept();
  assert.deepEqual(browser.socket.sent.map(({ seq, ...frame }) => frame), [
    { type: "sketch", strokes: [] },
    { type: "regions", on: true },
    { type: "target", id: "b" },
  ]);
});

test("a network that returns, or a page that is looked at again, is no reason to wait", () => {
  for (const returns of [
    (/** @type {FakeBrowser} */ browser) => browser.window.dispatchEvent(new Event("online")),
    (/** @type {FakeBrowser} */ browser) => browser.document.dispatchEvent(new Event("visibilitychange")),
  ]) {
    const { browser } = openLive();
    returns(browser);
    assert.equal(browser.sockets.length, 1); // there is one already
    browser.socket.drop();
    returns(browser);
    assert.equal(browser.sockets.length, 2);
    browser.socket.accept();
    browser.socket.drop();
    browser.wait(299);
    assert.equal(browser.sockets.length, 2); // only the wait that began last counts
  }
});

test("a page that is hidden does not connect before its time", () => {
  const { browser } = openLive();
  browser.socket.drop();
  browser.document.hidden = true;
  browser.document.dispatchEvent(new Event("visibilitychange"));
  assert.equal(browser.sockets.length, 1);
});

test("the wait for an answer is counted from the first point that it is the first to answer", () => {
  const { browser, drawing, live } = openLive();
  const before = performance.now();
  drawing.begin([P]);
  const after = performance.now();
  browser.paint();
  drawing.end();
  const asked = live.takeAsked(results(2));
  assert.ok(asked !== undefined && asked >= before && asked <= after);
  assert.equal(live.takeAsked(results(2)), undefined); // the same again, as photos have come
  assert.equal(typeof live.takeAsked(results(3)), "number");
});
