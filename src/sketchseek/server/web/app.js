// The page: which part tells which other part what.

import { ask, messageOf, post } from "./api.js";
import { Completion } from "./completion.js";
import { Drawing } from "./drawing.js";
import { byId } from "./elements.js";
import { download, receiveFiles, search, similar } from "./files.js";
import { Framing } from "./framing.js";
import { keepDrawing, keptStrokes } from "./keep.js";
import { drawByKeyboard } from "./keyboard.js";
import { speak, text } from "./language.js";
import { LiveConnection } from "./live.js";
import { Practice } from "./practice.js";
import { paintRegions, readRegions } from "./regions.js";
import { address, Results, sureness, title } from "./results.js";
import { Surface } from "./surface.js";
import { Viewer } from "./viewer.js";
import { Words } from "./words.js";

/** @import { Answer, FileAnswer, HelloFrame, Photo, Placement } from "./types.js" */
/** The picture on the sheet: how to search by it, and the answer. @typedef {{ ask: Ask, found: Answer }} Opened */
/** @typedef {() => Promise<FileAnswer>} Ask */

const NOTICE = 7000; // milliseconds that a notice stays
/** Actions by key. @type {Record<string, string>} */
const ALONE = { p: "pen", e: "eraser", delete: "clear", backspace: "clear" };
/** @type {Record<string, string>} */
const WITH_CONTROL = { y: "redo", o: "open", s: "save" };

speak();

const drawing = new Drawing(keptStrokes());
const surface = new Surface(byId("canvas", HTMLCanvasElement), drawing);
const results = new Results(byId("grid"), byId("settled"), (index) => {
  viewer.open(results.hits, index, results.regions);
});
const viewer = new Viewer(byId("viewer", HTMLDialogElement), {
  closed: (index) => results.focus(index),
  practise: (hit) => practice.start(hit),
  similar: (hit) => moreLike(hit),
});
const live = new LiveConnection(drawing);
const practice = new Practice(drawing, live, results, { clear, notify });
drawByKeyboard(byId("canvas"), byId("tip"), drawing);
keepDrawing(drawing);
const words = new Words(byId("words", HTMLInputElement), byId("balance"), byId("remark"));
const completion = new Completion(byId("words", HTMLInputElement), byId("names"));
const framing = new Framing(byId("anywhere"), byId("as-framed"), byId("framing"));
/** @type {Opened | null} */
let opened = null;

// --- tools ---

/** @param {"pen" | "eraser"} tool */
function choose(tool) {
  surface.tool = tool;
  byId("paper").dataset.tool = tool;
  byId("pen").setAttribute("aria-pressed", String(tool === "pen"));
  byId("eraser").setAttribute("aria-pressed", String(tool === "eraser"));
}

/** By the id of the button. @type {Record<string, () => void>} */
const actions = {
  pen: () => choose("pen"),
  eraser: () => choose("eraser"),
  undo: () => drawing.undo(),
  redo: () => drawing.redo(),
  clear: () => clear(),
  decided: () => showWhatDecided(byId("decided").getAttribute("aria-pressed") === "false"),
  open: () => byId("file").click(),
  save: () => download(drawing),
};
for (const [id, action] of Object.entries(actions)) byId(id).addEventListener("click", action);

function clear() {
  showPicture(null);
  if (drawing.isEmpty) showHits({ hits: [] });
  words.clear();
  drawing.clear();
  choose("pen");
}

/**
 * The name of the action that a key stands for.
 * @param {KeyboardEvent} event
 * @returns {string | null}
 */
function shortcut(event) {
  const key = event.key.toLowerCase();
  if (event.altKey) return null;
  if (event.ctrlKey || event.metaKey) {
    if (key === "z") return event.shiftKey ? "redo" : "undo";
    return WITH_CONTROL[key] ?? null;
  }
  return ALONE[key] ?? null;
}

addEventListener("keydown", (event) => {
  const name = shortcut(event);
  const isTyping = event.target === byId("words");
  if (!name || isTyping || byId("viewer", HTMLDialogElement).open) return;
  event.preventDefault();
  if (!surface.isBusy && !byId(name, HTMLButtonElement).disabled) actions[name]();
});

drawing.on("change", showWhatIsThere);

// --- answers ---

live.on("state", (state) => {
  byId("connection").dataset.state = state;
  byId("connection").textContent = text[state];
});

live.on("hello", (hello) => {
  countPhotos(hello.photos);
  byId("follow").hidden = hello.following === null;
  byId("follow").ariaPressed = String(hello.following);
  byId("decided").hidden = !hello.regions;
  surface.reach = hello.limits.reach;
  offerWords(hello);
});

live.on("gallery", (frame) => {
  countPhotos(frame.photos, frame.reading);
  byId("follow").ariaPressed = String(frame.following);
});

byId("follow").addEventListener("click", async () => {
  try {
    await post("api/following", { on: byId("follow").ariaPressed === "false" });
  } catch (error) {
    notify(messageOf(error));
  }
});

/**
 * @param {number} photos
 * @param {number} reading - files that are being read
 */
function countPhotos(photos, reading = 0) {
  byId("photos").textContent = text.photos(photos) + (reading ? text.beingRead(reading) : "");
}

live.on("sent", () => {
  byId("grid").ariaBusy = "true";
});

live.on("results", async (frame) => {
  // Without a line on the sheet the answer is that to the picture on it, if there is one.
  const answer = drawing.isEmpty && opened ? opened.found : frame;
  if (!frame.pen_down && answer.hits.length) announce(answer);
  await showHits(answer);
  if (live.isNewest(frame)) byId("grid").ariaBusy = "false";
});

live.on("refused", (frame) => {
  byId("grid").ariaBusy = "false";
  notify(frame.message);
});

/** @param {Answer} answer */
async function showHits({ hits, milliseconds = 0, confidence, regions, placement, remark = "" }) {
  words.remark(remark);
  byId("speed").textContent = hits.length ? `${Math.max(1, Math.round(milliseconds))} ms` : "";
  const read = readRegions(regions);
  const overSketch = byId("sketch-regions", HTMLCanvasElement);
  if (placement) lay(overSketch, placement);
  paintRegions(overSketch, read?.sketch ?? null);
  await results.show(hits, confidence, read);
  showWhatIsThere();
}

/** @param {boolean} on */
function showWhatDecided(on) {
  byId("decided").setAttribute("aria-pressed", String(on));
  live.configure({ type: "regions", on });
}

// --- words ---

/** @param {HelloFrame} hello */
async function offerWords(hello) {
  try {
    completion.names = hello.words ? (await ask("api/names")).names : [];
  } catch {} // the page works without
  words.offer(hello.words, hello.limits.words, completion.names);
}

words.on("change", () => {
  live.configure({ type: "words", text: words.text, weight: words.weight });
  askAgain();
});

// --- where on the sheet ---

const tellFraming = () => live.configure({ type: "framed", on: framing.asFramed });
if (framing.asFramed) tellFraming(); // it was left so before a reload
framing.on("change", () => {
  tellFraming();
  askAgain();
});

/**
 * Lays what was found in the drawing as it was searched over the drawing as it is on the sheet.
 * @param {HTMLElement} element
 * @param {Placement} placement
 */
function lay(element, { scale, x, y }) {
  element.style.transformOrigin = "0 0";
  element.style.transform = `scale(${1 / scale}) translate(${-100 * x}%, ${-100 * y}%)`;
}

/** Searches with the picture on the sheet once more, where there is one. */
async function askAgain() {
  showWhatIsThere();
  const asked = opened;
  if (!asked) return;
  try {
    asked.found = await asked.ask();
    if (asked === opened && drawing.isEmpty) await showHits(asked.found);
  } catch (error) {
    notify(messageOf(error));
  }
}

// --- files, and photos as queries ---

receiveFiles(byId("file", HTMLInputElement), byId("veil"), (file) => {
  openPicture(() => URL.createObjectURL(file), () => search(file, words, framing.asFramed));
});

/** @param {Photo} photo */
function moreLike(photo) {
  openPicture(() => address(photo), () => similar(address(photo), words));
}

/**
 * @param {() => string} addressOf - makes the picture's address, once it is to be shown
 * @param {Ask} ask
 */
async function openPicture(addressOf, ask) {
  try {
    const found = await ask();
    if (found.strokes) {
      showPicture(null);
      drawing.replace(found.strokes.map((points) => ({ points })));
      return; // the live session answers
    }
    drawing.clear();
    showPicture(addressOf(), { ask, found });
    await showHits(found);
    if (found.hits.length) announce(found);
  } catch (error) {
    notify(messageOf(error));
  }
}

/**
 * Shows a picture under the lines, to be traced, until the sheet is cleared or another drawing opened; null for none.
 * @param {string | null} source - its address
 * @param {Opened | null} asked
 */
function showPicture(source, asked = null) {
  const picture = byId("picture", HTMLImageElement);
  opened = asked;
  if (!source && picture.hidden) return;
  URL.revokeObjectURL(picture.src);
  picture.hidden = !source;
  if (source) picture.src = source;
  else picture.removeAttribute("src");
  showWhatIsThere();
}

// --- what the page says ---

function showWhatIsThere() {
  const blank = drawing.isEmpty && !opened;
  document.body.classList.toggle("is-blank", blank);
  document.body.classList.toggle("has-hits", results.hits.length > 0);
  byId("picture").classList.toggle("is-beneath", !drawing.isEmpty);
  byId("undo", HTMLButtonElement).disabled = !drawing.canUndo;
  byId("redo", HTMLButtonElement).disabled = !drawing.canRedo;
  byId("clear", HTMLButtonElement).disabled = blank && !words.text;
  byId("save", HTMLButtonElement).disabled = drawing.strokes.length === 0;
}

/** @param {Answer} answer - with at least one hit */
function announce({ hits, confidence = null }) {
  const sure = sureness(confidence);
  byId("status").textContent = text.best(title(hits[0])) + (sure && text.sentenceEnd + sure);
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let noticeTimer;
/** @param {string} message */
function notify(message) {
  byId("notice").textContent = message;
  byId("notice").classList.add("is-shown");
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => byId("notice").classList.remove("is-shown"), NOTICE);
}

choose("pen");
showWhatIsThere();
