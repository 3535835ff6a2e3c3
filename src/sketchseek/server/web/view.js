// How the sheet is seen: two fingers, or the wheel with Ctrl, enlarge and move it.

import { Events } from "./events.js";

/** @import { Place } from "./types.js" */

const LARGEST = 6;

/**
 * Event: "change" of the scale.
 * @extends {Events<{ change: null }>}
 */
export class View extends Events {
  scale = 1;
  #sheet;
  /** Of the sheet's corner, in CSS pixels. @type {Place} */
  #moved = [0, 0];
  /** Fingers that lie on the sheet, by pointer id. @type {Map<number, Place>} */
  #fingers = new Map();
  #pinching = false;

  /** @param {HTMLElement} sheet - its parent shows it and cuts off what is beyond */
  constructor(sheet) {
    super();
    this.#sheet = sheet;
    sheet.addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      this.#change(Math.exp(-event.deltaY / 120), [event.clientX, event.clientY], [0, 0]);
    }, { passive: false });
  }

  /**
   * Notes a finger; whether it is the second.
   * @param {PointerEvent} event
   */
  down({ pointerId, clientX, clientY }) {
    this.#fingers.set(pointerId, [clientX, clientY]);
    return this.#fingers.size === 2;
  }

  get isPinching() {
    return this.#pinching;
  }

  /** The fingers that lie on the sheet enlarge and move it, until all are lifted. */
  pinch() {
    this.#pinching = true;
  }

  /**
   * Whether the pointer is one of fingers that pinch.
   * @param {PointerEvent} event
   */
  move({ pointerId, clientX, clientY }) {
    const from = this.#fingers.get(pointerId);
    if (!from) return false;
    this.#fingers.set(pointerId, [clientX, clientY]);
    if (!this.#pinching) return false;
    const other = [...this.#fingers].find(([id]) => id !== pointerId)?.[1];
    if (!other) return true;
    const apart = (/** @type {Place} */ place) => Math.hypot(place[0] - other[0], place[1] - other[1]) || 1;
    const middle = /** @type {Place} */ ([(clientX + other[0]) / 2, (clientY + other[1]) / 2]);
    const by = /** @type {Place} */ ([(clientX - from[0]) / 2, (clientY - from[1]) / 2]);
    this.#change(apart([clientX, clientY]) / apart(from), middle, by);
    return true;
  }

  /** @param {PointerEvent} event */
  up({ pointerId }) {
    this.#fingers.delete(pointerId);
    if (!this.#fingers.size) this.#pinching = false;
  }

  /**
   * @param {number} factor
   * @param {Place} about - stays where it is on the screen
   * @param {Place} by - moves it besides, in CSS pixels
   */
  #change(factor, about, by) {
    const scale = Math.min(LARGEST, Math.max(1, this.scale * factor));
    const box = this.#sheet.getBoundingClientRect();
    const side = this.#sheet.clientWidth;
    const grown = scale / this.scale - 1;
    const least = side * (1 - scale); // the sheet always fills its place
    const within = (/** @type {number} */ value) => Math.min(0, Math.max(least, value));
    this.#moved = [
      within(this.#moved[0] + by[0] - (about[0] - box.left) * grown),
      within(this.#moved[1] + by[1] - (about[1] - box.top) * grown),
    ];
    this.scale = scale;
    const [x, y] = this.#moved;
    this.#sheet.style.transform = scale === 1 ? "" : `translate(${x}px, ${y}px) scale(${scale})`;
    this.tell("change", null);
  }
}
