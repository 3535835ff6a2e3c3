// The drawing itself: strokes of [x, y, time, pressure] on the unit canvas, and their history.
//
// A stroke is an object {points}; it never changes once it has ended, so a moment of history is a list of references.
// Events: "points" (detail: the new points of the open stroke), "end", "anew" (the whole drawing changed), and after
// each of them "change".

export class Drawing extends EventTarget {
  strokes = []; // ended ones
  open = null; // the one being drawn
  #past = [];
  #future = [];
  #origin = null; // the clock's time at time 0 of the drawing

  constructor(strokes = []) {
    super();
    this.strokes = strokes;
  }

  get all() {
    return this.open ? [...this.strokes, this.open] : this.strokes;
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

  // Points come with the clock's time in milliseconds, which becomes the time since the drawing's first point.
  begin(points) {
    this.end();
    if (this.isEmpty) this.#origin = points[0][2];
    else this.#origin ??= points[0][2] - lastTime(this.strokes);
    this.open = { points: [] };
    this.extend(points);
  }

  extend(points) {
    if (!this.open || points.length === 0) return;
    const added = points.map(([x, y, time, pressure]) => [
      rounded(x, 5), rounded(y, 5), rounded(Math.max(0, time - this.#origin), 1), rounded(pressure, 3),
    ]);
    this.open.points.push(...added);
    this.#tell("points", added);
  }

  end() {
    if (!this.open) return;
    this.#past.push(this.strokes);
    this.#future = [];
    this.strokes = [...this.strokes, this.open];
    this.open = null;
    this.#tell("end");
  }

  // One step of history, whatever it holds: erased strokes, a clear, a drawing that was opened.
  replace(strokes) {
    this.end();
    this.#past.push(this.strokes);
    this.#future = [];
    this.#become(strokes);
  }

  clear() {
    if (!this.isEmpty) this.replace([]);
  }

  undo() {
    this.end();
    if (!this.canUndo) return;
    this.#future.push(this.strokes);
    this.#become(this.#past.pop());
  }

  redo() {
    this.end();
    if (!this.canRedo) return;
    this.#past.push(this.strokes);
    this.#become(this.#future.pop());
  }

  // The ended strokes that pass within `reach` of the line from `from` to `to`, all on the unit canvas.
  strokesNear(from, to, reach) {
    const steps = Math.max(1, Math.ceil(Math.hypot(to[0] - from[0], to[1] - from[1]) / reach));
    const places = Array.from({ length: steps + 1 }, (_, i) => [
      from[0] + ((to[0] - from[0]) * i) / steps, from[1] + ((to[1] - from[1]) * i) / steps,
    ]);
    return this.strokes.filter((stroke) => places.some((place) => distance(place, stroke.points) <= reach));
  }

  #become(strokes) {
    this.strokes = strokes;
    this.#origin = null;
    this.#tell("anew");
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
    this.dispatchEvent(new CustomEvent("change"));
  }
}

function lastTime(strokes) {
  return strokes.at(-1).points.at(-1)[2];
}

function rounded(value, digits) {
  return Number(value.toFixed(digits));
}

function distance([x, y], points) {
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
