// Drawing without a pointer: on the focused sheet the arrow keys move a pen, and Space puts it down and lifts it.

/** @import { Drawing } from "./drawing.js" */
/** @import { Place, Point } from "./types.js" */

const STEP = 1 / 64; // of the sheet; a quarter of it with Shift
/** @type {Record<string, Place>} */
const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * @param {HTMLElement} canvas
 * @param {HTMLElement} tip - shows where the pen is
 * @param {Drawing} drawing
 */
export function drawByKeyboard(canvas, tip, drawing) {
  let [x, y] = [0.5, 0.5];
  let down = false;

  /** @returns {Point} */
  const point = () => [x, y, performance.now(), 0.5];
  const show = () => {
    tip.hidden = false;
    tip.style.left = `${x * 100}%`;
    tip.style.top = `${y * 100}%`;
    tip.classList.toggle("is-down", down);
  };
  const lift = () => {
    if (down) drawing.end();
    down = false;
  };

  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const direction = DIRECTIONS[event.key];
    if (direction) {
      const step = event.shiftKey ? STEP / 4 : STEP;
      [x, y] = [withinSheet(x + direction[0] * step), withinSheet(y + direction[1] * step)];
      if (down) drawing.extend([point()]);
    } else if (event.key === " ") {
      if (down) lift();
      else {
        drawing.begin([point()]);
        down = true;
      }
    } else return;
    event.preventDefault();
    show();
  });
  const leave = () => {
    lift();
    tip.hidden = true;
  };
  canvas.addEventListener("blur", leave);
  canvas.addEventListener("pointerdown", leave, { capture: true });
}

/** @param {number} value */
const withinSheet = (value) => Math.min(1, Math.max(0, value));
