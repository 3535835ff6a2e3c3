// The photos beside the drawing: a grid whose tiles move to their new places instead of being drawn anew.

import { paintRegions } from "./regions.js";

const KEPT = 300; // tiles kept for a photo that may come back, with its picture decoded
const PATIENCE = 160; // milliseconds that a new picture may keep the others waiting
const EAGER = 12; // hits whose pictures are fetched before they scroll into view
const PROBABLY = 0.5; // confidence from which the page speaks of it
const SETTLED = 0.8;
const MOVE = { duration: 320, easing: "cubic-bezier(0.22, 0.8, 0.24, 1)" };

export class Results {
  hits = [];
  regions = null; // those of each hit, as readRegions gives them
  #grid;
  #settled; // the label on the first photo
  #target = null; // id of the photo that is marked
  #open; // called with the index of the tile that was chosen
  #tiles = new Map(); // by photo id, least recently shown first
  #next = null; // the newest that waits to be shown
  #showing = false;

  constructor(grid, settled, open) {
    this.#grid = grid;
    this.#settled = settled;
    this.#open = open;
  }

  // Shows the newest hits; those that come faster than their pictures are skipped. `confidence` is the probability that
  // the first is the right one, or null.
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

  // Marks the tile of a photo wherever it moves; null marks none.
  mark(photo) {
    this.#target = photo;
    this.hits.forEach((hit) => this.#tile(hit).element.classList.toggle("is-target", hit.id === photo));
  }

  focus(index) {
    this.#grid.children[index]?.querySelector("button").focus();
  }

  #arrange({ hits, confidence, regions }) {
    this.hits = hits;
    this.regions = regions;
    const moves = matchMedia("(prefers-reduced-motion: no-preference)").matches;
    const before = new Map([...this.#grid.children].map((tile) => [tile, tile.getBoundingClientRect()]));
    const focused = this.#grid.contains(document.activeElement) ? document.activeElement : null;

    const tiles = hits.map((hit) => this.#tile(hit).element);
    for (const tile of before.keys()) if (!tiles.includes(tile)) tile.remove();
    tiles.forEach((tile, index) => {
      tile.getAnimations().forEach((animation) => animation.cancel());
      const place = this.#grid.children[index] ?? null;
      if (place !== tile) this.#grid.insertBefore(tile, place);
      describe(tile, hits[index], index);
      tile.classList.toggle("is-target", hits[index].id === this.#target);
      showRegions(tile, regions?.hits[index], hits[index]);
    });
    this.#settle(tiles[0], confidence);
    if (focused?.isConnected) focused.focus({ preventScroll: true }); // moving a node takes the focus from it
    if (moves) tiles.forEach((tile) => glide(tile, before.get(tile)));
    this.#forget();
  }

  #settle(first, confidence) {
    const label = this.#settled;
    label.hidden = !first || confidence === null;
    if (label.hidden) return;
    first.append(label);
    label.classList.toggle("is-settled", confidence >= SETTLED);
    label.firstElementChild.style.width = `${100 * confidence}%`;
    label.lastElementChild.textContent = sureness(confidence);
  }

  #tile(hit) {
    const known = this.#tiles.get(hit.id);
    const tile = known ?? this.#make(hit);
    this.#tiles.delete(hit.id);
    this.#tiles.set(hit.id, tile);
    return tile;
  }

  #make(hit) {
    const element = document.getElementById("tile").content.firstElementChild.cloneNode(true);
    const image = element.querySelector("img");
    image.loading = hit.rank <= EAGER ? "eager" : "lazy";
    image.src = thumbnail(hit);
    image.addEventListener("error", () => element.classList.add("is-missing"));
    element.querySelector("button").addEventListener("click", () => {
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

// In words, or nothing where the answer has not settled.
export function sureness(confidence) {
  if (confidence === null || confidence < PROBABLY) return "";
  const percent = `${Math.min(99, Math.round(100 * confidence))} %`;
  return confidence >= SETTLED ? `Probably this one, ${percent}` : `Perhaps this one, ${percent}`;
}

export const title = (hit) => hit.name.replace(/\.[^.]+$/, "");
export const thumbnail = (hit) => `/api/photos/${encodeURIComponent(hit.id)}/thumbnail`;
export const photo = (hit) => `/api/photos/${encodeURIComponent(hit.id)}`;

function describe(tile, hit, index) {
  tile.querySelector(".rank").textContent = index + 1;
  tile.querySelector(".name").textContent = title(hit);
  tile.querySelector("button").setAttribute("aria-label", `${index + 1}. ${title(hit)}`);
}

function showRegions(tile, region, hit) {
  let canvas = tile.querySelector("canvas");
  if (!region && !canvas) return;
  if (!canvas) {
    canvas = document.createElement("canvas");
    canvas.className = "regions";
    tile.querySelector("img").after(canvas);
  }
  paintRegions(canvas, region ?? null, { ...hit, size: "tile" });
}

// From where the tile was seen last (in mid-flight, perhaps) to where it belongs now; a new one appears in place.
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
