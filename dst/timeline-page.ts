// The page of timeline.ts: markup, style and a script that draws what stands in the page as data.
// Every text gets into the document as text, never as markup. Nothing is fetched.

import type { Picture } from "./timeline.ts";

export function page(picture: Picture): string {
  return [
    "<!doctype html>",
    '<html lang="en">',
    "<head>",
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${policy}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${escapeMarkup(picture.title)}</title>`,
    `<style>${style}</style>`,
    "</head>",
    `<body>${body}`,
    `<script type="application/json" id="picture">${inScript(picture)}</script>`,
    `<script>${script}</script>`,
    "</body>",
    "</html>",
    "",
  ].join("\n");
}

const policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";

function escapeMarkup(text: string): string {
  return text.replace(/[&<>"']/g, (unit) => `&#${unit.charCodeAt(0)};`);
}

/** JSON that no parser of HTML can take for anything else. */
function inScript(picture: Picture): string {
  return JSON.stringify(picture).replace(/[<>&\u2028\u2029]/g, (unit) => {
    return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

const body = `
<header>
  <h1></h1>
  <dl></dl>
  <p class="controls">
    <label><input type="checkbox" id="time"> virtual time (t)</label>
    <span>left, right: one record · up, down: one record of the lane · f: the failure</span>
  </p>
</header>
<main>
  <div id="lanes"></div>
  <div id="scroll"><svg id="chart" role="img" aria-label="timeline"></svg></div>
</main>
<footer>
  <section><h2>Selected</h2><div id="selected"></div></section>
  <section><h2>Before and after</h2><ol id="context"></ol></section>
  <section><h2>Expected (-) against what came (+)</h2><pre id="difference"></pre></section>
</footer>
`;

const style = `
:root {
  color-scheme: light dark;
  --ground: light-dark(#ffffff, #16181d);
  --panel: light-dark(#f4f5f7, #1e2128);
  --line: light-dark(#d5d8de, #343944);
  --text: light-dark(#1b1f27, #e2e5ea);
  --quiet: light-dark(#68707e, #949cab);
  --call: light-dark(#2563b8, #6ea8f0);
  --commit: light-dark(#2b7d43, #63c07f);
  --fault: light-dark(#b55b00, #f0a04a);
  --crash: light-dark(#c02626, #ff7b72);
}
* { box-sizing: border-box; }
body {
  margin: 0; height: 100vh; display: flex; flex-direction: column;
  background: var(--ground); color: var(--text); font: 13px/1.4 system-ui, sans-serif;
}
header { padding: 10px 16px; border-bottom: 1px solid var(--line); }
h1 { margin: 0 0 4px; font-size: 16px; overflow-wrap: anywhere; }
h2 { margin: 0 0 6px; font-size: 12px; color: var(--quiet); }
dl { display: flex; flex-wrap: wrap; gap: 2px 18px; margin: 0; }
dl div { display: flex; gap: 6px; }
dt, .controls span { color: var(--quiet); }
dd { margin: 0; }
.controls { display: flex; flex-wrap: wrap; gap: 16px; margin: 6px 0 0; }
main { display: flex; flex: 1 1 60%; min-height: 120px; overflow-y: auto; }
#lanes { flex: none; width: 92px; border-right: 1px solid var(--line); color: var(--quiet); }
#lanes { padding-top: 16px; }
#lanes div { padding: 3px 8px 0 16px; border-bottom: 1px solid var(--line); }
#scroll { flex: 1; overflow-x: auto; overflow-y: hidden; }
svg { display: block; }
.lane { stroke: var(--line); }
.span { fill: var(--call); fill-opacity: 0.22; stroke: var(--call); cursor: pointer; }
.span.flight { fill: var(--commit); stroke: var(--commit); }
.span.failed { fill: var(--crash); stroke: var(--crash); fill-opacity: 0.45; stroke-width: 2; }
.label { fill: var(--text); font: 10px ui-monospace, monospace; pointer-events: none; white-space: pre; }
.tick { fill: var(--quiet); font: 10px ui-monospace, monospace; }
.band { fill: var(--crash); fill-opacity: 0.13; }
.band.pause { fill: var(--fault); }
.mark { fill: var(--quiet); cursor: pointer; }
.mark.call, .mark.answer { fill: var(--call); }
.mark.commit, .mark.effect, .mark.completion { fill: var(--commit); }
.mark.fault, .mark.give_up, .mark.pause, .mark.clock { fill: var(--fault); }
.mark.crash, .mark.stop { fill: var(--crash); }
.mark.chosen { stroke: var(--text); stroke-width: 2.5; }
.failure { stroke: var(--crash); stroke-width: 2; stroke-dasharray: 5 3; }
.cursor { stroke: var(--quiet); stroke-opacity: 0.6; }
footer {
  flex: 1 1 40%; display: grid; grid-template-columns: 1fr 1fr 1fr; min-height: 160px;
  background: var(--panel); border-top: 1px solid var(--line); overflow: hidden;
}
footer section { padding: 10px 16px; overflow: auto; border-right: 1px solid var(--line); }
pre, #selected, #context { margin: 0; font: 12px/1.45 ui-monospace, monospace; }
pre, #selected div { white-space: pre-wrap; overflow-wrap: anywhere; }
#context { padding: 0; list-style: none; }
#context li { padding: 1px 4px; cursor: pointer; white-space: nowrap; overflow: hidden; }
#context li.chosen { background: var(--line); }
.gone { color: var(--crash); }
.come { color: var(--commit); }
.quiet { color: var(--quiet); }
@media (max-width: 900px) { footer { grid-template-columns: 1fr; overflow: auto; } }
`;

const script = String.raw`
"use strict";
const picture = JSON.parse(document.getElementById("picture").textContent);
const { records, lanes, spans, bands, failedAt } = picture;
const rowHeight = 18, gap = 8;
/** From one record to the next: a short run fills the page. */
const step = Math.min(48, Math.max(14, Math.floor(1300 / (records.length + 1))));
const width = Math.max(600, (records.length + 1) * step);
const byId = (id) => document.getElementById(id);
const indexes = records.map((record) => record.index);
let chosen = Math.max(0, rankOf(failedAt ?? Infinity) - 1);
let isTime = false;

function element(name, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

function add(parent, name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  parent.append(made);
  return made;
}

/** How many of the records that are shown come before this one. */
function rankOf(index) {
  let [low, high] = [0, indexes.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (indexes[middle] < index) low = middle + 1;
    else high = middle;
  }
  return low;
}

function x(index) {
  const rank = rankOf(index ?? Infinity);
  if (!isTime || records.length === 0) return (rank + 0.5) * step;
  const [first, last] = [records[0].at, records[records.length - 1].at];
  const { at } = records[Math.min(rank, records.length - 1)];
  return step / 2 + ((at - first) / Math.max(1, last - first)) * (width - 2 * step);
}

const tops = [];
let height = 16;
for (const lane of lanes) {
  tops.push(height);
  height += lane.rows * rowHeight + gap;
}
const y = (lane, row) => tops[lane] + gap / 2 + row * rowHeight + rowHeight / 2;

function draw() {
  const chart = byId("chart");
  chart.setAttribute("width", width);
  chart.setAttribute("height", height);
  chart.replaceChildren(...bands.map(drawBand), ...lanes.map(drawLane), ...drawTicks(), ...spans.map(drawSpan));
  if (failedAt !== null) {
    chart.append(element("line", { class: "failure", x1: x(failedAt), x2: x(failedAt), y1: 0, y2: height }));
  }
  chart.append(element("line", { class: "cursor", id: "cursor", y1: 0, y2: height }), ...records.map(drawMark));
  choose(chosen);
}

/** Clocks along the top, as many as there is room for. */
function drawTicks() {
  const ticks = [];
  let [free, last] = [0, ""];
  for (const { index, clock } of records) {
    if (x(index) < free || clock === last) continue;
    ticks.push(element("text", { class: "tick", x: x(index), y: 11 }, clock));
    [free, last] = [x(index) + 110, clock];
  }
  return ticks;
}

function drawLane(_, lane) {
  const bottom = tops[lane] + lanes[lane].rows * rowHeight + gap;
  return element("line", { class: "lane", x1: 0, x2: width, y1: bottom, y2: bottom });
}

function drawBand({ kind, lane, from, to }) {
  const [left, right] = [x(from), x(to)];
  const rows = lanes[lane].rows * rowHeight + gap;
  return element("rect", { class: "band " + kind, x: left, width: Math.max(2, right - left), y: tops[lane], height: rows });
}

function drawSpan({ entity, lane, row, from, to, isFailed }) {
  const [left, right] = [x(from), x(to)];
  const kind = lanes[lane].name.startsWith("node") ? "flight" : "operation";
  const group = element("g", {});
  const rect = element("rect", {
    class: "span " + kind + (isFailed ? " failed" : ""), rx: 4,
    x: left, width: Math.max(4, right - left), y: y(lane, row) - 6, height: 12,
  });
  const label = entity + "  " + (records[rankOf(from)]?.text ?? "").split("\n")[0];
  rect.append(element("title", {}, label));
  const shown = label.slice(0, Math.max(0, Math.floor((right - left - 16) / 6)));
  group.append(rect, element("text", { class: "label", x: left + 8, y: y(lane, row) + 3.5 }, shown));
  group.addEventListener("click", () => choose(rankOf(from)));
  return group;
}

function drawMark({ index, lane, row, kind, entity, clock }, rank) {
  const dot = element("circle", { class: "mark " + kind, cx: x(index), cy: y(lane, row), r: 4 });
  dot.append(element("title", {}, clock + " " + kind + " " + entity));
  dot.addEventListener("click", () => choose(rank));
  return dot;
}

function choose(rank) {
  const record = records[rank];
  if (record === undefined) return;
  chosen = rank;
  const marks = document.querySelectorAll(".mark");
  for (const [at, mark] of marks.entries()) mark.classList.toggle("chosen", at === rank);
  const cursor = byId("cursor");
  cursor.setAttribute("x1", x(record.index));
  cursor.setAttribute("x2", x(record.index));
  const scroll = byId("scroll");
  scroll.scrollLeft = x(record.index) - scroll.clientWidth / 2;
  describe(record);
  surround(record);
}

function describe(record) {
  const selected = byId("selected");
  selected.replaceChildren();
  const what = record.clock + "  " + lanes[record.lane].name + "  " + record.kind;
  add(selected, "div", what + "  " + record.entity);
  add(selected, "div", "record " + record.index + (record.ids.length ? ", about " + record.ids.join(", ") : ""), "quiet");
  add(selected, "div", record.text || "(no text)");
  const partners = records.filter((other) => other.entity === record.entity && other !== record);
  for (const other of partners) add(selected, "div", "\n" + other.clock + "  " + other.kind + "\n" + other.text);
}

/** The records next to it that are about the same promises, or about the same entity. */
function surround(record) {
  const isNear = (other) => other.entity === record.entity || other.ids.some((id) => record.ids.includes(id));
  const near = records.filter((other) => other === record || isNear(other));
  const at = near.indexOf(record);
  const list = byId("context");
  list.replaceChildren();
  for (const other of near.slice(Math.max(0, at - 12), at + 13)) {
    const words = [other.clock, lanes[other.lane].name, other.kind, other.entity, other.text.split("\n")[0]];
    const line = add(list, "li", words.join("  "), other === record ? "chosen" : "");
    line.addEventListener("click", () => choose(records.indexOf(other)));
  }
}

function walk(by) {
  choose(Math.min(records.length - 1, Math.max(0, chosen + by)));
}

function walkLane(by) {
  const { lane } = records[chosen] ?? {};
  for (let rank = chosen + by; rank >= 0 && rank < records.length; rank += by) {
    if (records[rank].lane === lane) return choose(rank);
  }
}

const keys = {
  ArrowLeft: () => walk(-1),
  ArrowRight: () => walk(1),
  ArrowUp: () => walkLane(-1),
  ArrowDown: () => walkLane(1),
  Home: () => choose(0),
  End: () => choose(records.length - 1),
  f: () => choose(Math.max(0, rankOf(failedAt ?? Infinity) - 1)),
  t: () => byId("time").click(),
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(keys, event.key)) return;
  event.preventDefault();
  keys[event.key]();
});
byId("time").addEventListener("change", (event) => {
  isTime = event.target.checked;
  draw();
});

document.querySelector("h1").textContent = picture.title;
for (const [name, value] of picture.summary) {
  const pair = add(document.querySelector("dl"), "div");
  add(pair, "dt", name);
  add(pair, "dd", value);
}
for (const [lane, { name, rows }] of lanes.entries()) {
  add(byId("lanes"), "div", name).style.height = rows * rowHeight + gap + "px";
}
const classes = { "-": "gone", "+": "come", " ": "" };
for (const { sign, text } of picture.difference) {
  add(byId("difference"), "div", sign + " " + text, classes[sign]);
}
if (picture.difference.length === 0) byId("difference").textContent = "nothing to compare";
draw();
`;
