/** Builds PyTorch checkpoints byte by byte: a pickle assembler for what torch.save writes (protocol 2), and for worse. */
import { type Zippable, zipSync } from "fflate";

/** A piece of pickle program that leaves one value on the stack. */
export type Pickled = readonly number[];

const ascii = (text: string) => [...new TextEncoder().encode(text)];
const uint32 = (value: number) => [value & 255, value >> 8 & 255, value >> 16 & 255, value >>> 24];
const MARK = 0x28,
  SETITEMS = 0x75,
  TUPLE = 0x74,
  REDUCE = 0x52,
  PERSISTENT_ID = 0x51,
  NEWOBJ = 0x81,
  BUILD = 0x62,
  NEWFALSE = 0x89;

export const none: Pickled = ascii("N");
export const string = (text: string): Pickled => {
  const bytes = ascii(text);
  return [...ascii("X"), ...uint32(bytes.length), ...bytes];
};
export const integer = (value: number): Pickled => [...ascii("J"), ...uint32(value)];
export const tuple = (...items: Pickled[]): Pickled => [MARK, ...items.flat(), TUPLE];
export const global = (module: string, name: string): Pickled => ascii(`c${module}\n${name}\n`);
export const call = (callee: Pickled, ...args: Pickled[]): Pickled => [...callee, ...tuple(...args), REDUCE];
export const dict = (entries: Record<string, Pickled>): Pickled => [
  ...ascii("}"),
  MARK,
  ...Object.entries(entries).flatMap(([key, value]) => [...string(key), ...value]),
  SETITEMS,
];
/** `module.name.__new__()` with `state` as its attributes, as Python pickles a plain object. */
export const object = (module: string, name: string, state: Pickled): Pickled => [
  ...global(module, name),
  ...ascii(")"),
  NEWOBJ,
  ...state,
  BUILD,
];
export const build = (value: Pickled, state: Pickled): Pickled => [...value, ...state, BUILD];

export const storage = (type: string, key: string, elements: number): Pickled => [
  ...tuple(string("storage"), global("torch", type), string(key), string("cpu"), integer(elements)),
  PERSISTENT_ID,
];
export const tensor = (storage: Pickled, offset: number, shape: number[], strides: number[]): Pickled =>
  call(
    global("torch._utils", "_rebuild_tensor_v2"),
    storage,
    integer(offset),
    tuple(...shape.map(integer)),
    tuple(...strides.map(integer)),
    [NEWFALSE],
    call(global("collections", "OrderedDict")),
  );

/** A whole pickle of protocol 2 that ends with `root`. */
export const pickle = (root: Pickled): Uint8Array => Uint8Array.from([0x80, 2, ...root, 0x2e]);

/** The zip archive of `root` with the given storages and files beside them, as torch.save lays it out if `level` is 0. */
export function torchArchive(
  root: Pickled,
  storages: Record<string, ArrayBufferView<ArrayBuffer>> = {},
  extra: Record<string, Uint8Array> = {},
  level: 0 | 9 = 0,
): Uint8Array<ArrayBuffer> {
  const files: Zippable = { "weights/data.pkl": pickle(root), ...extra };
  for (const [key, { buffer, byteOffset, byteLength }] of Object.entries(storages)) {
    files[`weights/data/${key}`] = new Uint8Array(buffer, byteOffset, byteLength);
  }
  return zipSync(files, { level, mtime: new Date(1980, 0, 1) });
}
