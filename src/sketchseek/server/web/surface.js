// The sheet of paper: pen, touch and mouse in, ink out.

import { contextOf } from "./elements.js";
import { rubbedOut, shapeOf } from "./shapes.js";
import { View } from "./view.js";

/** @import { Drawing } from "./drawing.js" */
/** @import { Place, Point, Stroke } from "./types.js" */

const PEN_WIDTH = 0.0085; // of the sheet, at middling pressure
const ERASER_REACH = 14; // CSS pixels
const HOLD = 600; // milliseconds that the pen is held still to make a line straight or a loop an ellipse
const STILL = 5; // CSS pixels that a hand trembles meanwhile
const HARDLY = 0.05; // of the sheet that a finger may have drawn when a second one makes it a pinch
const MOST_PIXELS = 4096; // of the canvas's side, however far it is enlarged
const PALM_REST = 1500; // milliseconds after the pen was near in which a touch is taken for a hand that rests

/**
 * @typedef {{
 *   id: number, erases: boolean, touches: boolean, first: Point, last: Point, kept: Stroke[], still: Place, since: number,
 * }} Held - where it began; `still` is where on the page it is held, and since when
 */

export class Surface {
  /** @type {"pen" | "eraser"} */
  tool = "pen";
  /** Whether the eraser rubs out what it covers, or takes whole strokes. */
  rubs = false;
  /** How far a point may lie beyond the sheet, in canvas widths; the server says how far it accepts. */
  reach = 0;
  #canvas;
  #view;
  #drawing;
  #context;
  #ended = document.createElement("canvas"); // the ended strokes, painted once
  #endedContext = contextOf(this.#ended);
  #endedIsStale = true;
  #frame = 0;
  /**
   * The pointer that draws or erases: its last point, and the strokes that are kept when it lifts.
   * @type {Held | null}
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
    this.#view = new View(/** @type {HTMLElement} */ (canvas.parentElement));
    this.#drawing = drawing;
    this.#context = contextOf(canvas);
    new ResizeObserver(() => this.#resize()).observe(canvas);
    this.#followScreen();
    this.#view.on("change", () => this.#resize());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#repaint(true));
    drawing.on("points", () => this.#repaint());
    drawing.on("end", () => this.#repaint(true));
    drawing.on("replaced", () => this.#repaint(true));
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("pointerup", (event) => this.#up(event));
    canvas.addEventListener("lostpointercapture", (event) => this.#up(event)); // also where no pointerup comes
    canvas.addEventListener("pointercancel", (event) => this.#cancel(event));
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
    const touches = event.pointerType === "touch";
    if (event.pointerType === "pen") this.#penSeen = event.timeStamp;
    const resting = touches && event.timeStamp - this.#penSeen < PALM_REST;
    if (resting) return;
    if (touches && (this.#view.down(event) ? this.#pinches() : this.#view.isPinching)) return;
    if (this.#pointer?.touches && !touches) this.#drop(); // the hand was laid down before the pen
    const turned = event.pointerType === "pen" && (event.button === 5 || (event.buttons & 32) !== 0);
    const erases = this.tool === "eraser" || turned;
    if (this.#pointer || (event.button !== 0 && !erases)) return;
    this.#canvas.setPointerCapture(event.pointerId);
    const last = this.#point(event);
    const { pointerId: id, timeStamp: since, clientX, clientY } = event;
    const kept = this.#drawing.strokes;
    this.#pointer = { id, erases, touches, first: last, last, kept, still: [clientX, clientY], since };
    if (erases) this.#erase(this.#pointer, last);
    else this.#drawing.begin([last]);
  }

  /** Whether a second finger makes a pinch of what the first has begun; one that comes late is a hand. */
  #pinches() {
    const { first, last } = this.#pointer ?? { first: [0, 0], last: [0, 0] };
    if (Math.hypot(last[0] - first[0], last[1] - first[1]) > HARDLY) return false;
    this.#drop();
    this.#view.pinch();
    return true;
  }

  /** @param {PointerEvent} event */
  #move(event) {
    if (event.pointerType === "pen") this.#penSeen = event.timeStamp;
    if (this.#view.move(event)) return;
    const pointer = this.#pointer;
    if (pointer?.id !== event.pointerId) {
      if (!pointer && this.tool === "eraser") this.#aim(this.#near(this.#point(event), this.#point(event)));
      return;
    }
    const events = event.getCoalescedEvents?.() ?? [];
    const points = (events.length ? events : [event]).map((each) => this.#point(each));
    if (pointer.erases) points.forEach((point) => this.#erase(pointer, point));
    else this.#draw(pointer, points, event);
  }

  /**
   * A stroke that is held still becomes the line or ellipse that it was meant for; who draws on begins another one.
   * @param {Held} pointer
   * @param {Point[]} points
   * @param {PointerEvent} event
   */
  #draw(pointer, points, { clientX, clientY, timeStamp }) {
    const held = Math.hypot(clientX - pointer.still[0], clientY - pointer.still[1]) < STILL;
    pointer.last = points[points.length - 1];
    if (!held) [pointer.still, pointer.since] = [[clientX, clientY], timeStamp];
    const { open } = this.#drawing;
    if (open) this.#drawing.extend(points);
    else if (!held) this.#drawing.begin(points);
    const shape = open && held && timeStamp - pointer.since >= HOLD ? shapeOf(open.points) : null;
    if (shape) this.#drawing.endAs(shape);
  }

  /** @param {PointerEvent} event */
  #up(event) {
    this.#view.up(event);
    if (this.#pointer?.id !== event.pointerId) return;
    const { erases, kept } = this.#pointer;
    this.#pointer = null;
    if (!erases) this.#drawing.end();
    else if (kept.some((stroke, i) => stroke !== this.#drawing.strokes[i]) || kept.length < this.#drawing.strokes.length) {
      this.#drawing.replace(kept);
    }
    this.#aim([]);
  }

  /**
   * A touch that the system takes back was a hand, or a gesture of the system's own; a pen's line stays.
   * @param {PointerEvent} event
   */
  #cancel(event) {
    if (this.#pointer?.touches && this.#pointer.id === event.pointerId) this.#drop();
    this.#up(event);
  }

  /** Takes back what the pointer has begun. */
  #drop() {
    this.#pointer = null;
    this.#drawing.drop();
    this.#aim([]);
    this.#repaint(true);
  }

  /**
   * Strokes that the eraser touches fade at once, what it rubs out is gone at once; both are one step of history.
   * @param {Held} pointer
   * @param {Point} point
   */
  #erase(pointer, point) {
    if (this.rubs) {
      const reach = this.#eraserReach;
      const [[x, y], [toX, toY]] = [pointer.last, point];
      const steps = Math.max(1, Math.ceil(Math.hypot(toX - x, toY - y) / (reach / 2)));
      for (let i = 1; i <= steps; i++) {
        pointer.kept = rubbedOut(pointer.kept, [x + ((toX - x) * i) / steps, y + ((toY - y) * i) / steps], reach);
      }
      this.#repaint(true);
    } else {
      this.#aim([...this.#aimed, ...this.#near(pointer.last, point)]);
      pointer.kept = this.#drawing.strokes.filter((stroke) => !this.#aimed.has(stroke));
    }
    pointer.last = point;
  }

  get #eraserReach() {
    return ERASER_REACH / this.#canvas.getBoundingClientRect().width;
  }

  /**
   * @param {Point} from
   * @param {Point} to
   */
  #near([x, y], [toX, toY]) {
    return this.rubs ? [] : this.#drawing.strokesNear([x, y], [toX, toY], this.#eraserReach);
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

  /** Paints anew where the page is moved to a screen with other pixels, or is enlarged. */
  #followScreen() {
    matchMedia(`(resolution: ${devicePixelRatio}dppx)`).addEventListener("change", () => {
      this.#resize();
      this.#followScreen();
    }, { once: true });
  }

  #resize() {
    const sharp = devicePixelRatio * this.#view.scale;
    const side = Math.max(1, Math.min(MOST_PIXELS, Math.round(this.#canvas.clientWidth * sharp)));
    if (side === this.#canvas.width && side === this.#canvas.height) return;
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
      const rubbed = this.#pointer?.erases && this.rubs;
      for (const stroke of rubbed ? this.#pointer?.kept ?? [] : this.#drawing.strokes) {
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
export function paintStroke(context, points, side, ink) {
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
