// The photos beside the drawing: a grid whose tiles move to their new places instead of being made again.

import { byId, part } from "./elements.js";
import { text } from "./language.js";
import { paintRegions } from "./regions.js";
import { keepReachable, walkByArrows } from "./walk.js";

/** @import { Hit, Photo, Regions, RegionsOfHits } from "./types.js" */
/** @typedef {{ element: HTMLElement, decoded: Promise<void> }} Tile - `decoded` once its picture can be shown */
/** @typedef {{ hits: Hit[], confidence: number | null, regions: RegionsOfHits | null }} Shown */

const KEPT = 300; // tiles kept for a photo that may come back, with its picture decoded
const PATIENCE = 160; // milliseconds that a new picture may keep the others waiting
const EAGER = 12; // hits whose pictures are fetched before they scroll into view
const PROBABLY = 0.5; // confidence from which the page speaks of it
const SETTLED = 0.8;
const MOVE = { duration: 320, easing: "cubic-bezier(0.22, 0.8, 0.24, 1)" };

export class Results {
  /** @type {Hit[]} */
  hits = [];
  /** @type {RegionsOfHits | null} */
  regions = null;
  #grid;
  #settled;
  /** The id of the photo that is marked. @type {string | null} */
  #target = null;
  #open;
  /** By photo id, least recently shown first. @type {Map<string, Tile>} */
  #tiles = new Map();
  /** The newest that waits to be shown. @type {Shown | null} */
  #next = null;
  #showing = false;

  /**
   * @param {HTMLElement} grid
   * @param {HTMLElement} settled - the label of the first photo, which says how sure the model is of it
   * @param {(index: number) => void} open - called with the index of the tile that was chosen
   */
  constructor(grid, settled, open) {
    this.#grid = grid;
    this.#settled = settled;
    this.#open = open;
    walkByArrows(grid);
  }

  /**
   * Shows the newest hits; those that come faster than their pictures are skipped.
   * @param {Hit[]} hits
   * @param {number | null} confidence - the probability that the first is the right one, where the model can tell
   * @param {RegionsOfHits | null} regions
   */
  async show(hits, confidence = null, regions = null) {
    this.#next = { hits, confidence, regions };
    if (this.#showing) return;
    this.#showing = true;
    while (this.#next) {
      const current = this.#next;
      this.#next = null;
      const decoding = current.hits.slice(0, EAGER).map((hit) => this.#tile(hit).decoded);
      await Promise.race([Promise.all(decoding), new Promise((done) => setTimeout(done, PATIENCE))]);
      this.#arrange(current);
    }
    this.#showing = false;
  }

  /**
   * Marks the tile of a photo wherever it moves; null marks none.
   * @param {string | null} photo - its id
   */
  mark(photo) {
    this.#target = photo;
    this.hits.forEach((hit) => this.#tile(hit).element.classList.toggle("is-target", hit.id === photo));
  }

  /** @param {number} index */
  focus(index) {
    this.#grid.children[index]?.querySelector("button")?.focus();
  }

  /** @param {Shown} shown */
  #arrange({ hits, confidence, regions }) {
    this.hits = hits;
    this.regions = regions;
    const moves = matchMedia("(prefers-reduced-motion: no-preference)").matches;
    const before = new Map([...this.#grid.children].map((tile) => [tile, tile.getBoundingClientRect()]));
    const active = document.activeElement;
    const focused = active instanceof HTMLElement && this.#grid.contains(active) ? active : null;

    const tiles = hits.map((hit) => this.#tile(hit).element);
    for (const tile of before.keys()) if (!tiles.some((shown) => shown === tile)) tile.remove();
    tiles.forEach((tile, index) => {
      tile.getAnimations().forEach((animation) => animation.cancel());
      const place = this.#grid.children[index] ?? null;
      if (place !== tile) this.#grid.insertBefore(tile, place);
      describe(tile, hits[index], index);
      tile.classList.toggle("is-target", hits[index].id === this.#target);
      showRegions(tile, regions?.hits[index] ?? null, hits[index]);
    });
    this.#settle(tiles[0], confidence);
    if (focused?.isConnected) focused.focus({ preventScroll: true }); // moving a node takes the focus from it
    keepReachable(this.#grid);
    if (moves) tiles.forEach((tile) => isSeen(tile) && glide(tile, before.get(tile)));
    this.#forget();
  }

  /**
   * @param {HTMLElement | undefined} first - the tile of the first photo, if there is one
   * @param {number | null} confidence
   */
  #settle(first, confidence) {
    const label = this.#settled;
    const sure = sureness(confidence);
    label.hidden = !first || !sure;
    if (!first || confidence === null || !sure) return;
    first.append(label);
    label.classList.toggle("is-settled", confidence >= SETTLED);
    label.textContent = sure;
  }

  /** @param {Hit} hit */
  #tile(hit) {
    const known = this.#tiles.get(hit.id);
    const tile = known ?? this.#make(hit);
    this.#tiles.delete(hit.id);
    this.#tiles.set(hit.id, tile);
    return tile;
  }

  /**
   * @param {Hit} hit
   * @returns {Tile}
   */
  #make(hit) {
    const template = byId("tile", HTMLTemplateElement);
    const element = /** @type {HTMLElement} */ (part(template.content, ".tile").cloneNode(true));
    const image = part(element, "img", HTMLImageElement);
    image.loading = hit.rank <= EAGER ? "eager" : "lazy";
    image.src = thumbnail(hit);
    image.addEventListener("error", () => {
      element.classList.add("is-missing");
      const index = this.hits.findIndex((shown) => shown.id === hit.id);
      if (index >= 0) describe(element, this.hits[index], index);
    });
    part(element, "button").addEventListener("click", () => {
      this.#open(this.hits.findIndex((shown) => shown.id === hit.id));
    });
    const decoded = image.loading === "eager" ? image.decode().catch(() => {}) : Promise.resolve();
    return { element, decoded };
  }

  #forget() {
    for (const [id, { element }] of this.#tiles) {
      if (this.#tiles.size <= KEPT) return;
      if (!element.isConnected) this.#tiles.delete(id);
    }
  }
}

/**
 * The confidence in words; empty where it is unknown or low.
 * @param {number | null} confidence
 */
export function sureness(confidence) {
  if (confidence === null || confidence < PROBABLY) return "";
  return confidence >= SETTLED ? text.probably(confidence) : text.perhaps(confidence);
}

/** @param {Photo} photo */
export const title = (photo) => photo.name.replace(/\.[^.]+$/, "");
/** @param {Photo} photo */
export const address = (photo) => `api/photos/${encodeURIComponent(photo.id)}`;
/** @param {Photo} photo */
export const thumbnail = (photo) => `${address(photo)}/thumbnail`;

/**
 * @param {HTMLElement} tile
 * @param {Hit} hit
 * @param {number} index
 */
function describe(tile, hit, index) {
  part(tile, ".rank").textContent = String(index + 1);
  tile.classList.toggle("is-offline", hit.offline);
  const absent = hit.offline ? text.offline : tile.classList.contains("is-missing") ? text.missing : "";
  part(tile, ".name").textContent = title(hit) + absent;
  part(tile, "button").setAttribute("aria-label", `${index + 1}. ${title(hit)}${absent}`);
}

/**
 * @param {HTMLElement} tile
 * @param {Regions | null} regions
 * @param {Hit} hit
 */
function showRegions(tile, regions, hit) {
  let canvas = tile.querySelector("canvas");
  if (!regions && !canvas) return;
  if (!canvas) {
    canvas = document.createElement("canvas");
    canvas.className = "regions";
    part(tile, "img").after(canvas);
  }
  paintRegions(canvas, regions, { ...hit, size: "tile" });
}

/** @param {HTMLElement} tile */
function isSeen(tile) {
  const { top, bottom } = tile.getBoundingClientRect();
  return bottom > 0 && top < innerHeight;
}

/**
 * Moves a tile from where it was seen last (in mid-flight, perhaps) to where it belongs now; a new one fades in.
 * @param {HTMLElement} tile
 * @param {DOMRect} [from]
 */
function glide(tile, from) {
  if (!from) {
    tile.animate({ opacity: [0, 1], transform: ["scale(0.94)", "none"] }, MOVE);
    return;
  }
  const to = tile.getBoundingClientRect();
  const [x, y, scale] = [from.left - to.left, from.top - to.top, from.width / to.width];
  if (Math.abs(x) < 1 && Math.abs(y) < 1 && Math.abs(scale - 1) < 0.01) return;
  tile.animate({ transform: [`translate(${x}px, ${y}px) scale(${scale})`, "none"], transformOrigin: "0 0" }, MOVE);
}
