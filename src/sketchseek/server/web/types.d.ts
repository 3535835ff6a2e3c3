// The data that the page's modules share, and the frames that page and server exchange. Only the type checker reads it.
//
// The frames have the fields of src/sketchseek/search/protocol.py; a test compares them.

/** x and y on the unit canvas, milliseconds since the drawing's first point, pressure 0..1 (all 0 if unknown). */
export type Point = [x: number, y: number, time: number, pressure: number];
export type Place = [x: number, y: number];
export type Stroke = { points: Point[] };

/** A picture to search by and to draw on: a file that was opened, or a photo of the gallery by its address. */
export type Picture = { file: File } | { photo: string };

/** A sketch file in this project's own format. */
export type SketchFile = { format: "sketchseek-sketch"; version: 1; strokes: Point[][] };

export type Photo = { id: string; name: string; width: number; height: number };
export type Hit = Photo & { rank: number; score: number; offline: boolean };

/** Maps of the regions that matched, as bytes: `shape` is [regions, rows, columns]; `strength` is 0..1 by region. */
export type Regions = { shape: Shape; maps: Uint8Array; strength: number[] };
export type RegionsOfHits = { sketch: Regions; hits: Regions[] };
export type Shape = [regions: number, rows: number, columns: number];

/** The same in a results frame, where the maps are base64. */
export type EncodedRegions = { shape: Shape; sketch: string; hits: EncodedHitRegions[] };
export type EncodedHitRegions = { maps: string; strength: number[] };

/** Hits to show. `confidence` is the probability that the first one is right; null where the model cannot tell. */
export type Answer = {
  hits: Hit[];
  milliseconds?: number;
  confidence?: number | null;
  regions?: EncodedRegions | null;
  remark?: string; // which words the model does not know
  placement?: Placement;
};

/** The answer to an uploaded file; `strokes` is null for a picture and missing for a search by a photo. */
export type FileAnswer = Answer & { strokes?: Point[][] | null };

/** Words beside the drawing, and their weight 0..1: 0 is the drawing alone, 1 the words alone. */
export type WordsAndWeight = { text: string; weight: number };

// --- frames from the page; each is sent with a `seq` that grows by 1 ---

export type PageFrame =
  | { type: "points"; stroke: number; points: Point[] }
  | { type: "end"; stroke: number }
  | { type: "sketch"; strokes: Point[][] }
  | Setting;

/** A setting of the session; the newest of each type is sent again after a reconnection. */
export type Setting =
  | { type: "regions"; on: boolean }
  | { type: "framed"; on: boolean }
  | { type: "top"; count: number }
  | { type: "target"; id: string | null }
  | ({ type: "words" } & WordsAndWeight);

// --- frames from the server ---

export type HelloFrame = {
  type: "hello";
  gallery: Gallery;
  photos: number;
  following: boolean | null; // null where the page cannot switch it
  regions: boolean;
  practice: boolean;
  words: boolean;
  limits: Limits;
};

export type Gallery = { name: string; model: string };

/** The largest of everything that the server takes and gives: src/sketchseek/search/limits.py. */
export type Limits = {
  strokes: number;
  points: number;
  length: number; // canvas widths of all lines
  reach: number; // canvas widths that a point may lie beyond the sheet
  words: number; // characters
  message: number; // characters of a frame
  results: number; // hits in a results frame
  top: number; // hits in one where more are asked for
};

export type ResultsFrame = Required<Answer> & {
  type: "results";
  seq: number; // of the newest frame of the page that the search took in
  frame: number;
  pen_down: boolean;
  target: Target | null;
  placement: Placement;
};

/** How the drawing was placed: point x of the sheet was searched at `scale * x + x`. */
export type Placement = { scale: number; x: number; y: number };

export type Target = { id: string; rank: number };

/** How many photos there are now, how many files are being read, and whether the folders are followed. */
export type GalleryFrame = { type: "gallery"; photos: number; reading: number; following: boolean };

export type ErrorFrame = { type: "error"; seq: number | null; message: string };

export type ServerFrame = HelloFrame | GalleryFrame | ResultsFrame | ErrorFrame;
