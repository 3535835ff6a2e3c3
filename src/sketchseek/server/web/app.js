// The page: which part tells which other part what.

import { ask, messageOf } from "./api.js";
import { Completion } from "./completion.js";
import { Drawing } from "./drawing.js";
import { byId, part } from "./elements.js";
import { download, receiveFiles, search, similar } from "./files.js";
import { Framing } from "./framing.js";
import { keepDrawing, keptStrokes } from "./keep.js";
import { drawByKeyboard } from "./keyboard.js";
import { speak, text } from "./language.js";
import { saveList } from "./list.js";
import { LiveConnection } from "./live.js";
import { Practice } from "./practice.js";
import { paintRegions, readRegions } from "./regions.js";
import { address, Results, sureness, title } from "./results.js";
import { showStanding } from "./standing.js";
import { Surface } from "./surface.js";
import { Viewer } from "./viewer.js";
import { Words } from "./words.js";

/** @import { Answer, FileAnswer, HelloFrame, Photo, Placement } from "./types.js" */
/** The picture on the sheet: how to search by it, and the answer. @typedef {{ ask: Ask, found: Answer }} Opened */
/** @typedef {(top: number) => Promise<FileAnswer>} Ask */

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
let [least, most] = [24, 24]; // photos in an answer at first, and in the longest; the server says
let top = 0; // photos that are asked for now, where there was more to see
let endIsSeen = false; // of the list of photos

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

showStanding(live, notify);

live.on("hello", (hello) => {
  most = hello.limits.top;
  least = hello.limits.results;
  viewer.tellsPaths = hello.following !== null; // both are for the server's own machine alone
  byId("decided").hidden = !hello.regions;
  surface.reach = hello.limits.reach;
  offerWords(hello);
});

live.on("sent", () => {
  byId("grid").ariaBusy = "true";
});

live.on("results", async (frame) => {
  // Without a line on the sheet the answer is that to the picture on it, if there is one.
  const answer = drawing.isEmpty && opened ? opened.found : frame;
  const asked = live.takeAsked(frame);
  if (!frame.pen_down && answer.hits.length) announce(answer);
  await showHits(answer);
  if (asked !== undefined && answer === frame) showTime(asked);
  if (!frame.pen_down) showMore();
  if (live.isNewest(frame)) byId("grid").ariaBusy = "false";
});

live.on("refused", (frame) => {
  byId("grid").ariaBusy = "false";
  notify(frame.message);
});

/** @param {Answer} answer */
async function showHits({ hits, confidence, regions, placement, remark = "" }) {
  words.remark(remark);
  const read = readRegions(regions);
  const overSketch = byId("sketch-regions", HTMLCanvasElement);
  if (placement) lay(overSketch, placement);
  paintRegions(overSketch, read?.sketch ?? null);
  await results.show(hits, confidence, read);
  showWhatIsThere();
}

/**
 * Says how long the photos that are shown now took.
 * @param {number} asked - when the pen drew, or the question was put
 */
function showTime(asked) {
  byId("speed").textContent = results.hits.length ? `${Math.max(1, Math.round(performance.now() - asked))} ms` : "";
}

for (const format of /** @type {const} */ (["csv", "json"])) {
  byId(`save-${format}`).addEventListener("click", () => {
    part(document, ".menu", HTMLDetailsElement).open = false;
    saveList(results.hits, format, viewer.tellsPaths);
  });
}

// --- more photos, where the last is scrolled to ---


new IntersectionObserver((entries) => {
  endIsSeen = entries.some((entry) => entry.isIntersecting);
  showMore();
}, { rootMargin: "200px" }).observe(byId("more"));

function showMore() {
  const shown = results.hits.length;
  if (!endIsSeen || !shown || shown < Math.max(top, least) || shown >= most) return;
  askForMore(Math.min(most, shown + least));
}

/** @param {number} count */
function askForMore(count) {
  top = count;
  live.configure({ type: "top", count });
  if (opened) askAgain();
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
    asked.found = await asked.ask(top || least);
    if (asked === opened && drawing.isEmpty) await showHits(asked.found);
  } catch (error) {
    notify(messageOf(error));
  }
}

// --- files, and photos as queries ---

receiveFiles(byId("file", HTMLInputElement), byId("veil"), (file) => {
  openPicture(() => URL.createObjectURL(file), (top) => search(file, words, framing.asFramed, top));
});

/** @param {Photo} photo */
function moreLike(photo) {
  openPicture(() => address(photo), (top) => similar(address(photo), words, top));
}

/**
 * @param {() => string} addressOf - makes the picture's address, once it is to be shown
 * @param {Ask} ask
 */
async function openPicture(addressOf, ask) {
  const asked = performance.now();
  try {
    const found = await ask(least);
    if (found.strokes) {
      showPicture(null);
      drawing.replace(found.strokes.map((points) => ({ points })));
      return; // the live session answers
    }
    drawing.clear();
    showPicture(addressOf(), { ask, found });
    await showHits(found);
    showTime(asked);
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
  if (blank && top > least) askForMore(least);
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
