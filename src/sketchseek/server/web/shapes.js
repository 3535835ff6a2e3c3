// What becomes of strokes: one that is held still becomes a straight line or an ellipse, and the eraser rubs out parts.

import { distance } from "./drawing.js";

/** @import { Place, Point, Stroke } from "./types.js" */

const STRAIGHT = 0.07; // of a line's length that its points may lie beside it
const CLOSED = 0.25; // of a loop's longer side that its ends may lie apart
const ROUND = 0.2; // of an ellipse's radii that its points may lie off it
const ELLIPSE_POINTS = 48;

/**
 * The straight line or upright ellipse that a stroke was meant for; null where it was neither.
 * @param {Point[]} points
 * @returns {Point[] | null}
 */
export function shapeOf(points) {
  const [first, last] = [points[0], points[points.length - 1]];
  const length = Math.hypot(last[0] - first[0], last[1] - first[1]);
  if (length > 0 && points.every((point) => distance([point[0], point[1]], [first, last]) < STRAIGHT * length)) {
    return [first, last];
  }
  const [xs, ys] = [points.map((point) => point[0]), points.map((point) => point[1])];
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const [x, y, rx, ry] = [(left + right) / 2, (top + bottom) / 2, (right - left) / 2, (bottom - top) / 2];
  if (Math.min(rx, ry) === 0 || length > CLOSED * 2 * Math.max(rx, ry)) return null;
  const radii = points.map((point) => Math.hypot((point[0] - x) / rx, (point[1] - y) / ry));
  if (radii.some((radius) => Math.abs(radius - 1) > ROUND)) return null;
  const start = Math.atan2((first[1] - y) / ry, (first[0] - x) / rx);
  return Array.from({ length: ELLIPSE_POINTS + 1 }, (_, i) => {
    const angle = start + (2 * Math.PI * i) / ELLIPSE_POINTS;
    const time = first[2] + ((last[2] - first[2]) * i) / ELLIPSE_POINTS;
    return [round(x + rx * Math.cos(angle)), round(y + ry * Math.sin(angle)), Math.round(time), first[3]];
  });
}

/** @param {number} value */
const round = (value) => Number(value.toFixed(5));

/**
 * The strokes without what lies within `reach` of a place; those that it does not touch stay the same objects.
 * @param {Stroke[]} strokes
 * @param {Place} place
 * @param {number} reach
 * @returns {Stroke[]}
 */
export function rubbedOut(strokes, place, reach) {
  return strokes.flatMap((stroke) => {
    if (distance(place, stroke.points) > reach) return [stroke];
    /** @type {Stroke[]} */
    const parts = [];
    /** @type {Point[]} */
    let part = [];
    for (const point of closer(stroke.points, reach / 3)) {
      if (Math.hypot(point[0] - place[0], point[1] - place[1]) > reach) part.push(point);
      else if (part.length) {
        parts.push({ points: part });
        part = [];
      }
    }
    return part.length ? [...parts, { points: part }] : parts;
  });
}

/**
 * The same line through points that are at most `step` apart.
 * @param {Point[]} points
 * @param {number} step
 */
function closer(points, step) {
  return points.flatMap((point, i) => {
    const from = points[Math.max(0, i - 1)];
    const count = Math.max(1, Math.ceil(Math.hypot(point[0] - from[0], point[1] - from[1]) / step));
    return Array.from({ length: count }, (_, j) => {
      const along = (j + 1) / count;
      const between = (/** @type {number} */ k) => from[k] + (point[k] - from[k]) * along;
      return /** @type {Point} */ ([round(between(0)), round(between(1)), between(2), between(3)]);
    });
  });
}
