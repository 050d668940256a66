#!/usr/bin/env node
// The entry of the command. It must parse on any Node: it says which one is needed before anything newer is loaded.
'use strict';

var fs = require('fs');
var path = require('path');

var MINIMUMS = { 24: 16, 26: 1 };

function isSupported(version) {
  var parts = version.replace(/^v/, '').split('.');
  var major = Number(parts[0]);
  var minor = Number(parts[1]);
  if (major > 26) return true;
  return MINIMUMS[major] !== undefined && minor >= MINIMUMS[major];
}

// How npx was told to find the package, so that the printed command runs the same one.
function packageSpec() {
  try {
    var root = path.resolve(__dirname, '..', '..', '..');
    var spec = require(path.join(root, 'package.json')).dependencies.yardmaster;
    if (/^file:/.test(spec)) return path.resolve(root, spec.slice('file:'.length));
    if (/^[0-9^~]/.test(spec)) return 'yardmaster@' + spec;
  } catch (error) {
    // Not below an npx folder: the name alone finds the newest release.
  }
  return 'yardmaster';
}

function commandThatWorks() {
  var isCheckout = fs.existsSync(path.join(__dirname, '..', 'src'));
  if (isCheckout) return 'npm rebuild node';
  return ['npx', '-y', '-p', 'node@26.10.0', '-p', packageSpec(), 'yardmaster'].concat(process.argv.slice(2)).join(' ');
}

if (isSupported(process.version)) {
  import('../dist/cli/main.js');
} else {
  console.error(commandThatWorks() + '  # Node ' + process.version + ' is too old: yardmaster needs 24.16+ or 26.1+');
  process.exitCode = 2;
}
