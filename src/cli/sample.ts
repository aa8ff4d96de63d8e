import { runCommand } from "./command.ts";
import { sampleCommand } from "./sample_command.ts";

await runCommand("sample", sampleCommand);
