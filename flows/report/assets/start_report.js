// The start of the page with reasons and measures.

import { drawBoard, setUpBoard } from "./board.js";
import { drawChanges } from "./changes.js";
import { drawCovers } from "./covers.js";
import { setUpPrint, setUpTheme } from "./dom.js";
import { drawPersons } from "./persons.js";
import { drawRange, setUpRange } from "./range.js";
import { drawTeams } from "./teams.js";
import { drawToday } from "./today.js";
import { drawTrust } from "./trust.js";
import { setUpView } from "./view.js";

function drawReport() {
  drawToday();
  drawBoard();
  drawChanges();
  drawCovers();
  drawRange();
  drawTeams();
  drawPersons();
  drawTrust();
}

setUpTheme();
setUpPrint();
setUpBoard();
setUpRange();
setUpView(drawReport);
drawReport();
document.documentElement.dataset.ready = "yes";
