// The page: which part tells which other part what.

import { Drawing } from "./drawing.js";
import { download, receiveFiles, search } from "./files.js";
import { drawByKeyboard } from "./keyboard.js";
import { LiveConnection } from "./live.js";
import { Results, title } from "./results.js";
import { Surface } from "./surface.js";
import { Viewer } from "./viewer.js";

const TOP = 24; // as many as the live session shows
const NOTICE = 7000; // milliseconds that a notice stays

const byId = (id) => document.getElementById(id);
const drawing = new Drawing();
const surface = new Surface(byId("canvas"), drawing);
const results = new Results(byId("grid"), (index) => viewer.open(results.hits, index));
const viewer = new Viewer(byId("viewer"), (index) => results.focus(index));
const live = new LiveConnection(drawing);
drawByKeyboard(byId("canvas"), byId("tip"), drawing);

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
  open: () => byId("file").click(),
  save: () => download(drawing),
};
for (const [id, action] of Object.entries(actions)) byId(id).addEventListener("click", action);

function clear() {
  showPicture(null);
  if (drawing.isEmpty) showHits([]);
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
  if (!name || byId("viewer").open) return;
  event.preventDefault();
  if (!surface.isBusy && !byId(name).disabled) actions[name]();
});

drawing.addEventListener("change", () => {
  byId("undo").disabled = !drawing.canUndo;
  byId("redo").disabled = !drawing.canRedo;
  byId("save").disabled = drawing.strokes.length === 0;
  if (!drawing.isEmpty) showPicture(null);
  showWhatIsThere();
});

// --- answers ---

live.addEventListener("state", ({ detail: state }) => {
  byId("connection").dataset.state = state;
  byId("connection").textContent = { connecting: "Connecting", live: "Live", lost: "Reconnecting" }[state];
});

live.addEventListener("hello", ({ detail: hello }) => {
  byId("photos").textContent = `${hello.photos.toLocaleString("en")} ${hello.photos === 1 ? "photo" : "photos"}`;
});

live.addEventListener("results", ({ detail: frame }) => {
  if (showsPicture()) return; // the hits shown are those of a picture that was opened, not of the empty sheet
  showHits(frame.hits, frame.milliseconds);
  if (!frame.pen_down && frame.hits.length) announce(`Best match: ${title(frame.hits[0])}`);
});

live.addEventListener("refused", ({ detail: frame }) => notify(frame.message));

async function showHits(hits, milliseconds) {
  byId("speed").textContent = hits.length ? `${Math.max(1, Math.round(milliseconds))} ms` : "";
  await results.show(hits);
  showWhatIsThere();
}

// --- files ---

receiveFiles(byId("file"), byId("veil"), async (file) => {
  try {
    const found = await search(file, TOP);
    if (found.strokes) {
      drawing.replace(found.strokes.map((points) => ({ points })));
      return; // the live session answers
    }
    drawing.clear();
    showPicture(file);
    await showHits(found.hits, found.milliseconds);
    if (found.hits.length) announce(`Best match: ${title(found.hits[0])}`);
  } catch (error) {
    notify(error.message);
  }
});

const showsPicture = () => !byId("picture").hidden;

function showPicture(file) {
  const picture = byId("picture");
  if (!file && picture.hidden) return;
  URL.revokeObjectURL(picture.src);
  picture.hidden = !file;
  if (file) picture.src = URL.createObjectURL(file);
  else picture.removeAttribute("src");
  showWhatIsThere();
}

// --- what the page says ---

function showWhatIsThere() {
  const blank = drawing.isEmpty && !showsPicture();
  document.body.classList.toggle("is-blank", blank);
  document.body.classList.toggle("has-hits", results.hits.length > 0);
  byId("clear").disabled = blank;
}

function announce(message) {
  byId("status").textContent = message;
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
