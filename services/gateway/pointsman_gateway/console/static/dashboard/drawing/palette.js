// Appearance of series: colours from the style sheet, dashes, and textures on filled areas.

export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Appearance of a series by its position; `TOTAL` is the position of the sum or mean of all series. */
export const TOTAL = -1;
export const seriesName = (at) => at === TOTAL ? "total" : `s${at % 6}`;
export const seriesColour = (at) => colour(at === TOTAL ? "--ink" : `--s${at % 6}`);
export const dashOf = (at) => at === TOTAL ? [] : DASHES[at % DASHES.length];
const DASHES = [[9, 3], [5, 4], [2, 3], [10, 3, 2, 3], [4, 2], [1, 4]];

const SIZE = 8;
const STROKES = [
  null,
  (pen) => { pen.moveTo(-2, 2); pen.lineTo(2, -2); pen.moveTo(-2, 10); pen.lineTo(10, -2); pen.moveTo(6, 10); pen.lineTo(10, 6); },
  (pen) => { pen.rect(2.5, 2.5, 1.5, 1.5); },
  (pen) => { pen.moveTo(0, 4); pen.lineTo(8, 4); },
  (pen) => { pen.moveTo(-2, 6); pen.lineTo(2, 10); pen.moveTo(-2, -2); pen.lineTo(10, 10); pen.moveTo(6, -2); pen.lineTo(10, 2); },
  (pen) => { pen.moveTo(4, 0); pen.lineTo(4, 8); },
];

/** A tile of the series colour, with its texture in the colour of the card. */
export function texture(at) {
  const tile = document.createElement("canvas"), pen = tile.getContext("2d"), ratio = Math.max(1, Math.round(devicePixelRatio));
  tile.width = tile.height = SIZE * ratio;
  pen.scale(ratio, ratio);
  pen.fillStyle = seriesColour(at);
  pen.fillRect(0, 0, SIZE, SIZE);
  const draw = STROKES[at % STROKES.length];
  if (draw) {
    pen.strokeStyle = colour("--card");
    pen.globalAlpha = 0.55;
    pen.lineWidth = 1.2;
    pen.beginPath();
    draw(pen);
    pen.stroke();
  }
  return tile;
}
