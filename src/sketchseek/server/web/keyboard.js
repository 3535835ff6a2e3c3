// Drawing without a pointer: on the focused sheet the arrow keys move a pen, and Space puts it down and lifts it.

const STEP = 1 / 64; // of the sheet; a quarter of it with Shift
const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export function drawByKeyboard(canvas, tip, drawing) {
  let place = [0.5, 0.5];
  let down = false;

  const point = () => [...place, performance.now(), 0.5];
  const show = () => {
    tip.hidden = false;
    tip.style.left = `${place[0] * 100}%`;
    tip.style.top = `${place[1] * 100}%`;
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
      place = place.map((value, axis) => Math.min(1, Math.max(0, value + direction[axis] * step)));
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
