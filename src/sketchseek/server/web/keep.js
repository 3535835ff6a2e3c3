// The drawing outlives a reload: its strokes are kept in this tab's session storage, which goes when the tab is closed.

/** @import { Drawing } from "./drawing.js" */
/** @import { Point, Stroke } from "./types.js" */

const KEY = "sketchseek-drawing";

/** @returns {Stroke[]} */
export function keptStrokes() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? "[]").map((/** @type {Point[]} */ points) => ({ points }));
  } catch {
    return [];
  }
}

/** @param {Drawing} drawing */
export function keepDrawing(drawing) {
  const keep = () => {
    try {
      sessionStorage.setItem(KEY, JSON.stringify(drawing.strokes.map((stroke) => stroke.points)));
    } catch {
      sessionStorage.removeItem(KEY); // too large to be kept; an older one would be no help
    }
  };
  drawing.on("end", keep);
  drawing.on("replaced", keep);
}
