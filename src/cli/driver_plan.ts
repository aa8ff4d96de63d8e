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

/** Decides what the `driver` task does on a machine where WebGPU finds no adapter. */
export function planDriver(facts: PlatformFacts): DriverPlan {
  const missing = "No WebGPU adapter found";
  const nvidia = facts.nvidia
    ? ["An NVIDIA card is here but its Vulkan driver is not: in a container set NVIDIA_DRIVER_CAPABILITIES=all"]
    : [];
  if (facts.os !== "linux") {
    return {
      notes: [`${missing}: update this machine's graphics driver, WebGPU needs no other software`],
      install: [],
    };
  }
  const command = installCommand(facts);
  if (!command) {
    return {
      notes: [`${missing}: install Mesa's software driver for Vulkan (lavapipe) and the loader`, ...nvidia],
      install: [],
    };
  }
  if (!facts.root || !command.startsWith("apt-get")) {
    return { notes: [`${missing}: install Mesa's software driver with \`${command}\``, ...nvidia], install: [] };
  }
  return {
    notes: [`${missing}: installing Mesa's software driver with \`${command}\``, ...nvidia],
    install: [
      ["apt-get", "update", "-qq"],
      ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300", ...packages],
    ],
  };
}
