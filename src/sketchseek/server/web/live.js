// The WebSocket of the live session: sends points as they are drawn, once per animation frame, and passes answers on.

import { Events } from "./events.js";

/** @import { Drawing } from "./drawing.js" */
/** @import { ErrorFrame, GalleryFrame, HelloFrame, PageFrame, Point, ResultsFrame, ServerFrame, Setting } from "./types.js" */

const RETRIES = [300, 700, 1500, 3000, 5000]; // milliseconds to wait before each new attempt
const UNAUTHORISED = 4401;

/**
 * When the connection drops it is made again and the whole drawing sent again, so nothing drawn meanwhile is lost.
 *
 * Events: "state", "sent" (a frame, which results will answer), and the server's frames: "hello", "gallery", "results"
 * and "refused" (an error frame).
 * @extends {Events<{
 *   state: "connecting" | "live" | "lost", sent: null, hello: HelloFrame, gallery: GalleryFrame, results: ResultsFrame,
 *   refused: ErrorFrame,
 * }>}
 */
export class LiveConnection extends Events {
  #drawing;
  /** @type {WebSocket | null} */
  #socket = null;
  #failures = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retry;
  #seq = 0;
  #wholeSeq = 0; // the frame that last sent the whole drawing; answers to earlier ones are outdated
  #stroke = 0; // number of the stroke being drawn
  /** @type {Point[]} */
  #pending = [];
  #frame = 0;
  /** When what a frame holds was drawn or asked, by its seq, until it is answered. @type {Map<number, number>} */
  #asked = new Map();
  #drawn = 0; // when the first of the pending points was
  /** By type. @type {Map<string, Setting>} */
  #settings = new Map();

  /** @param {Drawing} drawing */
  constructor(drawing) {
    super();
    this.#drawing = drawing;
    drawing.on("points", (points) => this.#queue(points));
    drawing.on("end", () => this.#end());
    drawing.on("replaced", () => this.#sendWhole());
    addEventListener("online", () => this.#connect());
    document.addEventListener("visibilitychange", () => document.hidden || this.#connect());
    this.#connect();
  }

  /**
   * Asks for results to hold more or take more into account, now and after every reconnection.
   * @param {Setting} frame
   */
  configure(frame) {
    this.#settings.set(frame.type, frame);
    this.#send(frame);
  }

  /**
   * Whether these results answer everything that was sent.
   * @param {ResultsFrame} frame
   */
  isNewest({ seq }) {
    return seq === this.#seq;
  }

  /**
   * When what these results answer first was drawn or asked, by `performance.now()`; undefined where they were answered
   * before, as they are again when photos have come.
   * @param {ResultsFrame} frame
   */
  takeAsked({ seq }) {
    const asked = this.#asked.get(seq);
    for (const earlier of this.#asked.keys()) if (earlier <= seq) this.#asked.delete(earlier);
    return asked;
  }

  #connect() {
    clearTimeout(this.#retry);
    if (this.#socket) return;
    this.tell("state", this.#failures ? "lost" : "connecting");
    const socket = new WebSocket(new URL("api/live", location.href.replace(/^http/, "ws")));
    this.#socket = socket;
    socket.addEventListener("open", () => {
      this.#failures = 0;
      this.tell("state", "live");
      this.#sendWhole();
      this.#settings.forEach((frame) => this.#send(frame));
    });
    socket.addEventListener("message", ({ data }) => this.#receive(JSON.parse(data)));
    socket.addEventListener("close", ({ code }) => {
      if (code === UNAUTHORISED) return location.reload(); // the server has a new token, and says so in place of the page
      this.#socket = null;
      this.tell("state", "lost");
      this.#retry = setTimeout(() => this.#connect(), RETRIES[Math.min(this.#failures, RETRIES.length - 1)]);
      this.#failures += 1;
    });
  }

  /** @param {ServerFrame} frame */
  #receive(frame) {
    if (frame.type === "hello") this.tell("hello", frame);
    else if (frame.type === "gallery") this.tell("gallery", frame);
    else if (frame.type === "error") this.tell("refused", frame);
    else if (frame.seq >= this.#wholeSeq) this.tell("results", frame);
  }

  /** @param {Point[]} points */
  #queue(points) {
    if (!this.#pending.length) this.#drawn = performance.now();
    this.#pending.push(...points);
    this.#frame ||= requestAnimationFrame(() => this.#flush());
  }

  #flush() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    if (this.#pending.length) this.#send({ type: "points", stroke: this.#stroke, points: this.#pending }, this.#drawn);
    this.#pending = [];
  }

  #end() {
    this.#flush();
    this.#send({ type: "end", stroke: this.#stroke });
    this.#stroke += 1;
  }

  #sendWhole() {
    this.#pending = [];
    this.#send({ type: "sketch", strokes: this.#drawing.strokes.map((stroke) => stroke.points) });
    this.#wholeSeq = this.#seq;
    // The server ends every stroke when it gets a whole drawing, so the open one goes on under a new number.
    this.#stroke += 1;
    if (this.#drawing.open) this.#queue(this.#drawing.open.points);
  }

  /**
   * @param {PageFrame} frame
   * @param {number} asked - when what it holds was drawn
   */
  #send(frame, asked = performance.now()) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return; // sent with the whole drawing once there is a connection
    this.#seq += 1;
    this.#asked.set(this.#seq, asked);
    this.#socket.send(JSON.stringify({ ...frame, seq: this.#seq }));
    this.tell("sent", null);
  }
}
