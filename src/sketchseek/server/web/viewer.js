// One photo, large: a dialog with the arrow keys or a swipe for the next and Esc to close.

import { ask, messageOf, post } from "./api.js";
import { contextOf, part } from "./elements.js";
import { text } from "./language.js";
import { paintRegions } from "./regions.js";
import { address, thumbnail, title } from "./results.js";
import { paintStroke } from "./surface.js";
import { Zoom } from "./zoom.js";

/** @import { Hit, Placement, Point, RegionsOfHits, Stroke } from "./types.js" */
/** A drawing, and how it was placed to be searched. @typedef {{ strokes: Stroke[], placement: Placement }} Searched */

const OVER = { side: 1200, ink: "#ff5a2c" }; // of the drawing over the photo: pixels, colour
const KEYS_FACTOR = 1.5; // by which a key enlarges

export class Viewer {
  /** Whether the server tells where photos lie, as it does on its own machine alone. */
  tellsPaths = false;
  #dialog;
  #zoom;
  /** @type {Hit[]} */
  #hits = [];
  /** @type {RegionsOfHits | null} */
  #regions = null;
  #index = 0;
  #path = "";
  /** @type {Searched | null} */
  #searched = null;

  /**
   * @param {HTMLDialogElement} dialog
   * @param {object} page - `closed` is called with the index of the photo shown last, `practise` with the photo chosen
   *   to be drawn from memory, `similar` with the one to search for more like it,
   *   `helped` with the one to say of which stroke helped to find it
   * @param {(index: number) => void} page.closed
   * @param {(hit: Hit) => void} page.practise
   * @param {(hit: Hit) => void} page.similar
   * @param {(hit: Hit) => void} page.helped
   */
  constructor(dialog, { closed, practise, similar, helped }) {
    this.#dialog = dialog;
    this.#zoom = new Zoom(part(dialog, ".whole"), (by) => this.#step(by));
    const choose = (/** @type {(hit: Hit) => void} */ choice) => {
      dialog.close();
      choice(this.#hits[this.#index]);
    };
    const deeds = {
      ".previous": () => this.#step(-1),
      ".next": () => this.#step(1),
      ".close": () => dialog.close(),
      ".practise": () => choose(practise),
      ".similar": () => choose(similar),
      ".helped": () => choose(helped),
      ".compare": () => this.#compare(part(dialog, ".compare").ariaPressed === "false"),
      ".copy-image": () => this.#say(this.#copyImage(), text.imageCopied),
      ".copy-path": () => this.#say(navigator.clipboard.writeText(this.#path), text.pathCopied),
      ".show-folder": () => this.#say(post(`${address(this.#hits[this.#index])}/show`, {}), ""),
    };
    for (const [name, deed] of Object.entries(deeds)) part(dialog, name).addEventListener("click", deed);
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    dialog.addEventListener("close", () => closed(this.#index));
    dialog.addEventListener("keydown", (event) => {
      const act = {
        ArrowLeft: () => this.#step(-1),
        ArrowRight: () => this.#step(1),
        "+": () => this.#zoom.by(KEYS_FACTOR),
        "-": () => this.#zoom.by(1 / KEYS_FACTOR),
        "0": () => this.#zoom.reset(),
      }[event.key];
      if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      act();
    });
  }

  /**
   * @param {Hit[]} hits
   * @param {number} index - of the one to show first
   * @param {RegionsOfHits | null} regions
   * @param {Searched | null} searched - what found them, to be laid over
   */
  open(hits, index, regions, searched) {
    this.#hits = hits;
    this.#searched = searched;
    part(this.#dialog, ".compare").hidden = part(this.#dialog, ".helped").hidden = !searched;
    this.#compare(false);
    this.#regions = regions;
    this.#index = index;
    this.#show();
    this.#dialog.showModal();
  }

  /**
   * Lays the drawing over the photo, as it was placed to be searched, or takes it away.
   * @param {boolean} on
   */
  #compare(on) {
    const canvas = part(this.#dialog, ".over", HTMLCanvasElement);
    part(this.#dialog, ".compare").ariaPressed = String(on);
    canvas.hidden = !on;
    if (!on || !this.#searched) return;
    const { strokes, placement } = this.#searched;
    canvas.width = canvas.height = OVER.side;
    const context = contextOf(canvas);
    for (const { points } of strokes) {
      const placed = points.map(([x, y, time, pressure]) => /** @type {Point} */ (
        [placement.scale * x + placement.x, placement.scale * y + placement.y, time, pressure]
      ));
      paintStroke(context, placed, OVER.side, OVER.ink);
    }
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
    const whole = part(this.#dialog, ".whole");
    this.#zoom.reset();
    part(this.#dialog, ".said").textContent = "";
    part(this.#dialog, ".name").textContent = hit.name;
    this.#showPath(hit);
    part(this.#dialog, ".place").textContent = text.place(this.#index + 1, this.#hits.length);
    part(this.#dialog, ".previous", HTMLButtonElement).disabled = this.#index === 0;
    part(this.#dialog, ".next", HTMLButtonElement).disabled = this.#index === this.#hits.length - 1;
    part(this.#dialog, ".download", HTMLAnchorElement).href = `${address(hit)}/file`;
    part(this.#dialog, ".copy-image").hidden = !navigator.clipboard; // there is none but on this machine or over TLS
    const regions = this.#regions?.hits[this.#index] ?? null;
    paintRegions(part(this.#dialog, ".regions", HTMLCanvasElement), regions, hit);
    whole.style.setProperty("--shape", String(hit.width / hit.height));
    whole.classList.remove("is-gone");
    image.alt = title(hit);
    image.src = thumbnail(hit); // there already; the photo takes its place once it can be shown whole
    const large = new Image();
    large.src = address(hit);
    await large.decode().catch(() => {});
    if (hit !== this.#hits[this.#index]) return;
    if (large.naturalWidth) image.src = large.src;
    else {
      whole.classList.add("is-gone");
      part(this.#dialog, ".said").textContent = text.goneNow;
    }
  }

  /**
   * Shows where the photo lies.
   * @param {Hit} hit
   */
  async #showPath(hit) {
    const line = part(this.#dialog, ".path");
    line.textContent = "";
    part(this.#dialog, ".show-folder").hidden = part(this.#dialog, ".copy-path").hidden = true;
    if (!this.tellsPaths) return;
    const { path, copies = [], offline } = await ask(`${address(hit)}/path`).catch(() => ({}));
    if (!path || hit !== this.#hits[this.#index]) return;
    this.#path = path;
    part(this.#dialog, ".show-folder").hidden = false;
    part(this.#dialog, ".copy-path").hidden = !navigator.clipboard;
    line.textContent = [path, ...copies].join("\n") + (offline ? text.offlineNow : "");
  }

  async #copyImage() {
    const image = part(this.#dialog, "img", HTMLImageElement);
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    contextOf(canvas).drawImage(image, 0, 0);
    /** @type {Promise<Blob>} */
    const png = new Promise((done, fail) => canvas.toBlob((blob) => (blob ? done(blob) : fail(new Error(text.notCopied)))));
    await navigator.clipboard.write([new ClipboardItem({ "image/png": png })]);
  }

  /**
   * Says in the dialog that something is done, or why it cannot be.
   * @param {Promise<unknown>} deed
   * @param {string} done
   */
  async #say(deed, done) {
    const said = part(this.#dialog, ".said");
    try {
      await deed;
      said.textContent = done;
    } catch (error) {
      said.textContent = error instanceof DOMException ? text.notCopied : messageOf(error);
    }
  }
}
