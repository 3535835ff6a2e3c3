// The page: which part tells which other part what.

import { Drawing } from "./drawing.js";
import { download, receiveFiles, search, similar } from "./files.js";
import { keepDrawing, keptStrokes } from "./keep.js";
import { drawByKeyboard } from "./keyboard.js";
import { LiveConnection } from "./live.js";
import { Practice } from "./practice.js";
import { paintRegions, readRegions } from "./regions.js";
import { photo, Results, sureness, title } from "./results.js";
import { Surface } from "./surface.js";
import { Viewer } from "./viewer.js";
import { Words } from "./words.js";

const TOP = 24; // as many as the live session shows
const NOTICE = 7000; // milliseconds that a notice stays

const byId = (id) => document.getElementById(id);
const drawing = new Drawing(keptStrokes());
const surface = new Surface(byId("canvas"), drawing);
const results = new Results(byId("grid"), byId("settled"), (index) => {
  viewer.open(results.hits, index, results.regions);
});
const viewer = new Viewer(byId("viewer"), {
  closed: (index) => results.focus(index),
  practise: (hit) => practice.start(hit),
  similar: (hit) => moreLike(hit),
});
const live = new LiveConnection(drawing);
const practice = new Practice(drawing, live, results, { clear, notify });
drawByKeyboard(byId("canvas"), byId("tip"), drawing);
keepDrawing(drawing);
const words = new Words(byId("words"), byId("balance"));
let opened = null; // the picture that lies on the sheet: {ask, found}, how to ask for photos by it, and the answer

// --- tools ---

function choose(tool) {
  surface.tool = tool;
  byId("paper").dataset.tool = tool;
  byId("pen").setAttribute("aria-pressed", tool === "pen");
  byId("eraser").setAttribute("aria-pressed", tool === "eraser");
}

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

function shortcut(event) {
  const key = event.key.toLowerCase();
  if (event.altKey) return null;
  if (event.ctrlKey || event.metaKey) {
    if (key === "z") return event.shiftKey ? "redo" : "undo";
    return { y: "redo", o: "open", s: "save" }[key] ?? null;
  }
  return { p: "pen", e: "eraser", delete: "clear", backspace: "clear" }[key] ?? null;
}

addEventListener("keydown", (event) => {
  const name = shortcut(event);
  if (!name || byId("viewer").open || event.target === byId("words")) return; // keys of whoever types
  event.preventDefault();
  if (!surface.isBusy && !byId(name).disabled) actions[name]();
});

drawing.addEventListener("change", showWhatIsThere);

// --- answers ---

live.addEventListener("state", ({ detail: state }) => {
  byId("connection").dataset.state = state;
  byId("connection").textContent = { connecting: "Connecting", live: "Live", lost: "Reconnecting" }[state];
});

live.addEventListener("hello", ({ detail: hello }) => {
  byId("photos").textContent = `${hello.photos.toLocaleString("en")} ${hello.photos === 1 ? "photo" : "photos"}`;
  byId("decided").hidden = !hello.regions;
  words.offer(hello.words);
});

live.addEventListener("asked", () => {
  byId("grid").ariaBusy = "true";
});

live.addEventListener("results", async ({ detail: frame }) => {
  // Without a line on the sheet the answer is that to the picture on it, if there is one.
  const answer = drawing.isEmpty && opened ? opened.found : frame;
  if (!frame.pen_down && answer.hits.length) announce(answer);
  await showHits(answer);
  if (live.isNewest(frame)) byId("grid").ariaBusy = "false";
});

live.addEventListener("refused", ({ detail: frame }) => {
  byId("grid").ariaBusy = "false";
  notify(frame.message);
});

async function showHits({ hits, milliseconds, confidence, regions }) {
  byId("speed").textContent = hits.length ? `${Math.max(1, Math.round(milliseconds))} ms` : "";
  const read = readRegions(regions);
  paintRegions(byId("sketch-regions"), read?.sketch ?? null);
  await results.show(hits, confidence, read);
  showWhatIsThere();
}

function showWhatDecided(on) {
  byId("decided").setAttribute("aria-pressed", on);
  live.wish({ type: "regions", on });
}

// --- words ---

words.addEventListener("change", async () => {
  live.wish({ type: "words", text: words.text, weight: words.weight });
  showWhatIsThere();
  const asked = opened;
  if (!asked) return;
  try {
    asked.found = await asked.ask();
    if (asked === opened && drawing.isEmpty) await showHits(asked.found);
  } catch (error) {
    notify(error.message);
  }
});

// --- files, and photos as queries ---

receiveFiles(byId("file"), byId("veil"), (file) => {
  openPicture(() => URL.createObjectURL(file), () => search(file, words, TOP));
});

function moreLike(hit) {
  openPicture(() => photo(hit), () => similar(photo(hit), words, TOP));
}

async function openPicture(address, ask) {
  try {
    const found = await ask();
    if (found.strokes) {
      showPicture(null);
      drawing.replace(found.strokes.map((points) => ({ points })));
      return; // the live session answers
    }
    drawing.clear();
    showPicture(address(), { ask, found });
    await showHits(found);
    if (found.hits.length) announce(found);
  } catch (error) {
    notify(error.message);
  }
}

// A picture stays under the lines, to be traced, until the sheet is cleared or another drawing opened.
function showPicture(address, asked = null) {
  const picture = byId("picture");
  opened = asked;
  if (!address && picture.hidden) return;
  URL.revokeObjectURL(picture.src);
  picture.hidden = !address;
  if (address) picture.src = address;
  else picture.removeAttribute("src");
  showWhatIsThere();
}

// --- what the page says ---

function showWhatIsThere() {
  const blank = drawing.isEmpty && !opened;
  document.body.classList.toggle("is-blank", blank);
  document.body.classList.toggle("has-hits", results.hits.length > 0);
  byId("picture").classList.toggle("is-beneath", !drawing.isEmpty);
  byId("undo").disabled = !drawing.canUndo;
  byId("redo").disabled = !drawing.canRedo;
  byId("clear").disabled = blank && !words.text;
  byId("save").disabled = drawing.strokes.length === 0;
}

function announce({ hits, confidence = null }) {
  const sure = sureness(confidence);
  byId("status").textContent = `Best match: ${title(hits[0])}${sure && `. ${sure}`}`;
}

let noticeTimer = 0;
function notify(message) {
  byId("notice").textContent = message;
  byId("notice").classList.add("is-shown");
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => byId("notice").classList.remove("is-shown"), NOTICE);
}

choose("pen");
showWhatIsThere();
