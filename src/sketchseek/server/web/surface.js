// The sheet of paper: pen, touch and mouse in, ink out.

const REACH = 4; // canvas widths beyond the sheet that the server still accepts
const PEN_WIDTH = 0.0085; // of the sheet, at middling pressure
const ERASER_REACH = 14; // CSS pixels
const PALM_REST = 1500; // milliseconds after the pen was near in which a touch is taken for a hand that rests

export class Surface {
  tool = "pen"; // or "eraser"
  #canvas;
  #drawing;
  #context;
  #settled = document.createElement("canvas"); // the ended strokes, painted once
  #settledIsStale = true;
  #frame = 0;
  #pointer = null; // the pointer that draws or erases: {id, erases, last, kept}
  #aimed = new Set(); // strokes under the eraser
  #penSeen = -Infinity;

  constructor(canvas, drawing) {
    this.#canvas = canvas;
    this.#drawing = drawing;
    this.#context = canvas.getContext("2d");
    new ResizeObserver(() => this.#resize()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#repaint(true));
    drawing.addEventListener("points", () => this.#repaint());
    drawing.addEventListener("end", () => this.#repaint(true));
    drawing.addEventListener("anew", () => this.#repaint(true));
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

  #down(event) {
    if (event.pointerType === "pen") this.#penSeen = event.timeStamp;
    const resting = event.pointerType === "touch" && event.timeStamp - this.#penSeen < PALM_REST;
    const erases = this.tool === "eraser" || (event.pointerType === "pen" && (event.buttons & 32) !== 0);
    if (this.#pointer || resting || (event.button !== 0 && !erases)) return;
    this.#canvas.setPointerCapture(event.pointerId);
    const point = this.#point(event);
    this.#pointer = { id: event.pointerId, erases, last: point, kept: this.#drawing.strokes };
    if (erases) this.#erase(point);
    else this.#drawing.begin([point]);
  }

  #move(event) {
    if (event.pointerType === "pen") this.#penSeen = event.timeStamp;
    if (this.#pointer?.id !== event.pointerId) {
      if (!this.#pointer && this.tool === "eraser") this.#aim(this.#near(this.#point(event), this.#point(event)));
      return;
    }
    const events = event.getCoalescedEvents?.() ?? [];
    const points = (events.length ? events : [event]).map((each) => this.#point(each));
    if (this.#pointer.erases) points.forEach((point) => this.#erase(point));
    else this.#drawing.extend(points);
    this.#pointer.last = points.at(-1);
  }

  #up(event) {
    if (this.#pointer?.id !== event.pointerId) return;
    const { erases, kept } = this.#pointer;
    this.#pointer = null;
    if (!erases) this.#drawing.end();
    else if (kept.length !== this.#drawing.strokes.length) this.#drawing.replace(kept);
    this.#aim([]);
  }

  // The strokes that the eraser touches fade at once and are gone when it lifts, as one step of history.
  #erase(point) {
    this.#aim([...this.#aimed, ...this.#near(this.#pointer.last, point)]);
    this.#pointer.last = point;
    this.#pointer.kept = this.#drawing.strokes.filter((stroke) => !this.#aimed.has(stroke));
  }

  #near(from, to) {
    return this.#drawing.strokesNear(from, to, ERASER_REACH / this.#canvas.clientWidth);
  }

  #aim(strokes) {
    const aimed = new Set(strokes);
    if (aimed.size === this.#aimed.size && strokes.every((stroke) => this.#aimed.has(stroke))) return;
    this.#aimed = aimed;
    this.#repaint(true);
  }

  #point(event) {
    const box = this.#canvas.getBoundingClientRect();
    const within = (value) => Math.min(1 + REACH, Math.max(-REACH, value));
    const x = within((event.clientX - box.left) / box.width);
    const y = within((event.clientY - box.top) / box.height);
    return [x, y, event.timeStamp, event.pressure];
  }

  #resize() {
    const side = Math.max(1, Math.round(this.#canvas.clientWidth * devicePixelRatio));
    for (const canvas of [this.#canvas, this.#settled]) canvas.width = canvas.height = side;
    this.#paint(true); // at once: resizing has emptied the canvas
  }

  #repaint(settledIsStale = false) {
    this.#settledIsStale ||= settledIsStale;
    this.#frame ||= requestAnimationFrame(() => this.#paint());
  }

  #paint(settledIsStale = this.#settledIsStale) {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const side = this.#canvas.width;
    const ink = getComputedStyle(this.#canvas).color;
    if (settledIsStale) {
      const context = this.#settled.getContext("2d");
      context.clearRect(0, 0, side, side);
      for (const stroke of this.#drawing.strokes) {
        context.globalAlpha = this.#aimed.has(stroke) ? 0.18 : 1;
        paintStroke(context, stroke.points, side, ink);
      }
      this.#settledIsStale = false;
    }
    this.#context.clearRect(0, 0, side, side);
    this.#context.drawImage(this.#settled, 0, 0);
    if (this.#drawing.open) paintStroke(this.#context, this.#drawing.open.points, side, ink);
  }
}

// A smooth line through the points: curves from middle to middle, each as wide as the pressure there.
function paintStroke(context, points, side, ink) {
  const at = (i) => [points[i][0] * side, points[i][1] * side];
  const felt = points.some((point) => point[3] > 0); // a file may not know the pressure, and says 0 throughout
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
