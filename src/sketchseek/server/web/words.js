// Words beside the drawing: a box, and a slider for their weight once there is something in it.
//
// They outlive a reload as the drawing does.

import { part } from "./elements.js";
import { Events } from "./events.js";
import { text } from "./language.js";

/** @import { WordsAndWeight } from "./types.js" */

const KEY = "sketchseek-words";
const PAUSE = 150; // milliseconds

/**
 * Event: "change", after a short pause in typing.
 * @extends {Events<{ change: null }>}
 */
export class Words extends Events {
  #box;
  #balance; // holds the slider
  #slider;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #told = ""; // what the last event was about
  #remark;

  /**
   * @param {HTMLInputElement} box
   * @param {HTMLElement} balance
   * @param {HTMLElement} remark
   */
  constructor(box, balance, remark) {
    super();
    this.#box = box;
    this.#balance = balance;
    this.#remark = remark;
    this.#slider = part(balance, "input", HTMLInputElement);
    const { text, weight } = kept();
    box.value = text;
    this.#slider.value = String(100 * weight);
    box.addEventListener("input", () => this.#soon());
    box.addEventListener("change", () => this.#tell()); // Enter, or the box is left
    this.#slider.addEventListener("input", () => this.#soon());
    this.#show();
  }

  get text() {
    return this.#box.disabled ? "" : this.#box.value.trim();
  }

  /** Of the words beside the drawing, 0..1. */
  get weight() {
    return Number(this.#slider.value) / 100;
  }

  /**
   * Says whether the gallery's model has words; where it has none, there is no box.
   * @param {boolean} possible
   * @param {number} longest - characters
   * @param {string[]} names - that the model knows, where it knows no other words
   */
  offer(possible, longest, names) {
    this.#box.maxLength = longest;
    this.#box.disabled = !possible;
    this.#box.placeholder = names.length ? text.nameExample(names.slice(0, 3)) : text.wordsExample;
    this.#box.closest(".words")?.toggleAttribute("hidden", !possible);
    this.#tell();
  }

  /**
   * Says which words the model does not know; "" says nothing.
   * @param {string} line
   */
  remark(line) {
    const text = this.text && line;
    if (this.#remark.textContent !== text) this.#remark.textContent = text;
  }

  clear() {
    this.#box.value = "";
    this.#slider.value = "50";
    this.#tell();
  }

  #soon() {
    this.#show();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#tell(), PAUSE);
  }

  #tell() {
    clearTimeout(this.#timer);
    this.#show();
    const { text, weight } = this;
    if (!this.#box.disabled) keep({ text, weight });
    const said = text && JSON.stringify([text, weight]); // without words their weight is nothing
    if (said === this.#told) return;
    this.#told = said;
    this.tell("change", null);
  }

  #show() {
    this.#balance.hidden = !this.text;
    const percent = Math.round(100 * this.weight);
    this.#slider.setAttribute("aria-valuetext", text.weightValue(percent));
  }
}

/** @param {WordsAndWeight} words */
function keep(words) {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(words));
  } catch {} // a browser that keeps nothing
}

/** @returns {WordsAndWeight} */
function kept() {
  try {
    return { text: "", weight: 0.5, ...JSON.parse(sessionStorage.getItem(KEY) ?? "{}") };
  } catch {
    return { text: "", weight: 0.5 };
  }
}
