// The drawing outlives a reload: it is kept in this tab's session storage, which goes when the tab is closed.

/** @import { Drawing } from "./drawing.js" */
/** @import { Picture, Point, Stroke } from "./types.js" */

const KEY = "sketchseek-drawing";

/** @returns {{ strokes: Stroke[], picture: Picture | null }} */
export function keptDrawing() {
  try {
    const { strokes, photo, file } = JSON.parse(sessionStorage.getItem(KEY) ?? "");
    return {
      strokes: strokes.map((/** @type {Point[]} */ points) => ({ points })),
      picture: file ? { file: asFile(file) } : photo ? { photo } : null,
    };
  } catch {
    return { strokes: [], picture: null };
  }
}

/** @param {Drawing} drawing */
export function keepDrawing(drawing) {
  /** Of the files on the sheet so far. @type {WeakMap<File, Promise<string>>} */
  const texts = new WeakMap();
  const keep = async () => {
    const picture = drawing.picture;
    try {
      const kept = { strokes: drawing.strokes.map((stroke) => stroke.points) };
      if (!picture || "photo" in picture) return sessionStorage.setItem(KEY, JSON.stringify({ ...kept, ...picture }));
      const { file } = picture;
      if (!texts.has(file)) texts.set(file, textOf(file));
      const { name, type } = file;
      const data = await texts.get(file);
      if (picture === drawing.picture) sessionStorage.setItem(KEY, JSON.stringify({ ...kept, file: { name, type, data } }));
    } catch {
      sessionStorage.removeItem(KEY); // too large to be kept; an older one would be no help
    }
  };
  drawing.on("end", keep);
  drawing.on("replaced", keep);
}

/**
 * The content of a file in base64.
 * @param {File} file
 * @returns {Promise<string>}
 */
function textOf(file) {
  return new Promise((done, fail) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => done(String(reader.result).split(",")[1] ?? ""));
    reader.addEventListener("error", () => fail(reader.error));
    reader.readAsDataURL(file);
  });
}

/** @param {{ name: string, type: string, data: string }} kept */
function asFile({ name, type, data }) {
  return new File([Uint8Array.from(atob(data), (byte) => byte.charCodeAt(0))], name, { type });
}
