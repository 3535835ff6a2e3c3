// Which stroke helped: how many places a photo falls or rises when each stroke is left out, shown on the strokes.

import { byId, contextOf } from "./elements.js";
import { asSketch, search } from "./files.js";
import { text } from "./language.js";
import { title } from "./results.js";
import { paintStroke } from "./surface.js";

/** @import { Drawing } from "./drawing.js" */
/** @import { Hit, Stroke, WordsAndWeight } from "./types.js" */

const MOST_STROKES = 40; // each is a search
const DEEP = 200; // photos of a search; one that is not among them counts as the next
const SIDE = 1200; // pixels of the canvas
const COLOURS = { helped: "#2e8b57", hindered: "#c2410c", neither: "#8d8a83" };

/**
 * Shows it over the drawing; the page hides it when that changes. Throws an Error that a person can read.
 * @param {HTMLCanvasElement} canvas
 * @param {Drawing} drawing
 * @param {Hit} hit
 * @param {WordsAndWeight} words
 * @param {boolean} asFramed
 */
export async function showWhatHelped(canvas, drawing, hit, words, asFramed) {
  const { strokes } = drawing;
  const rankOf = async (/** @type {Stroke[]} */ some) => {
    const file = new File([JSON.stringify(asSketch({ strokes: some }))], "drawing.json");
    const { hits } = await search(file, words, asFramed, DEEP);
    return hits.find(({ id }) => id === hit.id)?.rank ?? DEEP + 1;
  };
  const rank = await rankOf(strokes);
  const context = contextOf(canvas);
  canvas.hidden = true;
  canvas.width = canvas.height = SIDE;
  context.font = `600 ${SIDE / 32}px system-ui, sans-serif`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  const said = [];
  for (const stroke of strokes.slice(0, MOST_STROKES)) {
    const others = strokes.filter((other) => other !== stroke);
    const places = (others.length ? await rankOf(others) : DEEP + 1) - rank;
    if (strokes !== drawing.strokes) return; // drawn on meanwhile
    const colour = places > 0 ? COLOURS.helped : places < 0 ? COLOURS.hindered : COLOURS.neither;
    paintStroke(context, stroke.points, SIDE, colour);
    label(context, stroke, text.places(places), colour);
    said.push(text.places(places));
  }
  canvas.hidden = false;
  byId("status").textContent = `${text.helped}, ${title(hit)}: ${said.join(", ")}`;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Stroke} stroke
 * @param {string} words
 * @param {string} colour
 */
function label(context, { points }, words, colour) {
  const [x, y] = points[Math.floor(points.length / 2)].map((value) => value * SIDE);
  const [width, height] = [context.measureText(words).width + SIDE / 50, SIDE / 22];
  context.fillStyle = colour;
  context.beginPath();
  context.roundRect(x - width / 2, y - height / 2, width, height, height / 2);
  context.fill();
  context.fillStyle = "#fff";
  context.fillText(words, x, y);
}
