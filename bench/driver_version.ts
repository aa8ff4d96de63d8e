/** Version of Mesa's Vulkan drivers where Debian's or Ubuntu's package database tells it; null elsewhere. */
export async function driverVersion(database = "/var/lib/dpkg/status"): Promise<string | null> {
  try {
    return mesaVersion(await Deno.readTextFile(database));
  } catch {
    return null; // another system
  }
}

/** `Mesa 22.3.6-1` from the text of a package database. */
export function mesaVersion(database: string): string | null {
  const entry = database.split("\n\n").find((text) => /^Package: mesa-vulkan-drivers$/m.test(text));
  const [, version] = /^Version: (.+)$/m.exec(entry ?? "") ?? [];
  return version === undefined ? null : `Mesa ${version}`;
}
