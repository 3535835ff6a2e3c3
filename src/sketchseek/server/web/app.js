// The page: which part tells which other part what.

import { ask, messageOf } from "./api.js";
import { Completion } from "./completion.js";
import { Drawing } from "./drawing.js";
import { byId, part } from "./elements.js";
import { download, receiveFiles, search, similar } from "./files.js";
import { Framing } from "./framing.js";
import { showWhatHelped } from "./helped.js";
import { keepDrawing, keptDrawing } from "./keep.js";
import { drawByKeyboard } from "./keyboard.js";
import { speak, text } from "./language.js";
import { saveList } from "./list.js";
import { LiveConnection } from "./live.js";
import { keepPage } from "./offline.js";
import { Practice } from "./practice.js";
import { paintRegions, readRegions } from "./regions.js";
import { address, Results, sureness, title } from "./results.js";
import { showStanding } from "./standing.js";
import { Surface } from "./surface.js";
import { Viewer } from "./viewer.js";
import { Words } from "./words.js";

/** @import { Answer, FileAnswer, HelloFrame, Hit, Photo, Picture, Placement } from "./types.js" */

const NOTICE = 7000; // milliseconds that a notice stays
/** Actions by key. @type {Record<string, string>} */
const ALONE = { p: "pen", e: "eraser", delete: "clear", backspace: "clear" };
/** @type {Record<string, string>} */
const WITH_CONTROL = { y: "redo", o: "open", s: "save" };

speak();

const kept = keptDrawing();
const drawing = new Drawing(kept.strokes, kept.picture);
const surface = new Surface(byId("canvas", HTMLCanvasElement), drawing);
const results = new Results(byId("grid"), byId("settled"), (index) => {
  const searched = drawing.isEmpty || !placed ? null : { strokes: drawing.strokes, placement: placed };
  viewer.open(results.hits, index, results.regions, searched);
});
const viewer = new Viewer(byId("viewer", HTMLDialogElement), {
  closed: (index) => results.focus(index),
  practise: (hit) => practice.start(hit),
  similar: (hit) => moreLike(hit),
  helped: (hit) => sayWhatHelped(hit),
});
const live = new LiveConnection(drawing);
const practice = new Practice(drawing, live, results, { clear, notify });
drawByKeyboard(byId("canvas"), byId("tip"), drawing);
keepDrawing(drawing);
const words = new Words(byId("words", HTMLInputElement), byId("balance"), byId("remark"));
const completion = new Completion(byId("words", HTMLInputElement), byId("names"));
const framing = new Framing(byId("anywhere"), byId("as-framed"), byId("framing"));
/** The picture that is on the sheet. @type {Picture | null} */
let shown = null;
/** What was found by each. @type {WeakMap<Picture, Answer>} */
const found = new WeakMap();
let [least, most] = [24, 24]; // photos in an answer at first, and in the longest; the server says
let top = 0; // photos that are asked for now, where there was more to see
let endIsSeen = false; // of the list of photos
/** How the drawing that was answered last was placed. @type {Placement | null} */
let placed = null;

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
  eraser: () => {
    if (surface.tool === "eraser") surface.rubs = !surface.rubs;
    byId("eraser-name").textContent = surface.rubs ? text.rub : text.erase;
    choose("eraser");
  },
  undo: () => drawing.undo(),
  redo: () => drawing.redo(),
  clear: () => clear(),
  decided: () => showWhatDecided(byId("decided").getAttribute("aria-pressed") === "false"),
  open: () => byId("file").click(),
  save: () => download(drawing),
};
for (const [id, action] of Object.entries(actions)) byId(id).addEventListener("click", action);

function clear() {
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
  // A keyboard of another script gives letters of its own; then the key's position counts.
  const key = (/^[^a-z]$/i.test(event.key) && /^Key(.)$/.exec(event.code)?.[1] || event.key).toLowerCase();
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

drawing.on("change", () => {
  byId("helped").hidden = true; // it was said of the drawing as it was
  showWhatIsThere();
});

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
  const answer = (drawing.isEmpty && drawing.picture && found.get(drawing.picture)) || frame;
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
  placed = placement ?? null;
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
  askAgain();
}

/** @param {Hit} hit */
async function sayWhatHelped(hit) {
  try {
    await showWhatHelped(byId("helped", HTMLCanvasElement), drawing, hit, words, framing.asFramed);
  } catch (error) {
    notify(messageOf(error));
  }
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
  const { picture } = drawing;
  if (!picture) return;
  try {
    found.set(picture, await searchWith(picture));
    await showFound(picture);
  } catch (error) {
    notify(messageOf(error));
  }
}

// --- files, and photos as queries ---

receiveFiles(byId("file", HTMLInputElement), byId("veil"), (file) => open({ file }));

/** @param {Photo} photo */
const moreLike = (photo) => open({ photo: address(photo) });

/**
 * @param {Picture} picture
 * @returns {Promise<FileAnswer>}
 */
function searchWith(picture) {
  if ("photo" in picture) return similar(picture.photo, words, top || least);
  return search(picture.file, words, framing.asFramed, top || least);
}

/**
 * Puts a picture on the sheet in place of what was there, or the strokes that its file holds.
 * @param {Picture} picture
 */
async function open(picture) {
  const asked = performance.now();
  try {
    const answer = await searchWith(picture);
    if (answer.strokes) {
      drawing.replace(answer.strokes.map((points) => ({ points })), null);
      return; // the live session answers
    }
    found.set(picture, answer);
    drawing.replace([], picture);
    await showFound(picture);
    showTime(asked);
  } catch (error) {
    notify(messageOf(error));
  }
}

/**
 * Shows what was found by a picture, while it is the query.
 * @param {Picture} picture
 */
async function showFound(picture) {
  const answer = found.get(picture);
  if (!answer || picture !== drawing.picture || !drawing.isEmpty) return;
  await showHits(answer);
  if (answer.hits.length) announce(answer);
}

/** Shows the picture of the drawing under its lines, to be traced. */
function showPicture() {
  const { picture } = drawing;
  if (picture === shown) return;
  const image = byId("picture", HTMLImageElement);
  URL.revokeObjectURL(image.src);
  shown = picture;
  image.hidden = !picture;
  if (!picture) image.removeAttribute("src");
  else {
    image.src = "photo" in picture ? picture.photo : URL.createObjectURL(picture.file);
    if (!found.has(picture)) askAgain();
  }
}

drawing.on("replaced", showPicture);

// --- what the page says ---

function showWhatIsThere() {
  const blank = drawing.isEmpty && !drawing.picture;
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
showPicture();
showWhatIsThere();
addEventListener("load", keepPage);
