// The parts of a browser that the live connection uses, moved by the test. The clock is node's own mock clock.

import { mock } from "node:test";

export class FakeSocket extends EventTarget {
  static OPEN = 1;
  readyState = 0;
  /** The frames that were sent. @type {any[]} */
  sent = [];

  /** @param {URL | string} address */
  constructor(address) {
    super();
    this.address = String(address);
  }

  /** @param {string} text */
  send(text) {
    this.sent.push(JSON.parse(text));
  }

  accept() {
    this.readyState = FakeSocket.OPEN;
    this.dispatchEvent(new Event("open"));
  }

  /** @param {object} frame - from the server */
  answer(frame) {
    this.dispatchEvent(new MessageEvent("message", { data: JSON.stringify(frame) }));
  }

  /** @param {number} [code] - that the server gave */
  drop(code = 1006) {
    this.readyState = 3;
    this.dispatchEvent(Object.assign(new Event("close"), { code }));
  }
}

export class FakeBrowser {
  /** All that were ever opened. @type {FakeSocket[]} */
  sockets = [];
  reloads = 0;
  window = new EventTarget();
  document = Object.assign(new EventTarget(), { hidden: false });
  /** @type {Map<number, () => void>} */
  #frames = new Map();
  #handle = 0;

  /**
   * Takes the place of the browser until the next one does.
   * @param {string} address - of the page
   */
  constructor(address = "http://127.0.0.1:8000/") {
    const { sockets } = this;
    const globals = {
      WebSocket: class extends FakeSocket {
        /** @param {URL} url */
        constructor(url) {
          super(url);
          sockets.push(this);
        }
      },
      addEventListener: this.window.addEventListener.bind(this.window),
      cancelAnimationFrame: (/** @type {number} */ handle) => this.#frames.delete(handle),
      document: this.document,
      location: { href: address, reload: () => (this.reloads += 1) },
      requestAnimationFrame: (/** @type {() => void} */ callback) => {
        this.#handle += 1;
        this.#frames.set(this.#handle, callback);
        return this.#handle;
      },
    };
    for (const [name, value] of Object.entries(globals)) {
      Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
    }
    mock.timers.reset();
    mock.timers.enable({ apis: ["setTimeout"] });
  }

  /** The newest socket. */
  get socket() {
    const socket = this.sockets.at(-1);
    if (!socket) throw new Error("no socket was opened");
    return socket;
  }

  paint() {
    const callbacks = [...this.#frames.values()];
    this.#frames.clear();
    for (const callback of callbacks) callback();
  }

  /** @param {number} milliseconds */
  wait(milliseconds) {
    mock.timers.tick(milliseconds);
  }
}
