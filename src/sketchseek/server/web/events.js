// Events whose names and details the type checker knows.

/** @template {Record<string, unknown>} Details - the type of each event's detail, by the event's name */
export class Events {
  #target = new EventTarget();

  /**
   * @template {keyof Details & string} Name
   * @param {Name} name
   * @param {(detail: Details[Name]) => void} listener
   */
  on(name, listener) {
    this.#target.addEventListener(name, (event) => {
      listener(/** @type {CustomEvent<Details[Name]>} */ (event).detail);
    });
  }

  /**
   * @protected
   * @template {keyof Details & string} Name
   * @param {Name} name
   * @param {Details[Name]} detail
   */
  tell(name, detail) {
    this.#target.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
