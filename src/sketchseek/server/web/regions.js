// Shows the regions that matched best: translucent areas with an edge, each in the same colour on sketch and photos.

import { contextOf } from "./elements.js";

/** @import { EncodedRegions, Regions, RegionsOfHits } from "./types.js" */

const COLOURS = [[215, 48, 39], [31, 120, 180], [51, 160, 44], [255, 127, 0], [106, 61, 154]];
const EDGE = 0.45; // of a map's range, where a region ends
const FILL = 0.3; // opacity inside, of the region that did most
const EDGE_WIDTH = 1.1; // pixels on either side of where it ends
const SIDE = { tile: 128, large: 384 }; // pixels that are painted

/**
 * Decodes the regions of a results frame. The sketch is shown with the strengths of the first photo.
 * @param {EncodedRegions | null} [frame]
 * @returns {RegionsOfHits | null}
 */
export function readRegions(frame) {
  if (!frame?.hits.length) return null;
  const { shape } = frame;
  const hits = frame.hits.map((hit) => ({ shape, maps: bytes(hit.maps), strength: hit.strength }));
  return { sketch: { shape, maps: bytes(frame.sketch), strength: hits[0].strength }, hits };
}

/**
 * Paints over a square in which a photo of this width and height is centred; hides the canvas where there are none.
 * @param {HTMLCanvasElement} canvas
 * @param {Regions | null} regions
 * @param {{ width?: number, height?: number, size?: keyof typeof SIDE }} [photo]
 */
export function paintRegions(canvas, regions, { width = 1, height = 1, size = "large" } = {}) {
  canvas.hidden = !regions;
  if (!regions) return;
  const side = SIDE[size];
  canvas.width = canvas.height = side;
  const context = contextOf(canvas);
  const pixels = context.createImageData(side, side);
  const { strength } = regions;
  const weakestFirst = strength.map((_, r) => r).sort((a, b) => strength[a] - strength[b]);
  for (const r of weakestFirst) if (strength[r] > 0) paintOne(pixels, regions, r);
  context.putImageData(pixels, 0, 0);
  const [x, y] = [(1 - Math.min(1, width / height)) / 2, (1 - Math.min(1, height / width)) / 2].map((s) => s * side);
  context.clearRect(0, 0, x, side);
  context.clearRect(side - x, 0, x, side);
  context.clearRect(0, 0, side, y);
  context.clearRect(0, side - y, side, y);
}

/**
 * @param {ImageData} pixels - painted on
 * @param {Regions} regions
 * @param {number} r - which of them
 */
function paintOne({ data, width: side }, { shape, maps, strength }, r) {
  const field = enlarged(maps.subarray(r * shape[1] * shape[2]), shape[1], shape[2], side);
  const fill = FILL * (0.4 + 0.6 * strength[r]);
  const edge = 0.35 + 0.55 * strength[r];
  const [red, green, blue] = COLOURS[r % COLOURS.length];
  for (let y = 0, at = 0; y < side; y++) {
    for (let x = 0; x < side; x++, at++) {
      const value = field[at] - EDGE;
      const slope =
        Math.abs(field[at] - field[x ? at - 1 : at + 1]) + Math.abs(field[at] - field[y ? at - side : at + side]);
      const fromEdge = Math.abs(value) / (slope + 1e-4); // in pixels
      const onEdge = Math.min(1, Math.max(0, EDGE_WIDTH + 0.5 - fromEdge));
      const alpha = Math.max(value > 0 ? fill : 0, edge * onEdge);
      if (!alpha) continue;
      const beneath = (data[4 * at + 3] / 255) * (1 - alpha);
      const share = alpha / (alpha + beneath);
      data[4 * at] = red * share + data[4 * at] * (1 - share);
      data[4 * at + 1] = green * share + data[4 * at + 1] * (1 - share);
      data[4 * at + 2] = blue * share + data[4 * at + 2] * (1 - share);
      data[4 * at + 3] = 255 * (alpha + beneath);
    }
  }
}

/**
 * Resizes a map of bytes `[h, w]` to 0..1 on `side` x `side` pixels, bilinear between the middles of its cells.
 * @param {Uint8Array} map
 * @param {number} h
 * @param {number} w
 * @param {number} side
 */
function enlarged(map, h, w, side) {
  const rows = steps(h, side);
  const columns = steps(w, side);
  const field = new Float32Array(side * side);
  for (let y = 0, at = 0; y < side; y++) {
    const [above, below, down] = rows[y];
    for (let x = 0; x < side; x++, at++) {
      const [left, right, across] = columns[x];
      const top = map[above * w + left] * (1 - across) + map[above * w + right] * across;
      const bottom = map[below * w + left] * (1 - across) + map[below * w + right] * across;
      field[at] = (top * (1 - down) + bottom * down) / 255;
    }
  }
  return field;
}

/**
 * For each pixel the cells on its two sides, and how far it is from the first to the second.
 * @param {number} cells
 * @param {number} side - pixels
 */
function steps(cells, side) {
  return Array.from({ length: side }, (_, i) => {
    const place = Math.min(cells - 1, Math.max(0, ((i + 0.5) * cells) / side - 0.5));
    const first = Math.floor(place);
    return [first, Math.min(first + 1, cells - 1), place - first];
  });
}

/** @param {string} text - base64 */
const bytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
