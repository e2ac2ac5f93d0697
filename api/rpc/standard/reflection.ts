// What a server serves, told to clients that bring no definitions: grpc.reflection, v1 and v1alpha.
// The files of the services given are read once, with all that these import, and nothing else is
// known. A stream keeps no state: each answer depends on its request alone.
//
//   D1. Every request has one answer, in order, with the request and its host in it. What cannot be
//       answered is told as an error in the answer, and the stream goes on.
//   D2. Listed are the services given, sorted, each once. What else their files declare is not.
//   D3. A symbol is the full name of anything that a file declares. As everywhere in Protobuf, a
//       value of an enum is a sibling of the enum: its name does not contain the enum's.
//   D4. A file is told with its imports, and theirs, so that a client can build it. It comes first.
//   D5. An extension is known by the message it extends and its number, wherever it is declared.
//   D6. A stream ends with its call: once its deadline has passed, or the server stops.

import { type DescFile, type DescService, toBinary } from "@bufbuild/protobuf";
import {
  type DescriptorProto,
  type EnumDescriptorProto,
  type FieldDescriptorProto,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
} from "@bufbuild/protobuf/wkt";
import { Code, type ConnectRouter } from "@connectrpc/connect";
import {
  ServerReflection,
  type ServerReflectionRequest,
} from "../../../proto/gen/grpc/reflection/v1/reflection_pb.ts";
import {
  ServerReflection as ServerReflectionAlpha,
  type ServerReflectionRequest as ServerReflectionRequestAlpha,
} from "../../../proto/gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { unlessAborted } from "./abort.ts";

type Request = ServerReflectionRequest | ServerReflectionRequestAlpha;

type Answer =
  | {
      readonly case: "fileDescriptorResponse";
      readonly value: { fileDescriptorProto: Uint8Array[] };
    }
  | {
      readonly case: "allExtensionNumbersResponse";
      readonly value: { readonly baseTypeName: string; extensionNumber: number[] };
    }
  | { readonly case: "listServicesResponse"; readonly value: { service: { name: string }[] } }
  | {
      readonly case: "errorResponse";
      readonly value: { readonly errorCode: Code; readonly errorMessage: string };
    };

type File = { readonly bytes: Uint8Array; readonly imports: readonly string[] };

/** Files are named as in an import: "google/protobuf/any.proto". */
type Index = {
  readonly services: readonly string[];
  readonly files: Map<string, File>;
  /** Full name -> name of the file that declares it. */
  readonly symbols: Map<string, string>;
  /** Message -> number -> name of the file that declares the extension. No message is left out. */
  readonly extensions: Map<string, Map<number, string>>;
};

type Declaration =
  | { readonly kind: "message"; readonly name: string }
  | {
      readonly kind: "extension";
      readonly name: string;
      readonly extendee: string;
      readonly number: number;
    }
  | { readonly kind: "other"; readonly name: string };

/**
 * Both versions of the service. To be listed itself it must be among the services given.
 *
 * @param services of two files with one name, the first that is met stands for both
 */
export function registerReflection(router: ConnectRouter, services: readonly DescService[]): void {
  const index = indexOf(services);
  router.service(ServerReflection, {
    serverReflectionInfo: (requests, { signal }) => answers(index, requests, signal),
  });
  router.service(ServerReflectionAlpha, {
    serverReflectionInfo: (requests, { signal }) => answers(index, requests, signal),
  });
}

async function* answers<T extends Request>(
  index: Index,
  requests: AsyncIterable<T>,
  signal: AbortSignal,
) {
  const asked = requests[Symbol.asyncIterator]();
  for (;;) {
    const { done, value: request } = await unlessAborted(asked.next(), signal); // D6
    if (done === true) return;
    const messageResponse = answer(index, request.messageRequest);
    yield { validHost: request.host, originalRequest: request, messageResponse }; // D1
  }
}

function answer(index: Index, asked: Request["messageRequest"]): Answer {
  switch (asked.case) {
    case "fileByFilename": {
      const name = index.files.has(asked.value) ? asked.value : undefined;
      return fileAnswer(index, name, `no file ${quoted(asked.value)} here`);
    }
    case "fileContainingSymbol": {
      const name = index.symbols.get(asked.value);
      return fileAnswer(index, name, `no symbol ${quoted(asked.value)} here`);
    }
    case "fileContainingExtension": {
      const { containingType, extensionNumber } = asked.value;
      const name = index.extensions.get(containingType)?.get(extensionNumber);
      const missing = `no extension ${extensionNumber} of a message ${quoted(containingType)} here`;
      return fileAnswer(index, name, missing);
    }
    case "allExtensionNumbersOfType": {
      const baseTypeName = asked.value;
      const numbers = index.extensions.get(baseTypeName)?.keys();
      const missing = `no message ${quoted(baseTypeName)} here`;
      if (numbers === undefined) return error(Code.NotFound, missing);
      const extensionNumber = [...numbers].toSorted((left, right) => left - right);
      const value = { baseTypeName, extensionNumber };
      return { case: "allExtensionNumbersResponse", value };
    }
    case "listServices": {
      const service = index.services.map((name) => ({ name }));
      return { case: "listServicesResponse", value: { service } };
    }
    case undefined:
      return error(Code.InvalidArgument, "nothing was asked: message_request is not set");
  }
}

function fileAnswer(index: Index, name: string | undefined, missing: string): Answer {
  if (name === undefined) return error(Code.NotFound, missing);
  const names = new Set([name]); // D4
  // A set that grows under its iteration is walked to its end, the new members included.
  for (const each of names) {
    for (const next of index.files.get(each)?.imports ?? []) names.add(next);
  }
  const fileDescriptorProto = [...names].flatMap((each) => index.files.get(each)?.bytes ?? []);
  return { case: "fileDescriptorResponse", value: { fileDescriptorProto } };
}

/** A code of Connect has the number that it has in gRPC. */
function error(errorCode: Code, errorMessage: string): Answer {
  return { case: "errorResponse", value: { errorCode, errorMessage } };
}

function quoted(text: string): string {
  return JSON.stringify(text);
}

function indexOf(services: readonly DescService[]): Index {
  const names = new Set(services.map(({ typeName }) => typeName));
  const index: Index = {
    services: [...names].toSorted(), // D2
    files: new Map(),
    symbols: new Map(),
    extensions: new Map(),
  };
  for (const { file } of services) add(index, file);
  return index;
}

function add(index: Index, { proto, dependencies }: DescFile): void {
  if (index.files.has(proto.name)) return;
  const bytes = toBinary(FileDescriptorProtoSchema, proto);
  index.files.set(proto.name, { bytes, imports: proto.dependency });
  for (const declaration of declarationsOf(proto)) {
    index.symbols.set(declaration.name, proto.name);
    if (declaration.kind === "message") extensionsOf(index, declaration.name);
    if (declaration.kind !== "extension") continue;
    extensionsOf(index, declaration.extendee).set(declaration.number, proto.name); // D5
  }
  for (const dependency of dependencies) add(index, dependency);
}

/** The row of a message, which may be met first as itself or as what is extended. */
function extensionsOf({ extensions }: Index, message: string): Map<number, string> {
  const known = extensions.get(message) ?? new Map<number, string>();
  extensions.set(message, known);
  return known;
}

/** All that a file declares, at whatever depth. */
function* declarationsOf(file: FileDescriptorProto): Generator<Declaration> {
  const scope = file.package === "" ? "" : `${file.package}.`;
  for (const message of file.messageType) yield* withinMessage(scope, message);
  for (const each of file.enumType) yield* withinEnum(scope, each);
  for (const extension of file.extension) yield extensionIn(scope, extension);
  for (const service of file.service) {
    yield { kind: "other", name: scope + service.name };
    for (const { name } of service.method) {
      yield { kind: "other", name: `${scope}${service.name}.${name}` };
    }
  }
}

function* withinMessage(outer: string, message: DescriptorProto): Generator<Declaration> {
  yield { kind: "message", name: outer + message.name };
  const scope = `${outer}${message.name}.`;
  for (const { name } of message.field) yield { kind: "other", name: scope + name };
  for (const { name } of message.oneofDecl) yield { kind: "other", name: scope + name };
  for (const nested of message.nestedType) yield* withinMessage(scope, nested);
  for (const each of message.enumType) yield* withinEnum(scope, each);
  for (const extension of message.extension) yield extensionIn(scope, extension);
}

function* withinEnum(scope: string, { name, value }: EnumDescriptorProto): Generator<Declaration> {
  yield { kind: "other", name: scope + name };
  for (const each of value) yield { kind: "other", name: scope + each.name }; // D3
}

/** The compiler has resolved the name of what is extended, and marked that with a dot before it. */
function extensionIn(scope: string, { name, extendee, number }: FieldDescriptorProto): Declaration {
  return { kind: "extension", name: scope + name, extendee: extendee.replace(/^\./, ""), number };
}
