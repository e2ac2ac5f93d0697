// The commands that talk to a server, in the order in which the overview shows them.

import type { Command } from "../command.ts";
import { invoke } from "./invoke.ts";
import { promises } from "./promises.ts";
import { toCommand } from "./row.ts";
import { schedules } from "./schedules.ts";
import { tasks } from "./tasks.ts";
import { tree } from "./tree.ts";

const rows = [invoke, tree, ...promises, ...tasks, ...schedules];

export const clientCommands: readonly Command[] = rows.map(toCommand);
