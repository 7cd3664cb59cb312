// Draws the planes of small volumes of bytes (y, z, x) that lie in the page, where its sliders stand.
"use strict";
const element = (id) => document.getElementById(id);
const facts = JSON.parse(element("facts").textContent);
const [ny, nz, nx] = facts.shape;
const bytes = (id) => {
  const text = atob(element(id).textContent);
  const found = new Uint8Array(text.length);
  for (let place = 0; place < text.length; place += 1) found[place] = text.charCodeAt(place);
  return found;
};
const volumes = Object.fromEntries(facts.volumes.map((volume) => [volume.id, { ...volume, bytes: bytes(volume.id) }]));
const uncertainty = facts.uncertainty ? bytes("uncertainty") : null;
const planes = {
  y: { width: nx, height: nz, place: (at, row, column) => (at * nz + row) * nx + column },
  z: { width: nx, height: ny, place: (at, row, column) => (row * nz + at) * nx + column },
  x: { width: nz, height: ny, place: (at, row, column) => (row * nz + column) * nx + at },
};
const density = (percent) => facts.low + (facts.high - facts.low) * percent / 100;

// Greys of the 256 values of a volume between black and white.
const greys = (volume, black, white) => Uint8ClampedArray.from({ length: 256 }, (_, byte) => {
  const value = volume.low + (volume.high - volume.low) * byte / 255;
  return 255 * (value - black) / Math.max(white - black, (facts.high - facts.low) * 1e-6);
});

const draw = (canvas) => {
  const volume = volumes[canvas.dataset.volume], plane = planes[canvas.dataset.plane], at = Number(element(canvas.dataset.plane).value);
  const grey = greys(volume, density(Number(element("black").value)), density(Number(element("white").value)));
  const overlay = uncertainty && canvas.dataset.overlay ? Number(element("overlay").value) / 100 : 0;
  const image = new ImageData(plane.width, plane.height);
  for (let row = 0, pixel = 0; row < plane.height; row += 1) {
    for (let column = 0; column < plane.width; column += 1, pixel += 4) {
      const place = plane.place(at, row, column), value = grey[volume.bytes[place]];
      const share = overlay ? overlay * uncertainty[place] / 255 : 0;
      image.data[pixel] = value + share * (230 - value);
      image.data[pixel + 1] = value + share * (97 - value);
      image.data[pixel + 2] = value + share * (1 - value);
      image.data[pixel + 3] = 255;
    }
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
};

const tell = () => {
  for (const axis of ["y", "z", "x"]) {
    const { first, step } = facts.slices[axis];
    element(`${axis}-told`).textContent = String(first + step * Number(element(axis).value));
  }
  for (const name of ["black", "white"]) element(`${name}-told`).textContent = density(Number(element(name).value)).toPrecision(3);
};

const canvases = [...document.querySelectorAll("canvas")];
for (const canvas of canvases) {
  const plane = planes[canvas.dataset.plane];
  [canvas.width, canvas.height] = [plane.width, plane.height];
}
const drawAll = () => { canvases.forEach(draw); tell(); };
for (const slider of document.querySelectorAll("input[type=range]")) slider.addEventListener("input", drawAll);
drawAll();
