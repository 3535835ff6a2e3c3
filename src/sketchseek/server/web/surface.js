// The sheet of paper: pen, touch and mouse in, ink out.

import { contextOf } from "./elements.js";

/** @import { Drawing } from "./drawing.js" */
/** @import { Place, Point, Stroke } from "./types.js" */

const PEN_WIDTH = 0.0085; // of the sheet, at middling pressure
const ERASER_REACH = 14; // CSS pixels
const PALM_REST = 1500; // milliseconds after the pen was near in which a touch is taken for a hand that rests

export class Surface {
  /** @type {"pen" | "eraser"} */
  tool = "pen";
  /** How far a point may lie beyond the sheet, in canvas widths; the server says how far it accepts. */
  reach = 0;
  #canvas;
  #drawing;
  #context;
  #ended = document.createElement("canvas"); // the ended strokes, painted once
  #endedContext = contextOf(this.#ended);
  #endedIsStale = true;
  #frame = 0;
  /**
   * The pointer that draws or erases: its last point, and the strokes that are kept when it lifts.
   * @type {{ id: number, erases: boolean, last: Point, kept: Stroke[] } | null}
   */
  #pointer = null;
  /** Under the eraser. @type {Set<Stroke>} */
  #aimed = new Set();
  #penSeen = -Infinity;

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {Drawing} drawing
   */
  constructor(canvas, drawing) {
    this.#canvas = canvas;
    this.#drawing = drawing;
    this.#context = contextOf(canvas);
    new ResizeObserver(() => this.#resize()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#repaint(true));
    drawing.on("points", () => this.#repaint());
    drawing.on("end", () => this.#repaint(true));
    drawing.on("replaced", () => this.#repaint(true));
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("pointerup", (event) => this.#up(event));
    canvas.addEventListener("pointercancel", (event) => this.#up(event));
    canvas.addEventListener("pointerleave", () => this.#aim([]));
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    // iOS starts its magnifier and text selection from touch events, which touch-action does not hold back.
    canvas.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });
  }

  get isBusy() {
    return this.#pointer !== null;
  }

  /** @param {PointerEvent} event */
  #down(event) {
    if (event.pointerType === "pen") this.#penSeen = event.timeStamp;
    const resting = event.pointerType === "touch" && event.timeStamp - this.#penSeen < PALM_REST;
    const erases = this.tool === "eraser" || (event.pointerType === "pen" && (event.buttons & 32) !== 0);
    if (this.#pointer || resting || (event.button !== 0 && !erases)) return;
    this.#canvas.setPointerCapture(event.pointerId);
    const point = this.#point(event);
    this.#pointer = { id: event.pointerId, erases, last: point, kept: this.#drawing.strokes };
    if (erases) this.#erase(this.#pointer, point);
    else this.#drawing.begin([point]);
  }

  /** @param {PointerEvent} event */
  #move(event) {
    if (event.pointerType === "pen") this.#penSeen = event.timeStamp;
    const pointer = this.#pointer;
    if (pointer?.id !== event.pointerId) {
      if (!pointer && this.tool === "eraser") this.#aim(this.#near(this.#point(event), this.#point(event)));
      return;
    }
    const events = event.getCoalescedEvents?.() ?? [];
    const points = (events.length ? events : [event]).map((each) => this.#point(each));
    if (pointer.erases) points.forEach((point) => this.#erase(pointer, point));
    else this.#drawing.extend(points);
  }

  /** @param {PointerEvent} event */
  #up(event) {
    if (this.#pointer?.id !== event.pointerId) return;
    const { erases, kept } = this.#pointer;
    this.#pointer = null;
    if (!erases) this.#drawing.end();
    else if (kept.length !== this.#drawing.strokes.length) this.#drawing.replace(kept);
    this.#aim([]);
  }

  /**
   * The strokes that the eraser touches fade at once and are gone when it lifts, as one step of history.
   * @param {{ last: Point, kept: Stroke[] }} pointer
   * @param {Point} point
   */
  #erase(pointer, point) {
    this.#aim([...this.#aimed, ...this.#near(pointer.last, point)]);
    pointer.last = point;
    pointer.kept = this.#drawing.strokes.filter((stroke) => !this.#aimed.has(stroke));
  }

  /**
   * @param {Point} from
   * @param {Point} to
   */
  #near([x, y], [toX, toY]) {
    return this.#drawing.strokesNear([x, y], [toX, toY], ERASER_REACH / this.#canvas.clientWidth);
  }

  /** @param {Stroke[]} strokes */
  #aim(strokes) {
    const aimed = new Set(strokes);
    if (aimed.size === this.#aimed.size && strokes.every((stroke) => this.#aimed.has(stroke))) return;
    this.#aimed = aimed;
    this.#repaint(true);
  }

  /**
   * @param {PointerEvent} event
   * @returns {Point} with the clock's time
   */
  #point(event) {
    const box = this.#canvas.getBoundingClientRect();
    const within = (/** @type {number} */ value) => Math.min(1 + this.reach, Math.max(-this.reach, value));
    const x = within((event.clientX - box.left) / box.width);
    const y = within((event.clientY - box.top) / box.height);
    return [x, y, event.timeStamp, event.pressure];
  }

  #resize() {
    const side = Math.max(1, Math.round(this.#canvas.clientWidth * devicePixelRatio));
    for (const canvas of [this.#canvas, this.#ended]) canvas.width = canvas.height = side;
    this.#paint(true); // at once: resizing has emptied the canvas
  }

  #repaint(endedIsStale = false) {
    this.#endedIsStale ||= endedIsStale;
    this.#frame ||= requestAnimationFrame(() => this.#paint());
  }

  #paint(endedIsStale = this.#endedIsStale) {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const side = this.#canvas.width;
    const ink = getComputedStyle(this.#canvas).color;
    if (endedIsStale) {
      const context = this.#endedContext;
      context.clearRect(0, 0, side, side);
      for (const stroke of this.#drawing.strokes) {
        context.globalAlpha = this.#aimed.has(stroke) ? 0.18 : 1;
        paintStroke(context, stroke.points, side, ink);
      }
      this.#endedIsStale = false;
    }
    this.#context.clearRect(0, 0, side, side);
    this.#context.drawImage(this.#ended, 0, 0);
    if (this.#drawing.open) paintStroke(this.#context, this.#drawing.open.points, side, ink);
  }
}

/**
 * A smooth line through the points: curves from middle to middle, each as wide as the pressure there.
 * @param {CanvasRenderingContext2D} context
 * @param {Point[]} points
 * @param {number} side - of the square canvas, in pixels
 * @param {string} ink - its colour
 */
function paintStroke(context, points, side, ink) {
  /** @type {(i: number) => Place} */
  const at = (i) => [points[i][0] * side, points[i][1] * side];
  const felt = points.some((point) => point[3] > 0); // a file may not know the pressure, and says 0 throughout
  /** @type {(i: number) => number} */
  const width = (i) => PEN_WIDTH * side * (0.55 + 0.9 * (felt ? points[i][3] : 0.5));
  context.strokeStyle = context.fillStyle = ink;
  context.lineCap = context.lineJoin = "round";
  if (points.length === 1) {
    context.beginPath();
    context.arc(...at(0), width(0) / 2, 0, 2 * Math.PI);
    context.fill();
    return;
  }
  context.beginPath();
  context.moveTo(...at(0));
  context.lineWidth = width(1);
  for (let i = 1; i < points.length; i++) {
    const [x, y] = at(i - 1);
    const [nextX, nextY] = at(i);
    /** @type {Place} */
    const end = i === points.length - 1 ? [nextX, nextY] : [(x + nextX) / 2, (y + nextY) / 2];
    context.quadraticCurveTo(x, y, ...end);
    // One path as long as the width stays: paths that meet would show where their ends overlap.
    if (i + 1 < points.length && Math.abs(width(i + 1) - context.lineWidth) > 0.02 * side * PEN_WIDTH) {
      context.stroke();
      context.beginPath();
      context.moveTo(...end);
      context.lineWidth = width(i + 1);
    }
  }
  context.stroke();
}
