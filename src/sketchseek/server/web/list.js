// The list of photos as a file.

import { ask } from "./api.js";
import { saveAs } from "./files.js";
import { address } from "./results.js";

/** @import { Hit } from "./types.js" */

const COLUMNS = /** @type {const} */ (["rank", "name", "score", "width", "height", "offline", "path"]);

/**
 * @param {Hit[]} hits
 * @param {"csv" | "json"} format
 * @param {boolean} withPaths - whether the server tells where the photos lie
 */
export async function saveList(hits, format, withPaths) {
  const pathOf = async (/** @type {Hit} */ hit) => (await ask(`${address(hit)}/path`)).path;
  const paths = withPaths ? await Promise.all(hits.map((hit) => pathOf(hit).catch(() => ""))) : [];
  const rows = hits.map((hit, i) => ({ ...hit, path: paths[i] ?? "" }));
  if (format === "json") saveAs("photos.json", "application/json", `${JSON.stringify(rows, null, 2)}\n`);
  else saveAs("photos.csv", "text/csv", [COLUMNS, ...rows.map((row) => COLUMNS.map((name) => row[name]))].map(line).join(""));
}

/** @param {readonly unknown[]} cells */
const line = (cells) => `${cells.map((cell) => quoted(String(cell))).join(",")}\r\n`;

/**
 * A cell that a spreadsheet reads as the text it is; one that begins like a formula is kept from being one.
 * @param {string} cell
 */
function quoted(cell) {
  const safe = /^[=+@\t]|^-[^\d]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
