/**
 * A test that needs files (or more permissions than plain `deno test` grants). Without them it is skipped, and its
 * name in the report says why.
 */
export async function fileTest(name: string, body: () => void | Promise<void>): Promise<void> {
  const names = ["read", "write"] as const;
  const states = await Promise.all(names.map((name) => Deno.permissions.query({ name })));
  const missing = names.filter((_, i) => states[i]!.state !== "granted");
  const suffix = missing.length ? ` (skipped: needs --allow-${missing.join(" --allow-")})` : "";
  Deno.test({ name: name + suffix, ignore: missing.length > 0, fn: body });
}
