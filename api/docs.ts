// The description for people: one HTML page, made of the OpenAPI document. It loads nothing, runs
// nothing, and is readable in light and in dark.

import { components } from "./answers.ts";
import { type OpenApi, type OperationObject, openapi, type ResponseObject } from "./openapi.ts";
import type { Parameter } from "./operations.ts";
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
<nav aria-label="Operations"><ul>${places.map(link).join("")}</ul></nav>
${places.map(article).join("\n")}
<h2 id="schemas">What answers look like</h2>
${schemas.join("\n")}
</main>
</body>
</html>
`;
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
${parameters.length === 0 ? "" : `<h3>Parameters</h3>${table(parameters.map(parameterRow))}`}
${body === undefined ? "" : `<h3>Body</h3>${members(body.schema)}${code(body.example)}`}
${sample === undefined ? "" : `<h3>Try it</h3><pre><code>${escaped(sample.source)}</code></pre>`}
<h3>Answers</h3>
${Object.entries(responses).map(response).join("\n")}
</article>`;
}

function parameterRow(parameter: Parameter): readonly string[] {
  const { name, in: place, required, description, schema } = parameter;
  const rule = typeName(schema);
  return [`<code>${escaped(name)}</code>`, label(place, required), rule, prose(description)];
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
  return `<section id="schema-${name}"><h3>${name}</h3>${members(schema)}</section>`;
}

/** The members of an object, or of each of its variants. */
function members({ oneOf = [], required = [], properties = {} }: JsonSchema): string {
  if (oneOf.length > 0) {
    return oneOf.map((each) => `<h4>${escaped(each.title ?? "")}</h4>${members(each)}`).join("");
  }
  const rows = Object.entries(properties).map(([name, member]) => {
    const presence = required.includes(name) ? "always" : "optional";
    const inner = member.properties === undefined ? "" : members(member);
    const description = prose(member.description ?? "");
    return [`<code>${escaped(name)}</code>`, presence, typeName(member), description + inner];
  });
  return table(rows);
}

function typeName(schema: JsonSchema): string {
  const { $ref, type = [], format = [], contentEncoding = [], items } = schema;
  if ($ref !== undefined) {
    const name = $ref.slice($ref.lastIndexOf("/") + 1);
    return `<a href="#schema-${name}">${name}</a>`;
  }
  const words = [[type].flat().join(" or "), format, contentEncoding].flat().join(", ");
  const of = items === undefined ? "" : ` of ${typeName(items)}`;
  return `${escaped(words)}${of}${choices(schema)}`;
}

function choices({ enum: names = [], default: usual }: JsonSchema): string {
  const codes = names.map((name) => `<code>${escaped(name)}</code>`);
  const among = codes.length === 0 ? "" : `: ${codes.join(", ")}`;
  return usual === undefined ? among : `${among}; default <code>${escaped(`${usual}`)}</code>`;
}

function table(rows: readonly (readonly string[])[]): string {
  const lines = rows.map((cells) => `<tr>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`);
  return `<div class="scroll"><table>${lines.join("")}</table></div>`;
}

function code(example: unknown): string {
  return `<pre><code>${escaped(JSON.stringify(example, null, 2))}</code></pre>`;
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
  --ink: light-dark(#1b1f26, #e4e7ec); --paper: light-dark(#ffffff, #14171c); --link: light-dark(#0b5cad, #7db7ff);
  --get: light-dark(#0b6e4f, #5fd3a8); --post: light-dark(#8a4b00, #f0b35e); --patch: light-dark(#5b3a9e, #c3a6ff); }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.9rem; margin: 0 0 .5rem; } h2 { font-size: 1.35rem; margin: 0; } h3 { font-size: 1rem; margin: 1.25rem 0 .4rem; }
h4 { font-size: .95rem; margin: 1rem 0 .3rem; }
a { color: var(--link); } p { margin: .5rem 0; }
nav ul { list-style: none; padding: .75rem 1rem; background: var(--soft); border-radius: .5rem; }
nav li { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 1rem; padding: .1rem 0; }
article { border-top: 1px solid var(--line); margin-top: 2rem; padding-top: 1.5rem; }
#schemas { border-top: 1px solid var(--line); margin-top: 2rem; padding-top: 1.5rem; }
code, pre { font-family: ui-monospace, monospace; font-size: .875em; overflow-wrap: anywhere; }
pre { background: var(--soft); padding: .75rem 1rem; border-radius: .5rem; overflow-x: auto; }
pre code { font-size: .85rem; overflow-wrap: normal; }
.route b { font: 600 .8rem ui-monospace, monospace; }
.get { color: var(--get); } .post { color: var(--post); } .patch { color: var(--patch); }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: .925rem; }
td { border-top: 1px solid var(--line); padding: .35rem .75rem .35rem 0; vertical-align: top; text-align: left; }
details { border: 1px solid var(--line); border-radius: .5rem; padding: .4rem .9rem; margin: .4rem 0; }
summary { cursor: pointer; }
`;
