// Practice: a photo is shown for a few seconds, then drawn from memory, while a curve shows the photo's rank.
//
// Until the drawing is kept, the photos among the results are veiled: it is to be drawn from memory.

import { ask, messageOf, post } from "./api.js";
import { byId, part } from "./elements.js";
import { asSketch } from "./files.js";
import { text } from "./language.js";
import { address, title } from "./results.js";

/** @import { Drawing } from "./drawing.js" */
/** @import { LiveConnection } from "./live.js" */
/** @import { Results } from "./results.js" */
/** @import { Photo, ResultsFrame } from "./types.js" */
/** @typedef {"" | "looking" | "drawing" | "kept"} Stage - empty while nobody practises */
/** @typedef {{ clear: () => void, notify: (message: string) => void }} Page - what the page does when told */

const LOOK = 5000; // milliseconds that the photo is shown
const LEAST_STEPS = 8; // strokes that the curve has room for from the start

export class Practice {
  #drawing;
  #live;
  #results;
  #page;
  #photos = 0; // in the gallery
  /** @type {Photo | null} */
  #target = null;
  /** After each stroke. @type {number[]} */
  #ranks = [];
  /** @type {Stage} */
  #stage = "";
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {Drawing} drawing
   * @param {LiveConnection} live
   * @param {Results} results
   * @param {Page} page
   */
  constructor(drawing, live, results, page) {
    this.#drawing = drawing;
    this.#live = live;
    this.#results = results;
    this.#page = page;
    const actions = {
      practise: () => this.start(),
      "practice-again": () => this.start(this.#target),
      "practice-other": () => this.start(),
      "practice-save": () => this.#save(),
      "practice-stop": () => this.#stop(),
      memory: () => this.#hide(),
    };
    for (const [id, action] of Object.entries(actions)) byId(id).addEventListener("click", action);
    live.on("hello", (hello) => {
      this.#photos = hello.photos;
      byId("practise").hidden = byId("viewer-practise").hidden = !hello.practice;
    });
    live.on("gallery", (frame) => {
      this.#photos = frame.photos;
    });
    live.on("results", (frame) => this.#take(frame));
  }

  /**
   * Begins with the chosen photo, or any of the gallery.
   * @param {Photo | null} chosen
   */
  async start(chosen = null) {
    /** @type {Photo} */
    let target;
    try {
      target = chosen ?? (await ask("api/practice"));
    } catch (error) {
      this.#page.notify(messageOf(error));
      return;
    }
    this.#target = target;
    this.#ranks = [];
    this.#enter("looking");
    this.#live.configure({ type: "target", id: target.id });
    this.#results.mark(target.id);
    this.#page.clear();
    const image = part(byId("memory"), "img", HTMLImageElement);
    image.src = address(target);
    byId("practice-photo", HTMLImageElement).src = image.src;
    await image.decode().catch(() => {});
    if (target !== this.#target) return; // stopped, or another one begun meanwhile
    byId("memory").hidden = false;
    byId("memory").focus();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#hide(), LOOK);
    this.#show();
  }

  #hide() {
    clearTimeout(this.#timer);
    if (byId("memory").hidden) return;
    byId("memory").hidden = true;
    this.#enter("drawing");
    this.#show();
  }

  #stop() {
    clearTimeout(this.#timer);
    byId("memory").hidden = true;
    this.#target = null;
    this.#live.configure({ type: "target", id: null });
    this.#results.mark(null);
    this.#enter("");
  }

  async #save() {
    if (!this.#target) return;
    byId("practice-save", HTMLButtonElement).disabled = true;
    try {
      await post("api/drawings", { photo: this.#target.id, sketch: asSketch(this.#drawing) });
      this.#enter("kept");
    } catch (error) {
      this.#page.notify(messageOf(error));
    }
    this.#show();
  }

  /** @param {ResultsFrame} frame */
  #take(frame) {
    if (!this.#target) return;
    const strokes = this.#drawing.strokes.length;
    if (frame.target?.id === this.#target.id && strokes) {
      this.#ranks.length = Math.min(this.#ranks.length, strokes - 1); // strokes were taken back
      while (this.#ranks.length < strokes) this.#ranks.push(frame.target.rank);
    } else if (!frame.hits.length) this.#ranks = [];
    this.#show();
  }

  /** @param {Stage} stage */
  #enter(stage) {
    this.#stage = stage;
    document.body.dataset.practice = stage;
    byId("practice").hidden = !stage;
    byId("practice-photo").hidden = stage !== "kept"; // under the drawing, to be compared
  }

  #show() {
    const rank = this.#ranks.at(-1);
    byId("practice-rank").textContent = rank ? text.rank(rank, this.#photos) : "";
    byId("practice-text").textContent = {
      "": "",
      looking: text.remember,
      drawing: rank ? text.yourPhotoIs : text.drawFromMemory,
      kept: text.kept(this.#target ? title(this.#target) : ""),
    }[this.#stage];
    byId("practice-save", HTMLButtonElement).disabled = this.#stage !== "drawing" || !this.#ranks.length;
    drawCurve(byId("practice-curve", SVGElement), this.#ranks, this.#photos);
  }
}

/**
 * Draws the rank after each stroke in the box 240 x 64, on a logarithmic axis with rank 1 at the top.
 * @param {SVGElement} svg
 * @param {number[]} ranks
 * @param {number} photos - in the gallery
 */
function drawCurve(svg, ranks, photos) {
  const steps = Math.max(LEAST_STEPS, ranks.length);
  const points = ranks.map((rank, i) => {
    const y = 8 + 48 * (Math.log(rank) / Math.log(Math.max(2, photos)));
    return [8 + (224 * i) / (steps - 1), y].map((value) => value.toFixed(1));
  });
  part(svg, "polyline", SVGElement).setAttribute("points", points.join(" "));
  const [x, y] = points.at(-1) ?? ["-9", "-9"];
  const dot = part(svg, "circle", SVGElement);
  dot.setAttribute("cx", x);
  dot.setAttribute("cy", y);
  svg.setAttribute("aria-label", ranks.length ? text.ranks(ranks) : text.noStroke);
}
