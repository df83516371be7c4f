// Draws data.values[i][j], at (data.x[i], data.y[j]), as a surface to rotate. null: no finite value.
const canvas = document.getElementById("surface"), brush = canvas.getContext("2d");
const { x, y, values, colours, low, top: high, value } = data;
const START = { turn: -0.9, tilt: 0.6, zoom: 1 };
let view = { ...START }, log = data.log, marked = null, projected = [], pointers = new Map();

const flat = values.flat().filter((v) => v !== null);
const text = (v) => Number(v.toPrecision(4)).toString();
const middle = (axis) => (axis[0] + axis[axis.length - 1]) / 2;
const length = (axis) => Math.abs(axis[axis.length - 1] - axis[0]);

// The share of the scale, from 0 to 1; higher values are clipped.
function share(v) {
  const f = log ? Math.log(Math.max(v, low) / low) / Math.log(high / low) : (v - low) / (high - low);
  return Math.min(Math.max(f, 0), 1);
}

const colour = (f) => colours[Math.round(f * (colours.length - 1))];

// From x, y in [-1, 1] and height in [0, 1] to pixels, and the depth behind the screen.
function project(px, py, height, width, tall) {
  const c = Math.cos(view.turn), s = Math.sin(view.turn), ct = Math.cos(view.tilt), st = Math.sin(view.tilt);
  const across = c * px - s * py, back = s * px + c * py, up = 1.1 * height - 0.5;
  const size = Math.min(width / 3.2, tall / 2.6) * view.zoom;
  return { x: width / 2 + size * across, y: tall / 2 - size * (back * st + up * ct), depth: back * ct - up * st };
}

function draw() {
  const ratio = window.devicePixelRatio || 1, width = canvas.clientWidth, tall = canvas.clientHeight;
  canvas.width = width * ratio;
  canvas.height = tall * ratio;
  brush.setTransform(ratio, 0, 0, ratio, 0, 0);
  const style = getComputedStyle(document.documentElement);
  const ink = style.getPropertyValue("--ink"), line = style.getPropertyValue("--line");
  const longest = Math.max(length(x), length(y));
  // A range much shorter than the other is drawn at a third of its length, not as a thread
  const span = [x, y].map((axis) => Math.max(length(axis) / longest, 1 / 3));
  const place = (i, j, height) =>
    project((span[0] * 2 * (x[i] - middle(x))) / (x[x.length - 1] - x[0]),
            (span[1] * 2 * (y[j] - middle(y))) / (y[y.length - 1] - y[0]), height, width, tall);
  projected = values.map((row, i) => row.map((v, j) => (v === null ? null : place(i, j, share(v)))));

  frame(place, ink, line);
  const faces = [];
  for (let i = 0; i + 1 < x.length; i++) {
    for (let j = 0; j + 1 < y.length; j++) {
      const corners = [projected[i][j], projected[i + 1][j], projected[i + 1][j + 1], projected[i][j + 1]];
      if (corners.includes(null)) continue;
      const mean = (share(values[i][j]) + share(values[i + 1][j]) + share(values[i + 1][j + 1]) + share(values[i][j + 1])) / 4;
      faces.push({ corners, mean, depth: corners.reduce((sum, p) => sum + p.depth, 0) });
    }
  }
  // The farthest face first, so that nearer ones cover it
  faces.sort((a, b) => b.depth - a.depth);
  brush.lineWidth = 0.6;
  for (const face of faces) {
    brush.beginPath();
    face.corners.forEach((p, k) => (k ? brush.lineTo(p.x, p.y) : brush.moveTo(p.x, p.y)));
    brush.closePath();
    brush.fillStyle = brush.strokeStyle = colour(face.mean);
    brush.fill();
    brush.stroke();
    brush.strokeStyle = "#0003";
    brush.stroke();
  }
  if (marked && projected[marked.i][marked.j]) {
    const p = projected[marked.i][marked.j];
    brush.beginPath();
    brush.arc(p.x, p.y, 5, 0, 7);
    brush.fillStyle = "#fff";
    brush.strokeStyle = "#000";
    brush.lineWidth = 2;
    brush.fill();
    brush.stroke();
  }
}

// The border of the floor with numbers at its ends, and a cross at each point without a finite value.
function frame(place, ink, line) {
  const last = [x.length - 1, y.length - 1];
  const corners = [[0, 0], [last[0], 0], last, [0, last[1]]].map(([i, j]) => place(i, j, 0));
  brush.strokeStyle = line;
  brush.lineWidth = 1;
  brush.beginPath();
  corners.forEach((p, k) => (k ? brush.lineTo(p.x, p.y) : brush.moveTo(p.x, p.y)));
  brush.closePath();
  brush.stroke();
  const centre = { x: canvas.clientWidth / 2, y: canvas.clientHeight / 2 };
  brush.fillStyle = ink;
  brush.font = "13px system-ui, sans-serif";
  const write = (words, p, far) => {
    const long = brush.measureText(words).width, left = p.x < centre.x ? p.x - far - long : p.x + far;
    brush.fillText(words, Math.min(Math.max(left, 0), canvas.clientWidth - long), p.y + (p.y < centre.y ? -4 : 16));
  };
  const between = (a, b) => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });
  // Each axis is labelled at its border that is nearer to the eye
  const near = (a, b) => (corners[a].y + corners[(a + 1) % 4].y > corners[b].y + corners[(b + 1) % 4].y ? a : b);
  for (const [axis, side] of [[x, near(0, 2)], [y, near(1, 3)]]) {
    const a = corners[side], b = corners[(side + 1) % 4], forward = side < 2;
    write(text(axis[forward ? 0 : axis.length - 1]), between(a, between(a, between(a, b))), 6);
    write(text(axis[forward ? axis.length - 1 : 0]), between(b, between(b, between(a, b))), 6);
    write(data.labels[axis === x ? 0 : 1], between(a, b), 18);
  }
  brush.strokeStyle = getComputedStyle(document.documentElement).getPropertyValue("--bad");
  values.forEach((row, i) => row.forEach((v, j) => {
    if (v !== null) return;
    const p = place(i, j, 0);
    brush.beginPath();
    brush.moveTo(p.x - 3, p.y - 3);
    brush.lineTo(p.x + 3, p.y + 3);
    brush.moveTo(p.x + 3, p.y - 3);
    brush.lineTo(p.x - 3, p.y + 3);
    brush.stroke();
  }));
}

function mark(i, j) {
  marked = { i: Math.min(Math.max(i, 0), x.length - 1), j: Math.min(Math.max(j, 0), y.length - 1) };
  const v = values[marked.i][marked.j];
  const words = v === null ? "no finite value" : text(v) + (v > high ? " (clipped)" : "");
  document.getElementById("point").textContent = `x = ${text(x[marked.i])}, y = ${text(y[marked.j])}, ${value} = ${words}`;
  draw();
}

// The point nearest to a place on the screen; of several about as near, the one in front.
function pick(px, py) {
  let best = null;
  projected.forEach((row, i) => row.forEach((p, j) => {
    const far = p && Math.hypot(p.x - px, p.y - py);
    if (p && far < 18 && (!best || far + 12 * p.depth < best.cost)) best = { cost: far + 12 * p.depth, i, j };
  }));
  if (best) mark(best.i, best.j);
}

function turn(dx, dy) {
  view.turn += dx;
  view.tilt = Math.min(Math.max(view.tilt + dy, 0.05), Math.PI / 2);
  draw();
}

function zoom(factor) {
  view.zoom = Math.min(Math.max(view.zoom * factor, 0.4), 6);
  draw();
}

function showScale() {
  document.getElementById("bar").style.background = `linear-gradient(to right, ${colours.join(",")})`;
  document.getElementById("low").textContent = `${value} ${text(low)}`;
  document.getElementById("top").textContent = text(high) + (flat.some((v) => v > high * (1 + 1e-9)) ? " and above" : "");
  const button = document.getElementById("log");
  button.hidden = !(low > 0 && value === "loss");
  button.textContent = log ? "linear scale" : "logarithmic scale";
}

canvas.addEventListener("pointerdown", (e) => {
  pointers.set(e.pointerId, e);
  canvas.setPointerCapture(e.pointerId);
});
canvas.addEventListener("pointermove", (e) => {
  const before = pointers.get(e.pointerId), box = canvas.getBoundingClientRect();
  if (!before) return pick(e.clientX - box.left, e.clientY - box.top);
  if (pointers.size === 1) turn((e.clientX - before.clientX) * 0.008, (e.clientY - before.clientY) * 0.008);
  else {
    const other = [...pointers].find(([id]) => id !== e.pointerId)[1];
    const far = (a) => Math.hypot(a.clientX - other.clientX, a.clientY - other.clientY);
    zoom(far(e) / Math.max(far(before), 1));
  }
  pointers.set(e.pointerId, e);
});
for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, (e) => pointers.delete(e.pointerId));
canvas.addEventListener("click", (e) => pick(e.offsetX, e.offsetY));
canvas.addEventListener("wheel", (e) => {
  e.preventDefault();
  zoom(Math.exp(-e.deltaY / 600));
}, { passive: false });
canvas.addEventListener("keydown", (e) => {
  const arrow = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[e.key];
  const at = marked || { i: x.length >> 1, j: y.length >> 1 };
  if (arrow && e.shiftKey) mark(at.i + arrow[0], at.j + arrow[1]);
  else if (arrow) turn(0.08 * arrow[0], -0.08 * arrow[1]);
  else if (e.key === "+" || e.key === "=") zoom(1.1);
  else if (e.key === "-") zoom(1 / 1.1);
  else if (e.key === "0") { view = { ...START }; draw(); }
  else return;
  e.preventDefault();
});
document.getElementById("log").addEventListener("click", () => { log = !log; showScale(); draw(); });
window.addEventListener("resize", draw);
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
showScale();
draw();
