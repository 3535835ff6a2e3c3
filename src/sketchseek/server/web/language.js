// The page's language: the one that was chosen here last, or else the first of the browser's that there are texts in.

import { byId } from "./elements.js";
import { TEXTS } from "./texts.js";

/** @typedef {keyof typeof TEXTS} Language */

const KEY = "sketchseek-language";
/** The attributes that index.html names texts by, and what each text becomes. @type {Record<string, string>} */
const ATTRIBUTES = {
  "data-title": "title", "data-label": "aria-label", "data-alt": "alt", "data-description": "aria-description",
};

/** @type {Language} */
export const language = kept() ?? ofBrowser();
/** The page's texts. */
export const text = TEXTS[language];

/**
 * Writes the texts that the elements name.
 * @param {ParentNode} within
 */
export function fillTexts(within) {
  const named = (/** @type {Element} */ element, /** @type {string} */ attribute) => {
    const value = Object.entries(text).find(([name]) => name === element.getAttribute(attribute))?.[1];
    if (typeof value !== "string") throw new Error(`there is no text ${element.getAttribute(attribute)}`);
    return value;
  };
  for (const element of within.querySelectorAll("[data-text]")) element.textContent = named(element, "data-text");
  for (const [attribute, filled] of Object.entries(ATTRIBUTES)) {
    for (const element of within.querySelectorAll(`[${attribute}]`)) {
      element.setAttribute(filled, named(element, attribute));
    }
  }
}

/** Writes all texts of the page, and lets one switch to the other language. The drawing outlives the reload. */
export function speak() {
  document.documentElement.lang = language === "zh" ? "zh-Hans" : language;
  fillTexts(document);
  const button = byId("language");
  button.lang = language === "zh" ? "en" : "zh-Hans"; // it is written in the other one
  button.addEventListener("click", () => {
    try {
      localStorage.setItem(KEY, language === "zh" ? "en" : "zh");
    } catch {} // a browser that keeps nothing stays with its own
    location.reload();
  });
}

/** @returns {Language | null} */
function kept() {
  try {
    return known(localStorage.getItem(KEY) ?? "");
  } catch {
    return null;
  }
}

/** @returns {Language} */
function ofBrowser() {
  return (globalThis.navigator?.languages ?? []).map((tag) => known(tag.slice(0, 2))).find(Boolean) ?? "en";
}

/**
 * @param {string} code
 * @returns {Language | null}
 */
function known(code) {
  return code === "en" || code === "zh" ? code : null;
}
