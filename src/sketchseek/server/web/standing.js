// What the page says of the server and its gallery: whether it answers, how many photos there are, and whether there are none.

import { messageOf, post } from "./api.js";
import { byId, part } from "./elements.js";
import { text } from "./language.js";

/** @import { LiveConnection } from "./live.js" */

const PATIENCE = 1200; // milliseconds without a server before the page says so; a connection often comes back sooner

/**
 * @param {LiveConnection} live
 * @param {(message: string) => void} notify
 */
export function showStanding(live, notify) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let waiting;
  live.on("state", (state) => {
    byId("connection").dataset.state = state;
    byId("connection").textContent = text[state];
    if (state === "lost") waiting ??= setTimeout(() => showGone(true), PATIENCE);
    else if (state === "live") {
      clearTimeout(waiting);
      waiting = undefined;
      showGone(false);
    }
  });
  live.on("hello", (hello) => {
    showCount(hello.photos);
    byId("follow").hidden = hello.following === null;
    byId("follow").ariaPressed = String(hello.following);
  });
  live.on("gallery", (frame) => {
    showCount(frame.photos, frame.reading);
    byId("follow").ariaPressed = String(frame.following);
  });
  byId("follow").addEventListener("click", async () => {
    try {
      await post("api/following", { on: byId("follow").ariaPressed === "false" });
    } catch (error) {
      notify(messageOf(error));
    }
  });
}

/** @param {boolean} gone */
function showGone(gone) {
  document.body.classList.toggle("is-lost", gone);
  byId("gone").textContent = gone ? text.gone : "";
}

/**
 * @param {number} photos
 * @param {number} reading - files that are being read
 */
function showCount(photos, reading = 0) {
  byId("photos").textContent = text.photos(photos) + (reading ? text.beingRead(reading) : "");
  const nothing = byId("nothing");
  part(nothing, "span").textContent = photos ? text.nothing : text.noPhotos;
  part(nothing, "code").textContent = photos ? "" : "sketchseek index ~/photos";
}
