// One photo, large: a dialog with the arrow keys for the next and Esc to close.

import { ask } from "./api.js";
import { part } from "./elements.js";
import { text } from "./language.js";
import { paintRegions } from "./regions.js";
import { address, thumbnail, title } from "./results.js";

/** @import { Hit, RegionsOfHits } from "./types.js" */

export class Viewer {
  #dialog;
  /** @type {Hit[]} */
  #hits = [];
  /** @type {RegionsOfHits | null} */
  #regions = null;
  #index = 0;

  /**
   * @param {HTMLDialogElement} dialog
   * @param {object} page - `closed` is called with the index of the photo shown last, `practise` with the photo chosen
   *   to be drawn from memory, `similar` with the one to search for more like it
   * @param {(index: number) => void} page.closed
   * @param {(hit: Hit) => void} page.practise
   * @param {(hit: Hit) => void} page.similar
   */
  constructor(dialog, { closed, practise, similar }) {
    this.#dialog = dialog;
    part(dialog, ".previous").addEventListener("click", () => this.#step(-1));
    part(dialog, ".next").addEventListener("click", () => this.#step(1));
    part(dialog, ".close").addEventListener("click", () => dialog.close());
    for (const [name, choose] of Object.entries({ practise, similar })) {
      part(dialog, `.${name}`).addEventListener("click", () => {
        dialog.close();
        choose(this.#hits[this.#index]);
      });
    }
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    dialog.addEventListener("close", () => closed(this.#index));
    dialog.addEventListener("keydown", (event) => {
      if (event.key === "ArrowLeft") this.#step(-1);
      else if (event.key === "ArrowRight") this.#step(1);
      else return;
      event.preventDefault();
    });
  }

  /**
   * @param {Hit[]} hits
   * @param {number} index - of the one to show first
   * @param {RegionsOfHits | null} regions
   */
  open(hits, index, regions) {
    this.#hits = hits;
    this.#regions = regions;
    this.#index = index;
    this.#show();
    this.#dialog.showModal();
  }

  /** @param {number} by */
  #step(by) {
    const index = this.#index + by;
    if (index < 0 || index >= this.#hits.length) return;
    this.#index = index;
    this.#show();
  }

  async #show() {
    const hit = this.#hits[this.#index];
    const image = part(this.#dialog, "img", HTMLImageElement);
    part(this.#dialog, ".name").textContent = hit.name;
    this.#showPath(hit);
    part(this.#dialog, ".place").textContent = text.place(this.#index + 1, this.#hits.length);
    part(this.#dialog, ".previous", HTMLButtonElement).disabled = this.#index === 0;
    part(this.#dialog, ".next", HTMLButtonElement).disabled = this.#index === this.#hits.length - 1;
    const regions = this.#regions?.hits[this.#index] ?? null;
    paintRegions(part(this.#dialog, "canvas", HTMLCanvasElement), regions, hit);
    image.alt = title(hit);
    image.width = hit.width;
    image.height = hit.height;
    image.src = thumbnail(hit); // there already; the photo takes its place once it can be shown whole
    const whole = new Image();
    whole.src = address(hit);
    await whole.decode().catch(() => {});
    if (whole.naturalWidth && hit === this.#hits[this.#index]) image.src = whole.src;
  }

  /**
   * Shows where the photo lies. Only a server that serves its own machine alone tells that.
   * @param {Hit} hit
   */
  async #showPath(hit) {
    const line = part(this.#dialog, ".path");
    line.textContent = "";
    const { path, copies = [], offline } = await ask(`${address(hit)}/path`).catch(() => ({}));
    if (!path || hit !== this.#hits[this.#index]) return;
    line.textContent = [path, ...copies].join("\n") + (offline ? text.offlineNow : "");
  }
}
