// The drawing itself: strokes of [x, y, time, pressure] on the unit canvas, and their history.

import { Events } from "./events.js";

/** @import { Picture, Place, Point, Stroke } from "./types.js" */
/** @typedef {{ strokes: Stroke[], picture: Picture | null }} Step */

/**
 * A stroke never changes once it has ended, so a step of history is a list of references to strokes, and the picture
 * that lies beneath them.
 *
 * Events: "points" (new ones of the open stroke), "end" (of the open stroke), "replaced" (all strokes at once), and
 * after each of them "change".
 * @extends {Events<{ points: Point[], end: null, replaced: null, change: null }>}
 */
export class Drawing extends Events {
  /** The ended ones. @type {Stroke[]} */
  strokes;
  /** The one being drawn. @type {Stroke | null} */
  open = null;
  /** Searched with while there is no stroke, and beneath the strokes else. @type {Picture | null} */
  picture;
  /** @type {Step[]} */
  #past = [];
  /** @type {Step[]} */
  #future = [];
  /** The clock's time at time 0 of the drawing; null where the next stroke decides it. @type {number | null} */
  #origin = null;

  /**
   * @param {Stroke[]} strokes
   * @param {Picture | null} picture
   */
  constructor(strokes = [], picture = null) {
    super();
    this.strokes = strokes;
    this.picture = picture;
  }

  get isEmpty() {
    return this.strokes.length === 0 && !this.open;
  }

  get canUndo() {
    return this.#past.length > 0;
  }

  get canRedo() {
    return this.#future.length > 0;
  }

  /**
   * Begins a stroke. Points come with the clock's time in milliseconds, which becomes the time since the drawing's
   * first point.
   * @param {Point[]} points - at least one
   */
  begin(points) {
    this.end();
    this.#origin ??= points[0][2] - lastTime(this.strokes);
    this.open = { points: [] };
    this.extend(points);
  }

  /** @param {Point[]} points - as for `begin`; ignored where no stroke is open */
  extend(points) {
    const origin = this.#origin;
    if (!this.open || origin === null || points.length === 0) return;
    const added = points.map(
      /** @returns {Point} */
      ([x, y, time, pressure]) => [
        rounded(x, 5), rounded(y, 5), rounded(Math.max(0, time - origin), 1), rounded(pressure, 3),
      ],
    );
    this.open.points.push(...added);
    this.tell("points", added);
    this.tell("change", null);
  }

  end() {
    if (!this.open) return;
    this.#remember();
    this.strokes = [...this.strokes, this.open];
    this.open = null;
    this.tell("end", null);
    this.tell("change", null);
  }

  /** Drops the open stroke as if it had never begun: a hand that rested, the first of two fingers. */
  drop() {
    if (this.open) this.#become({ strokes: this.strokes, picture: this.picture });
  }

  /**
   * Ends the open stroke as the line through other points, as one step of history.
   * @param {Point[]} points - with the drawing's time
   */
  endAs(points) {
    if (!this.open) return;
    this.#remember();
    this.#become({ strokes: [...this.strokes, { points }], picture: this.picture });
  }

  /**
   * Replaces all strokes, as one step of history: what is left after erasing, nothing, a drawing that was opened.
   * @param {Stroke[]} strokes
   * @param {Picture | null} picture - beneath them from now on
   */
  replace(strokes, picture = this.picture) {
    this.end();
    this.#remember();
    this.#become({ strokes, picture });
  }

  clear() {
    if (!this.isEmpty || this.picture) this.replace([], null);
  }

  undo() {
    this.end();
    this.#step(this.#past, this.#future);
  }

  redo() {
    this.end();
    this.#step(this.#future, this.#past);
  }

  /**
   * The ended strokes that pass within `reach` of the line from `from` to `to`, all on the unit canvas.
   * @param {Place} from
   * @param {Place} to
   * @param {number} reach
   */
  strokesNear(from, to, reach) {
    const steps = Math.max(1, Math.ceil(Math.hypot(to[0] - from[0], to[1] - from[1]) / reach));
    const places = Array.from(
      { length: steps + 1 },
      /** @returns {Place} */
      (_, i) => [from[0] + ((to[0] - from[0]) * i) / steps, from[1] + ((to[1] - from[1]) * i) / steps],
    );
    return this.strokes.filter((stroke) => places.some((place) => distance(place, stroke.points) <= reach));
  }

  #remember() {
    this.#past.push({ strokes: this.strokes, picture: this.picture });
    this.#future = [];
  }

  /**
   * @param {Step[]} from
   * @param {Step[]} to
   */
  #step(from, to) {
    const step = from.pop();
    if (!step) return;
    to.push({ strokes: this.strokes, picture: this.picture });
    this.#become(step);
  }

  /** @param {Step} step */
  #become({ strokes, picture }) {
    this.strokes = strokes;
    this.picture = picture;
    this.open = null;
    this.#origin = null;
    this.tell("replaced", null);
    this.tell("change", null);
  }
}

/**
 * The time of the last point drawn; 0 where there is none.
 * @param {Stroke[]} strokes
 */
function lastTime(strokes) {
  return strokes.at(-1)?.points.at(-1)?.[2] ?? 0;
}

/**
 * @param {number} value
 * @param {number} digits - after the point
 */
function rounded(value, digits) {
  return Number(value.toFixed(digits));
}

/**
 * From a place to the nearest point of a line through `points`.
 * @param {Place} place
 * @param {Point[]} points
 */
export function distance([x, y], points) {
  let nearest = Infinity;
  for (let i = 0; i < points.length; i++) {
    const [ax, ay] = points[Math.max(0, i - 1)];
    const [bx, by] = points[i];
    const length2 = (bx - ax) ** 2 + (by - ay) ** 2;
    const along = length2 ? Math.min(1, Math.max(0, ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length2)) : 0;
    nearest = Math.min(nearest, Math.hypot(ax + along * (bx - ax) - x, ay + along * (by - ay) - y));
  }
  return nearest;
}
