// The socket of the live session: sends points as they are drawn, once an animation frame, and hands the answers on.
//
// When the connection drops it is made anew and the whole drawing sent again, so nothing drawn meanwhile is lost.
// Events: "state" (detail: connecting, live or lost), "asked", "hello", "results" and "refused" (detail: the server's frame).

const RETRIES = [300, 700, 1500, 3000, 5000]; // milliseconds to wait before each new attempt

export class LiveConnection extends EventTarget {
  #drawing;
  #socket = null;
  #failures = 0;
  #retry = 0;
  #seq = 0;
  #anewSeq = 0; // the frame that last sent the whole drawing; answers to what was before it are outdated
  #stroke = 0; // number of the stroke being drawn
  #pending = [];
  #frame = 0;
  #wishes = new Map(); // frames by type that a new connection is sent again

  constructor(drawing) {
    super();
    this.#drawing = drawing;
    drawing.addEventListener("points", ({ detail }) => this.#queue(detail));
    drawing.addEventListener("end", () => this.#end());
    drawing.addEventListener("anew", () => this.#sendAnew());
    addEventListener("online", () => this.#connect());
    document.addEventListener("visibilitychange", () => document.hidden || this.#connect());
    this.#connect();
  }

  // What results are to hold besides the photos: {type: "regions", on} or {type: "target", id}.
  wish(frame) {
    this.#wishes.set(frame.type, frame);
    this.#send(frame);
  }

  // Whether these results are those of all that was sent.
  isNewest({ seq }) {
    return seq === this.#seq;
  }

  #connect() {
    clearTimeout(this.#retry);
    if (this.#socket) return;
    this.#tell("state", this.#failures ? "lost" : "connecting");
    const socket = new WebSocket(new URL("/api/live", location.href.replace(/^http/, "ws")));
    this.#socket = socket;
    socket.addEventListener("open", () => {
      this.#failures = 0;
      this.#tell("state", "live");
      this.#sendAnew();
      this.#wishes.forEach((frame) => this.#send(frame));
    });
    socket.addEventListener("message", ({ data }) => this.#receive(JSON.parse(data)));
    socket.addEventListener("close", () => {
      this.#socket = null;
      this.#tell("state", "lost");
      this.#retry = setTimeout(() => this.#connect(), RETRIES[Math.min(this.#failures, RETRIES.length - 1)]);
      this.#failures += 1;
    });
  }

  #receive(frame) {
    if (frame.type === "hello") this.#tell("hello", frame);
    else if (frame.type === "error") this.#tell("refused", frame);
    else if (frame.seq >= this.#anewSeq) this.#tell("results", frame);
  }

  #queue(points) {
    this.#pending.push(...points);
    this.#frame ||= requestAnimationFrame(() => this.#flush());
  }

  #flush() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    if (this.#pending.length) this.#send({ type: "points", stroke: this.#stroke, points: this.#pending });
    this.#pending = [];
  }

  #end() {
    this.#flush();
    this.#send({ type: "end", stroke: this.#stroke });
    this.#stroke += 1;
  }

  #sendAnew() {
    this.#pending = [];
    this.#send({ type: "sketch", strokes: this.#drawing.strokes.map((stroke) => stroke.points) });
    this.#anewSeq = this.#seq;
    // The server ends every stroke where the drawing comes anew, so the open one goes on under a new number.
    this.#stroke += 1;
    if (this.#drawing.open) this.#queue(this.#drawing.open.points);
  }

  #send(frame) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return; // sent with the whole drawing once there is a connection
    this.#seq += 1;
    this.#socket.send(JSON.stringify({ ...frame, seq: this.#seq }));
    this.#tell("asked");
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
