import { runCommand } from "./command.ts";
import { trainCommand } from "./train_command.ts";

await runCommand("train", trainCommand);
