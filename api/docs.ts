// The description for people: one HTML page, made of the OpenAPI document. It loads nothing, runs
// nothing, and is readable in light and in dark.

import { components } from "./answers.ts";
import type { Parameter } from "./described.ts";
import { type OpenApi, type OperationObject, openapi, type ResponseObject } from "./openapi.ts";
import type { JsonSchema } from "./schema.ts";

let page: string | null = null;

/** The page as it is served; made once, when somebody asks. */
export function docsPage(): string {
  page ??= render(openapi());
  return page;
}

type Place = {
  readonly path: string;
  readonly method: string;
  readonly operation: OperationObject;
};

function render({ info, paths }: OpenApi): string {
  const places = Object.entries(paths).flatMap(([path, methods]) => {
    return Object.entries(methods).map(([method, operation]) => ({ path, method, operation }));
  });
  const schemas = Object.entries(components).map(([name, { json }]) => section(name, json));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(info.title)}</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${escaped(info.title)}</h1>
<p>${prose(info.description)}</p>
<p>The same for programs: <a href="/openapi.json">/openapi.json</a>.</p>
<nav aria-label="Operations">${contents(places)}</nav>
${places.map(article).join("\n")}
<h2 id="schemas">What is sent and answered</h2>
${schemas.join("\n")}
</main>
</body>
</html>
`;
}

function contents(places: readonly Place[]): string {
  const groups = Map.groupBy(places, ({ operation }) => operation.tags[0] ?? "");
  return [...groups]
    .map(([name, members]) => `<p>${escaped(name)}</p><ul>${members.map(link).join("")}</ul>`)
    .join("");
}

function link({ path, method, operation }: Place): string {
  const { operationId, summary } = operation;
  return `<li><a href="#${operationId}">${escaped(summary)}</a> ${route(method, path)}</li>`;
}

function route(method: string, path: string): string {
  const name = method.toUpperCase();
  return `<span class="route"><b class="${method}">${name}</b> <code>${escaped(path)}</code></span>`;
}

function article({ path, method, operation }: Place): string {
  const { operationId, summary, description, parameters, requestBody, responses } = operation;
  const body = requestBody?.content["application/json"];
  const [sample] = operation["x-codeSamples"];
  return `<article id="${operationId}">
<h2>${escaped(summary)}</h2>
<p>${route(method, path)}</p>
<p>${prose(description)}</p>
${parameters.length === 0 ? "" : `<h3>Parameters</h3>${table("In", parameters.map(parameterRow))}`}
${body === undefined ? "" : `<h3>Body</h3>${members(body.schema, "required")}${code(body.example)}`}
${sample === undefined ? "" : `<h3>Try it</h3><pre><code>${escaped(sample.source)}</code></pre>`}
<h3>Answers</h3>
${Object.entries(responses).map(response).join("\n")}
</article>`;
}

/** The cells of one line: name, where or when it is there, type, meaning; in HTML. */
type Row = readonly [name: string, place: string, type: string, meaning: string];

function parameterRow(parameter: Parameter): Row {
  const { name, in: place, required, description, schema } = parameter;
  return [escaped(name), label(place, required), typeName(schema), prose(description)];
}

function label(place: string, isRequired: boolean): string {
  return isRequired ? `${place}, required` : place;
}

function response([status, { description, content }]: [string, ResponseObject]): string {
  const [[, media] = []] = Object.entries(content ?? {});
  const lines = description.split("\n").map((line) => `<p>${prose(line)}</p>`);
  const named = Object.values(media?.examples ?? {}).map(({ value }) => code(value));
  const examples = media?.example === undefined ? named : [code(media.example)];
  const reference = media === undefined ? "" : ` ${typeName(media.schema)}`;
  const isOpen = status.startsWith("2") ? " open" : "";
  return `<details${isOpen}><summary><b>${status}</b>${reference}</summary>
${lines.join("")}${examples.join("")}</details>`;
}

function section(name: string, schema: JsonSchema): string {
  return `<section id="schema-${name}"><h3>${name}</h3>${members(schema, "always")}</section>`;
}

/**
 * The members of an object, or of each of its variants.
 *
 * @param must what a member is called that is not optional
 */
function members(schema: JsonSchema, must: string): string {
  const { oneOf = [] } = schema;
  if (oneOf.length === 0) return table("Presence", memberRows(schema, must, ""));
  return oneOf
    .map((each) => `<h4>${escaped(each.title ?? "")}</h4>${members(each, must)}`)
    .join("");
}

/** Those of inner objects and lists follow under their full names, as messages have them. */
function memberRows(schema: JsonSchema, must: string, prefix: string): readonly Row[] {
  const { required = [], properties = {} } = schema;
  return Object.entries(properties).flatMap(([name, member]): readonly Row[] => {
    const presence = required.includes(name) ? must : "optional";
    const row: Row = [
      escaped(prefix + name),
      presence,
      typeName(member),
      prose(member.description ?? ""),
    ];
    const inner = member.items === undefined ? member : member.items;
    const dots = member.items === undefined ? "." : "[].";
    return [row, ...memberRows(inner, must, prefix + name + dots)];
  });
}

function typeName(schema: JsonSchema): string {
  const { $ref, type = [], format = [], contentEncoding = [] } = schema;
  if ($ref !== undefined) {
    const name = $ref.slice($ref.lastIndexOf("/") + 1);
    return `<a href="#schema-${name}">${name}</a>`;
  }
  const words = [[type].flat().join(" or "), format, contentEncoding].flat().join(", ");
  const inner = schema.items ?? schema.additionalProperties;
  const of = inner === undefined ? "" : ` of ${typeName(inner)}`;
  return `${escaped(words)}${of}${choices(schema)}`;
}

function choices({ enum: names = [], default: usual }: JsonSchema): string {
  const codes = names.map((name) => `<code>${escaped(name)}</code>`);
  const among = codes.length === 0 ? "" : `: ${codes.join(", ")}`;
  return usual === undefined ? among : `${among}; default <code>${escaped(`${usual}`)}</code>`;
}

function table(place: string, rows: readonly Row[]): string {
  const heads = ["Name", place, "Type", "Meaning"].map((head) => `<th scope="col">${head}</th>`);
  const lines = rows.map(([name, ...cells]) => {
    const rest = cells.map((cell) => `<td>${cell}</td>`).join("");
    return `<tr><th scope="row"><code>${name}</code></th>${rest}</tr>`;
  });
  const head = `<thead><tr>${heads.join("")}</tr></thead>`;
  return `<div class="scroll"><table>${head}<tbody>${lines.join("")}</tbody></table></div>`;
}

function code(example: unknown): string {
  const text = typeof example === "string" ? example : JSON.stringify(example, null, 2);
  return `<pre><code>${escaped(text)}</code></pre>`;
}

/** Text with its `code` marked. */
function prose(text: string): string {
  return escaped(text).replace(/`([^`]+)`/g, "<code>$1</code>");
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => escapes.get(character) ?? character);
}

const escapes: ReadonlyMap<string, string> = new Map([
  ["&", "&amp;"],
  ["<", "&lt;"],
  [">", "&gt;"],
  ['"', "&quot;"],
]);

const style = `
:root { color-scheme: light dark; --line: light-dark(#d9dce1, #353a44); --soft: light-dark(#f4f5f7, #1e222a);
  --quiet: light-dark(#59616d, #9aa3b0);
  --ink: light-dark(#1b1f26, #e4e7ec); --paper: light-dark(#ffffff, #14171c); --link: light-dark(#0b5cad, #7db7ff);
  --get: light-dark(#0b6e4f, #5fd3a8); --post: light-dark(#8a4b00, #f0b35e); --patch: light-dark(#5b3a9e, #c3a6ff); }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.9rem; margin: 0 0 .5rem; } h2 { font-size: 1.35rem; margin: 0; } h3 { font-size: 1rem; margin: 1.25rem 0 .4rem; }
h4 { font-size: .95rem; margin: 1rem 0 .3rem; }
a { color: var(--link); } p { margin: .5rem 0; }
nav { padding: .25rem 1rem .75rem; margin: 1rem 0; background: var(--soft); border-radius: .5rem; }
nav p { margin: .6rem 0 .1rem; font-size: .85rem; font-weight: 600; color: var(--quiet); }
nav ul { list-style: none; padding: 0; margin: 0; }
nav li { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 1rem; padding: .1rem 0; }
article { border-top: 1px solid var(--line); margin-top: 2rem; padding-top: 1.5rem; }
#schemas { border-top: 1px solid var(--line); margin-top: 2rem; padding-top: 1.5rem; }
code, pre { font-family: ui-monospace, monospace; font-size: .875em; overflow-wrap: break-word; }
pre { background: var(--soft); padding: .75rem 1rem; border-radius: .5rem; overflow-x: auto; }
pre code { font-size: .85rem; overflow-wrap: normal; }
.route b { font: 600 .8rem ui-monospace, monospace; }
.get { color: var(--get); } .post { color: var(--post); } .patch { color: var(--patch); }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: .925rem; }
th, td { padding: .35rem 1rem .35rem 0; vertical-align: top; text-align: left; font-weight: 400; }
tbody tr { border-top: 1px solid var(--line); } tbody th { white-space: nowrap; }
thead th { padding-bottom: .2rem; font-size: .8rem; color: var(--quiet); } td:last-child { width: 55%; }
details { border: 1px solid var(--line); border-radius: .5rem; padding: .4rem .9rem; margin: .4rem 0; }
summary { cursor: pointer; }
@media (max-width: 42rem) { thead { display: none; } tbody tr { display: block; padding: .4rem 0; }
  tbody th, td { display: inline-block; padding: 0 .75rem 0 0; } tbody th { white-space: normal; }
  td:last-child { display: block; width: auto; } td:last-child:empty { display: none; } }
`;
