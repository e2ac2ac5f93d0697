// The creation of a schedule, from the data of the envelope to what the kernel is asked (protocol.md
// §3.3). What the rule means, and whether it means anything, is the kernel's to say: it has the cron.

import type { CreateSchedule } from "../../kernel/schedule.ts";
import { isTargeted } from "../../kernel/value.ts";
import { isAddress } from "../address.ts";
import { invalidTarget, isTimerWithTarget, timerWithTarget } from "../creation.ts";
import type { Members, Reading } from "./reading.ts";

export function readSchedule(r: Reading, data: Members): CreateSchedule {
  const id = r.scheduleId(data["id"], "id");
  const cron = r.filled(data["cron"], "cron", "Cron expression is required");
  const templateRequired = "Promise ID template is required";
  const promiseIdTemplate = r.filled(data["promiseId"], "promiseId", templateRequired);
  const promiseTimeoutMs = r.promiseTimeout(data["promiseTimeout"], "promiseTimeout");
  const promiseParam = r.value(data["promiseParam"], "promiseParam");
  const promiseTags = r.pairs(data["promiseTags"], "promiseTags");
  const { isStrict, targets } = r.acceptance;
  const address = promiseTags.get("resonate:target") ?? "";
  const [targeted, delayed] = [isTargeted(promiseTags), promiseTags.has("resonate:delay")];
  r.expect(targeted, "promiseTags must include a resonate:target tag");
  r.expect(!delayed, "promiseTags must not include a resonate:delay tag");
  r.expect(isAddress(address, targets), invalidTarget);
  r.expect(!(isStrict && isTimerWithTarget(promiseTags)), timerWithTarget);
  const rule = { cron, promiseIdTemplate, promiseTimeoutMs, promiseParam, promiseTags };
  return { kind: "create_schedule", id, ...rule };
}
