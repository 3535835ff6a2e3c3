// Every text of the page, in each language. The type checker holds the languages to the same names.
//
// index.html names texts in its attributes `data-text`, `data-title` and the like (language.js); modules use them as
// `text.name`. Messages that the server sends are in English.

/** @param {number} value */
const english = (value) => value.toLocaleString("en");
/** @param {number} value */
const chinese = (value) => value.toLocaleString("zh");
/** @param {number} probability */
const percent = (probability) => Math.min(99, Math.round(100 * probability));

const en = {
  otherLanguage: "中文",
  switchLanguage: "用中文显示",

  // the bar
  practise: "Practice",
  practiseHelp: "Draw a photo of the gallery from memory",
  follow: "Follow folders",
  followHelp: "Find new photos in the indexed folders within seconds",
  connecting: "Connecting",
  live: "Live",
  lost: "Reconnecting",
  /** @param {number} count */
  photos: (count) => `${english(count)} ${count === 1 ? "photo" : "photos"}`,
  /** @param {number} count */
  beingRead: (count) => `, ${english(count)} being read`,

  // the sheet
  drawing: "Drawing",
  sheet: "Sheet to draw on",
  sheetHelp: "Arrow keys move the pen, Space puts it down and lifts it",
  invitation: "Draw what you remember",
  anywhereHint: "Anywhere on the sheet, in any size.",
  framedHint: "Where it stands in the photo, and as large.",
  openedPicture: "The picture that was opened",
  drop: "Drop a drawing to search with it",

  // the tools
  tools: "Drawing tools",
  pen: "Pen",
  penHelp: "Pen (P)",
  erase: "Erase",
  eraseHelp: "Erase strokes (E); again to rub out parts of them",
  rub: "Rub out",
  undo: "Undo",
  undoHelp: "Undo (Ctrl+Z)",
  redo: "Redo",
  redoHelp: "Redo (Ctrl+Shift+Z)",
  clear: "Clear",
  clearHelp: "Clear the sheet (Delete)",
  anywhere: "Anywhere",
  anywhereHelp: "Draw it anywhere on the sheet, in any size",
  framed: "As in photo",
  framedHelp: "Draw it where it stands in the photo, and as large: the sheet is the photo’s frame",
  open: "Open",
  openHelp: "Open a drawing: JSON, SVG or a picture (Ctrl+O)",
  openLabel: "A drawing to open",
  save: "Save",
  saveHelp: "Save the drawing (Ctrl+S)",

  // words
  words: "Words",
  wordsBeside: "Words beside the drawing",
  wordsKnown: "Words that the model knows",
  wordsExample: "Add words: red, with arms",
  /** @param {string[]} names */
  nameExample: (names) => `Add a word: ${names.join(", ")}`,
  balance: "What counts more, the drawing or the words",
  weight: "Weight of the words beside the drawing",
  /** @param {number} words - percent */
  weightValue: (words) => `${100 - words} % drawing, ${words} % words`,

  // the photos
  closest: "Closest photos",
  decided: "Show what decided",
  decidedHelp: "Colour the regions that brought each photo forward, on the sketch and on the photos",
  speedHelp: "From the pen to the photos",
  saveList: "Save list",
  saveListHelp: "Save the list of these photos",
  asCsv: "As CSV",
  asJson: "As JSON",
  nothing: "The photos come with your first line and move with every stroke.",
  noPhotos: "There is no photo in the gallery yet. Add a folder of them in a terminal, and stay here:",
  gone: "The server does not answer. Draw on: it will be searched as soon as the server is back.",
  offline: " (offline)",
  missing: " (gone)",
  offlineNow: " (offline: not there now)",
  goneNow: "The photo’s file is not there now. This is its small copy.",
  /** @param {string} title */
  best: (title) => `Best match: ${title}`,
  /** @param {number} probability */
  perhaps: (probability) => `Perhaps this one, ${percent(probability)} %`,
  /** @param {number} probability */
  probably: (probability) => `Probably this one, ${percent(probability)} %`,
  sentenceEnd: ". ",

  // one photo
  photo: "Photo",
  previous: "Previous photo",
  previousHelp: "Previous (←)",
  next: "Next photo",
  nextHelp: "Next (→)",
  close: "Close",
  closeHelp: "Close (Esc)",
  similar: "More like this",
  compare: "Lay sketch over",
  helped: "Which stroke helped",
  /** How far a stroke moves the photo. @param {number} places */
  places: (places) => (places > 0 ? `+${english(places)}` : english(places)),
  download: "Download",
  copyImage: "Copy image",
  copyPath: "Copy path",
  showFolder: "Show in folder",
  imageCopied: "The image is copied.",
  pathCopied: "The path is copied.",
  notCopied: "The browser does not let the page copy.",
  practiseThis: "Draw this one from memory",
  /** @type {(place: number, count: number) => string} */
  place: (place, count) => `${english(place)} of ${english(count)}`,

  // practice
  photoDrawn: "The photo that was to be drawn",
  photoToRemember: "The photo to remember",
  hidePhoto: "Hide the photo and draw it",
  remember: "Remember this photo",
  drawFromMemory: "Draw it from memory",
  yourPhotoIs: "Your photo is",
  /** @type {(rank: number, photos: number) => string} */
  rank: (rank, photos) => `${english(rank)} of ${english(photos)}`,
  /** @param {string} title */
  kept: (title) => `Kept: ${title},`,
  keep: "Keep",
  keepHelp: "Keep the drawing with its photo",
  again: "Look again",
  againHelp: "Look at the photo and draw it anew",
  another: "Another",
  stop: "Stop",
  noStroke: "No stroke yet",
  /** @param {number[]} ranks */
  ranks: (ranks) => `Ranks after each stroke: ${ranks.join(", ")}`,

  // what went wrong
  unreachable: "The server cannot be reached.",
  /** @param {number} status */
  answered: (status) => `The server answered ${status}.`,
};

/** @type {typeof en} */
const zh = {
  otherLanguage: "EN",
  switchLanguage: "Show in English",

  practise: "练习",
  practiseHelp: "看一张图库里的照片，再凭记忆画出来",
  follow: "监视文件夹",
  followHelp: "已索引的文件夹里有新照片时，几秒内就能搜到",
  connecting: "正在连接",
  live: "已连接",
  lost: "正在重新连接",
  photos: (count) => `${chinese(count)} 张照片`,
  beingRead: (count) => `，正在读取 ${chinese(count)} 张`,

  drawing: "画面",
  sheet: "画纸",
  sheetHelp: "用方向键移动画笔，按空格键落笔或提笔",
  invitation: "画下你记得的样子",
  anywhereHint: "画在哪里、画多大都可以。",
  framedHint: "按它在照片里的位置和大小来画。",
  openedPicture: "打开的图片",
  drop: "松开鼠标，用这幅画来搜索",

  tools: "绘画工具",
  pen: "画笔",
  penHelp: "画笔（P）",
  erase: "橡皮",
  eraseHelp: "擦除整笔（E）；再按一次可擦除局部",
  rub: "擦局部",
  undo: "撤销",
  undoHelp: "撤销（Ctrl+Z）",
  redo: "重做",
  redoHelp: "重做（Ctrl+Shift+Z）",
  clear: "清空",
  clearHelp: "清空画纸（Delete）",
  anywhere: "随处画",
  anywhereHelp: "画在画纸的任何位置，大小不限",
  framed: "按原位",
  framedHelp: "按照片里的位置和大小来画：画纸就是照片的边框",
  open: "打开",
  openHelp: "打开一幅画：JSON、SVG 或图片（Ctrl+O）",
  openLabel: "要打开的画",
  save: "保存",
  saveHelp: "保存这幅画（Ctrl+S）",

  words: "文字",
  wordsBeside: "与画面一起搜索的文字",
  wordsKnown: "模型认识的词",
  wordsExample: "补充英文描述，如 red, with arms",
  nameExample: (names) => `补充英文名称，如 ${names.join("、")}`,
  balance: "画面和文字，哪个更重要",
  weight: "文字相对画面的权重",
  weightValue: (words) => `画面占 ${100 - words}%，文字占 ${words}%`,

  closest: "最接近的照片",
  decided: "显示依据",
  decidedHelp: "在画面和照片上标出让照片排到前面的区域",
  speedHelp: "从落笔到照片出现的时间",
  saveList: "保存列表",
  saveListHelp: "保存这些照片的列表",
  asCsv: "保存为 CSV",
  asJson: "保存为 JSON",
  nothing: "画下第一笔，照片就会出现；每添一笔，排序随之变化。",
  noPhotos: "图库里还没有照片。请在终端里添加一个文件夹，页面不用关闭：",
  gone: "服务器没有响应。可以继续画，服务器恢复后会立即搜索。",
  offline: "（离线）",
  missing: "（已不在）",
  offlineNow: "（离线：文件目前不在）",
  goneNow: "照片文件目前不在，这里显示的是缩略图。",
  best: (title) => `最接近：${title}`,
  perhaps: (probability) => `也许是这张，${percent(probability)}%`,
  probably: (probability) => `很可能是这张，${percent(probability)}%`,
  sentenceEnd: "。",

  photo: "照片",
  previous: "上一张照片",
  previousHelp: "上一张（←）",
  next: "下一张照片",
  nextHelp: "下一张（→）",
  close: "关闭",
  closeHelp: "关闭（Esc）",
  similar: "找相似的照片",
  compare: "叠上草图",
  helped: "哪一笔有用",
  places: (places) => (places > 0 ? `+${chinese(places)}` : chinese(places)),
  download: "下载",
  copyImage: "复制图片",
  copyPath: "复制路径",
  showFolder: "在文件夹中显示",
  imageCopied: "图片已复制。",
  pathCopied: "路径已复制。",
  notCopied: "浏览器不允许页面复制。",
  practiseThis: "凭记忆画这张",
  place: (place, count) => `第 ${chinese(place)} 张，共 ${chinese(count)} 张`,

  photoDrawn: "要画的那张照片",
  photoToRemember: "要记住的照片",
  hidePhoto: "盖上照片，开始画",
  remember: "记住这张照片",
  drawFromMemory: "凭记忆把它画出来",
  yourPhotoIs: "你的照片排在",
  rank: (rank, photos) => `第 ${chinese(rank)} 位，共 ${chinese(photos)} 张`,
  kept: (title) => `已保留“${title}”，`,
  keep: "保留",
  keepHelp: "把这幅画和照片一起保留下来",
  again: "再看一眼",
  againHelp: "再看一遍照片，重新画",
  another: "换一张",
  stop: "结束",
  noStroke: "还没有笔画",
  ranks: (ranks) => `每一笔之后的名次：${ranks.join("、")}`,

  unreachable: "无法连接服务器。",
  answered: (status) => `服务器返回了错误 ${status}。`,
};

/** By the language's code. */
export const TEXTS = { en, zh };
