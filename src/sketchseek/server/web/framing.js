// Whether the sheet is the photo's frame, or one may draw anywhere on it; outlives a reload as the drawing does.

import { Events } from "./events.js";
import { text } from "./language.js";

const KEY = "sketchseek-as-framed";

/**
 * Event: "change".
 * @extends {Events<{ change: null }>}
 */
export class Framing extends Events {
  #anywhere;
  #framed;
  #hint;
  asFramed = kept();

  /**
   * @param {HTMLElement} anywhere - the button for drawing anywhere
   * @param {HTMLElement} framed - the one for drawing as in the photo; where it stands alone it is switched off again
   * @param {HTMLElement} hint - says on the blank sheet what holds
   */
  constructor(anywhere, framed, hint) {
    super();
    this.#anywhere = anywhere;
    this.#framed = framed;
    this.#hint = hint;
    anywhere.addEventListener("click", () => this.#become(false));
    framed.addEventListener("click", () => this.#become(!this.asFramed));
    this.#show();
  }

  /** @param {boolean} asFramed */
  #become(asFramed) {
    if (asFramed === this.asFramed) return;
    this.asFramed = asFramed;
    keep(asFramed);
    this.#show();
    this.tell("change", null);
  }

  #show() {
    this.#anywhere.setAttribute("aria-pressed", String(!this.asFramed));
    this.#framed.setAttribute("aria-pressed", String(this.asFramed));
    document.body.classList.toggle("is-framed", this.asFramed);
    this.#hint.textContent = this.asFramed ? text.framedHint : text.anywhereHint;
  }
}

/** @param {boolean} asFramed */
function keep(asFramed) {
  try {
    sessionStorage.setItem(KEY, String(asFramed));
  } catch {} // a browser that keeps nothing
}

function kept() {
  try {
    return sessionStorage.getItem(KEY) === "true";
  } catch {
    return false;
  }
}
