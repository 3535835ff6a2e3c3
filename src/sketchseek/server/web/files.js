// Drawings as files: saved as JSON, opened as JSON, SVG or a picture.

import { ask } from "./api.js";

/** @import { Drawing } from "./drawing.js" */
/** @import { FileAnswer, SketchFile, WordsAndWeight } from "./types.js" */

/**
 * @param {Pick<Drawing, "strokes">} drawing
 * @returns {SketchFile}
 */
export const asSketch = (drawing) => ({
  format: "sketchseek-sketch", version: 1, strokes: drawing.strokes.map((stroke) => stroke.points),
});

/** @param {Drawing} drawing */
export const download = (drawing) => saveAs("drawing.json", "application/json", JSON.stringify(asSketch(drawing)));

/**
 * @param {string} name
 * @param {string} type - the media type
 * @param {string} content
 */
export function saveAs(name, type, content) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/**
 * Searches with a file. Throws an Error that a person can read.
 * @param {File} file
 * @param {WordsAndWeight} words
 * @param {boolean} asFramed - whether its sheet is the photo's frame
 * @param {number} top - how many photos to answer
 * @returns {Promise<FileAnswer>}
 */
export const search = (file, words, asFramed, top) => {
  const body = form(words, top);
  body.append("sketch", file, file.name);
  body.append("as_framed", String(asFramed));
  return ask("api/search", { method: "POST", body });
};

/**
 * Searches for photos like one of the gallery. Throws as `search` does.
 * @param {string} photo - its address
 * @param {WordsAndWeight} words
 * @param {number} top - how many photos to answer
 * @returns {Promise<FileAnswer>}
 */
export const similar = (photo, words, top) => ask(`${photo}/similar`, { method: "POST", body: form(words, top) });

/**
 * @param {WordsAndWeight} words
 * @param {number} top
 */
function form({ text, weight }, top) {
  const form = new FormData();
  for (const [name, value] of Object.entries({ text, weight, top })) form.append(name, String(value));
  return form;
}

/**
 * Calls `open` with the file that is chosen in `input` or dropped anywhere on the page.
 * @param {HTMLInputElement} input
 * @param {HTMLElement} veil - shown while a file is dragged over the page
 * @param {(file: File) => void} open
 */
export function receiveFiles(input, veil, open) {
  input.addEventListener("change", () => {
    if (input.files?.[0]) open(input.files[0]);
    input.value = ""; // so that the same file can be chosen again
  });
  /** @param {DragEvent} event */
  const holdsFile = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragover", (event) => {
    if (!holdsFile(event)) return;
    event.preventDefault();
    veil.hidden = false;
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) veil.hidden = true;
  });
  addEventListener("drop", (event) => {
    veil.hidden = true;
    if (!holdsFile(event)) return;
    event.preventDefault();
    const file = event.dataTransfer?.files[0];
    if (file) open(file);
  });
}
