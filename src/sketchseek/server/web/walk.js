// The photos by keyboard: Tab reaches the grid, the arrow keys walk in it, Home and End go to its first and last.

/** @param {HTMLElement} grid - with a button in each tile */
export function walkByArrows(grid) {
  const buttons = () => [...grid.querySelectorAll("button")];

  grid.addEventListener("focusin", ({ target }) => {
    for (const button of buttons()) button.tabIndex = button === target ? 0 : -1;
  });
  grid.addEventListener("keydown", (event) => {
    const all = buttons();
    const here = all.findIndex((button) => button === event.target);
    const there = {
      ArrowRight: all[here + 1],
      ArrowLeft: all[here - 1],
      ArrowDown: nearest(all.slice(here + 1), all[here], 1),
      ArrowUp: nearest(all.slice(0, Math.max(0, here)), all[here], -1),
      Home: all[0],
      End: all.at(-1),
    }[event.key];
    if (here < 0 || there === undefined) return;
    event.preventDefault();
    there.focus();
  });
}

/**
 * One tile can be reached by Tab: the one that is focused, or else the first.
 * @param {HTMLElement} grid
 */
export function keepReachable(grid) {
  const buttons = [...grid.querySelectorAll("button")];
  const reached = buttons.find((button) => button === document.activeElement) ?? buttons[0];
  for (const button of buttons) button.tabIndex = button === reached ? 0 : -1;
}

/**
 * The button in the next row that lies nearest.
 * @param {HTMLElement[]} buttons
 * @param {HTMLElement | undefined} from
 * @param {1 | -1} down
 */
function nearest(buttons, from, down) {
  if (!from) return undefined;
  const here = from.getBoundingClientRect();
  const far = (/** @type {HTMLElement} */ button) => {
    const { left, top, bottom } = button.getBoundingClientRect();
    const rows = down > 0 ? top - here.bottom : here.top - bottom;
    return rows < 0 ? Infinity : 10 * rows + Math.abs(left - here.left);
  };
  const best = buttons.reduce((one, other) => (far(other) < far(one) ? other : one), buttons[0]);
  return best && far(best) < Infinity ? best : undefined;
}
