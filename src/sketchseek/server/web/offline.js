// Keeps the page itself, so that it opens without the server; worker.js serves it then.
//
// Browsers allow that on this machine and over https only.

const CACHE = "sketchseek-page";

export async function keepPage() {
  if (!("serviceWorker" in navigator)) return;
  try {
    await navigator.serviceWorker.register("worker.js", { scope: "./" });
    const own = new URL("./", location.href).href;
    const loaded = performance.getEntriesByType("resource").map((entry) => entry.name);
    const files = loaded.filter((address) => address.startsWith(own) && !address.startsWith(`${own}api/`));
    const cache = await caches.open(CACHE);
    await cache.addAll([own, ...new Set(files)]);
  } catch {} // it keeps nothing, as in a private window; the page works all the same
}
