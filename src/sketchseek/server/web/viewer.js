// One photo, large: a dialog with the arrow keys for the next and Esc to close.

import { ask } from "./api.js";
import { paintRegions } from "./regions.js";
import { photo, thumbnail, title } from "./results.js";

export class Viewer {
  #dialog;
  #hits = [];
  #regions = null;
  #index = 0;

  // `closed` is called with the index of the photo shown last, `practise` with the photo chosen to be drawn, `similar`
  // with the one that others are to be like.
  constructor(dialog, { closed, practise, similar }) {
    this.#dialog = dialog;
    dialog.querySelector(".previous").addEventListener("click", () => this.#step(-1));
    dialog.querySelector(".next").addEventListener("click", () => this.#step(1));
    dialog.querySelector(".close").addEventListener("click", () => dialog.close());
    for (const [name, choose] of Object.entries({ practise, similar })) {
      dialog.querySelector(`.${name}`).addEventListener("click", () => {
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

  open(hits, index, regions) {
    this.#hits = hits;
    this.#regions = regions;
    this.#index = index;
    this.#show();
    this.#dialog.showModal();
  }

  #step(by) {
    const index = this.#index + by;
    if (index < 0 || index >= this.#hits.length) return;
    this.#index = index;
    this.#show();
  }

  async #show() {
    const hit = this.#hits[this.#index];
    const image = this.#dialog.querySelector("img");
    this.#dialog.querySelector(".name").textContent = hit.name;
    this.#showPath(hit);
    this.#dialog.querySelector(".place").textContent = `${this.#index + 1} of ${this.#hits.length}`;
    this.#dialog.querySelector(".previous").disabled = this.#index === 0;
    this.#dialog.querySelector(".next").disabled = this.#index === this.#hits.length - 1;
    paintRegions(this.#dialog.querySelector("canvas"), this.#regions?.hits[this.#index] ?? null, hit);
    image.alt = title(hit);
    image.width = hit.width;
    image.height = hit.height;
    image.src = thumbnail(hit); // there already; the photo takes its place once it can be shown whole
    const whole = new Image();
    whole.src = photo(hit);
    await whole.decode().catch(() => {});
    if (whole.naturalWidth && hit === this.#hits[this.#index]) image.src = whole.src;
  }

  // Where the photo lies, for whoever sits at the machine; a server that is open to others does not tell.
  async #showPath(hit) {
    const line = this.#dialog.querySelector(".path");
    line.textContent = "";
    const { path } = await ask(`${photo(hit)}/place`).catch(() => ({}));
    if (path && hit === this.#hits[this.#index]) line.textContent = path;
  }
}
