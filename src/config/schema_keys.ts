import { z } from "zod";

/** The keys that `schema` knows at `path`, for suggestions. `value` is the config: it decides between union members. */
export function knownKeys(schema: z.core.$ZodType, path: readonly PropertyKey[], value: unknown): string[] {
  return shapesAt(schema, path, value).flatMap((shape) => Object.keys(shape));
}

type Shape = Readonly<Record<string, z.core.$ZodType>>;

function shapesAt(schema: z.core.$ZodType, path: readonly PropertyKey[], value: unknown): Shape[] {
  if (schema instanceof z.ZodObject) {
    if (path.length === 0) return [schema.shape];
    const [key, ...rest] = path;
    const field = Object.hasOwn(schema.shape, key!) ? schema.shape[String(key)] : undefined;
    return field ? shapesAt(field, rest, child(value, key!)) : [];
  }
  if (schema instanceof z.ZodArray) {
    return path.length ? shapesAt(schema.element, path.slice(1), child(value, path[0]!)) : [];
  }
  if (schema instanceof z.ZodDiscriminatedUnion) {
    const name = schema.def.discriminator;
    return schema.options.filter((option) => acceptsField(option, name, child(value, name)))
      .flatMap((option) => shapesAt(option, path, value));
  }
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((option) => shapesAt(option, path, value));
  if (schema instanceof z.ZodPipe) return shapesAt(schema.in, path, value);
  if (
    schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault || schema instanceof z.ZodReadonly || schema instanceof z.ZodLazy
  ) return shapesAt(schema.unwrap(), path, value);
  return [];
}

function acceptsField(option: z.core.$ZodType, name: string, value: unknown): boolean {
  return option instanceof z.ZodObject && z.safeParse(option.shape[name], value).success;
}

function child(value: unknown, key: PropertyKey): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, key)
    ? (value as Record<PropertyKey, unknown>)[key]
    : undefined;
}
