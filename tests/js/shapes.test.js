// What becomes of strokes: straight lines, ellipses, and what the eraser leaves.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Drawing } from "../../src/sketchseek/server/web/drawing.js";
import { rubbedOut, shapeOf } from "../../src/sketchseek/server/web/shapes.js";

/** @import { Picture, Point } from "../../src/sketchseek/server/web/types.js" */

/** @type {(place: (t: number) => [number, number]) => Point[]} */
const along = (place) => Array.from({ length: 31 }, (_, i) => [...place(i / 30), i * 10, 0.5]);

test("an all but straight stroke becomes the line between its ends", () => {
  const points = along((t) => [0.1 + 0.8 * t, 0.5 + 0.02 * Math.sin(9 * t)]);
  assert.deepEqual(shapeOf(points), [points[0], points[30]]);
});

test("an all but closed loop becomes an ellipse of its width and height that keeps its time", () => {
  const loop = along((t) => [0.5 + 0.3 * Math.cos(6.1 * t), 0.4 + 0.2 * Math.sin(6.1 * t)]);
  const ellipse = shapeOf(loop) ?? [];
  for (const [x, y] of ellipse) assert.ok(Math.abs(Math.hypot((x - 0.5) / 0.3, (y - 0.4) / 0.2) - 1) < 0.03);
  assert.deepEqual([ellipse[0][2], ellipse.at(-1)?.[2]], [0, 300]);
});

test("a dot, an arc and a corner are none of these", () => {
  assert.equal(shapeOf([[0.5, 0.5, 0, 0.5]]), null);
  assert.equal(shapeOf(along((t) => [Math.cos(3 * t), Math.sin(3 * t)])), null);
  assert.equal(shapeOf(along((t) => [Math.min(t, 0.5), Math.max(t, 0.5)])), null);
});

test("rubbing out parts a line of two points, and leaves what it does not touch as it is", () => {
  const line = { points: /** @type {Point[]} */ ([[0.1, 0.5, 0, 0.5], [0.9, 0.5, 800, 0.5]]) };
  const far = { points: /** @type {Point[]} */ ([[0.1, 0.9, 900, 0.5]]) };
  const [left, right, other] = rubbedOut([line, far], [0.5, 0.52], 0.1);
  assert.equal(other, far);
  const ends = [left.points[0], left.points.at(-1), right.points[0], right.points.at(-1)].map((point) => point?.[0] ?? NaN);
  assert.deepEqual([ends[0], ends[3]], [0.1, 0.9]);
  assert.ok(ends[1] > 0.35 && ends[1] < 0.41 && ends[2] > 0.59 && ends[2] < 0.65);
  assert.ok(left.points.every(([x, , time]) => Math.abs(time - 1000 * (x - 0.1)) < 1));
  assert.deepEqual(rubbedOut([far], [0.1, 0.9], 0.05), []);
});

test("a stroke that is dropped was never there; one that ends as a shape is one step of history", () => {
  const drawing = new Drawing();
  drawing.begin([[0.1, 0.1, 0, 0.5]]);
  drawing.drop();
  assert.ok(drawing.isEmpty && !drawing.canUndo);
  drawing.begin([[0.1, 0.1, 0, 0.5]]);
  drawing.endAs([[0.2, 0.2, 0, 0.5], [0.3, 0.3, 9, 0.5]]);
  assert.deepEqual(drawing.strokes, [{ points: [[0.2, 0.2, 0, 0.5], [0.3, 0.3, 9, 0.5]] }]);
  drawing.undo();
  assert.ok(drawing.isEmpty && !drawing.canUndo);
});

test("a picture is part of the history", () => {
  const drawing = new Drawing();
  /** @type {Picture} */
  const picture = { photo: "api/photos/a" };
  drawing.replace([], picture);
  drawing.begin([[0.1, 0.1, 0, 0.5]]);
  drawing.end();
  drawing.clear();
  assert.equal(drawing.picture, null);
  drawing.undo();
  assert.deepEqual([drawing.picture, drawing.strokes.length], [picture, 1]);
  drawing.undo();
  drawing.undo();
  assert.equal(drawing.picture, null);
  drawing.redo();
  assert.equal(drawing.picture, picture);
});
