// The drawing outlives a reload: its strokes lie in the storage of this tab alone, which goes when the tab is closed.

const KEY = "sketchseek-drawing";

export function keptStrokes() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? "[]").map((points) => ({ points }));
  } catch {
    return [];
  }
}

export function keepDrawing(drawing) {
  const keep = () => {
    try {
      sessionStorage.setItem(KEY, JSON.stringify(drawing.strokes.map((stroke) => stroke.points)));
    } catch {
      sessionStorage.removeItem(KEY); // too large to be kept; an older one would be no help
    }
  };
  drawing.addEventListener("end", keep);
  drawing.addEventListener("anew", keep);
}
