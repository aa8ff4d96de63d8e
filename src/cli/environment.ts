import { join } from "node:path";
import project from "../../deno.json" with { type: "json" };

/** Version of this program. */
export const version: string = project.version;

/** Commit that a repository has checked out, read from its .git folder; null where there is none. */
export async function currentCommit(repository: URL): Promise<string | null> {
  const git = new URL(".git/", repository);
  if (git.protocol !== "file:") return null;
  try {
    const head = (await Deno.readTextFile(new URL("HEAD", git))).trim();
    const [, ref] = /^ref: (.+)$/.exec(head) ?? [];
    if (!ref) return head;
    try {
      return (await Deno.readTextFile(new URL(ref, git))).trim();
    } catch {
      const packed = await Deno.readTextFile(new URL("packed-refs", git));
      return packed.split("\n").find((line) => line.endsWith(` ${ref}`))?.split(" ")[0] ?? null;
    }
  } catch {
    return null; // no repository, as in an installed package
  }
}

/** A folder name for a new run: `runs/<job>-<date>-<time>`. */
export function defaultRunPath(job: string, now: Date): string {
  const stamp = now.toISOString().slice(0, 19).replaceAll(":", "").replace("T", "-");
  return join("runs", `${job}-${stamp}`);
}
