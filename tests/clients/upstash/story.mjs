// What a team does with Upstash's SDKs, told as one line of JSON for each command.
//
//     REPRISE_URL=… REPRISE_TOKEN=… node story.mjs '[["list", {"count": 2}], ["restart", ["1-0"], {"retries": 0}]]'
//
// A command's further elements are passed to the SDK's method as they are.

import { Client as QStash } from "@upstash/qstash";
import { Client as Workflow } from "@upstash/workflow";

const { REPRISE_URL: baseUrl, REPRISE_TOKEN: token } = process.env;
if (!baseUrl || !token) throw new Error("REPRISE_URL and REPRISE_TOKEN say where to call and as whom");

// Development mode, which QSTASH_DEV would turn on, ignores the URL and downloads a server.
const workflow = new Workflow({ baseUrl, token, devMode: false });
const qstash = new QStash({ baseUrl, token, devMode: false });

/** Restart page by page, in the loop that the SDK's own documentation of `restart` shows. */
async function restartAll(request, options) {
  const restarted = [];
  let cursor;
  do {
    const page = await workflow.dlq.restart({ all: true, ...request, cursor }, options);
    restarted.push(...page.workflowRuns);
    cursor = page.cursor;
  } while (cursor);
  return restarted;
}

const COMMANDS = {
  list: (...given) => workflow.dlq.list(...given),
  restart: (...given) => workflow.dlq.restart(...given),
  restart_all: restartAll,
  resume: (...given) => workflow.dlq.resume(...given),
  delete: (...given) => workflow.dlq.delete(...given),
  retryFailureFunction: (...given) => workflow.dlq.retryFailureFunction(...given),
  cancel: (...given) => workflow.cancel(...given),
  logs: (...given) => workflow.logs(...given),
  trigger: (...given) => workflow.trigger(...given),
  "qstash.dlq.list": (...given) => qstash.dlq.listMessages(...given),
  "qstash.dlq.delete": (...given) => qstash.dlq.delete(...given),
  "qstash.dlq.deleteMany": (...given) => qstash.dlq.deleteMany(...given),
};

async function outcome(act) {
  try {
    return { ok: (await act()) ?? null };
  } catch (error) {
    return { error: { status: error.status ?? null, message: error.message, name: error.name } };
  }
}

const asked = JSON.parse(process.argv[2]);
const unknown = asked.map(([command]) => command).filter((command) => !Object.hasOwn(COMMANDS, command));
if (unknown.length > 0) throw new Error(`no such command: ${unknown}`);

for (const [command, ...given] of asked) {
  console.log(JSON.stringify(await outcome(() => COMMANDS[command](...given))));
}
