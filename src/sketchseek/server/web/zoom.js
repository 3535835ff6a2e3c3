// A photo under the fingers: wheel, pinch or double click enlarge it, a drag moves it, and a swipe goes to the next.

/** @import { Place } from "./types.js" */

const LARGEST = 8;
const BY_CLICK = 2.5;
const SWIPE = 50; // CSS pixels sideways that make a drag of the whole photo a swipe

export class Zoom {
  #element;
  #scale = 1;
  /** Of the photo's centre from where it rests, in CSS pixels. @type {Place} */
  #moved = [0, 0];
  /** By pointer id. @type {Map<number, Place>} */
  #pointers = new Map();
  #swiped = 0;

  /**
   * @param {HTMLElement} element
   * @param {(by: 1 | -1) => void} swipe
   */
  constructor(element, swipe) {
    this.#element = element;
    element.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.#enlarge(Math.exp(-event.deltaY / 300), [event.clientX, event.clientY]);
    }, { passive: false });
    element.addEventListener("dblclick", (event) => {
      if (this.#scale > 1) this.reset();
      else this.#enlarge(BY_CLICK, [event.clientX, event.clientY]);
    });
    element.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      element.setPointerCapture(event.pointerId);
      this.#pointers.set(event.pointerId, [event.clientX, event.clientY]);
      this.#swiped = 0;
    });
    element.addEventListener("pointermove", (event) => this.#move(event));
    element.addEventListener("lostpointercapture", (event) => {
      if (!this.#pointers.delete(event.pointerId) || this.#scale > 1) return;
      if (Math.abs(this.#swiped) > SWIPE) swipe(this.#swiped < 0 ? 1 : -1);
      this.#swiped = 0;
    });
  }

  reset() {
    this.#scale = 1;
    this.#moved = [0, 0];
    this.#show();
  }

  /**
   * Enlarges about the middle of the photo.
   * @param {number} factor
   */
  by(factor) {
    const box = this.#element.getBoundingClientRect();
    this.#enlarge(factor, [box.left + box.width / 2, box.top + box.height / 2]);
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const from = this.#pointers.get(event.pointerId);
    if (!from) return;
    /** @type {Place} */
    const to = [event.clientX, event.clientY];
    this.#pointers.set(event.pointerId, to);
    const other = [...this.#pointers].find(([id]) => id !== event.pointerId)?.[1];
    const [x, y] = [to[0] - from[0], to[1] - from[1]];
    if (other) {
      const apart = (/** @type {Place} */ place) => Math.hypot(place[0] - other[0], place[1] - other[1]) || 1;
      this.#enlarge(apart(to) / apart(from), [(to[0] + other[0]) / 2, (to[1] + other[1]) / 2]);
    } else if (this.#scale === 1) {
      this.#swiped += x;
      return;
    }
    const share = 1 / this.#pointers.size; // two fingers move their middle half as far as each
    this.#moved = [this.#moved[0] + x * share, this.#moved[1] + y * share];
    this.#show();
  }

  /**
   * @param {number} factor
   * @param {Place} about - stays where it is on the screen
   */
  #enlarge(factor, about) {
    const scale = Math.min(LARGEST, Math.max(1, this.#scale * factor));
    const box = this.#element.getBoundingClientRect();
    const grown = scale / this.#scale - 1;
    const [x, y] = [about[0] - box.left - box.width / 2, about[1] - box.top - box.height / 2];
    this.#moved = scale === 1 ? [0, 0] : [this.#moved[0] - x * grown, this.#moved[1] - y * grown];
    this.#scale = scale;
    this.#show();
  }

  #show() {
    const [x, y] = this.#moved;
    this.#element.style.transform = this.#scale === 1 ? "" : `translate(${x}px, ${y}px) scale(${this.#scale})`;
    this.#element.classList.toggle("is-enlarged", this.#scale > 1);
  }
}
