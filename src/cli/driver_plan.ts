/** What decides how a machine without a WebGPU adapter gets one. */
export interface PlatformFacts {
  /** `Deno.build.os`. */
  readonly os: string;
  /** The text of /etc/os-release, empty where there is none. */
  readonly osRelease: string;
  /** True for the root user. */
  readonly root: boolean;
  /** True where the kernel driver of an NVIDIA card is loaded, whether or not its Vulkan half is there. */
  readonly nvidia: boolean;
}

/** What to tell the user, and the commands to run for them: none where only the user may or can. */
export interface DriverPlan {
  /** Lines for stderr. */
  readonly notes: readonly string[];
  /** The commands that install the driver, in order, each as program and arguments. */
  readonly install: readonly (readonly string[])[];
}

const missing = "No WebGPU adapter found";
const packages = ["mesa-vulkan-drivers", "libvulkan1"];

/** Distribution families, by the words of ID and ID_LIKE, and what installs Mesa's software driver there. */
const installers: readonly (readonly [family: RegExp, command: string])[] = [
  [/\b(debian|ubuntu)\b/, `apt-get update && apt-get install -y --no-install-recommends ${packages.join(" ")}`],
  [/\b(fedora|rhel|centos)\b/, "dnf install -y mesa-vulkan-drivers vulkan-loader"],
  [/\b(arch)\b/, "pacman -S --noconfirm vulkan-swrast vulkan-icd-loader"],
  [/\b(suse|opensuse)\b/, "zypper install -y libvulkan_lavapipe libvulkan1"],
];

/** The shell command that installs Mesa's software driver, or undefined where no known package manager does. */
export function installCommand({ os, osRelease, root }: PlatformFacts): string | undefined {
  if (os !== "linux") return undefined;
  const words = [...osRelease.matchAll(/^ID(?:_LIKE)?=(.*)$/gm)].map((match) => match[1]).join(" ");
  const command = installers.find(([family]) => family.test(words))?.[1];
  return root ? command : command?.replaceAll(/(^|&& )/g, "$1sudo ");
}

/** What the user can do on a machine where WebGPU finds no adapter, the first line complete in itself. */
export function adviseDriver(facts: PlatformFacts): string[] {
  if (facts.os !== "linux") {
    return [`${missing}: update this machine's graphics driver, WebGPU needs no other software`];
  }
  const command = installCommand(facts);
  const how = command ? `with \`${command}\`` : "for Vulkan (lavapipe) and the Vulkan loader";
  return [`${missing}: install Mesa's software driver ${how}`, ...adviseNvidia(facts)];
}

/** Why an NVIDIA card may be here without WebGPU finding it. */
export function adviseNvidia({ nvidia }: PlatformFacts): string[] {
  return nvidia
    ? ["An NVIDIA card is here but its Vulkan driver is not: in a container set NVIDIA_DRIVER_CAPABILITIES=all"]
    : [];
}

/** Decides what the `driver` task does on a machine where WebGPU finds no adapter. */
export function planDriver(facts: PlatformFacts): DriverPlan {
  const command = installCommand(facts);
  if (!facts.root || !command?.startsWith("apt-get")) return { notes: adviseDriver(facts), install: [] };
  return {
    notes: [`${missing}: installing Mesa's software driver with \`${command}\``, ...adviseNvidia(facts)],
    install: [
      ["apt-get", "update", "-qq"],
      ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300", ...packages],
    ],
  };
}

/**
 * Tells the plan's notes and runs its commands up to the first that fails.
 *
 * @param run resolves to the exit status of a command.
 * @param note takes lines for the user.
 */
export async function carryOut(
  plan: DriverPlan,
  run: (command: readonly string[]) => Promise<number>,
  note: (line: string) => void,
): Promise<void> {
  plan.notes.forEach(note);
  for (const command of plan.install) {
    const status = await run(command);
    if (status) {
      return note(`${command.slice(0, 2).join(" ")} failed with status ${status}: install the driver by hand`);
    }
  }
  if (plan.install.length) note("Mesa's software driver is installed");
}
