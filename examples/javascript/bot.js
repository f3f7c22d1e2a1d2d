// An agent in JavaScript: takes the legal action in the middle of the list, in connect4 the column nearest to the centre.
//
//     evalengine run "cmd:node bot.js" --games connect4
//
// The engine writes one JSON object a line to our standard input and waits for one line on our standard output.
"use strict";

const readline = require("node:readline");

let told = null; // what the engine said before the match: game, config, seat, seed, limits

function choose(question) {
  return question.legal[Math.floor(question.legal.length / 2)];
}

function answer(message) {
  process.stdout.write(JSON.stringify(message) + "\n");
}

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const message = JSON.parse(line);
  switch (message.type) {
    case "start":
      told = message;
      break;
    case "act":
      // "info" is stored beside the action; a bare number would do as an answer too.
      answer({ action: choose(message), info: { choices: message.legal.length } });
      break;
    case "end":
      // Standard error is the log of the match; nobody answers to an end.
      console.error(`seat ${told.seat} of ${told.game}: place ${message.places[told.seat]}`);
      break;
  }
});
