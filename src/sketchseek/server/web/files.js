// Drawings as files: down to the disk as our JSON, up from it as JSON, SVG or a picture.

import { ask } from "./api.js";

// Our own sketch file.
export const asSketch = (drawing) => ({
  format: "sketchseek-sketch", version: 1, strokes: drawing.strokes.map((stroke) => stroke.points),
});

export function download(drawing) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(asSketch(drawing))], { type: "application/json" }));
  link.download = "drawing.json";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// Returns {hits, strokes, milliseconds}; strokes is null for a picture. Throws an Error that a person can read.
export const search = (file, words, top) => ask("/api/search", { method: "POST", body: form(words, top, file) });

// Returns {hits, milliseconds} of the photos like one of the gallery. Throws as `search` does.
export const similar = (photo, words, top) => ask(`${photo}/similar`, { method: "POST", body: form(words, top) });

function form({ text, weight }, top, file = null) {
  const form = new FormData();
  if (file) form.append("sketch", file, file.name);
  for (const [name, value] of Object.entries({ text, weight, top })) form.append(name, value);
  return form;
}

// Calls `open` with the file that is chosen in `input` or dropped anywhere on the page; `veil` shows that it may be.
export function receiveFiles(input, veil, open) {
  input.addEventListener("change", () => {
    if (input.files[0]) open(input.files[0]);
    input.value = ""; // so that the same file can be chosen again
  });
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
    if (event.dataTransfer.files[0]) open(event.dataTransfer.files[0]);
  });
}
