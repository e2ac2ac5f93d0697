// Reflection: each kind of request, found and not found, what an answer carries, and that a client
// which has nothing but the answers can speak. The definitions are made here, so that they have all
// that a file can declare, except at the end, where they are those of this server.

import {
  create,
  createFileRegistry,
  type DescService,
  fromBinary,
  type MessageInitShape,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import {
  type FieldDescriptorProtoSchema,
  FieldDescriptorProto_Type as FieldType,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  FieldDescriptorProto_Label as Label,
} from "@bufbuild/protobuf/wkt";
import { Code, createClient, createRouterTransport, type Transport } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { registerReflection } from "../../../../api/rpc/standard/reflection.ts";
import { Health } from "../../../../proto/gen/grpc/health/v1/health_pb.ts";
import {
  ServerReflection,
  type ServerReflectionResponse,
  ServerReflectionResponseSchema,
} from "../../../../proto/gen/grpc/reflection/v1/reflection_pb.ts";
import {
  ServerReflection as ServerReflectionAlpha,
  ServerReflectionResponseSchema as ServerReflectionResponseAlphaSchema,
} from "../../../../proto/gen/grpc/reflection/v1alpha/reflection_pb.ts";
import {
  PromiseService,
  ReadPromiseRequestSchema,
} from "../../../../proto/gen/promise/promise_pb.ts";

/** A request of either version. */
type Asked =
  | { readonly case: undefined }
  | {
      readonly case:
        | "fileByFilename"
        | "fileContainingSymbol"
        | "allExtensionNumbersOfType"
        | "listServices";
      readonly value: string;
    }
  | {
      readonly case: "fileContainingExtension";
      readonly value: { readonly containingType: string; readonly extensionNumber: number };
    };
type Field = MessageInitShape<typeof FieldDescriptorProtoSchema>;

const nothing: Asked = { case: undefined };
const list: Asked = { case: "listServices", value: "" };
const file = (value: string): Asked => ({ case: "fileByFilename", value });
const symbol = (value: string): Asked => ({ case: "fileContainingSymbol", value });
const numbers = (value: string): Asked => ({ case: "allExtensionNumbersOfType", value });
const extension = (containingType: string, extensionNumber: number): Asked => {
  return { case: "fileContainingExtension", value: { containingType, extensionNumber } };
};

const text = (name: string, number: number): Field => {
  return { name, number, type: FieldType.STRING, label: Label.OPTIONAL };
};
const extending = (extendee: string, name: string, number: number): Field => {
  return { ...text(name, number), extendee };
};

/** Imports go from service.proto to middle.proto to base.proto, and nobody imports aside.proto. */
const registry = createFileRegistry(
  create(FileDescriptorSetSchema, {
    file: [
      {
        name: "test/base.proto",
        package: "test.base",
        messageType: [
          {
            name: "Early",
            extension: [
              extending(".test.base.Open", "early", 150),
              extending(".test.base.Open", "earlier", 110),
            ],
          },
          { name: "Open", extensionRange: [{ start: 100, end: 200 }] },
          { name: "Closed", field: [text("name", 1)] },
        ],
      },
      {
        name: "test/middle.proto",
        package: "test.middle",
        dependency: ["test/base.proto"],
        extension: [extending(".test.base.Open", "middle", 120)],
        enumType: [{ name: "Tone", value: [{ name: "LOW", number: 0 }] }],
        messageType: [
          {
            name: "Outer",
            field: [
              text("name", 1),
              { ...text("left", 2), oneofIndex: 0 },
              { ...text("right", 3), oneofIndex: 0 },
              {
                name: "tags",
                number: 4,
                type: FieldType.MESSAGE,
                label: Label.REPEATED,
                typeName: ".test.middle.Outer.TagsEntry",
              },
            ],
            oneofDecl: [{ name: "side" }],
            nestedType: [
              {
                name: "TagsEntry",
                field: [text("key", 1), text("value", 2)],
                options: { mapEntry: true },
              },
              {
                name: "Inner",
                field: [text("depth", 1)],
                enumType: [{ name: "Shade", value: [{ name: "DARK", number: 0 }] }],
                nestedType: [{ name: "Innermost" }],
              },
            ],
          },
        ],
      },
      {
        name: "test/service.proto",
        package: "test",
        dependency: ["test/middle.proto"],
        messageType: [{ name: "Empty" }],
        service: [
          service("Second", ["Call", "Stop"]),
          service("First", ["Call"]),
          service("Unlisted", []),
        ],
      },
      { name: "test/aside.proto", package: "test.aside", messageType: [{ name: "Alone" }] },
      {
        name: "bare.proto",
        messageType: [{ name: "Bare" }],
        enumType: [{ name: "Mood", value: [{ name: "GOOD", number: 0 }] }],
        service: [{ name: "Plain" }],
      },
    ],
  }),
);

function service(name: string, methods: readonly string[]) {
  const types = { inputType: ".test.middle.Outer", outputType: ".test.Empty" };
  return { name, method: methods.map((method) => ({ name: method, ...types })) };
}

const services = ["test.Second", "test.First", "Plain"].map((name) => {
  return registry.getService(name) ?? expect.fail(name);
});

function open(served: readonly DescService[] = services): Transport {
  return createRouterTransport((router) => registerReflection(router, served));
}

async function exchange(
  asked: readonly Asked[],
  transport: Transport = open(),
): Promise<readonly ServerReflectionResponse[]> {
  const requests = asked.map((messageRequest, at) => ({ host: `host-${at}`, messageRequest }));
  const client = createClient(ServerReflection, transport);
  return Array.fromAsync(client.serverReflectionInfo(streamed(requests)));
}

async function* streamed<T>(each: readonly T[]): AsyncGenerator<T> {
  yield* each;
}

async function ask(asked: Asked, transport?: Transport) {
  const [response = expect.fail("no answer")] = await exchange([asked], transport);
  return response.messageResponse;
}

async function filesOf(asked: Asked, transport?: Transport) {
  const { case: kind, value } = await ask(asked, transport);
  if (kind !== "fileDescriptorResponse") return expect.fail(JSON.stringify(value));
  return value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
}

async function fileNamesOf(asked: Asked): Promise<readonly string[]> {
  return (await filesOf(asked)).map(({ name }) => name);
}

async function numbersOf(message: string) {
  const { case: kind, value } = await ask(numbers(message));
  if (kind !== "allExtensionNumbersResponse") return expect.fail(JSON.stringify(value));
  return { name: value.baseTypeName, numbers: value.extensionNumber };
}

async function servicesOf(transport: Transport): Promise<readonly string[]> {
  const { case: kind, value } = await ask(list, transport);
  if (kind !== "listServicesResponse") return expect.fail(JSON.stringify(value));
  return value.service.map(({ name }) => name);
}

const base = ["test/base.proto"];
const middle = ["test/middle.proto", ...base];
const top = ["test/service.proto", ...middle];

test("D1 every request has one answer, in order, with the request and its host", async () => {
  const asked = [list, nothing, file("bare.proto"), symbol("nowhere"), list];
  const responses = await exchange(asked);
  expect(responses.map(({ messageResponse }) => messageResponse.case)).toEqual([
    "listServicesResponse",
    "errorResponse",
    "fileDescriptorResponse",
    "errorResponse",
    "listServicesResponse",
  ]);
  for (const [at, { validHost, originalRequest }] of responses.entries()) {
    expect(validHost).toBe(`host-${at}`);
    expect(originalRequest).toMatchObject({ host: `host-${at}`, messageRequest: asked[at] });
  }
});

test("D1 an answer does not wait for the next request", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  async function* requests() {
    yield { messageRequest: list };
    await promise;
    yield { messageRequest: file("bare.proto") };
  }
  const kinds = [];
  const client = createClient(ServerReflection, open());
  for await (const { messageResponse } of client.serverReflectionInfo(requests())) {
    kinds.push(messageResponse.case);
    resolve();
  }
  expect(kinds).toEqual(["listServicesResponse", "fileDescriptorResponse"]);
});

test("D1 a client that asks nothing is told nothing", async () => {
  expect(await exchange([])).toEqual([]);
});

const { NotFound, InvalidArgument } = Code;
test.each<readonly [string, Asked, Code, string]>([
  ["nothing", nothing, InvalidArgument, "nothing was asked: message_request is not set"],
  ["another file", file("x.proto"), NotFound, 'no file "x.proto" here'],
  ["a file by part of its name", file("base.proto"), NotFound, 'no file "base.proto" here'],
  ["a file nobody imports", file("test/aside.proto"), NotFound, 'no file "test/aside.proto" here'],
  ["a file without a name", file(""), NotFound, 'no file "" here'],
  ["another symbol", symbol("test.Third"), NotFound, 'no symbol "test.Third" here'],
  [
    "a symbol nobody imports",
    symbol("test.aside.Alone"),
    NotFound,
    'no symbol "test.aside.Alone" here',
  ],
  ["a symbol without a name", symbol(""), NotFound, 'no symbol "" here'],
  ["a package", symbol("test.middle"), NotFound, 'no symbol "test.middle" here'],
  ["a member of Object", symbol("constructor"), NotFound, 'no symbol "constructor" here'],
  [
    "an enum's value below its enum",
    symbol("test.middle.Tone.LOW"),
    NotFound,
    'no symbol "test.middle.Tone.LOW" here',
  ],
  [
    "another extension",
    extension("test.base.Open", 121),
    NotFound,
    'no extension 121 of a message "test.base.Open" here',
  ],
  [
    "an extension of another message",
    extension("test.base.Shut", 120),
    NotFound,
    'no extension 120 of a message "test.base.Shut" here',
  ],
  ["numbers of another message", numbers("test.Shut"), NotFound, 'no message "test.Shut" here'],
  [
    "numbers of an enum",
    numbers("test.middle.Tone"),
    NotFound,
    'no message "test.middle.Tone" here',
  ],
])("D1 the error is in the answer: %s", async (_what, asked, errorCode, errorMessage) => {
  expect(await ask(asked)).toMatchObject({
    case: "errorResponse",
    value: { errorCode, errorMessage },
  });
});

test("D1 v1alpha answers as v1 does", async () => {
  const asked = [
    list,
    file("test/service.proto"),
    symbol("test.First.Call"),
    extension("test.base.Open", 120),
    numbers("test.base.Open"),
    symbol("nowhere"),
    nothing,
  ];
  const transport = open();
  const requests = asked.map((messageRequest, at) => ({ host: `host-${at}`, messageRequest }));
  const stable = createClient(ServerReflection, transport);
  const expected = await Array.fromAsync(stable.serverReflectionInfo(streamed(requests)), (each) =>
    toJson(ServerReflectionResponseSchema, each),
  );
  const alpha = createClient(ServerReflectionAlpha, transport);
  const actual = await Array.fromAsync(alpha.serverReflectionInfo(streamed(requests)), (each) =>
    toJson(ServerReflectionResponseAlphaSchema, each),
  );
  expect(expected).toHaveLength(asked.length);
  expect(actual).toEqual(expected);
});

test("D2 listed are the services given, sorted, each once", async () => {
  expect(await servicesOf(open())).toEqual(["Plain", "test.First", "test.Second"]);
  expect(await servicesOf(open([...services, ...services]))).toHaveLength(3);
  expect(await servicesOf(open([]))).toEqual([]);
});

test("D2 reflection is listed if it is given, and known by name", async () => {
  const transport = open([ServerReflectionAlpha, ServerReflection]);
  const names = ["grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"];
  expect(await servicesOf(transport)).toEqual(names);
  for (const { typeName, file } of [ServerReflection, ServerReflectionAlpha]) {
    expect((await filesOf(symbol(typeName), transport))[0]?.name).toBe(file.proto.name);
  }
  expect(await ask(symbol("grpc.reflection.v1.ServerReflection"))).toMatchObject({
    case: "errorResponse",
  });
});

test.each<readonly [string, string, readonly string[]]>([
  ["a service", "test.First", top],
  ["a service that is not listed", "test.Unlisted", top],
  ["a method", "test.First.Call", top],
  ["a method of another service of the file", "test.Second.Stop", top],
  ["a message", "test.middle.Outer", middle],
  ["a nested message", "test.middle.Outer.Inner", middle],
  ["a message nested twice", "test.middle.Outer.Inner.Innermost", middle],
  ["the message of a map", "test.middle.Outer.TagsEntry", middle],
  ["a field", "test.middle.Outer.name", middle],
  ["a field of a nested message", "test.middle.Outer.Inner.depth", middle],
  ["a member of a oneof", "test.middle.Outer.left", middle],
  ["a oneof", "test.middle.Outer.side", middle],
  ["an enum", "test.middle.Tone", middle],
  ["a value of an enum", "test.middle.LOW", middle],
  ["a nested enum", "test.middle.Outer.Inner.Shade", middle],
  ["a value of a nested enum", "test.middle.Outer.Inner.DARK", middle],
  ["an extension", "test.middle.middle", middle],
  ["a nested extension", "test.base.Early.early", base],
  ["a service without a package", "Plain", ["bare.proto"]],
  ["a message without a package", "Bare", ["bare.proto"]],
  ["a value of an enum without a package", "GOOD", ["bare.proto"]],
])("D3 a symbol is %s", async (_what, name, files) => {
  expect(await fileNamesOf(symbol(name))).toEqual(files);
});

test("D4 a file is told first, then what it imports, directly or not", async () => {
  expect(await fileNamesOf(file("test/service.proto"))).toEqual(top);
  expect(await fileNamesOf(file("test/middle.proto"))).toEqual(middle);
  expect(await fileNamesOf(file("test/base.proto"))).toEqual(base);
});

test("D4 a file is told as it is, and again if it is asked for again", async () => {
  const [first, second] = await exchange([file("test/service.proto"), file("test/service.proto")]);
  expect(second?.messageResponse).toEqual(first?.messageResponse);
  const found = await filesOf(file("test/service.proto"));
  const expected = top.map((name) => registry.getFile(name)?.proto);
  expect(found).toEqual(expected);
});

test("D4 a file that is imported along two ways is told once", async () => {
  const names = ["test/a.proto", "test/b.proto", "test/c.proto"];
  const diamond = createFileRegistry(
    create(FileDescriptorSetSchema, {
      file: [
        { name: "test/a.proto" },
        { name: "test/b.proto", dependency: ["test/a.proto"] },
        { name: "test/c.proto", dependency: ["test/a.proto"] },
        { name: "d.proto", dependency: ["test/b.proto", "test/c.proto"], service: [{ name: "D" }] },
      ],
    }),
  );
  const transport = open([diamond.getService("D") ?? expect.fail("no service")]);
  const found = (await filesOf(file("d.proto"), transport)).map(({ name }) => name);
  expect(found[0]).toBe("d.proto");
  expect(found.slice(1).toSorted()).toEqual(names);
});

test("D5 an extension is found by its message and number, wherever it is declared", async () => {
  expect(await fileNamesOf(extension("test.base.Open", 120))).toEqual(middle);
  expect(await fileNamesOf(extension("test.base.Open", 150))).toEqual(base);
});

test("D5 the numbers of a message's extensions are sorted, and there may be none", async () => {
  const name = "test.base.Open";
  expect(await numbersOf(name)).toEqual({ name, numbers: [110, 120, 150] });
  expect((await numbersOf("test.base.Closed")).numbers).toEqual([]);
  expect((await numbersOf("test.middle.Outer.Inner")).numbers).toEqual([]);
});

test("reflection: what a client builds from the answers is what the server speaks", async () => {
  const served = [PromiseService, Health, ServerReflection, ServerReflectionAlpha];
  const transport = open(served);
  expect(await servicesOf(transport)).toEqual(served.map(({ typeName }) => typeName).toSorted());
  for (const { typeName, methods } of served) {
    const found = await filesOf(symbol(typeName), transport);
    const [root = expect.fail(typeName)] = found;
    const built = createFileRegistry(root, (name) => found.find((each) => each.name === name));
    const rebuilt = built.getService(typeName) ?? expect.fail(typeName);
    expect(rebuilt.methods.map(({ name, methodKind }) => ({ name, methodKind }))).toEqual(
      methods.map(({ name, methodKind }) => ({ name, methodKind })),
    );
  }
});

test("reflection: a message encoded by what a client builds is read by the server", async () => {
  const found = await filesOf(symbol("promise.PromiseService.ReadPromise"), open([PromiseService]));
  const [root = expect.fail("no file")] = found;
  const built = createFileRegistry(root, (name) => found.find((each) => each.name === name));
  const schema = built.getMessage("promise.ReadPromiseRequest") ?? expect.fail("no message");
  const request = reflect(schema);
  request.set(request.findNumber(1) ?? expect.fail("no field"), "some id");
  const bytes = toBinary(schema, request.message);
  expect(fromBinary(ReadPromiseRequestSchema, bytes)).toMatchObject({ id: "some id" });
});
