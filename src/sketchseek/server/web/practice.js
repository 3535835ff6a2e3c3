// Practice: a photo is shown for a few seconds, then drawn from memory, while a curve says how the right answer rises.
//
// Until the drawing is kept, the photos among the results are veiled: it is to be drawn from memory.

import { ask, post } from "./api.js";
import { asSketch } from "./files.js";
import { photo, title } from "./results.js";

const LOOK = 5000; // milliseconds that the photo is shown
const LEAST_STEPS = 8; // strokes that the curve has room for from the start

export class Practice {
  #drawing;
  #live;
  #results;
  #page; // what the page does: clear the sheet, notify
  #photos = 0; // in the gallery
  #target = null;
  #ranks = []; // after each stroke
  #timer = 0;

  constructor(drawing, live, results, page) {
    [this.#drawing, this.#live, this.#results, this.#page] = [drawing, live, results, page];
    const actions = {
      practise: () => this.start(),
      "practice-again": () => this.start(this.#target),
      "practice-other": () => this.start(),
      "practice-save": () => this.#save(),
      "practice-stop": () => this.#stop(),
      memory: () => this.#hide(),
    };
    for (const [id, action] of Object.entries(actions)) byId(id).addEventListener("click", action);
    live.addEventListener("hello", ({ detail: hello }) => {
      this.#photos = hello.photos;
      byId("practise").hidden = byId("viewer-practise").hidden = !hello.practice;
    });
    live.addEventListener("results", ({ detail: frame }) => this.#take(frame));
  }

  // With a photo of one's own choice, or any.
  async start(chosen = null) {
    try {
      this.#target = chosen ?? (await ask("/api/practice"));
    } catch (error) {
      this.#page.notify(error.message);
      return;
    }
    this.#ranks = [];
    this.#stage("looking");
    this.#live.wish({ type: "target", id: this.#target.id });
    this.#results.mark(this.#target.id);
    this.#page.clear();
    const image = byId("memory").querySelector("img");
    image.src = photo(this.#target);
    byId("practice-photo").src = image.src;
    const target = this.#target;
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
    this.#stage("drawing");
    this.#show();
  }

  #stop() {
    clearTimeout(this.#timer);
    byId("memory").hidden = true;
    this.#target = null;
    this.#live.wish({ type: "target", id: null });
    this.#results.mark(null);
    this.#stage("");
  }

  async #save() {
    byId("practice-save").disabled = true;
    try {
      await post("/api/drawings", { photo: this.#target.id, sketch: asSketch(this.#drawing) });
      this.#stage("kept");
    } catch (error) {
      this.#page.notify(error.message);
    }
    this.#show();
  }

  #take(frame) {
    if (!this.#target) return;
    const strokes = this.#drawing.strokes.length;
    if (frame.target?.id === this.#target.id && strokes) {
      this.#ranks.length = Math.min(this.#ranks.length, strokes - 1); // strokes were taken back
      while (this.#ranks.length < strokes) this.#ranks.push(frame.target.rank);
    } else if (!frame.hits.length) this.#ranks = [];
    this.#show();
  }

  #stage(name) {
    document.body.dataset.practice = name;
    byId("practice").hidden = !name;
    byId("practice-photo").hidden = name !== "kept"; // under the drawing, to be compared
  }

  #show() {
    const stage = document.body.dataset.practice;
    const rank = this.#ranks.at(-1);
    byId("practice-rank").textContent = rank ? `${rank.toLocaleString("en")} of ${this.#photos.toLocaleString("en")}` : "";
    byId("practice-text").textContent = {
      looking: "Remember this photo",
      drawing: rank ? "Your photo is" : "Draw it from memory",
      kept: `Kept: ${this.#target ? title(this.#target) : ""},`,
    }[stage] ?? "";
    byId("practice-save").disabled = stage !== "drawing" || !this.#ranks.length;
    drawCurve(byId("practice-curve"), this.#ranks, this.#photos);
  }
}

// Rank after each stroke in the box 240 x 64, on a logarithmic axis with the first place on top.
function drawCurve(svg, ranks, photos) {
  const steps = Math.max(LEAST_STEPS, ranks.length);
  const points = ranks.map((rank, i) => {
    const y = 8 + 48 * (Math.log(rank) / Math.log(Math.max(2, photos)));
    return [8 + (224 * i) / (steps - 1), y].map((value) => value.toFixed(1));
  });
  svg.querySelector("polyline").setAttribute("points", points.join(" "));
  const [x, y] = points.at(-1) ?? [-9, -9];
  svg.querySelector("circle").setAttribute("cx", x);
  svg.querySelector("circle").setAttribute("cy", y);
  svg.setAttribute("aria-label", ranks.length ? `Ranks after each stroke: ${ranks.join(", ")}` : "No stroke yet");
}

const byId = (id) => document.getElementById(id);
