#!/usr/bin/env node
// The one plain JavaScript file, because any Node has to be able to read it. It makes sure that the
// server runs on a Node that can run TypeScript: this one if it can, else the one that `npm ci`
// installs. Then bin/resonate.ts takes over.
//
// The second process ends with the first, however that ends: a killed launcher leaves no server.

import { spawn } from "child_process";
import { existsSync } from "fs";
import { dirname, join } from "path";
import { fileURLToPath } from "url";

const neededMajor = 26;
const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const pinned = join(root, "node_modules", "node", "bin", process.platform === "win32" ? "node.exe" : "node");
const isLaunched = process.env.RESONATE_LAUNCHED === "1";
const major = Number(process.versions.node.split(".")[0]);
const features = process.features || {};

function fail(message) {
  process.stderr.write("resonate: " + message + "\n");
  process.exitCode = 1;
}

function relaunch() {
  const child = spawn(pinned, [fileURLToPath(import.meta.url)].concat(process.argv.slice(2)), {
    env: Object.assign({}, process.env, { RESONATE_LAUNCHED: "1" }),
    stdio: ["inherit", "inherit", "inherit", "ipc"],
  });
  const signals = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR2"];
  const forward = signals.map(function (signal) {
    return function () {
      child.kill(signal);
    };
  });
  signals.forEach(function (signal, index) {
    process.on(signal, forward[index]);
  });
  child.on("error", function (error) {
    fail("cannot start " + pinned + ": " + error.message);
  });
  child.on("exit", function (code, signal) {
    signals.forEach(function (each, index) {
      process.removeListener(each, forward[index]);
    });
    if (signal === null) process.exit(code);
    else process.kill(process.pid, signal);
  });
}

function followLauncher() {
  delete process.env.RESONATE_LAUNCHED;
  process.on("disconnect", function () {
    process.kill(process.pid, "SIGKILL");
  });
  if (process.channel) process.channel.unref(); // to follow is no reason to stay
}

// To strip and compile the sources takes longer than all the rest of a start, so the result is kept.
// Where nothing may be written, nothing is kept.
function remember() {
  return import("module").then(function (module) {
    module.enableCompileCache(join(root, "node_modules", ".cache", "resonate"));
  });
}

function load() {
  return import("./resonate.ts");
}

function run() {
  remember().then(load).then(
    function (resonate) {
      return resonate.main(process.argv.slice(2));
    },
    function (error) {
      if (!/^Cannot find package /.test(error.message)) throw error;
      fail("the packages are not installed; run `npm ci` in " + root);
    },
  );
}

if (major >= neededMajor && features.typescript) {
  if (isLaunched) followLauncher();
  run();
} else if (existsSync(pinned) && !isLaunched) {
  relaunch();
} else {
  const found = "Node " + process.versions.node + (major < neededMajor ? "" : " without type stripping");
  const needed = "it takes Node " + neededMajor + " or newer";
  fail("this is " + found + "; " + needed + ", which `npm ci` in " + root + " installs");
}
