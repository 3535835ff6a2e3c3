// Names that the model knows, offered under the box while one is typed: a combobox with a list.
//
// Arrow keys choose, Enter takes the one chosen, Escape closes the list.

const MOST = 8; // names offered
const WORDS = 4; // of the end of the text, which may be the beginning of one name

export class Completion {
  /** @type {string[]} */
  names = [];
  #box;
  #list;
  #start = 0; // where in the text the name begins that is being typed
  #chosen = -1; // index of the option chosen; -1: none

  /**
   * @param {HTMLInputElement} box
   * @param {HTMLElement} list
   */
  constructor(box, list) {
    this.#box = box;
    this.#list = list;
    box.addEventListener("input", () => this.#offer());
    box.addEventListener("blur", () => this.#close());
    box.addEventListener("keydown", (event) => {
      if (this.#press(event.key)) event.preventDefault();
    });
    list.addEventListener("pointerdown", (event) => event.preventDefault()); // the box keeps the focus
    list.addEventListener("click", (event) => {
      const option = event.target instanceof Element && event.target.closest("li");
      if (option) this.#take([...list.children].indexOf(option));
    });
  }

  #offer() {
    const { start, names } = completions(this.#box.value, this.names);
    this.#start = start;
    this.#list.replaceChildren(...names.map((name, index) => {
      const option = document.createElement("li");
      option.id = `name-${index}`;
      option.role = "option";
      option.textContent = name;
      return option;
    }));
    this.#list.hidden = names.length === 0;
    this.#box.ariaExpanded = String(names.length > 0);
    this.#choose(-1);
  }

  #close() {
    this.#list.hidden = true;
    this.#box.ariaExpanded = "false";
    this.#choose(-1);
  }

  /**
   * Whether the key meant something to the list.
   * @param {string} key
   */
  #press(key) {
    const count = this.#list.children.length;
    if (key === "ArrowDown" && this.#list.hidden) this.#offer();
    else if (this.#list.hidden) return false;
    else if (key === "ArrowDown") this.#choose(this.#chosen + 1 < count ? this.#chosen + 1 : -1);
    else if (key === "ArrowUp") this.#choose(this.#chosen < 0 ? count - 1 : this.#chosen - 1);
    else if (key === "Escape") this.#close();
    else if (key === "Enter" && this.#chosen >= 0) this.#take(this.#chosen);
    else {
      if (key === "Enter") this.#close();
      return false;
    }
    return true;
  }

  /** @param {number} index */
  #choose(index) {
    this.#chosen = index;
    [...this.#list.children].forEach((option, at) => {
      option.ariaSelected = String(at === index);
    });
    if (index < 0) this.#box.removeAttribute("aria-activedescendant");
    else this.#box.setAttribute("aria-activedescendant", this.#list.children[index].id);
  }

  /** @param {number} index */
  #take(index) {
    this.#box.value = this.#box.value.slice(0, this.#start) + this.#list.children[index].textContent;
    this.#box.dispatchEvent(new Event("input"));
    this.#close();
    this.#box.dispatchEvent(new Event("change"));
  }
}

/**
 * The names that the end of a text may be the beginning of, and where in the text that begins: as many of its last
 * words as possible. Names that begin so come before those of which a later word does, else they keep their order.
 * @param {string} text
 * @param {string[]} names
 */
export function completions(text, names) {
  const starts = [...text.matchAll(/\S+/g)].map((word) => word.index).slice(-WORDS);
  for (const start of /\s$/.test(text) ? [] : starts) {
    const typed = plain(text.slice(start));
    const first = names.filter((name) => plain(name).startsWith(typed));
    const later = names.filter((name) => plain(name).includes(` ${typed}`));
    const found = [...first, ...later.filter((name) => !first.includes(name))];
    const isWhole = found.length === 1 && plain(found[0]) === typed;
    if (typed && found.length) return { start, names: isWhole ? [] : found.slice(0, MOST) };
  }
  return { start: 0, names: [] };
}

/** @param {string} text - in lower case and without accents, with single spaces for hyphens */
const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replace(/[\s_-]+/g, " ");
