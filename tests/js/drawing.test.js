import assert from "node:assert/strict";
import { test } from "node:test";

import { Drawing } from "../../src/sketchseek/server/web/drawing.js";

/** @import { Stroke } from "../../src/sketchseek/server/web/types.js" */

/**
 * Draws one stroke, a line across the sheet at height `y`.
 * @param {Drawing} drawing
 * @param {number} y
 * @param {number} time
 */
function drawLine(drawing, y, time = 0) {
  drawing.begin([[0.2, y, time, 0.5]]);
  drawing.extend([[0.8, y, time + 10, 0.5]]);
  drawing.end();
}

/**
 * The heights of all lines, which tell them apart.
 * @param {Stroke[]} strokes
 */
const heights = (strokes) => strokes.map((stroke) => stroke.points[0][1]);

/**
 * Every event of the drawing from now on.
 * @param {Drawing} drawing
 */
function listen(drawing) {
  /** @type {string[]} */
  const events = [];
  drawing.on("points", (points) => events.push(`${points.length} points`));
  drawing.on("end", () => events.push("end"));
  drawing.on("replaced", () => events.push("replaced"));
  drawing.on("change", () => events.push("change"));
  return events;
}

test("a stroke is open until it ends", () => {
  const drawing = new Drawing();
  assert.ok(drawing.isEmpty);
  drawing.begin([[0.1, 0.2, 0, 0.5]]);
  assert.ok(!drawing.isEmpty);
  assert.deepEqual(drawing.strokes, []);
  drawing.extend([[0.3, 0.4, 8, 0.6]]);
  assert.deepEqual(drawing.open, { points: [[0.1, 0.2, 0, 0.5], [0.3, 0.4, 8, 0.6]] });
  drawing.end();
  assert.equal(drawing.open, null);
  assert.deepEqual(drawing.strokes, [{ points: [[0.1, 0.2, 0, 0.5], [0.3, 0.4, 8, 0.6]] }]);
});

test("beginning a stroke ends the one before", () => {
  const drawing = new Drawing();
  drawing.begin([[0, 0.1, 0, 0.5]]);
  drawing.begin([[0, 0.2, 5, 0.5]]);
  assert.deepEqual(heights(drawing.strokes), [0.1]);
  assert.equal(drawing.open?.points[0][1], 0.2);
});

test("points without an open stroke, and no points, change nothing", () => {
  const drawing = new Drawing();
  const events = listen(drawing);
  drawing.extend([[0, 0, 0, 0.5]]);
  drawing.end();
  drawing.clear();
  drawing.undo();
  drawing.redo();
  assert.deepEqual(events, []);
  drawing.begin([[0, 0, 0, 0.5]]);
  events.length = 0;
  drawing.extend([]);
  assert.deepEqual(events, []);
});

test("points are rounded to what the screen and the clock can tell", () => {
  const drawing = new Drawing();
  drawing.begin([[0.123456789, 0.987654321, 100, 0.33333]]);
  drawing.extend([[0.5, 0.5, 108.3333, 1]]);
  assert.deepEqual(drawing.open?.points, [[0.12346, 0.98765, 0, 0.333], [0.5, 0.5, 8.3, 1]]);
});

test("time is counted from the first point of the drawing", () => {
  const drawing = new Drawing();
  drawLine(drawing, 0.1, 5000);
  drawLine(drawing, 0.2, 7000);
  assert.deepEqual(drawing.strokes.map((stroke) => stroke.points.map((point) => point[2])), [[0, 10], [2000, 2010]]);
});

test("an event that is older than the first point has time 0", () => {
  const drawing = new Drawing();
  drawing.begin([[0, 0, 100, 0.5]]);
  drawing.extend([[0, 0, 90, 0.5]]);
  assert.equal(drawing.open?.points[1][2], 0);
});

test("time goes on from the last point of a drawing that was opened, or is left after an undo", () => {
  const opened = new Drawing([{ points: [[0, 0, 0, 0.5], [1, 1, 300, 0.5]] }]);
  drawLine(opened, 0.5, 90_000);
  assert.equal(opened.strokes[1].points[0][2], 300);

  const drawing = new Drawing();
  drawLine(drawing, 0.1, 1000);
  drawLine(drawing, 0.2, 3000);
  drawing.undo();
  drawLine(drawing, 0.3, 60_000);
  assert.deepEqual(drawing.strokes[1].points.map((point) => point[2]), [10, 20]);
});

test("time begins at 0 again on a cleared sheet", () => {
  const drawing = new Drawing();
  drawLine(drawing, 0.1, 1000);
  drawing.clear();
  drawLine(drawing, 0.2, 9000);
  assert.equal(drawing.strokes[0].points[0][2], 0);
});

test("undo and redo go through strokes, erasing, clearing and opening alike", () => {
  const drawing = new Drawing();
  drawLine(drawing, 0.1);
  drawLine(drawing, 0.2);
  drawing.replace(drawing.strokes.slice(1)); // the first was erased
  drawing.clear();
  drawing.replace([{ points: [[0, 0.9, 0, 0.5]] }]); // a file was opened
  const after = [[], [0.1], [0.1, 0.2], [0.2], [], [0.9]];
  for (const expected of after.slice(0, -1).reverse()) {
    drawing.undo();
    assert.deepEqual(heights(drawing.strokes), expected);
  }
  assert.ok(!drawing.canUndo);
  for (const expected of after.slice(1)) {
    assert.ok(drawing.canRedo);
    drawing.redo();
    assert.deepEqual(heights(drawing.strokes), expected);
  }
  assert.ok(!drawing.canRedo);
});

test("a new stroke after an undo leaves nothing to redo", () => {
  const drawing = new Drawing();
  drawLine(drawing, 0.1);
  drawing.undo();
  assert.ok(drawing.canRedo);
  drawLine(drawing, 0.2);
  assert.ok(!drawing.canRedo);
  drawing.redo();
  assert.deepEqual(heights(drawing.strokes), [0.2]);
});

test("undo while drawing takes back the stroke that is being drawn", () => {
  const drawing = new Drawing();
  drawLine(drawing, 0.1);
  drawing.begin([[0, 0.2, 50, 0.5]]);
  drawing.undo();
  assert.equal(drawing.open, null);
  assert.deepEqual(heights(drawing.strokes), [0.1]);
  drawing.redo();
  assert.deepEqual(heights(drawing.strokes), [0.1, 0.2]);
});

test("clearing while drawing can be undone", () => {
  const drawing = new Drawing();
  drawing.begin([[0, 0.2, 50, 0.5]]);
  drawing.clear();
  assert.ok(drawing.isEmpty);
  drawing.undo();
  assert.deepEqual(heights(drawing.strokes), [0.2]);
});

test("any mixture of steps, undo and redo agrees with a list of all states", () => {
  let seed = 7;
  const random = (/** @type {number} */ below) => {
    seed = (seed * 48271) % 2147483647;
    return seed % below;
  };
  const drawing = new Drawing();
  /** @type {number[][]} */
  let states = [[]];
  let now = 0;
  for (let step = 1; step <= 500; step++) {
    const choice = random(6);
    const current = states[now];
    /** @type {number[] | null} */
    let next = null;
    if (choice <= 1) {
      drawLine(drawing, step / 1000);
      next = [...current, step / 1000];
    } else if (choice === 2 && current.length) {
      const erased = random(current.length);
      drawing.replace(drawing.strokes.filter((_, i) => i !== erased));
      next = current.filter((_, i) => i !== erased);
    } else if (choice === 3) {
      drawing.undo();
      now = Math.max(0, now - 1);
    } else if (choice === 4) {
      drawing.redo();
      now = Math.min(states.length - 1, now + 1);
    } else if (choice === 5 && random(8) === 0) {
      drawing.clear();
      if (current.length) next = [];
    }
    if (next) {
      states = [...states.slice(0, now + 1), next];
      now += 1;
    }
    assert.deepEqual(heights(drawing.strokes), states[now], `after step ${step}`);
    assert.equal(drawing.canUndo, now > 0);
    assert.equal(drawing.canRedo, now < states.length - 1);
  }
});

test("a stroke that has ended never changes", () => {
  const drawing = new Drawing();
  drawLine(drawing, 0.1);
  const before = structuredClone(drawing.strokes);
  const [first] = drawing.strokes;
  drawLine(drawing, 0.2);
  drawing.replace([...drawing.strokes].reverse());
  drawing.undo();
  assert.equal(drawing.strokes[0], first);
  assert.deepEqual(drawing.strokes.slice(0, 1), before);
});

test("each change is told once, with what kind it is, and then as a change", () => {
  const drawing = new Drawing();
  const events = listen(drawing);
  drawing.begin([[0, 0, 0, 0.5], [0.1, 0.1, 1, 0.5]]);
  drawing.extend([[0.2, 0.2, 2, 0.5]]);
  drawing.end();
  drawing.undo();
  drawing.redo();
  drawing.clear();
  assert.deepEqual(events, [
    "2 points", "change", "1 points", "change", "end", "change",
    "replaced", "change", "replaced", "change", "replaced", "change",
  ]);
});

test("listeners are told once the drawing has changed", () => {
  const drawing = new Drawing();
  /** @type {[number, boolean][]} */
  const seen = [];
  drawing.on("end", () => seen.push([drawing.strokes.length, drawing.canUndo]));
  drawing.on("replaced", () => seen.push([drawing.strokes.length, drawing.canUndo]));
  drawLine(drawing, 0.1);
  drawing.undo();
  assert.deepEqual(seen, [[1, true], [0, false]]);
});

test("the eraser reaches lines and dots near its way, also between two events far apart", () => {
  const drawing = new Drawing();
  drawLine(drawing, 0.1);
  drawLine(drawing, 0.5);
  drawing.begin([[0.5, 0.8, 0, 0.5]]); // a dot
  drawing.end();
  /** @type {(from: [number, number], to: [number, number]) => number[]} */
  const near = (from, to) => heights(drawing.strokesNear(from, to, 0.03));
  assert.deepEqual(near([0.5, 0.12], [0.5, 0.12]), [0.1]); // between the line's two points
  assert.deepEqual(near([0.5, 0.14], [0.5, 0.14]), []);
  assert.deepEqual(near([0.79, 0.1], [0.82, 0.1]), [0.1]);
  assert.deepEqual(near([0.84, 0.1], [0.95, 0.1]), []); // beyond the line's end
  assert.deepEqual(near([0.5, 0.0], [0.5, 1.0]), [0.1, 0.5, 0.8]);
  assert.deepEqual(near([0.5, 0.79], [0.5, 0.79]), [0.8]);
});

test("the eraser leaves the stroke that is being drawn", () => {
  const drawing = new Drawing();
  drawing.begin([[0.5, 0.5, 0, 0.5]]);
  assert.deepEqual(drawing.strokesNear([0.5, 0.5], [0.5, 0.5], 0.1), []);
});
