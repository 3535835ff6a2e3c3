// The service worker: without the server the page still opens, to be drawn on until the server is back.
//
// What belongs to the page comes from the server as long as that answers, and only else from what was kept (offline.js).
// Nothing below api/ goes through here, so an answer is never an old one.

const worker = /** @type {any} */ (globalThis); // the types here are those of pages

worker.addEventListener("fetch", (/** @type {any} */ event) => {
  const { request } = event;
  if (request.method !== "GET" || request.url.startsWith(new URL("api/", location.href).href)) return;
  event.respondWith(fetch(request).catch(async (error) => {
    const kept = await caches.match(request.mode === "navigate" ? "./" : request);
    if (kept) return kept;
    throw error;
  }));
});
