import assert from "node:assert/strict";
import { carryOut, installCommand, planDriver, type PlatformFacts } from "../../src/cli/driver_plan.ts";

const debian: PlatformFacts = {
  os: "linux",
  osRelease: 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\n',
  root: true,
  nvidia: false,
};
const apt = "apt-get update && apt-get install -y --no-install-recommends mesa-vulkan-drivers libvulkan1";

Deno.test("root on Debian, Ubuntu and their kin gets the driver installed", () => {
  for (
    const osRelease of [debian.osRelease, "ID=ubuntu\nID_LIKE=debian\n", 'ID=linuxmint\nID_LIKE="ubuntu debian"\n']
  ) {
    assert.deepEqual(planDriver({ ...debian, osRelease }), {
      notes: [`No WebGPU adapter found: installing Mesa's software driver with \`${apt}\``],
      install: [
        ["apt-get", "update", "-qq"],
        [
          ..."apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300".split(" "),
          "mesa-vulkan-drivers",
          "libvulkan1",
        ],
      ],
    });
  }
});

Deno.test("a user who is not root gets the command with sudo, and nothing runs", () => {
  assert.deepEqual(planDriver({ ...debian, root: false }), {
    notes: [
      "No WebGPU adapter found: install Mesa's software driver with `sudo apt-get update && sudo apt-get install -y " +
      "--no-install-recommends mesa-vulkan-drivers libvulkan1`",
    ],
    install: [],
  });
});

Deno.test("other distributions get their own command, and nothing runs", () => {
  const commands = {
    "ID=fedora\n": "dnf install -y mesa-vulkan-drivers vulkan-loader",
    'ID="rocky"\nID_LIKE="rhel centos fedora"\n': "dnf install -y mesa-vulkan-drivers vulkan-loader",
    "ID=arch\n": "pacman -S --noconfirm vulkan-swrast vulkan-icd-loader",
    'ID="opensuse-leap"\nID_LIKE="suse opensuse"\n': "zypper install -y libvulkan_lavapipe libvulkan1",
  };
  for (const [osRelease, command] of Object.entries(commands)) {
    assert.equal(installCommand({ ...debian, osRelease }), command);
    assert.deepEqual(planDriver({ ...debian, osRelease }), {
      notes: [`No WebGPU adapter found: install Mesa's software driver with \`${command}\``],
      install: [],
    });
  }
});

Deno.test("an unknown distribution and another system get words", () => {
  assert.deepEqual(planDriver({ ...debian, osRelease: "" }).notes, [
    "No WebGPU adapter found: install Mesa's software driver for Vulkan (lavapipe) and the Vulkan loader",
  ]);
  assert.deepEqual(planDriver({ ...debian, os: "darwin" }), {
    notes: ["No WebGPU adapter found: update this machine's graphics driver, WebGPU needs no other software"],
    install: [],
  });
});

Deno.test("an NVIDIA card without its Vulkan driver is named", () => {
  for (const root of [true, false]) {
    assert.deepEqual(planDriver({ ...debian, root, nvidia: true }).notes.slice(1), [
      "An NVIDIA card is here but its Vulkan driver is not: in a container set NVIDIA_DRIVER_CAPABILITIES=all",
    ]);
  }
});

Deno.test("a plan is carried out in order up to the first failure", async () => {
  const plan = { notes: ["installing"], install: [["apt-get", "update", "-qq"], ["apt-get", "install", "-y"]] };
  const carriedOut = async (statuses: number[]) => {
    const events: string[] = [];
    const run = (command: readonly string[]) => {
      events.push(`$ ${command.join(" ")}`);
      return Promise.resolve(statuses.shift()!);
    };
    await carryOut(plan, run, (line) => events.push(line));
    return events;
  };
  assert.deepEqual(await carriedOut([0, 0]), [
    "installing",
    "$ apt-get update -qq",
    "$ apt-get install -y",
    "Mesa's software driver is installed",
  ]);
  assert.deepEqual(await carriedOut([100]), [
    "installing",
    "$ apt-get update -qq",
    "apt-get update failed with status 100: install the driver by hand",
  ]);
  const notes: string[] = [];
  await carryOut(
    { notes: ["advice"], install: [] },
    () => Promise.reject(new Error("ran")),
    (line) => notes.push(line),
  );
  assert.deepEqual(notes, ["advice"]);
});
