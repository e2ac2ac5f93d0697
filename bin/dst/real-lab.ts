// The lab of the server that is tested.

import { cron } from "../../aio/cron.ts";
import { draw } from "../../dst/draw.ts";
import { simulate } from "../../dst/run.ts";
import { sometimes } from "../../dst/sometimes.ts";
import { throughCodecs } from "./codec.ts";
import type { Bench, Lab } from "./lab.ts";

export const lab: Lab = {
  simulate: (plan, tools) => simulate(plan, { ...tools, codec: throughCodecs, cron }),
  draw,
  sometimes: new Map(Object.entries(sometimes)),
};

export const realBench: Bench = { lab, labModule: import.meta.url };
